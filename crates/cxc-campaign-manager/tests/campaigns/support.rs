//! A campaign manager with a channel account, a content and people to contact.
use std::sync::Arc;
use std::time::Duration;

use cxc_campaign_manager::preload::LoadHandler;
use cxc_core::compliance::Zones;
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::kind;
use cxc_core::location::{Country, Location, LocationSource};
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::App;
use cxc_server::job_runner::{JobControl, JobError, JobHandler, LEASE, run_by_id};
use cxc_server::rule_data::RuleData;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::counter::Deltas;
use cxc_store::id_block::Numbered;
use cxc_store::job::Job;
use cxc_store::list::ContactList;
use cxc_store::location::Locations;
use cxc_store::object::{Json, Object};
use cxc_store::record::{Record, RecordChange};
use cxc_store::suppression::{NewSuppressionList, SuppressionEntry, SuppressionList};
use cxc_store::{Db, DbOptions};
use cxc_test::{Make, TestApp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const BERLIN: &str = "Europe/Berlin";
pub const NEW_YORK: &str = "America/New_York";
pub const LONDON: &str = "Europe/London";
pub const TOKYO: &str = "Asia/Tokyo";

/// The app with what every campaign needs.
pub struct Campaigns {
    pub app: TestApp,
    pub account: Uuid,
    /// What sells.
    pub content: Uuid,
    /// What sells nothing.
    pub notice: Uuid,
    pub profile: String,
    pub session: String,
    pub template: String,
    locations: Arc<Locations>,
}

impl Campaigns {
    pub async fn start() -> Self {
        Self::start_with(RuleData::default(), false).await
    }

    /// The same with the legal rules that are shipped.
    pub async fn under_law() -> Self {
        Self::start_with(RuleData::shipped(&Zones::bundled()).unwrap(), false).await
    }

    /// The same with the compliance manager beside it.
    pub async fn with_compliance() -> Self {
        Self::start_with(RuleData::shipped(&Zones::bundled()).unwrap(), true).await
    }

    async fn start_with(rules: RuleData, has_compliance: bool) -> Self {
        let locations = Arc::new(Locations::new());
        let shared = locations.clone();
        let (of_service, of_compliance) = (rules.clone(), rules.clone());
        let make = move |app| {
            let app = App { rules: of_service, ..app };
            cxc_campaign_manager::service(app, Zones::bundled(), shared).unwrap()
        };
        let compliance = move |app| cxc_compliance_manager::service(App { rules: of_compliance, ..app }).unwrap();
        let mut services: Vec<Make> = vec![Box::new(make)];
        if has_compliance {
            services.push(Box::new(compliance));
        }
        let mut app = TestApp::start_all(services).await.unwrap();
        // jobs that a test runs by hand are under the same law
        app.app.rules = rules;
        let account = object(&app, kind::CHANNEL_ACCOUNT, "simulator", json!({ "kind": "simulator" })).await;
        let content =
            object(&app, kind::CONTENT, "hello", json!({ "channel": "sms", "templates": [{ "body": "Hello" }] })).await;
        let notice = json!({ "channel": "sms", "class": "transactional", "templates": [{ "body": "Hello" }] });
        let notice = object(&app, kind::CONTENT, "notice", notice).await;
        let settings = json!({ "content": content, "dialing": { "messagesPerMinute": 600 } });
        let profile =
            app.create("/dialing-profiles", &json!({ "name": "text", "type": "sms", "settings": settings })).await;
        let session = app.create("/session-profiles", &json!({ "name": "usual", "gateway": account })).await;
        let body = json!({ "name": "spring", "dialingProfile": profile["id"], "sessionProfile": session["id"] });
        let template = app.create("/campaign-templates", &body).await;
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let (profile, session, template) = (id(&profile), id(&session), id(&template));
        Self { account, content, notice, profile, session, template, app, locations }
    }

    /// The same with its background work: jobs run and groups are looked after.
    pub async fn at_work() -> Self {
        let mut campaigns = Self::start().await;
        campaigns.app.run_work();
        campaigns
    }

    /// A new group of the template.
    pub async fn group(&self, name: &str) -> Group<'_> {
        self.group_with(name, json!({})).await
    }

    /// The same with settings that differ from the template's.
    pub async fn group_with(&self, name: &str, settings: Value) -> Group<'_> {
        let mut body = json!({ "name": name, "template": self.template });
        if let Value::Object(mut own) = settings
            && !own.is_empty()
        {
            let purpose = own.get("compliance").and_then(|compliance| compliance["purpose"].as_str());
            let sells = purpose.is_none_or(|purpose| purpose == "telemarketing");
            own.entry("content").or_insert(json!(if sells { self.content } else { self.notice }));
            body["settings"] = own.into();
        }
        let made = self.app.create("/campaign-groups", &body).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let mut tx = self.app.app.db.read().await.unwrap();
        let row = tx.group_get(self.app.tenant(), id.parse().unwrap(), false).await.unwrap().unwrap();
        Group { campaigns: self, path: format!("/campaign-groups/{id}"), id, number: row.number }
    }

    pub async fn list(&self, people: Vec<Person>) -> ContactList {
        let id = self.app.app.ids.next();
        let mut tx = self.app.app.db.begin().await.unwrap();
        tx.contact_list_insert(self.app.tenant(), id).await.unwrap();
        tx.commit().await.unwrap();
        self.append(id, people).await
    }

    /// Adds people to a list and publishes them.
    pub async fn append(&self, list: Uuid, people: Vec<Person>) -> ContactList {
        let tenant = self.app.tenant();
        let db = &self.app.app.db;
        let wanted: Vec<Location> = people.iter().map(|p| location(p.zone)).collect();
        let places = self.locations.numbers(db, &wanted).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let row = tx.contact_list_get(tenant, list).await.unwrap().unwrap();
        let count = i64::try_from(people.len()).unwrap();
        let first = tx.id_block_take(Numbered::Contact, count.max(1)).await.unwrap();
        let key = self.app.app.hash_key;
        let mut devices = 0;
        let contacts: Vec<FullContact> = (first..)
            .zip(people)
            .zip(places)
            .map(|((id, person), place)| {
                let device = |(position, phone): (i16, &String)| Device {
                    contact: id,
                    position,
                    kind: DeviceKind::Phone.code(),
                    address: phone.clone(),
                    address_hash: key.hash(tenant, phone),
                    line_type: LineType::Mobile.code(),
                    location: place,
                    ..Device::default()
                };
                let own: Vec<Device> = (1..).zip(&person.phones).map(device).collect();
                devices += i64::try_from(own.len()).unwrap();
                let contact = Contact {
                    id,
                    key_hash: person.client.as_deref().map_or(id, |client| key.hash(tenant, client)),
                    client_id: person.client,
                    company: person.company,
                    ..Contact::default()
                };
                FullContact { contact, devices: own }
            })
            .collect();
        for slice in contacts.chunks(5_000) {
            tx.contacts_insert(row.generation, slice).await.unwrap();
        }
        tx.contact_list_count(row.number, count, devices, first + count - 1).await.unwrap();
        let list = tx.contact_list_get(tenant, list).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        list
    }

    /// A suppression list that binds every group, with these entries.
    pub async fn suppress(&self, kind: &'static str, keys: &[&str]) -> SuppressionList {
        let (tenant, id) = (self.app.tenant(), self.app.app.ids.next());
        let mut tx = self.app.app.db.begin().await.unwrap();
        let new =
            NewSuppressionList { id, kind, channels: 2, required: true, expires_at: None, role: None, opt_outs: false };
        assert!(tx.suppression_list_insert(tenant, &new).await.unwrap());
        let list = tx.suppression_list_get(tenant, id).await.unwrap().unwrap();
        let entries: Vec<SuppressionEntry> = keys.iter().map(|key| self.entry(key)).collect();
        tx.suppression_add(&list, &entries, 0).await.unwrap();
        tx.commit().await.unwrap();
        list
    }

    pub fn entry(&self, key: &str) -> SuppressionEntry {
        SuppressionEntry {
            key_hash: self.app.app.hash_key.hash(self.app.tenant(), key),
            key: key.into(),
            from_at: None,
            until_at: None,
            reason: None,
            source: "api".into(),
            added_at: self.app.app.now(),
        }
    }

    pub fn handler(&self) -> LoadHandler {
        LoadHandler { app: self.app.app.clone(), zones: Zones::bundled(), locations: self.locations.clone() }
    }

    pub async fn job(&self, id: Uuid) -> Job {
        self.app.app.db.read().await.unwrap().job_get(self.app.tenant(), id).await.unwrap().unwrap()
    }

    /// The actions of a kind in the audit log, newest first.
    pub async fn audited(&self, action: &str) -> Vec<Value> {
        let page = self.app.get(&format!("/audit-events?action={action}")).await.expect(200);
        page["items"].as_array().unwrap().clone()
    }
}

