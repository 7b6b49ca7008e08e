//! How fast a group is loaded and its records are fetched: `preload_bench DATABASE COUNT[xROUNDS]...`, such as
//! `preload_bench postgres 100000x5 1000000`. The database is `postgres` (a durable server of its own), `sqlite`
//! (a file of its own) or the URL of one that is empty or of an earlier run.
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cxc_campaign_manager::actions::act;
use cxc_campaign_manager::group_lists::{self, WeightedList, WeightedLists};
use cxc_campaign_manager::groups::CampaignGroup;
use cxc_campaign_manager::preload::LoadHandler;
use cxc_campaign_manager::profiles::{CampaignTemplate, DialingProfile, SessionProfile};
use cxc_core::compliance::Zones;
use cxc_core::device::{DeviceKind, LineType};
use cxc_core::group_state::GroupAction;
use cxc_core::hash::HashKey;
use cxc_core::kind;
use cxc_core::location::{Country, Location, LocationSource};
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::document::{Document, Draft, create};
use cxc_server::job_runner::run_by_id;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::provision::{self, NewTenant};
use cxc_server::rule_data::RuleData;
use cxc_server::{App, Principal, ServerConfig, SystemClock};
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::counter::Deltas;
use cxc_store::id_block::Numbered;
use cxc_store::location::Locations;
use cxc_store::object::{Json, Object};
use cxc_store::record::{FetchKey, RecordChange};
use cxc_store::{Db, DbOptions, Engine};
use cxc_test::{Database, Postgres};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Records fetched at once.
const BATCH: usize = 200;
const SLICE: usize = 5_000;
/// Where people are: zones round the globe, a country with several regions each counted by its share.
const PLACES: &[(&str, &str, &str)] = &[
    ("US", "US-NY", "America/New_York"),
    ("US", "US-TX", "America/Chicago"),
    ("US", "US-CO", "America/Denver"),
    ("US", "US-CA", "America/Los_Angeles"),
    ("GB", "GB-LND", "Europe/London"),
    ("DE", "DE-BE", "Europe/Berlin"),
    ("IN", "IN-MH", "Asia/Kolkata"),
    ("JP", "JP-13", "Asia/Tokyo"),
    ("AU", "AU-NSW", "Australia/Sydney"),
    ("BR", "BR-SP", "America/Sao_Paulo"),
];

/// What one round came to.
#[derive(Clone, Copy, Default)]
struct Measured {
    load: f64,
    fetch: f64,
    early: [f64; 2],
    late: [f64; 2],
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().context("usage: preload_bench DATABASE COUNT[xROUNDS]...")?;
    // both end with the program
    let server = if place == "postgres" { Some(Postgres::start()?) } else { None };
    let file = if place == "sqlite" { Some(Database::empty_on(Engine::Sqlite)?) } else { None };
    let url = match (&server, &file) {
        (Some(server), _) => server.create_database("bench")?,
        (_, Some(file)) => file.url().to_owned(),
        _ => place,
    };
    let bench = Bench::open(&url).await?;
    let mut rates: Vec<(i64, Measured)> = Vec::new();
    for argument in arguments {
        let (count, rounds) = argument.split_once('x').unwrap_or((&argument, "1"));
        let (count, rounds): (i64, usize) = (count.parse()?, rounds.parse()?);
        let mut seen = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            seen.push(bench.round(count).await?);
        }
        seen.sort_by(|a, b| a.load.total_cmp(&b.load));
        let median = seen[seen.len() / 2];
        let per_second = median.load.recip();
        say(&format!(
            "{}",
            json!({ "contacts": count, "rounds": rounds, "loadSeconds": round(median.load * as_f64(count)),
                "contactsPerSecond": round(per_second), "fetchEarlyMs": { "p50": round(median.early[0]), "p95": round(median.early[1]) },
                "fetchLateMs": { "p50": round(median.late[0]), "p95": round(median.late[1]) } })
        ))?;
        rates.push((count, median));
    }
    if let ([(small, first), .., (large, last)], true) = (rates.as_slice(), rates.len() > 1) {
        let ratios = json!({ "of": large, "against": small, "load": round(last.load / first.load), "fetch": round(last.fetch / first.fetch) });
        say(&format!("{}", json!({ "costPerRecord": ratios })))?;
    }
    bench.app.db.close().await;
    Ok(())
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn as_f64(count: i64) -> f64 {
    count as f64
}

