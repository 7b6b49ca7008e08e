//! `cxc compliance-data`: keys, signed folders, and the server that publishes them.
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cxc_compliance_data::provider::{Build, Clients, DncSource, MANIFEST_PATH, Provider, TOKEN_PATH, build};
use cxc_core::compliance_data::SigningKey;
use cxc_core::location::Country;
use cxc_server::service::serve_within;
use cxc_server::{Clock, SystemClock};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{ComplianceDataBuild, ComplianceDataCommand, ComplianceDataServe};
use crate::config::Config;
use crate::failure::Failure;
use crate::{terminal, tzdb};

/// Who may ask, if no file says so.
const CLIENTS: &str = "CXC_COMPLIANCE_DATA_CLIENTS";

/// Runs the command. The tables that are built are those of the settings' rule set.
pub async fn run(config: &Config, command: &ComplianceDataCommand) -> Result<(), Failure> {
    match command {
        ComplianceDataCommand::Keygen { file } => keygen(file),
        ComplianceDataCommand::Build(asked) => {
            let text = make(config, asked)?;
            terminal::say(&text)
        }
        ComplianceDataCommand::Serve(asked) => serve(config, asked).await,
    }
}

fn keygen(file: &Path) -> Result<(), Failure> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|e| anyhow::anyhow!("there is no randomness: {e}"))?;
    let key = SigningKey::from_seed(seed)?;
    let written = || -> std::io::Result<()> {
        let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        writeln!(out, "{}", key.secret_text())?;
        out.sync_all()
    };
    written().with_context(|| file.display().to_string())?;
    terminal::note("keep the file secret; installations set this as compliance_data.cdp_ng.public_key:");
    terminal::say(&key.public().to_string())
}

fn signing_key(file: &Path) -> anyhow::Result<SigningKey> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    SigningKey::parse(&text).with_context(|| file.display().to_string())
}

fn make(config: &Config, asked: &ComplianceDataBuild) -> Result<String, Failure> {
    let data = &config.compliance_data;
    let zones = tzdb::zones(data.tzdb_directory.as_deref())?;
    let dnc = lists(&asked.dnc, &asked.as_of)?;
    let key = signing_key(&asked.key)?;
    let build_of = Build {
        dir: &asked.dir,
        key: &key,
        wanted: &data.cdp_ng.rule_set,
        dnc: &dnc,
        zones: &zones,
        min_tzdb: asked.min_tzdb.clone(),
        days: asked.days,
        now: SystemClock.now(),
    };
    let built = build(&build_of)?;
    Ok(format!("generation {}: {} files, changes of {}", built.generation, built.files, built.deltas))
}

fn list(text: &str) -> anyhow::Result<(Country, PathBuf)> {
    let named = text.split_once('=').and_then(|(country, file)| Some((Country::from_code(country)?, file.into())));
    named.with_context(|| format!("--dnc is {text:?}, expected a country and a file, such as US=us-dnc.tsv"))
}

/// The lists of numbers, each with the day on which it was taken.
fn lists(files: &[String], as_of: &[String]) -> Result<Vec<DncSource>, Failure> {
    let dates: Vec<(Option<Country>, Timestamp)> = as_of.iter().map(|text| date(text)).collect::<Result<_, _>>()?;
    let source = |text: &String| {
        let (country, path) = list(text)?;
        let of = |wanted: Option<Country>| dates.iter().find(|(named, _)| *named == wanted).map(|(_, at)| *at);
        let as_of = of(Some(country)).or_else(|| of(None));
        let as_of = as_of.ok_or_else(|| {
            Failure::usage(format!(
                "--dnc {text} needs --as-of {country}=DATE, the day on which the list was taken from its register: \
                 those who use it count its legal age from that day"
            ))
        })?;
        Ok(DncSource { country, path, as_of })
    };
    files.iter().map(source).collect()
}

/// A date, or an instant, of all lists or of that of a country.
fn date(text: &str) -> Result<(Option<Country>, Timestamp), Failure> {
    let Some((code, date)) = text.split_once('=') else { return Ok((None, super::numbers::instant(text)?)) };
    let country = Country::from_code(code);
    let country = country.ok_or_else(|| Failure::usage(format!("--as-of {text}: {code} is no country, such as US")))?;
    Ok((Some(country), super::numbers::instant(date)?))
}

async fn serve(config: &Config, asked: &ComplianceDataServe) -> Result<(), Failure> {
    let zones = tzdb::zones(config.compliance_data.tzdb_directory.as_deref()).map_err(Failure::start)?;
    let clients = match &asked.clients {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string()),
        // one client a line, or separated by commas
        None => Ok(std::env::var(CLIENTS).unwrap_or_default().replace(',', "\n")),
    };
    let clients = Clients::parse(&clients.map_err(Failure::start)?).map_err(Failure::start)?;
    let key = asked.key.parse().map_err(Failure::start)?;
    let clock = Arc::new(SystemClock);
    let provider = Provider::new(asked.dir.clone(), key, clients, asked.token_seconds, zones, clock);
    let provider = provider.map_err(Failure::start)?;
    let listener = TcpListener::bind(asked.listen).await;
    let listener = listener.with_context(|| format!("can't listen on {}", asked.listen)).map_err(Failure::start)?;
    let at = listener.local_addr()?;
    terminal::say(&format!("data: http://{at}{MANIFEST_PATH}  tokens: http://{at}{TOKEN_PATH}"))?;
    let stop = CancellationToken::new();
    crate::up::signals::watch(stop.clone())?;
    Ok(serve_within(listener, provider.router(), stop, Duration::from_secs(2)).await?)
}
