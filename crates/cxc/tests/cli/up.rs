//! `cxc up`: ports, readiness, components, the end.
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use cxc_test::cxc::{COMPONENTS, get};
use cxc_test::{Caller, Cxc, Port, Signal};

use crate::support::{Desk, usual_ports};

const BINARY: &str = env!("CARGO_BIN_EXE_cxc");

#[test]
fn all_in_one_is_ready_soon_serves_everything_and_ends_well() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    let started = Instant::now();
    cxc.up().unwrap();
    // a debug build on a busy machine; the promise of one second is measured by the benches
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let (status, explorer) = get_path(&cxc, "/cx-contact/v3/explore/");
    assert_eq!(status, 200);
    assert!(explorer.contains("swagger"), "{explorer}");
    let (status, description) = get_path(&cxc, "/cx-contact/v3/openapi.json");
    assert_eq!((status, description), (200, cxc.run_ok(&["openapi"]).unwrap()));
    for component in COMPONENTS {
        let metrics = cxc.metrics(component).unwrap();
        assert!(component != "api-aggregator" || metrics.contains("cxc_api_aggregator_request_count"), "{metrics}");
    }
    let (status, hint) = get_path(&cxc, "/");
    assert!(status == 302 && hint.contains("/cx-contact/v3/explore"), "{status} {hint}");
    assert_eq!(get_path(&cxc, "/cx-contact/v3/nothing").0, 404);
    assert_eq!(get_path(&cxc, "/cx-contact/v3/users").0, 401);
    let shown = Watcher::of(&cxc).versions();
    assert_eq!(shown.len(), COMPONENTS.len(), "{shown:?}");
    for (name, health, detail) in shown {
        assert_eq!((health.as_str(), detail.as_str()), ("green", ""), "{name}");
    }
    assert!(cxc.end(Signal::Int, Duration::from_secs(10)).unwrap().success(), "{}", cxc.log());
}

#[test]
fn sigterm_ends_it_well_too_and_it_starts_again() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    for _ in 0..2 {
        cxc.up().unwrap();
        assert!(cxc.end(Signal::Term, Duration::from_secs(10)).unwrap().success(), "{}", cxc.log());
    }
}

#[test]
fn a_taken_port_is_one_line_and_exit_code_2() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    desk.write("cxc.toml", format!("http.port = {}\nlog.level = \"off\"\n", at.port()));
    for args in [&["up"][..], &["up", "--demo"]] {
        desk.run(args).failed(2, &format!("{at} is taken (public API): set http.port"));
        assert!(!desk.path().join("cxc-data").exists(), "{args:?} left something behind");
    }
}

#[test]
fn what_calls_can_not_be_placed_with_is_one_line_and_exit_code_2() {
    let _ports = usual_ports();
    let desk = Desk::new();
    for (setting, said) in [
        ("voice.recordings = \"/etc/passwd\"", "voice.recordings: /etc/passwd can't be made a folder"),
        ("voice.recordings = \"/proc/x\"", "voice.recordings: /proc/x can't be made a folder"),
        ("voice.prompts = \"/nowhere/prompts\"", "voice.prompts: there is no folder /nowhere/prompts"),
        ("voice.public_address = \"0.0.0.0\"", "the address that trunks and phones see"),
    ] {
        desk.write("cxc.toml", format!("log.level = \"off\"\n{setting}\n"));
        desk.run(&["up"]).failed(2, said);
    }
    let mode = |path: &str| desk.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("cxc-data"), 0o700);
}

#[test]
fn a_newer_schema_is_one_line_and_exit_code_2() {
    let _ports = usual_ports();
    let desk = Desk::new();
    desk.run(&["migrate"]).ok();
    let file = desk.path().join("cxc-data/cxc.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db =
            cxc_store::Db::connect(&cxc_store::DbOptions::new(format!("sqlite:{}", file.display()))).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9999, 'of tomorrow', 1, x'00', 0)";
        cxc_store::on!(&mut tx, conn => sqlx::query(NEWER).execute(conn).await.map(drop).unwrap());
        tx.commit().await.unwrap();
        db.close().await;
    });
    desk.write("cxc.toml", "log.level = \"off\"\n");
    desk.run(&["up"]).failed(2, "the database has schema 9999");
}