/// Somebody to be contacted.
#[derive(Clone, Default)]
pub struct Person {
    pub phones: Vec<String>,
    pub client: Option<String>,
    pub company: Option<String>,
    pub zone: &'static str,
}

/// Somebody with one phone in a zone.
pub fn person(phone: impl Into<String>, zone: &'static str) -> Person {
    Person { phones: vec![phone.into()], zone, ..Person::default() }
}

/// People with phones of their own in Berlin, where it is open at the tests' hour.
pub fn people(prefix: &str, count: usize) -> Vec<Person> {
    (0..count).map(|n| person(format!("+49{prefix}{n:07}"), BERLIN)).collect()
}

fn location(zone: &str) -> Location {
    let (country, region) = match zone {
        NEW_YORK => ("US", "US-NY"),
        TOKYO => ("JP", "JP-13"),
        LONDON => ("GB", "GB-ENG"),
        _ => ("DE", "DE-BE"),
    };
    Location::new(LocationSource::Prefix, Country::from_code(country), vec![region.into()], vec![zone.into()])
}

/// A campaign group.
pub struct Group<'a> {
    pub campaigns: &'a Campaigns,
    pub path: String,
    pub id: String,
    pub number: i64,
}

impl Group<'_> {
    fn app(&self) -> &TestApp {
        &self.campaigns.app
    }

    pub async fn set_lists(&self, lists: &[&ContactList]) {
        let items: Vec<Value> = lists.iter().map(|l| json!({ "list": l.id })).collect();
        self.app().put(&format!("{}/lists", self.path)).json(&json!({ "items": items })).await.expect(200);
    }

    pub async fn act(&self, action: &str) -> cxc_test::Answer {
        self.app().post(&format!("{}/actions/{action}", self.path)).await
    }

    /// Asks for something that takes a job, and runs that job.
    pub async fn run(&self, action: &str) -> Job {
        let id: Uuid = self.act(action).await.expect(202)["job"].as_str().unwrap().parse().unwrap();
        self.run_job(id).await
    }

    pub async fn run_job(&self, id: Uuid) -> Job {
        let handler = self.campaigns.handler();
        run_by_id(&self.app().app, &handler, id, CancellationToken::new()).await.unwrap().unwrap()
    }

    /// The same, for a load that must succeed: what it came to.
    pub async fn load(&self) -> Value {
        let job = self.run("load").await;
        assert_eq!(job.state, "succeeded", "{:?}", job.error);
        job.result.unwrap().0
    }

    /// Asks for something that takes a job, and waits until the background has done it.
    pub async fn work(&self, action: &str) -> Job {
        let id: Uuid = self.act(action).await.expect(202)["job"].as_str().unwrap().parse().unwrap();
        self.until(action, async |g: &Self| g.campaigns.job(id).await.finished_at.is_some()).await;
        self.campaigns.job(id).await
    }

    /// Waits until nothing is left of removed lists and deleted groups.
    pub async fn swept(&self) {
        let db = &self.app().app.db;
        let is_empty = async |_: &Self| db.read().await.unwrap().group_leftovers(1).await.unwrap().is_empty();
        for _ in 0..400 {
            if is_empty(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("something is left");
    }

    /// Runs a queued job until it has done something, and then drops it like a crash or cancels it.
    pub async fn run_halfway(&self, id: Uuid, crash: bool) -> Result<(), JobError> {
        let app = &self.app().app;
        let mut tx = app.db.begin().await.unwrap();
        let job = tx.job_claim_one(id, app.now(), LEASE).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        // with connections of its own, which end with it like those of a process
        let own = Db::connect(&DbOptions::new(self.app().database().url())).await.unwrap();
        let handler = LoadHandler { app: App { db: own.clone(), ..app.clone() }, ..self.campaigns.handler() };
        let control = JobControl::new(job.clone(), CancellationToken::new());
        let begun = async {
            while control.reported().0 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if !crash {
                control.cancel();
                std::future::pending::<()>().await;
            }
        };
        let done = tokio::select! {
            done = handler.run(&job, &control) => done.map(drop),
            () = begun => Ok(()),
        };
        own.close().await;
        done
    }

    pub async fn state(&self) -> String {
        self.get().await["state"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self) -> Value {
        self.app().get(&self.path).await.expect(200)
    }

    /// Puts the group into a state as if it had come there.
    pub async fn put_state(&self, state: &str, target: Option<&str>) {
        let mut tx = self.app().app.db.begin().await.unwrap();
        tx.group_set_state(self.number, state, target, None, self.app().app.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The accounting, after checking that it adds up and agrees with the records one by one.
    pub async fn accounting(&self) -> Value {
        let accounting = self.app().get(&format!("{}/accounting", self.path)).await.expect(200);
        let sum_of = |value: &Value| value.as_object().unwrap().values().map(|n| n.as_i64().unwrap()).sum::<i64>();
        let number = |name: &str| accounting[name].as_i64().unwrap();
        let waiting: i64 = accounting["waiting"].as_array().unwrap().iter().map(|w| w["count"].as_i64().unwrap()).sum();
        let parts = number("ready") + waiting + number("inProgress") + number("inDoubt");
        let sum = parts + sum_of(&accounting["done"]) + sum_of(&accounting["excluded"]);
        assert_eq!(sum, number("audience"), "{accounting}");
        let mut tx = self.app().app.db.read().await.unwrap();
        assert_eq!(tx.record_counters(self.number).await.unwrap(), tx.record_recount(self.number).await.unwrap());
        accounting
    }

    pub async fn records(&self) -> Vec<Record> {
        let mut tx = self.app().app.db.read().await.unwrap();
        tx.record_page(self.number, None, None, 0, 1_000_000).await.unwrap()
    }

    /// Moves records as a sender would.
    pub async fn move_to(&self, records: &[Record], status: RecordStatus, reason: Reason, result: Option<i16>) {
        let attempts = i16::from(status != RecordStatus::Ready);
        let change = |r: &Record| RecordChange { result, attempts, ..RecordChange::of(r, status, reason, 0) };
        let changes: Vec<RecordChange> = records.iter().map(change).collect();
        let mut tx = self.app().app.db.begin().await.unwrap();
        let mut deltas = Deltas::default();
        let done = tx.record_apply(&changes, 1, self.app().app.now(), &mut deltas).await.unwrap();
        assert_eq!(done.len(), records.len());
        tx.record_counters_add(9, &deltas).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until the group is as expected; it is looked after in the background.
    pub async fn until(&self, what: &str, is: impl AsyncFn(&Self) -> bool) {
        for _ in 0..300 {
            if is(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {}", self.get().await);
    }
}

pub async fn object(app: &TestApp, kind: &'static str, name: &str, body: Value) -> Uuid {
    let (id, now) = (app.app.ids.next(), app.app.now());
    let object = Object {
        id,
        name: name.into(),
        description: String::new(),
        body: Json(body),
        version: 1,
        created_at: now,
        created_by: "test".into(),
        updated_at: now,
        updated_by: "test".into(),
    };
    let mut tx = app.app.db.begin().await.unwrap();
    tx.object_insert(app.tenant(), kind, &object).await.unwrap();
    tx.commit().await.unwrap();
    id
}
