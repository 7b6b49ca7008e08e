//! The binary with a database, a tenant and a client of its API.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_store::{Db, DbOptions};
use cxc_test::db::Database;
use cxc_test::{Caller, Cxc};
use serde_json::{Value, json};

use crate::audience::Audience;

/// The binary: `CXC_BIN`, or the one that was built with the tests.
pub fn binary() -> String {
    let built = option_env!("CARGO_BIN_EXE_cxc").map(ToOwned::to_owned);
    std::env::var("CXC_BIN").ok().or(built).expect("CXC_BIN is the path of the binary")
}

/// A lost sender's lease soon ends, so that a restart does not wait long.
pub const SETTINGS: &str =
    "sending.lease_seconds = 2\nlog.level = \"info\"\noutbound.private_networks = \"127.0.0.0/8\"\n";

/// The running system.
pub struct World {
    pub cxc: Cxc,
    pub api: Caller,
    url: String,
    // gone with the test
    _database: Option<Database>,
}

impl World {
    /// On a fresh database of this run's engine.
    pub async fn start() -> Self {
        let database = Database::empty().unwrap();
        let url = database.url().to_owned();
        Self { _database: Some(database), ..Self::on(&url).await }
    }

    /// On a fresh database of this run's engine, with more settings.
    pub async fn with(more: &str) -> Self {
        let database = Database::empty().unwrap();
        let url = database.url().to_owned();
        Self { _database: Some(database), ..Self::settled(&url, &format!("{SETTINGS}{more}")).await }
    }

    /// On a fresh database at an address.
    pub async fn on(url: &str) -> Self {
        Self::settled(url, SETTINGS).await
    }

    /// On a fresh database at an address, with these settings.
    pub async fn settled(url: &str, settings: &str) -> Self {
        let settings = format!("database.url = \"{url}\"\n{settings}");
        let mut cxc = Cxc::with_settings(binary(), &settings).unwrap();
        cxc.up().unwrap();
        let api = cxc.tenant("acme").await.unwrap();
        let world = Self { cxc, api, url: url.to_owned(), _database: None };
        let all_day = json!([{"from": "00:00", "till": "24:00"}]);
        let weekdays: Vec<&Value> = [&all_day; 7].to_vec();
        let always =
            json!({"name": "Always", "required": true, "weekdays": weekdays, "reason": "a test contacts nobody"});
        world.make("/compliance/contact-times", &always).await;
        // American texts need a decision about numbers that went to somebody else before anything starts
        let decision = json!({"state": "waived", "reason": "the numbers are made up and go to a peer of the test"});
        world.api.put("/compliance/legal-rules/US-RND/setting").json(&decision).await.expect(200);
        world
    }

    /// Where its database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new object, and its id.
    pub async fn make(&self, path: &str, body: &Value) -> String {
        self.api.post(path).json(body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Imports an audience into a list by the command and returns the list's id.
    pub async fn import(&self, name: &str, audience: Audience) -> String {
        let file = self.cxc.home().join(format!("{name}.csv"));
        std::fs::write(&file, audience.file(name)).unwrap();
        let file = file.to_str().unwrap();
        let done = self.cxc.run_ok(&["import", "--list", name, "--default-country", "US", "--json", file]).unwrap();
        let counts: Value = serde_json::from_str(&done).unwrap();
        assert_eq!((&counts["lines"], &counts["imported"]), (&json!(audience.0), &json!(audience.0)), "{counts}");
        let lists = self.api.get("/lists?limit=500").await.expect(200);
        let list = lists["items"].as_array().unwrap().iter().find(|list| list["name"] == name).unwrap();
        list["id"].as_str().unwrap().to_owned()
    }

    /// How many attempts of a channel each address has, by state.
    pub async fn attempts(&self, channel: Channel) -> BTreeMap<String, Vec<AttemptState>> {
        const SQL: &str = "SELECT d.address, a.state FROM attempt_known a JOIN device d
            ON d.contact = a.contact AND d.position = a.position WHERE a.channel = $1 AND a.grp > 0 ORDER BY a.id";
        let db = Db::connect(&DbOptions::new(&self.url)).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let rows: Vec<(String, i16)> = read_rows(&mut tx, SQL, channel.bit()).await.unwrap();
        drop(tx);
        db.close().await;
        let mut found: BTreeMap<String, Vec<AttemptState>> = BTreeMap::new();
        for (address, state) in rows {
            let plain = address.trim_start_matches('+').to_owned();
            found.entry(plain).or_default().push(AttemptState::from_code(state).unwrap());
        }
        found
    }

    /// What came in from people: the kind, and the hash of who it was.
    pub async fn inbound(&self) -> Vec<(String, i64)> {
        const SQL: &str = "SELECT kind, address_hash FROM inbound_message ORDER BY at";
        let db = Db::connect(&DbOptions::new(&self.url)).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let rows = cxc_store::on!(&mut tx, conn => sqlx::query_as(SQL).fetch_all(conn).await.unwrap());
        drop(tx);
        db.close().await;
        rows
    }

    /// Changes the database behind the back of the binary.
    pub async fn execute(&self, sql: &'static str) {
        let db = Db::connect(&DbOptions::new(&self.url)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        db.close().await;
    }

    /// The value of a series of the dial manager, summed over its labels that hold a text.
    pub fn sent(&self, series: &str, label: &str) -> f64 {
        let metrics = self.cxc.metrics("dial-manager").unwrap();
        let lines = metrics.lines().filter(|line| line.starts_with(series) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

async fn read_rows(
    tx: &mut cxc_store::Tx,
    sql: &'static str,
    channel: i16,
) -> Result<Vec<(String, i16)>, cxc_store::StoreError> {
    Ok(cxc_store::on!(tx, conn => sqlx::query_as(sql).bind(channel).fetch_all(conn).await?))
}

/// Asks until the answer is yes.
pub async fn until(what: &str, patience: Duration, mut asked: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !asked().await {
        assert!(start.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
