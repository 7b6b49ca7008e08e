//! The real client against the real server, on loopback, with a real store.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use cxc_compliance_data::client::{Client, CycleError, LastCheck, Outcome, ProviderSettings};
use cxc_compliance_data::provider::{Build, Clients, MANIFEST_PATH, Provider, TOKEN_PATH, build};
use cxc_compliance_data::{LiveData, Source};
use cxc_core::compliance::Zones;
use cxc_core::compliance_data::{DataKind, Manifest, SigningKey, Wanted, digest};
use cxc_core::device::LineType;
use cxc_core::location::Country;
use cxc_core::phone::PhoneNumber;
use cxc_server::Clock;
use cxc_test::{TestApp, TestClock, TestDb};
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
        publish(dir.path(), &clock, &key(), &[]);
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

fn publish(dir: &Path, clock: &TestClock, key: &SigningKey, dnc: &[(Country, PathBuf)]) {
    let asked = Build {
        dir,
        key,
        wanted: &wanted(""),
        dnc,
        zones: &Zones::bundled(),
        min_tzdb: None,
        days: 30,
        now: clock.now(),
    };
    build(&asked).unwrap();
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

#[tokio::test]
async fn a_generation_is_downloaded_once_and_then_only_its_manifest_is_asked_for() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    assert_eq!(live.in_use().source, Source::Embedded);
    let first = client.cycle(db, &live, false).await.unwrap();
    assert!(matches!(first, Outcome::Activated(_)), "{first:?}");
    assert_eq!(client.take_downloaded(), 13);
    assert_eq!((live.in_use().source, live.in_use().seq), (Source::Cdp, 1));
    assert!(states(db).await.values().all(|(state, _)| state == "active"));
    assert_eq!(place(&live, "+12125550100"), "x|US|US-NY|America/New_York");
    peer.asked();
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    assert_eq!(peer.asked(), [format!("304 {MANIFEST_PATH}")], "the manifest's tag is sent and the token is kept");
    assert_eq!(client.take_downloaded(), 0);
}

#[tokio::test]
async fn changes_are_fetched_as_changes_and_as_a_whole_where_the_provider_has_them_no_more() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, true);
    peer.asked();
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked(), [format!("200 {MANIFEST_PATH}"), format!("200 {MANIFEST_PATH}/files/delta-2.tsv.gz")]);
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/Chicago");
    assert_eq!(live.in_use().phone.unwrap().version, "9.0.43 changed");
    let back = |text: &str| text.replace("1917\tUS-NY\tAmerica/Chicago", "1917\tUS-NY\tAmerica/New_York");
    peer.publish_changed(DataKind::Areacode, Country::US, back, true);
    std::fs::remove_file(peer.dir.path().join("files/delta-3.tsv.gz")).unwrap();
    client.cycle(db, &live, false).await.unwrap();
    let asked = peer.asked();
    assert_eq!(
        asked[1..],
        [
            format!("410 {MANIFEST_PATH}/files/delta-3.tsv.gz"),
            format!("200 {MANIFEST_PATH}/files/areacode-US-3.tsv.gz")
        ]
    );
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/New_York");
}