struct Bench {
    app: App,
    tenant: i64,
    principal: Principal,
    locations: Arc<Locations>,
}

impl Bench {
    async fn open(url: &str) -> Result<Self> {
        let db = Db::open(&DbOptions::new(url)).await?;
        let (config, rules) = (ServerConfig::default(), RuleData::shipped(&Zones::bundled())?);
        let app = App::new(db, Arc::new(SystemClock), HashKey([7; 16]), config, rules);
        provision::installation(&app).await?;
        let name = format!("bench-{}", app.ids.next());
        let new = NewTenant { short_name: name.clone(), customer_name: name.clone(), domain: name.clone(), ccid: name };
        let tenant = provision::tenant(&app, &Principal::system(SYSTEM_TENANT), &new).await?.no;
        let bench = Self { app, tenant, principal: Principal::system(tenant), locations: Arc::new(Locations::new()) };
        // everybody may be contacted at any hour, so that every record is ready
        let day = json!([{ "from": "00:00", "till": "24:00" }]);
        bench.object(kind::CONTACT_TIMES, json!({ "name": "", "weekdays": vec![day; 7], "required": true })).await?;
        // the start of American texts is refused until this is decided
        let decision = json!({ "rule": "US-RND", "state": "waived", "reason": "the numbers are made up" });
        bench.object(kind::LEGAL_RULE_SETTING, decision).await?;
        Ok(bench)
    }