#[test]
fn a_restore_is_refused_while_a_server_runs() {
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up().unwrap();
    let backup = cxc.home().join("b.zip");
    let backup = backup.to_str().unwrap();
    cxc.run_ok(&["backup", backup]).unwrap();
    let refused = cxc.run(&["restore", backup, "--force"]).unwrap();
    let err = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{err}");
    assert!(err.contains("the embedded store is in use"), "{err}");
}

#[test]
fn components_that_run_elsewhere_are_reached_through_the_aggregator() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", database.path().join("cxc.db").display());
    let manager = Port::free().unwrap();
    let own = format!(
        "database.url = \"{url}\"\ncomponent.list-manager.port = {}\ncomponent.list-manager.url = \"http://{}\"\n",
        manager.number(),
        manager.address()
    );
    let mut aggregator = Cxc::with_settings(BINARY, &own).unwrap();
    aggregator.up_with(&["--component", "api-aggregator"]).unwrap();
    let (status, body) = get_path(&aggregator, "/cx-contact/v3/lists");
    assert_eq!(status, 503, "nobody is there yet: {body}");
    assert!(body.contains("list-manager can't be reached"), "{body}");
    assert!(body.contains("\"requestId\":") && !body.contains("\"requestId\":\"\""), "{body}");
    let (status, body) = get_path(&aggregator, "/cx-contact/v3/campaign-groups");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("component.campaign-manager.url is not set"), "{body}");

    let desk = Desk::new();
    let metrics = Port::free().unwrap();
    desk.write("cxc.toml", format!("{own}component.list-manager.metrics_port = {}\n", metrics.number()));
    let mut process = desk.start(&["up", "--component", "list-manager"]);
    process.wait_for_port(manager.number()).unwrap();
    let (status, body) = get_path(&aggregator, "/cx-contact/v3/lists");
    assert_eq!(status, 401, "the list manager itself asks who it is: {body}");
    let watcher = Watcher::of(&aggregator);
    wait_for(|| watcher.sees("list-manager", "green"));
    assert!(watcher.sees("api-aggregator", "green") && watcher.sees("campaign-manager", "not_configured"));
    let seen = get(metrics.number(), "/metrics").unwrap().1;
    let counted = seen.lines().find(|l| l.contains("responses_summary_count") && l.contains("/lists\""));
    assert!(counted.is_some_and(|l| l.ends_with(" 1")), "{seen}");
    assert!(process.end_with(Signal::Term, Duration::from_secs(10)).unwrap().success(), "{}", process.log());
    wait_for(|| watcher.sees("list-manager", "red"));
}

#[tokio::test]
async fn an_agents_desk_reaches_a_dialer_that_runs_by_itself() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", database.path().join("cxc.db").display());
    let (dialer, metrics) = (Port::free().unwrap(), Port::free().unwrap());
    let own = format!(
        "database.url = \"{url}\"\ncomponent.dialer.port = {}\ncomponent.dialer.url = \"http://{}\"\n",
        dialer.number(),
        dialer.address()
    );
    let mut aggregator = Cxc::with_settings(BINARY, &own).unwrap();
    aggregator.up_with(&["--component", "api-aggregator"]).unwrap();
    aggregator.tenant("one").await.unwrap();
    let user = format!("one\\{}", cxc_test::app::ADMINISTRATOR);
    let typed = format!("{}\nn\no\n", cxc_test::app::PASSWORD);
    let (server, desk) = (aggregator.url(""), Desk::new());
    let command = ["agent", "--server", &server, "--user", &user, "--phone", "sip:ann@127.0.0.1"];
    let nobody = desk.run_with(&command, &typed);
    assert_eq!(nobody.code, 1, "there is no dialer yet: {nobody:?}");

    let own = format!("{own}component.dialer.metrics_port = {}\n", metrics.number());
    let place = Desk::new();
    place.write("cxc.toml", own);
    let mut process = place.start(&["up", "--component", "dialer"]);
    process.wait_for_port(dialer.number()).unwrap();
    let desk = desk.run_with(&command, &typed).ok();
    for line in ["logged in as admin, phone sip:ann@127.0.0.1", "state: not_ready (no_campaign)", "closed: logged_out"]
    {
        assert!(desk.out.lines().any(|shown| shown.starts_with(line)), "{line}: {desk:?}\n{}", process.log());
    }
    assert!(process.end_with(Signal::Term, Duration::from_secs(10)).unwrap().success(), "{}", process.log());
}