#[tokio::test]
async fn a_tampered_file_a_wrong_signature_and_half_a_set_change_nothing() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let manifest =
        Manifest::read(&std::fs::read(peer.dir.path().join("manifest.json")).unwrap(), &key().public()).unwrap();
    let path = peer.dir.path().join(&manifest.file(DataKind::Areacode, Country::US).unwrap().url);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, pack(&moved(&unpack(&path)))).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(&error, CycleError::Refused(r) if r.reason.contains("sha256 differs")), "{error}");
    let state = &states(db).await["areacode US"];
    assert_eq!(state.0, "rejected");
    assert!(state.1.as_ref().unwrap().contains("sha256 differs"));
    assert!(LastCheck::read(db).await.unwrap().error.unwrap().contains("areacode of US"));
    std::fs::write(&path, good).unwrap();

    let text = std::fs::read_to_string(peer.dir.path().join("manifest.json")).unwrap();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    changed["files"][0]["version"] = "another".into();
    std::fs::write(peer.dir.path().join("manifest.json"), changed.to_string()).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(error, CycleError::Manifest(_)) && error.to_string().contains("signature"), "{error}");

    let mut half = manifest.clone();
    half.files.retain(|file| !(file.kind == DataKind::Geo && file.country == Country::NZ));
    std::fs::write(peer.dir.path().join("manifest.json"), half.signed(&key()).unwrap()).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert_eq!(error.to_string(), "geo of NZ: the manifest lacks it: a part of a set is not used");

    assert_eq!((live.in_use().source, live.in_use().seq), (Source::Embedded, 0));
    assert_eq!(db.read().await.unwrap().compliance_generation_newest().await.unwrap(), 0);
    std::fs::write(peer.dir.path().join("manifest.json"), text).unwrap();
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!(states(db).await["areacode US"], ("active".to_owned(), None), "what was mended is active");
}

#[tokio::test]
async fn a_jump_of_rows_waits_for_a_person_and_a_wrong_canary_for_nobody() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let fewer =
        |text: &str| text.lines().filter(|line| !line.starts_with('5')).map(|line| format!("{line}\n")).collect();
    peer.publish_changed(DataKind::Postal, Country::US, fewer, false);
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(
        error.to_string().starts_with("postal of US: it has") && error.to_string().contains("10 % apart"),
        "{error}"
    );
    assert!(matches!(client.cycle(db, &live, true).await.unwrap(), Outcome::Activated(_)));
    assert!(db.read().await.unwrap().compliance_generations().await.unwrap()[0].unusual_counts);

    peer.publish_changed(DataKind::Geo, Country::US, |text| text.replace("Pacific/Honolulu", "America/Denver"), false);
    for accepted in [false, true] {
        let error = client.cycle(db, &live, accepted).await.unwrap_err();
        assert!(error.to_string().contains("the canary HI must be in US at Pacific/Honolulu"), "{error}");
    }
    assert_eq!(live.in_use().seq, 1);
}