    async fn object(&self, kind: &'static str, body: Value) -> Result<Uuid> {
        let (id, now) = (self.app.ids.next(), self.app.now());
        let by = "bench".to_owned();
        let object = Object {
            id,
            name: id.to_string(),
            description: String::new(),
            body: Json(body),
            version: 1,
            created_at: now,
            created_by: by.clone(),
            updated_at: now,
            updated_by: by,
        };
        let mut tx = self.app.db.begin().await?;
        tx.object_insert(self.tenant, kind, &object).await?;
        tx.rule_set_moved(self.tenant).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn document<D: Document>(&self, body: Value) -> Result<Uuid> {
        let draft = Draft::new(self.app.ids.next().to_string(), serde_json::from_value::<D>(body)?);
        Ok(create(&self.app, &self.principal, draft).await?.id)
    }

    async fn round(&self, count: i64) -> Result<Measured> {
        let list = self.list(count).await?;
        let group = self.group(list).await?;
        let acted = act(&self.app, &self.principal, group, GroupAction::Load).await?;
        let job = acted.job.context("a load has a job")?;
        let zones = Zones::bundled();
        let handler = LoadHandler { app: self.app.clone(), zones, locations: Arc::clone(&self.locations) };
        let began = Instant::now();
        let ended = run_by_id(&self.app, &handler, job, CancellationToken::new()).await?.context("the job is ours")?;
        let load = began.elapsed().as_secs_f64() / as_f64(count);
        ensure!(ended.state == "succeeded", "the load failed: {:?}", ended.error);
        let mut measured = self.fetch(group, count).await?;
        measured.load = load;
        Ok(measured)
    }

    /// A list of people with a phone and every second with another, loaded in bulk.
    async fn list(&self, count: i64) -> Result<Uuid> {
        let id = self.app.ids.next();
        let wanted: Vec<Location> = PLACES
            .iter()
            .map(|(country, region, zone)| {
                let country = Country::from_code(country);
                Location::new(LocationSource::Prefix, country, vec![(*region).into()], vec![(*zone).into()])
            })
            .collect();
        let places = self.locations.numbers(&self.app.db, &wanted).await?;
        let mut tx = self.app.db.begin().await?;
        tx.contact_list_insert(self.tenant, id).await?;
        let list = tx.contact_list_get(self.tenant, id).await?.context("the list is there")?;
        let first = tx.id_block_take(Numbered::Contact, count).await?;
        tx.commit().await?;
        let ids: Vec<i64> = (first..first + count).collect();
        let mut devices = 0;
        for slice in ids.chunks(SLICE) {
            let people: Vec<FullContact> = slice.iter().map(|id| self.person(*id, &places)).collect();
            devices += people.iter().map(|p| p.devices.len()).sum::<usize>();
            let mut tx = self.app.db.begin_relaxed().await?;
            tx.contacts_insert(list.generation, &people).await?;
            tx.commit().await?;
        }
        let mut tx = self.app.db.begin().await?;
        tx.contact_list_count(list.number, count, i64::try_from(devices)?, first + count - 1).await?;
        tx.commit().await?;
        Ok(id)
    }

    fn person(&self, id: i64, places: &[i64]) -> FullContact {
        let place = places[usize::try_from(id).unwrap_or(0) % places.len()];
        let devices = 1 + i16::from(id % 2 == 0);
        let client = format!("customer-{id}");
        let device = |position: i16| {
            let address = format!("+{position}{id:010}");
            let address_hash = self.app.hash_key.hash(self.tenant, &address);
            let (kind, line_type) = (DeviceKind::Phone.code(), LineType::Mobile.code());
            Device {
                contact: id,
                position,
                kind,
                address,
                address_hash,
                line_type,
                location: place,
                ..Device::default()
            }
        };
        let contact = Contact {
            id,
            key_hash: self.app.hash_key.hash(self.tenant, &client),
            client_id: Some(client),
            first_name: Some("Alex".into()),
            last_name: Some(format!("Example {id}")),
            custom: Some(format!(r#"{{"c_other1":"{id}","c_other2":"gold"}}"#)),
            ..Contact::default()
        };
        FullContact { contact, devices: (1..=devices).map(device).collect() }
    }

    async fn group(&self, list: Uuid) -> Result<Uuid> {
        let account = self.object(kind::CHANNEL_ACCOUNT, json!({ "kind": "simulator" })).await?;
        let content = json!({ "channel": "sms", "class": "transactional", "templates": [{ "body": "Hello" }] });
        let content = self.object(kind::CONTENT, content).await?;
        let profile =
            json!({ "type": "sms", "settings": { "content": content, "compliance": { "purpose": "informational" } } });
        let profile = self.document::<DialingProfile>(profile).await?;
        let session = self.document::<SessionProfile>(json!({ "gateway": account })).await?;
        let template = json!({ "dialingProfile": profile, "sessionProfile": session });
        let template = self.document::<CampaignTemplate>(template).await?;
        let group = self.document::<CampaignGroup>(json!({ "template": template })).await?;
        let lists = WeightedLists { items: vec![WeightedList { list, weight: 10, selection_rule: None }] };
        group_lists::put(&self.app, &self.principal, group, &lists).await?;
        Ok(group)
    }

    /// Fetches every record, batch by batch, as a sender does, and puts each in progress.
    async fn fetch(&self, group: Uuid, count: i64) -> Result<Measured> {
        let db = &self.app.db;
        let mut tx = db.read().await?;
        let row = tx.group_get(self.tenant, group, false).await?.context("the group is there")?;
        let list = tx.group_lists(row.number).await?.first().context("the group has a list")?.list;
        drop(tx);
        let (mut key, mut times, mut fetched) = (FetchKey::default(), Vec::<Duration>::new(), 0);
        loop {
            let began = Instant::now();
            let mut tx = db.read().await?;
            let page = tx.record_fetch(row.number, list, (self.app.now(), 0), &mut key, false, BATCH).await?;
            drop(tx);
            if page.is_empty() {
                break;
            }
            times.push(began.elapsed());
            fetched += i64::try_from(page.len())?;
            let change = |r| RecordChange::of(r, RecordStatus::InProgress, Reason::None, 0);
            let changes: Vec<RecordChange> = page.iter().map(change).collect();
            let mut deltas = Deltas::default();
            let mut tx = db.begin_relaxed().await?;
            tx.record_apply(&changes, 1, self.app.now(), &mut deltas).await?;
            tx.record_counters_add(1, &deltas).await?;
            tx.commit().await?;
        }
        ensure!(fetched == count, "{fetched} of {count} records were ready");
        let tenth = (times.len() / 10).max(1);
        let fetch = times.iter().sum::<Duration>().as_secs_f64() / as_f64(count);
        let (early, late) = (quantiles(&times[..tenth]), quantiles(&times[times.len() - tenth..]));
        Ok(Measured { fetch, early, late, ..Measured::default() })
    }
}

/// Median and 95th percentile, in milliseconds.
fn quantiles(times: &[Duration]) -> [f64; 2] {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
    [at(50), at(95)]
}