#[test]
fn a_data_folder_is_made_for_its_owner_and_an_open_one_is_warned_of() {
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut cxc = Cxc::embedded(BINARY).unwrap();
    cxc.up().unwrap();
    assert!(cxc.end(Signal::Term, Duration::from_secs(10)).unwrap().success());
    for folder in ["", "uploads", "rejects", "exports"] {
        assert_eq!(mode(&cxc.data().join(folder)), 0o700, "{folder}");
    }
    for file in ["cxc.db", "cxc.db.lock"] {
        assert_eq!(mode(&cxc.data().join(file)), 0o600, "{file}");
    }
    assert!(!cxc.log().contains("chmod"), "{}", cxc.log());

    let mut cxc = Cxc::embedded(BINARY).unwrap();
    std::fs::create_dir(cxc.data()).unwrap();
    std::fs::set_permissions(cxc.data(), Permissions::from_mode(0o755)).unwrap();
    cxc.up().unwrap();
    assert!(cxc.log().contains("chmod -R go="), "{}", cxc.log());
    assert_eq!((mode(&cxc.data().join("uploads")), mode(&cxc.data().join("cxc.db"))), (0o700, 0o600));
}

#[test]
fn a_component_by_itself_opens_its_own_port_and_no_other() {
    let desk = Desk::new();
    let (own, metrics) = (Port::free().unwrap(), Port::free().unwrap());
    let settings = format!(
        "component.list-manager.port = {}\ncomponent.list-manager.metrics_port = {}\nhttp.port = 0\n",
        own.number(),
        metrics.number()
    );
    desk.write("cxc.toml", settings);
    let mut process = desk.start(&["up", "--component", "list-manager"]);
    process.wait_for_port(own.number()).unwrap();
    assert_eq!(get(own.number(), "/health/ready").unwrap().0, 200);
    assert_eq!(get(metrics.number(), "/metrics").unwrap().0, 200);
    assert!(process.end_with(Signal::Term, Duration::from_secs(10)).unwrap().success());
    let log = process.log();
    assert!(!log.contains("public API") && !log.contains("internal backend"), "{log}");
}

fn get_path(cxc: &Cxc, path: &str) -> (u16, String) {
    let url = cxc.url(path);
    let port = url.split([':', '/']).nth(4).unwrap().parse().unwrap();
    get(port, path).unwrap()
}

/// Somebody who may see how the components are.
struct Watcher {
    runtime: tokio::runtime::Runtime,
    caller: Caller,
}

impl Watcher {
    fn of(cxc: &Cxc) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let caller = runtime.block_on(cxc.tenant("watched")).unwrap();
        Self { runtime, caller }
    }

    /// Name, health and detail of each component.
    fn versions(&self) -> Vec<(String, String, String)> {
        let shown = self.runtime.block_on(async { self.caller.get("/versions").await.expect(200) });
        let text = |component: &serde_json::Value, name: &str| component[name].as_str().unwrap().to_owned();
        let of_one = |c| (text(c, "name"), text(c, "health"), text(c, "detail"));
        shown["components"].as_array().unwrap().iter().map(of_one).collect()
    }

    fn sees(&self, name: &str, health: &str) -> bool {
        self.versions().iter().any(|(n, h, _)| n == name && h == health)
    }
}

/// Waits until something holds, for as long as two looks at the components may take.
fn wait_for(holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "it never was so");
        std::thread::sleep(Duration::from_millis(500));
    }
}