#[tokio::test]
async fn an_expired_token_and_one_that_is_refused_are_renewed_once() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.asked();
    peer.clock.advance(Duration::from_secs(479));
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked().len(), 1, "a token is kept for four fifths of its 600 s");
    peer.clock.advance(Duration::from_secs(2));
    client.cycle(db, &live, false).await.unwrap();
    assert_eq!(peer.asked(), [format!("200 {TOKEN_PATH}"), format!("304 {MANIFEST_PATH}")]);
    peer.provider.forget_tokens();
    client.cycle(db, &live, false).await.unwrap();
    let renewed = [format!("401 {MANIFEST_PATH}"), format!("200 {TOKEN_PATH}"), format!("304 {MANIFEST_PATH}")];
    assert_eq!(peer.asked(), renewed);
    peer.twist(|uri| (uri.path() == MANIFEST_PATH).then(|| StatusCode::UNAUTHORIZED.into_response()));
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert_eq!(error.to_string(), "the provider answered 401");
    assert_eq!(peer.asked().len(), 3, "one retry and no more");
    peer.twist(|uri| (uri.path() == TOKEN_PATH).then(|| StatusCode::UNAUTHORIZED.into_response()));
    peer.clock.advance(Duration::from_secs(601));
    let error = client.cycle(db, &live, false).await.unwrap_err().to_string();
    assert!(error.contains("the token endpoint answered 401") && !error.contains(SECRET), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_a_broken_download_goes_on_where_it_broke() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let dir = peer.dir.path().to_owned();
    let mut failures = 2;
    let mut broken = false;
    peer.twist(move |uri| {
        if uri.path() == MANIFEST_PATH && failures > 0 {
            failures -= 1;
            return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        if !uri.path().contains("areacode-US") || broken {
            return None;
        }
        broken = true;
        let name = uri.path().rsplit_once('/').unwrap().1;
        let whole = std::fs::read(dir.join("files").join(name)).unwrap();
        let half = whole[..whole.len() / 2].to_vec();
        let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("the cable is cut"))]);
        // the half is on its way before the connection breaks
        let slowly = futures_util::StreamExt::then(pieces, |piece| async {
            tokio::time::sleep(Duration::from_millis(if piece.is_err() { 300 } else { 0 })).await;
            piece
        });
        let body = axum::body::Body::from_stream(slowly);
        Some(([("etag", format!("\"{name}\""))], body).into_response())
    });
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    let asked = peer.asked();
    assert_eq!(asked.iter().filter(|line| line.starts_with("503")).count(), 2, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.starts_with("206")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn while_the_provider_is_down_the_last_good_set_holds_also_after_a_start_and_without_it_what_is_compiled_in() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    client.cycle(db, &live, false).await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, false);
    client.cycle(db, &live, false).await.unwrap();
    peer.serving.abort();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(error.to_string().starts_with("the provider can't be reached"), "{error}");
    assert_eq!(place(&live, MOVED), "x|US|US-NY|America/Chicago");

    let again = self::live();
    assert!(place(&again, MOVED).ends_with("New_York"));
    assert!(again.take_over(db).await.unwrap() && !again.take_over(db).await.unwrap());
    assert_eq!((place(&again, MOVED), again.in_use().seq), ("x|US|US-NY|America/Chicago".to_owned(), 2));

    // the newest generation of the store is damaged: the one before holds
    damage(db, 2).await;
    let before = self::live();
    assert!(before.take_over(db).await.unwrap());
    assert_eq!(before.in_use().seq, 1);
    assert!(before.in_use().problem.unwrap().contains("#2 of the store is not used"));
    damage(db, 1).await;
    let embedded = self::live();
    assert!(!embedded.take_over(db).await.unwrap());
    assert_eq!(embedded.in_use().source, Source::Embedded);

    // without the provider's key, or without a provider, nothing that was downloaded is believed
    let keyless = LiveData::new(Zones::bundled(), false, wanted(""), None, None).unwrap();
    assert!(!keyless.take_over(db).await.unwrap());
    let error = client.cycle(db, &keyless, false).await.unwrap_err();
    assert!(error.to_string().contains("public_key is not set"), "{error}");
    assert!(!self::live().with_downloads(false).take_over(db).await.unwrap());
}

/// Spoils the manifest of a generation.
async fn damage(db: &cxc_store::Db, seq: i64) {
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE compliance_generation SET manifest = '{}' WHERE seq = $1";
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).bind(seq).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn three_generations_are_kept_and_an_older_one_is_not_played_back() {
    let (peer, db, live) = (Peer::start().await, TestDb::start().await.unwrap(), live());
    let (client, db) = (peer.client(), db.db());
    let old = std::fs::read(peer.dir.path().join("manifest.json")).unwrap();
    client.cycle(db, &live, false).await.unwrap();
    for n in 0..4 {
        let name = move |text: &str| {
            text.replace("\tKansas\t", &format!("\tKansas {n}\t"))
                .replace(&format!("\tKansas {}\t", n - 1), &format!("\tKansas {n}\t"))
        };
        peer.publish_changed(DataKind::Geo, Country::US, name, false);
        client.cycle(db, &live, false).await.unwrap();
    }
    let kept = db.read().await.unwrap().compliance_generations().await.unwrap();
    assert_eq!(kept.iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 4, 3]);
    assert_eq!(db.read().await.unwrap().compliance_generation_files(2).await.unwrap(), []);
    assert_eq!(db.read().await.unwrap().compliance_generation_files(3).await.unwrap().len(), 13);
    std::fs::write(peer.dir.path().join("manifest.json"), old).unwrap();
    let error = client.cycle(db, &live, false).await.unwrap_err();
    assert!(matches!(error, CycleError::Older { .. }), "{error}");
}

