//! Campaigns as somebody makes them who uses the API.
use std::time::{Duration, Instant};

use cxc_test::Caller;
use serde_json::{Value, json};

use crate::world::World;

/// What is sent, by which peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sms,
    Email,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sms => "sms",
            Kind::Email => "email",
        }
    }

    fn content(self) -> Value {
        match self {
            Kind::Sms => json!({
                "name": "Parcel", "channel": "sms", "class": "transactional",
                "templates": [{"body": "{{ first_name }}, your parcel arrives today. STOP ends these messages."}],
            }),
            Kind::Email => json!({
                "name": "Offer", "channel": "email",
                "templates": [{
                    "subject": "An offer for {{ first_name }}",
                    "html": "<p>Dear {{ first_name }}</p><p>{{ postal_address }}</p><a href=\"{{ unsubscribe_url }}\">Unsubscribe</a>",
                }],
            }),
        }
    }

    /// A channel account that leads to a peer on this machine; `more` are members of its own.
    pub fn account(self, port: u16, more: &Value) -> Value {
        let mut account = match self {
            Kind::Sms => json!({
                "name": "Centre", "kind": "smpp", "credential": {"username": "cxc", "password": "secret"},
                "sender": "44555", "window": 50, "connections": 2,
            }),
            Kind::Email => json!({
                "name": "Relay", "kind": "smtp", "sender": "campaign@example.com", "senderName": "Acme",
                "postalAddress": "1 Main Street, Springfield", "heloName": "cxc.example.com", "connections": 10,
            }),
        };
        account["host"] = "127.0.0.1".into();
        account["port"] = port.into();
        account["ratePerSecond"] = 5_000.into();
        for (name, value) in more.as_object().into_iter().flatten() {
            account[name] = value.clone();
        }
        account
    }
}

/// A template: all that a group needs but its lists.
pub struct Template {
    pub kind: Kind,
    pub id: String,
}

/// A campaign group.
pub struct Group {
    api: Caller,
    path: String,
}

impl World {
    /// A template with its account, content and profiles. `per_minute` is its pace.
    pub async fn template(&self, kind: Kind, port: u16, more: &Value, per_minute: u32) -> Template {
        self.template_named(kind.name(), kind, port, more, per_minute).await
    }

    /// The same under a name of its own, beside others of its kind.
    pub async fn template_named(&self, name: &str, kind: Kind, port: u16, more: &Value, per_minute: u32) -> Template {
        let compliance = match kind {
            // what the person waits for; sales by text need decisions about the law first
            Kind::Sms => json!({"purpose": "informational"}),
            // an offer, as its content says
            Kind::Email => json!({}),
        };
        self.template_about(name, kind, (port, more), per_minute, &compliance).await
    }

    /// The same with what the messages are for: purpose, topic, brand.
    pub async fn template_about(
        &self,
        name: &str,
        kind: Kind,
        (port, more): (u16, &Value),
        per_minute: u32,
        compliance: &Value,
    ) -> Template {
        let (mut account, mut content) = (kind.account(port, more), kind.content());
        account["name"] = name.into();
        content["name"] = name.into();
        let account = self.make("/channel-accounts", &account).await;
        let content = self.make("/contents", &content).await;
        let dialing = json!({"messagesPerMinute": per_minute});
        let settings = json!({"content": content, "dialing": dialing, "compliance": compliance});
        let profile =
            self.make("/dialing-profiles", &json!({"name": name, "type": kind.name(), "settings": settings})).await;
        let session = self.make("/session-profiles", &json!({"name": name, "gateway": account})).await;
        let template = json!({"name": name, "dialingProfile": profile, "sessionProfile": session});
        Template { kind, id: self.make("/campaign-templates", &template).await }
    }

    /// A group of a template on one list, not started.
    pub async fn group(&self, name: &str, template: &Template, list: &str) -> Group {
        let id = self.make("/campaign-groups", &json!({"name": name, "template": template.id})).await;
        let group = Group { api: self.api.clone(), path: format!("/campaign-groups/{id}") };
        let lists = json!({"items": [{"list": list, "weight": 10}]});
        self.api.put(&format!("{}/lists", group.path)).json(&lists).await.expect(200);
        group
    }
}

impl Group {
    /// A group that was made elsewhere.
    pub fn known(world: &World, id: &str) -> Self {
        Self { api: world.api.clone(), path: format!("/campaign-groups/{id}") }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Loads and starts it.
    pub async fn start(&self) {
        let answer = self.api.post(&format!("{}/actions/start", self.path)).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    /// Ends it: what is under way finishes, the rest stays.
    pub async fn stop(&self) {
        self.api.post(&format!("{}/actions/stop", self.path)).await.expect(200);
        while self.standing().await["state"] != "not_loaded" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Its document and where it stands.
    pub async fn standing(&self) -> Value {
        self.api.get(&self.path).await.expect(200)
    }

    /// Where everybody stands; the parts add up.
    pub async fn accounting(&self) -> Value {
        let accounting = self.api.get(&format!("{}/accounting", self.path)).await.expect(200);
        let part =
            |name: &str| -> i64 { accounting[name].as_object().unwrap().values().filter_map(Value::as_i64).sum() };
        let waiting: i64 = accounting["waiting"].as_array().unwrap().iter().filter_map(|w| w["count"].as_i64()).sum();
        let single = |name: &str| accounting[name].as_i64().unwrap();
        let sum =
            single("ready") + waiting + single("inProgress") + part("done") + part("excluded") + single("inDoubt");
        assert_eq!(sum, single("audience"), "{accounting}");
        accounting
    }

    /// Its records at one standing, the first page.
    pub async fn records(&self, status: &str) -> Vec<Value> {
        let answer = self.api.get(&format!("{}/records?limit=500&status={status}", self.path)).await.expect(200);
        answer["items"].as_array().unwrap().clone()
    }

    /// One record with its history.
    pub async fn record(&self, id: &str) -> Value {
        self.api.get(&format!("{}/records/{id}", self.path)).await.expect(200)
    }

    /// Waits until it has done all that it can and has unloaded by itself.
    pub async fn finished(&self, patience: Duration) -> Value {
        let start = Instant::now();
        loop {
            let standing = self.standing().await;
            if standing["state"] == "not_loaded" {
                assert_eq!(standing["lastError"], Value::Null, "{standing}");
                return self.accounting().await;
            }
            let late = start.elapsed() > patience;
            assert!(!late, "not finished within {patience:?}: {standing} {}", self.accounting().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
