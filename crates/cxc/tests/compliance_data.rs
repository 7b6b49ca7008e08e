//! The binary as a provider of compliance data and as the installation that takes it over.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cxc_test::{Caller, Cxc, Port, Process, Signal};
use serde_json::{Value, json};

const SECRET: &str = "geheim-geheim-geheim";

fn cxc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cxc")).current_dir(folder).args(arguments).output().unwrap()
}

fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn provider(folder: &Path, key: &str, port: &Port) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cxc"));
    command.current_dir(folder).env("CXC_COMPLIANCE_DATA_CLIENTS", format!("branch:{SECRET}"));
    command.args(["compliance-data", "serve", "--dir", "published", "--key", key, "--listen", &port.address()]);
    let mut process = Process::spawn("provider", command, &folder.join("provider.log"), Signal::Term, None).unwrap();
    process.wait_for_port(port.number()).unwrap();
    process
}

fn settings(port: &Port, key: &str) -> String {
    let base = format!("http://{}", port.address());
    format!(
        "[compliance_data.cdp_ng]\nurl = \"{base}/compliancedata\"\ngcloud_auth = \"{base}/oauth/token\"\n\
         gcloud_id = \"branch\"\ngcloud_secret = \"{SECRET}\"\npublic_key = \"{key}\"\n\
         embedded_basepath = \"/list_builder/data/ng_init_data\"\nrefresh_seconds = 1\n\
         [compliance_data.cdp_ng.rule_set]\nareacode = \"AU,CA,GB,NZ,US\"\ngeo = \"AU,CA,GB,NZ,US\"\n\
         postal = \"CA,GB,US\"\ndnc = \"US\"\n"
    )
}

async fn data_until(caller: &Caller, fits: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let data = caller.get("/compliance/data").await.expect(200);
        if fits(&data) {
            return data;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{data:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn an_installation_takes_over_what_another_publishes_and_keeps_it_while_that_one_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let key = ok(cxc(at, &["compliance-data", "keygen", "provider.key"]));
    assert!(key.starts_with("ed25519:"), "{key}");
    assert!(!cxc(at, &["compliance-data", "keygen", "provider.key"]).status.success(), "a key is never overwritten");
    std::fs::write(at.join("us.tsv"), "+12125550100\tUS-DNC\t2026-01-01\n+12125550101\tUS-DNC\t\n").unwrap();
    let undated = ["compliance-data", "build", "--dir", "published", "--key", "provider.key", "--dnc", "US=us.tsv"];
    let refused = cxc(at, &undated);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains("needs --as-of US=DATE"), "{told}");
    let build = [&undated[..], &["--as-of", "US=2026-11-20"]].concat();
    assert!(ok(cxc(at, &build)).contains("#1: 14 files"));
    let port = Port::free().unwrap();
    let mut serving = provider(at, &key, &port);

    let mut installation = Cxc::with_settings(env!("CARGO_BIN_EXE_cxc"), &settings(&port, &key)).unwrap();
    let shown = installation.run_ok(&["config", "check"]).unwrap();
    assert!(shown.contains("gcloud_secret = \"***\"") && !shown.contains(SECRET), "{shown}");
    installation.up().unwrap();
    let caller = installation.tenant("acme").await.unwrap();
    let active =
        |data: &Value| data["files"].as_array().into_iter().flatten().filter(|file| file["state"] == "active").count();
    // the lists of numbers are taken over after the tables
    let is_there = |data: &Value| data["source"] == "cdp" && data["state"] == "active" && active(data) == 14;
    let data = data_until(&caller, is_there).await;
    assert!(data["generation"].as_str().unwrap().ends_with("#1"), "{data:#}");
    assert_eq!(data["lastError"], Value::Null);
    let metrics = installation.metrics("list-manager").unwrap();
    assert!(metrics.contains("cxc_list_manager_downloaded_compliance_files_count 14"), "{metrics}");

    // the next generation, asked for at once
    ok(cxc(at, &build));
    caller.post("/compliance/data/actions/refresh").json(&json!({})).await.expect(202);
    data_until(&caller, |data| data["generation"].as_str().is_some_and(|name| name.ends_with("#2"))).await;

    // the provider goes down: the set stays, also after a start
    serving.end_with(Signal::Term, Duration::from_secs(20)).unwrap();
    let data = data_until(&caller, |data| data["lastError"] != Value::Null).await;
    assert!(data["lastError"].as_str().unwrap().starts_with("the provider can't be reached"), "{data:#}");
    assert_eq!(data["source"], "cdp");
    installation.end(Signal::Term, Duration::from_secs(30)).unwrap();
    installation.up().unwrap();
    let data = caller.get("/compliance/data").await.expect(200);
    assert!(data["generation"].as_str().unwrap().ends_with("#2"), "in use from the first request on: {data:#}");
    assert!(!installation.log().contains(SECRET));
    installation.end(Signal::Term, Duration::from_secs(30)).unwrap();
}

#[test]
fn settings_of_a_provider_that_can_not_be_meant_are_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("cxc.toml"), text).unwrap();
        let output = cxc(folder.path(), &["config", "check"]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = check("compliance_data.cdp_ng.embedded_basepath = \"/a/../../etc\"");
    assert!(code == Some(2) && text.contains("a path below the data folder, without .."), "{text}");
    let (code, text) = check("compliance_data.cdp_ng.rule_set.geo = \"US,Atlantis\"");
    assert!(code == Some(2) && text.contains("countries as two letters"), "{text}");
    let (code, text) = check(&format!("compliance_data.cdp_ng.gcloud_secret = 7 # {SECRET}"));
    assert!(code == Some(2) && text.contains("gcloud_secret is not usable"), "{text}");
    assert_eq!(check("compliance_data.cdp_ng.url = false").0, Some(0));
}