#[tokio::test]
async fn one_process_downloads_and_the_others_take_over() {
    let (peer, db) = (Peer::start().await, TestDb::start().await.unwrap());
    let db = db.db();
    let (one, other) = (live(), live());
    let mut tx = db.begin().await.unwrap();
    tx.lease_acquire(cxc_store::compliance_data::LEASE, "another", 60_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(peer.client().cycle(db, &one, false).await.unwrap(), Outcome::Busy);
    assert_eq!(peer.asked(), Vec::<String>::new());
    let mut tx = db.begin().await.unwrap();
    let lease = tx.lease_acquire(cxc_store::compliance_data::LEASE, "another", 60_000_000).await.unwrap().unwrap();
    tx.lease_release(&lease).await.unwrap();
    tx.commit().await.unwrap();
    peer.publish_changed(DataKind::Areacode, Country::US, moved, false);
    peer.client().cycle(db, &one, false).await.unwrap();
    assert!(other.take_over(db).await.unwrap());
    assert_eq!(place(&other, MOVED), place(&one, MOVED));
    assert_eq!(other.in_use().phone, one.in_use().phone);
}

#[tokio::test]
async fn the_manifest_raises_the_time_zone_database_that_decisions_need() {
    let (peer, db) = (Peer::start().await, TestDb::start().await.unwrap());
    let zones = Zones::bundled();
    let copy = zones.clone();
    let live = LiveData::new(zones, false, wanted(""), Some(key().public()), None).unwrap();
    let asked = Build {
        dir: peer.dir.path(),
        key: &key(),
        wanted: &wanted(""),
        dnc: &[],
        zones: &copy,
        min_tzdb: Some("2099a".into()),
        days: 30,
        now: peer.clock.now(),
    };
    build(&asked).unwrap();
    assert_eq!(copy.too_old(), None);
    peer.client().cycle(db.db(), &live, false).await.unwrap();
    assert!(copy.too_old().unwrap().to_string().contains("must be 2099a or later"));
}

#[tokio::test]
async fn a_signed_folder_takes_the_place_of_what_is_compiled_in_and_a_damaged_one_does_not() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    publish(dir.path(), &clock, &key(), &[]);
    let of = |dir: &Path| {
        let live =
            LiveData::new(Zones::bundled(), false, wanted(""), Some(key().public()), Some(dir.to_owned())).unwrap();
        live.read_folder();
        live.in_use()
    };
    assert_eq!((of(dir.path()).source, of(dir.path()).problem), (Source::Folder, None));
    let file = std::fs::read_dir(dir.path().join("files")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, pack("# nothing\n")).unwrap();
    let damaged = of(dir.path());
    assert_eq!(damaged.source, Source::Embedded);
    assert!(damaged.problem.unwrap().contains("embedded_basepath is not used"));
}

