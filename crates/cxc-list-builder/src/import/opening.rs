//! A file is opened, and what its columns are is decided.
use std::path::{Path, PathBuf};

use cxc_server::job_runner::JobError;

use super::outcome::Detail;
use super::settings::ImportSettings;
use super::stop::Stop;
use super::warnings::WarningKind;
use crate::file::{self, Doubt, FileKind, FileReader, Limits};
use crate::mapping::{Mapping, Plan, PlannedColumn, Purpose, Specification, Why};

/// An open file with the plan of its columns.
pub(crate) struct Opened {
    pub file: FileReader,
    pub plan: Plan,
    pub detail: Detail,
    /// What is to be said of the whole file: of columns that no line names, and what else is odd about it.
    pub remarks: Vec<(WarningKind, String)>,
}

/// Opens the file of an import.
pub(crate) async fn open(settings: &ImportSettings, path: PathBuf, purpose: Purpose) -> Result<Opened, Stop> {
    let settings = settings.clone();
    let opened = tokio::task::spawn_blocking(move || open_blocking(&settings, &path, purpose)).await;
    opened.map_err(|error| JobError::Internal(error.into()))?
}

fn open_blocking(settings: &ImportSettings, path: &Path, purpose: Purpose) -> Result<Opened, Stop> {
    let mut options = settings.read_options()?;
    if !matches!(purpose, Purpose::Contacts | Purpose::Updates) {
        options.limits = Limits::line_by_line();
    }
    let file = file::open(path, &options)?;
    let specification = settings.specification.as_deref().map(Specification::parse).transpose()?;
    let mapping = match (&settings.mapping, &specification) {
        (Some(document), _) => Mapping::Document(document),
        (None, Some(specification)) => Mapping::Specification(specification),
        (None, None) => Mapping::Auto,
    };
    let plan = Plan::new(&file, mapping, purpose)?;
    let detail = Detail {
        encoding: file.encoding.to_owned(),
        delimiter: match file.kind {
            FileKind::Delimited('\t') => Some("tab".into()),
            FileKind::Delimited(sign) => Some(sign.to_string()),
            FileKind::Fixed | FileKind::Spreadsheet => None,
        },
        mapping: file.notes.iter().cloned().chain(plan.notes()).collect(),
        ..Detail::default()
    };
    let unnamed = if settings.mapping.is_none() && specification.is_none() { unnamed(&file, &plan) } else { None };
    let doubts = file.doubts.iter().map(|doubt| (kind_of(*doubt), doubt.to_string()));
    let remarks = doubts.chain(unnamed.map(|text| (WarningKind::NoHeader, text))).collect();
    Ok(Opened { file, plan, detail, remarks })
}

fn kind_of(doubt: Doubt) -> WarningKind {
    match doubt {
        Doubt::OtherSheets(_) => WarningKind::OtherSheets,
        Doubt::MixedEncoding(_) => WarningKind::MixedEncoding,
    }
}

/// Says that columns of a file without a line of names are kept under their numbers only.
fn unnamed(file: &FileReader, plan: &Plan) -> Option<String> {
    let is_lost = |c: &&PlannedColumn| c.why == Some(Why::Rest) && !c.samples.is_empty();
    let lost: Vec<&str> = plan.columns().iter().filter(is_lost).map(|c| c.name.as_str()).collect();
    if !file.header.is_empty() || lost.is_empty() {
        return None;
    }
    let (names, are) = (lost.join(", "), if lost.len() == 1 { "is" } else { "are" });
    Some(format!(
        "the first line is data and names no column: {names} {are} kept as custom only, not as names, country or state; \
         put a first line such as ClientId,FirstName,LastName,Mobile,Email into the file, or give a mapping, and import \
         it again"
    ))
}
