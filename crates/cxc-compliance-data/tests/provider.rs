//! The real client against the real server, on loopback, with a real store.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "provider/downloads.rs"]
mod downloads;
#[path = "provider/failures.rs"]
mod failures;
#[path = "provider/lists.rs"]
mod lists;
#[path = "provider/serving.rs"]
mod serving;
#[path = "provider/zones.rs"]
mod zones;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use cxc_compliance_data::client::{Client, CycleError, LastCheck, Outcome, ProviderSettings};
use cxc_compliance_data::provider::{Build, Built, Clients, DncSource, MANIFEST_PATH, Provider, TOKEN_PATH, build};
use cxc_compliance_data::{LiveData, Source};
use cxc_core::compliance::Zones;
use cxc_core::compliance_data::{DataKind, Manifest, SigningKey, Wanted, digest};
use cxc_core::device::LineType;
use cxc_core::location::Country;
use cxc_core::phone::PhoneNumber;
use cxc_server::Clock;
use cxc_test::{TestApp, TestClock, TestDb};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const SECRET: &str = "a-secret-of-the-test-client";

fn wanted(dnc: &str) -> Wanted {
    let five = "AU,CA,GB,NZ,US";
    let sets =
        [(DataKind::Areacode, five), (DataKind::Geo, five), (DataKind::Postal, "CA,GB,US"), (DataKind::Dnc, dnc)];
    Wanted(sets.into_iter().map(|(kind, countries)| (kind, countries.parse().unwrap())).collect())
}

fn key() -> SigningKey {
    SigningKey::from_seed([9; 32]).unwrap()
}

/// What a test changes about answers.
type Twist = Arc<std::sync::Mutex<Box<dyn FnMut(&Uri) -> Option<Response> + Send>>>;

struct Peer {
    dir: tempfile::TempDir,
    clock: TestClock,
    provider: Arc<Provider>,
    address: String,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
    twist: Twist,
    serving: JoinHandle<()>,
}

impl Peer {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
        publish(dir.path(), &clock, &[]);
        let clients = Clients::parse(&format!("tester:{SECRET}")).unwrap();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let provider =
            Provider::new(dir.path().to_owned(), key().public(), clients, 600, Zones::bundled(), shared).unwrap();
        let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let twist: Twist = Arc::new(std::sync::Mutex::new(Box::new(|_| None)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = serve(listener, &provider, &seen, &twist);
        Self { dir, clock, provider, address, seen, twist, serving }
    }

    fn twist(&self, answer: impl FnMut(&Uri) -> Option<Response> + Send + 'static) {
        *self.twist.lock().unwrap() = Box::new(answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn client(&self) -> Client {
        let settings = ProviderSettings {
            url: format!("{}{MANIFEST_PATH}", self.address),
            auth: format!("{}{TOKEN_PATH}", self.address),
            id: "tester".into(),
            secret: SECRET.into(),
            backoff: Duration::from_millis(5),
            temporary: std::env::temp_dir(),
        };
        Client::new(settings, Arc::new(self.clock.clone()), "test".into()).unwrap()
    }

    /// Publishes the next generation after changing rows of a file by hand, as a provider with other data would.
    fn publish_changed(&self, kind: DataKind, country: Country, change: impl Fn(&str) -> String, delta: bool) {
        let path = self.dir.path().join("manifest.json");
        let manifest = Manifest::read(&std::fs::read(&path).unwrap(), &key().public()).unwrap();
        let mut next = Manifest { generation: format!("2026-03-02T10:00Z#{}", manifest.number() + 1), ..manifest };
        let file = next.files.iter_mut().find(|f| f.kind == kind && f.country == country).unwrap();
        let old = unpack(&self.dir.path().join(&file.url));
        let new = change(&old);
        assert_ne!(old, new);
        let put = |url: &str, text: &str| std::fs::write(self.dir.path().join(url), pack(text)).unwrap();
        if delta {
            let changes = cxc_core::compliance_data::difference(&old, &new);
            let url = format!("files/delta-{}.tsv.gz", manifest_number(&next.generation));
            put(&url, &changes);
            file.delta_from = vec![cxc_core::compliance_data::Delta {
                base: file.sha256.clone(),
                version: file.version.clone(),
                sha256: digest(changes.as_bytes()),
                bytes: changes.len() as u64,
                url,
            }];
        }
        file.url = format!("files/{kind}-{country}-{}.tsv.gz", manifest_number(&next.generation));
        (file.sha256, file.bytes, file.version) = (digest(new.as_bytes()), new.len() as u64, "changed".into());
        put(&file.url, &new);
        std::fs::write(path, next.signed(&key()).unwrap()).unwrap();
    }
}

fn manifest_number(generation: &str) -> &str {
    generation.rsplit_once('#').unwrap().1
}

fn serve(
    listener: TcpListener,
    provider: &Arc<Provider>,
    seen: &Arc<std::sync::Mutex<Vec<String>>>,
    twist: &Twist,
) -> JoinHandle<()> {
    let (seen, twist) = (Arc::clone(seen), Arc::clone(twist));
    let watch = move |request: Request, next: Next| {
        let uri = request.uri().clone();
        let bent = twist.lock().unwrap()(&uri);
        let seen = Arc::clone(&seen);
        async move {
            let answer = match bent {
                Some(bent) => bent,
                None => next.run(request).await,
            };
            seen.lock().unwrap().push(format!("{} {}", answer.status().as_u16(), uri.path()));
            answer
        }
    };
    let router: Router = provider.router().layer(from_fn(watch));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

/// The next generation of what is compiled in, with lists of numbers.
fn publish(dir: &Path, clock: &TestClock, dnc: &[DncSource]) {
    publish_asking(dir, clock, dnc, (&Zones::bundled(), None)).unwrap();
}

/// The same of a provider with other time zones, which asks for a release of them.
fn publish_asking(
    dir: &Path,
    clock: &TestClock,
    dnc: &[DncSource],
    (zones, least): (&Zones, Option<&str>),
) -> anyhow::Result<Built> {
    build(&Build {
        dir,
        key: &key(),
        wanted: &wanted(""),
        dnc,
        zones,
        min_tzdb: least.map(str::to_owned),
        days: 30,
        now: clock.now(),
    })
}

fn pack(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn unpack(path: &Path) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn live() -> LiveData {
    LiveData::new(Zones::bundled(), false, wanted(""), Some(key().public()), None).unwrap()
}

fn place(live: &LiveData, number: &str) -> String {
    let number = PhoneNumber::parse(number).unwrap();
    live.tables.current().of_phone(&number, LineType::FixedOrMobile).key().to_owned()
}

/// A number whose row the tests move to another zone.
const MOVED: &str = "+19175550100";

fn moved(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("1917\t")).unwrap();
    text.replace(line, "1917\tUS-NY\tAmerica/Chicago\tgeo\tarea")
}

async fn states(db: &cxc_store::Db) -> BTreeMap<String, (String, Option<String>)> {
    let rows = db.read().await.unwrap().compliance_file_states().await.unwrap();
    rows.into_iter().map(|row| (format!("{} {}", row.kind, row.country), (row.state, row.detail))).collect()
}