#[tokio::test]
async fn numbers_become_a_list_of_the_installation_and_a_doubtful_list_does_not_hold_up_the_tables() {
    // lists belong to the tenant of the operators, which an installation has
    let (peer, installation) = (Peer::start().await, TestApp::start_all(Vec::new()).await.unwrap());
    let db = &installation.app.db;
    let live = LiveData::new(Zones::bundled(), false, wanted("US"), Some(key().public()), None).unwrap();
    let list = peer.dir.path().join("us.tsv");
    let rows = |n: usize| (0..n).map(|n| format!("+1212555{n:04}\tUS-DNC\t2026-01-01\n")).collect::<String>();
    std::fs::write(&list, rows(200)).unwrap();
    peer.clock.advance(Duration::from_secs(60));
    publish(peer.dir.path(), &peer.clock, &key(), &[(Country::US, list.clone())]);
    let client = peer.client();
    client.cycle(db, &live, false).await.unwrap();
    let loaded = |db: &cxc_store::Db| {
        let db = db.clone();
        async move { db.read().await.unwrap().number_lists_active(&[1]).await.unwrap() }
    };
    let lists = loaded(db).await;
    assert_eq!((lists[0].list.register.as_str(), lists[0].numbers), ("US-DNC", Some(200)));
    assert_eq!(lists[0].as_of, Some(peer.clock.micros()));
    assert_eq!(states(db).await["dnc US"].0, "active");

    std::fs::write(&list, rows(20)).unwrap();
    peer.clock.advance(Duration::from_secs(60));
    publish(peer.dir.path(), &peer.clock, &key(), &[(Country::US, list.clone())]);
    assert!(matches!(client.cycle(db, &live, false).await.unwrap(), Outcome::Activated(_)));
    assert_eq!((loaded(db).await[0].numbers, states(db).await["dnc US"].0.as_str()), (Some(200), "rejected"));
    peer.asked();
    assert_eq!(client.cycle(db, &live, false).await.unwrap(), Outcome::Unchanged);
    assert_eq!(peer.asked().len(), 1, "a doubtful list is not downloaded again and again");
    assert_eq!(client.cycle(db, &live, true).await.unwrap(), Outcome::Unchanged);
    let asked = peer.asked();
    assert!(asked.len() == 2 && asked[1].contains("dnc-US"), "{asked:?}");
    assert_eq!((loaded(db).await[0].numbers, states(db).await["dnc US"].0.as_str()), (Some(20), "active"));
    assert_eq!(live.in_use().seq, 2, "the tables are left alone");

    std::fs::write(&list, "5d41402abc4b2a76b9719d911017c592\tUS-DNC\t\n").unwrap();
    let asked = Build {
        dir: peer.dir.path(),
        key: &key(),
        wanted: &wanted(""),
        dnc: &[(Country::US, list)],
        zones: &Zones::bundled(),
        min_tzdb: None,
        days: 30,
        now: peer.clock.now(),
    };
    let error = format!("{:#}", build(&asked).unwrap_err());
    assert!(error.contains("line 1: a number is a +") && error.contains("hashed"), "{error}");
}

#[tokio::test]
async fn the_server_tells_what_it_knows_of_a_device_and_nothing_to_strangers() {
    let peer = Peer::start().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("{}{path}", peer.address);
    let stranger = http.get(url(MANIFEST_PATH)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let form = "grant_type=client_credentials";
    let wrong = http.post(url(TOKEN_PATH)).basic_auth("tester", Some("wrong")).body(form).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let given = http.post(url(TOKEN_PATH)).basic_auth("tester", Some(SECRET)).body(form).send().await.unwrap();
    let token: Value = serde_json::from_slice(&given.bytes().await.unwrap()).unwrap();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let ask = async |path: &str| {
        let answer = http.get(url(path)).bearer_auth(&token).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    };
    let (status, found) =
        ask(&format!("{MANIFEST_PATH}/deviceinfo?device=%2B12125550100&postal=90210&country=US")).await;
    assert_eq!(status, 200);
    assert_eq!(found["tz"], serde_json::json!(["America/Los_Angeles", "America/New_York"]));
    assert_eq!(found["region"], serde_json::json!(["US-CA", "US-NY"]));
    assert_eq!((&found["country"], &found["dnc"]), (&"US".into(), &Value::Null));
    for (path, expected) in [
        ("/deviceinfo", 400),
        ("/deviceinfo?device=12", 400),
        ("/deviceinfo?postal=90210", 400),
        ("/files/none.tsv.gz", 404),
        ("/files/delta-none.tsv.gz", 410),
        ("/files/..%2Fmanifest.json", 404),
        ("/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/files/.hidden", 404),
    ] {
        assert_eq!(ask(&format!("{MANIFEST_PATH}{path}")).await.0, expected, "{path}");
    }
}
