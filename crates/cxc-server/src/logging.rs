//! Logs: JSON or text, to stdout and optionally to files, 10 of at most 100 MB.
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt as _};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const FILE_BYTES: usize = 100 * 1024 * 1024;
/// Beside the one that is written.
const OLD_FILES: usize = 9;

/// A library that logs whole SIP messages, with numbers of people, at `info`: silent unless it is asked for by its name.
const TELLS_PEOPLE: &str = "rsipstack";

/// How logs are written.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// A level such as `info`, or directives such as `info,cxc_server=debug`.
    pub level: String,
    /// JSON, one object a line; else text.
    pub json: bool,
    /// Where log files go, in addition to stdout; `cxc.log` and `cxc.log.1` to `.9`.
    pub folder: Option<PathBuf>,
    /// Whether stdout gets them too.
    pub stdout: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".into(), json: false, folder: None, stdout: true }
    }
}

/// Starts logging for this process. Keep the guards until the end: dropping them writes what is still waiting.
pub fn start(options: &LogOptions) -> anyhow::Result<Vec<WorkerGuard>> {
    let (subscriber, guards) = subscriber(options)?;
    // also takes in what libraries say through the `log` crate
    subscriber.try_init().context("logging is started once")?;
    Ok(guards)
}

/// A level, and levels of parts of the program: `info,cxc_store=debug`.
fn filter(text: &str) -> anyhow::Result<Targets> {
    let level = |text: &str| {
        // nothing would be read as `error`
        let level = Some(text.trim()).filter(|t| !t.is_empty()).and_then(|t| t.parse::<LevelFilter>().ok());
        level.with_context(|| format!("{text:?} is no log level: use off, error, warn, info, debug or trace"))
    };
    let mut filter = Targets::new().with_target(TELLS_PEOPLE, LevelFilter::OFF);
    for part in text.split(',') {
        filter = match part.split_once('=') {
            None => filter.with_default(level(part)?),
            Some((target, _)) if target.trim().is_empty() => bail!("{part:?} names no part of the program"),
            Some((target, of_target)) => filter.with_target(target.trim(), level(of_target)?),
        };
    }
    Ok(filter)
}

type Subscriber = Box<dyn tracing::Subscriber + Send + Sync>;

fn subscriber(options: &LogOptions) -> anyhow::Result<(Subscriber, Vec<WorkerGuard>)> {
    let filter = filter(&options.level)?;
    let mut guards = Vec::new();
    let mut writers = Vec::new();
    if options.stdout {
        let (writer, guard) = NonBlockingBuilder::default().thread_name("log-stdout").finish(std::io::stdout());
        writers.push(BoxMakeWriter::new(writer));
        guards.push(guard);
    }
    if let Some(folder) = &options.folder {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the log folder {} can't be made", folder.display()))?;
        let file = folder.join("cxc.log");
        let rotating = FileRotate::new(
            file,
            AppendCount::new(OLD_FILES),
            ContentLimit::BytesSurpassed(FILE_BYTES),
            Compression::None,
            None,
        );
        let (writer, guard) = NonBlockingBuilder::default().thread_name("log-files").finish(rotating);
        writers.push(BoxMakeWriter::new(writer));
        guards.push(guard);
    }
    let all = writers
        .into_iter()
        .reduce(|a, b| BoxMakeWriter::new(a.and(b)))
        .unwrap_or_else(|| BoxMakeWriter::new(std::io::sink));
    let lines = tracing_subscriber::fmt::layer().with_writer(all).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    let subscriber: Subscriber = if options.json {
        Box::new(registry.with(lines.json().flatten_event(true)))
    } else {
        Box::new(registry.with(lines))
    };
    Ok((subscriber, guards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_goes_to_the_file() {
        let folder = std::env::temp_dir().join(format!("cxc-log-{}", std::process::id()));
        let options = LogOptions { level: "info".into(), json: true, folder: Some(folder.clone()), stdout: false };
        let (subscriber, guards) = subscriber(&options).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("not at this level");
            tracing::info!(job = 7, "imported");
        });
        drop(guards);
        let text = std::fs::read_to_string(folder.join("cxc.log")).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["message"], &line["job"]), (&"imported".into(), &7.into()));
    }

    #[test]
    fn a_wrong_level_is_refused() {
        for text in ["", "info,=", "loud", "info,cxc_store", "info,cxc_store=loud", "=debug"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_tells_numbers_of_people_is_silent_unless_it_is_named() {
        let is_on = |text| filter(text).unwrap().would_enable("rsipstack::transaction", &tracing::Level::ERROR);
        assert!(!is_on("info") && !is_on("trace,cxc_sip=debug") && is_on("info,rsipstack=warn"));
    }

    #[test]
    fn a_part_of_the_program_has_a_level_of_its_own() {
        let filter = filter("warn, cxc_store=debug,sqlx=off").unwrap();
        let is_on = |target: &str, level| filter.would_enable(target, &level);
        assert!(is_on("cxc_store::db", tracing::Level::DEBUG) && !is_on("cxc_core", tracing::Level::INFO));
        assert!(!is_on("sqlx::query", tracing::Level::ERROR));
    }
}
