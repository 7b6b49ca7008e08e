//! What an import did, for the API, the command line and the list of imports.
use cxc_store::import::{ImportCounts, ListImport};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::warnings::Warning;
use crate::consents::ConsentCounts;

/// What an import found out besides its counts; kept with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Detail {
    /// Values that were changed.
    pub warnings: Vec<Warning>,
    /// The encoding's name.
    pub encoding: String,
    /// The sign between columns; nothing for other files.
    pub delimiter: Option<String>,
    /// What was found out of the file, and which column is what, in words.
    pub mapping: Vec<String>,
    /// From start to end.
    pub duration_ms: u64,
    /// The name of the rejects file in the folder of rejects; nothing if no line was rejected.
    pub rejects_file: Option<String>,
    /// The name of the file of warnings beside it; nothing if everything of the lines that were taken was taken.
    pub warnings_file: Option<String>,
    /// Entries of an opt-out list that people asked for and that the file would have changed or dropped.
    pub kept: i64,
    /// What it brought into the ledger of consents.
    pub consents: ConsentCounts,
    /// Why it failed.
    pub error: Option<String>,
}

/// What an import did. The counts always add up to `lines`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportOutcome {
    /// The import.
    pub id: String,
    /// Its job.
    pub job_id: Uuid,
    /// The name of its file.
    pub file_name: String,
    /// append, update or replace.
    pub mode: String,
    /// running, published, undoing, undone, cancelled or failed.
    pub outcome: String,
    /// Records of the file after its header.
    pub lines: i64,
    /// New contacts.
    pub imported: i64,
    /// Contacts that were changed.
    pub updated: i64,
    /// Lines with a key that was there already.
    pub duplicate: i64,
    /// Lines that are wrong.
    pub rejected: i64,
    /// Lines that the selection rule does not take.
    pub filtered: i64,
    /// Lines with nothing in them.
    pub blank: i64,
    /// Devices of the contacts that were imported or changed.
    pub devices: i64,
    /// The rejects file: its name, or where it can be fetched. Nothing if no line was rejected.
    pub rejects_file: Option<String>,
    /// Values that were left out or taken in another form, counted by kind.
    pub warnings: Vec<Warning>,
    /// The list of these values with line, column and reason: its name, or where it can be fetched. Nothing if there
    /// are none.
    #[serde(default)]
    pub warnings_file: Option<String>,
    /// The encoding of the file.
    pub encoding: String,
    /// The sign between its columns.
    pub delimiter: Option<String>,
    /// What was found out of the file, in words.
    pub mapping: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Entries of an opt-out list that people asked for and that stay whatever the file says.
    pub kept: i64,
    /// What it brought into the ledger of consents.
    pub consents: ConsentCounts,
    /// Why it failed.
    pub error: Option<String>,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
}

impl ImportOutcome {
    /// The outcome of a stored import.
    pub fn of(import: &ListImport) -> Self {
        let detail: Detail = serde_json::from_value(import.detail.0.clone()).unwrap_or_default();
        let counts = import.counts;
        Self {
            id: import.number.to_string(),
            job_id: import.job,
            file_name: import.file_name.clone(),
            mode: import.mode.clone(),
            outcome: import.state.clone(),
            lines: counts.lines,
            imported: counts.imported,
            updated: counts.updated,
            duplicate: counts.duplicate,
            rejected: counts.rejected,
            filtered: counts.filtered,
            blank: counts.blank,
            devices: counts.devices,
            rejects_file: detail.rejects_file,
            warnings: detail.warnings,
            warnings_file: detail.warnings_file,
            encoding: detail.encoding,
            delimiter: detail.delimiter,
            mapping: detail.mapping,
            duration_ms: detail.duration_ms,
            kept: detail.kept,
            consents: detail.consents,
            error: detail.error,
            started_at: cxc_server::app::time_text(import.started_at),
            finished_at: import.finished_at.map(cxc_server::app::time_text),
        }
    }

    /// The counts.
    pub fn counts(&self) -> ImportCounts {
        ImportCounts {
            lines: self.lines,
            imported: self.imported,
            updated: self.updated,
            duplicate: self.duplicate,
            rejected: self.rejected,
            filtered: self.filtered,
            blank: self.blank,
            devices: self.devices,
        }
    }

    /// The warnings in the form of the command line.
    pub fn warnings_json(&self) -> Value {
        let one = |w: &Warning| json!({ "kind": w.kind, "count": w.count, "first_line": w.first_line, "text": w.text });
        self.warnings.iter().map(one).collect()
    }

    /// The form of the command line: names with underscores, the rejects file by `path`.
    pub fn cli_json(&self, rejects_path: Option<&str>) -> Value {
        json!({
            "lines": self.lines,
            "imported": self.imported,
            "updated": self.updated,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "filtered": self.filtered,
            "blank": self.blank,
            "devices": self.devices,
            "kept": self.kept,
            "consents": self.consents.consents,
            "opt_outs": self.consents.opt_outs,
            "held_back": self.consents.held_back,
            "rejects_file": rejects_path,
            "warnings": self.warnings_json(),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "mapping": self.mapping,
            "duration_ms": self.duration_ms,
        })
    }
}
