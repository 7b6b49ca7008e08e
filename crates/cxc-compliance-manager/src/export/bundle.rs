//! The file: decisions and attempts as JSON lines and as CSV, a manifest that names them by their hashes, and its signature.
use std::io::{Cursor, Read, Write};

use anyhow::{Context, bail, ensure};
use cxc_core::csv_cell::guard;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::sign::{Signer, is_signed};
use crate::evidence::came_out;
use crate::history::AttemptView;

/// What the file is, told apart from any other signed text.
const FORMAT: &str = "cxc-evidence-1";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";
/// The members besides those two.
const DECISIONS: &str = "decisions.jsonl";
const TABLE: &str = "decisions.csv";
const ATTEMPTS: &str = "attempts.jsonl";
const ATTEMPTS_TABLE: &str = "attempts.csv";
/// No honest member is larger when unpacked.
const LARGEST: u64 = 1 << 30;

/// A member of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What the signature is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `cxc-evidence-1`.
    pub format: String,
    /// The tenant's ccid.
    pub ccid: String,
    /// What was asked for, in words.
    pub subject: String,
    /// Not before this moment.
    pub from: Option<String>,
    /// Before this moment.
    pub till: Option<String>,
    /// When it was written.
    pub exported_at: String,
    /// How many decisions it holds.
    pub decisions: usize,
    /// How many attempts it holds. Files of before this member hold none.
    #[serde(default)]
    pub attempts: usize,
    /// The program's version.
    pub software: String,
    /// The public key of the installation, base64.
    pub public_key: String,
    /// The other members.
    pub files: Vec<Member>,
}

/// A decision as it is handed out.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// Its id.
    pub id: &'a str,
    /// The device, unless the person was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
    /// The decision as it is kept.
    pub decision: Value,
}

/// Collects decisions and attempts.
pub struct Bundle {
    lines: Vec<u8>,
    table: csv::Writer<Vec<u8>>,
    decisions: usize,
    attempt_lines: Vec<u8>,
    attempt_table: csv::Writer<Vec<u8>>,
    attempts: usize,
}

const COLUMNS: [&str; 12] = [
    "id",
    "at",
    "group",
    "channel",
    "device",
    "decision",
    "held",
    "not_before",
    "not_after",
    "reasons",
    "rules_version",
    "rules_sha256",
];

/// The columns of attempts, each with its member in JSON.
const ATTEMPT_COLUMNS: [(&str, &str); 10] = [
    ("id", "id"),
    ("guid", "guid"),
    ("started_at", "startedAt"),
    ("finished_at", "finishedAt"),
    ("channel", "channel"),
    ("address", "address"),
    ("state", "state"),
    ("result", "result"),
    ("disposition", "disposition"),
    ("rules_version", "ruleSet"),
];

impl Bundle {
    /// Nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(COLUMNS)?;
        let mut attempt_table = csv::Writer::from_writer(Vec::new());
        attempt_table.write_record(ATTEMPT_COLUMNS.map(|(name, _)| name))?;
        let (lines, attempt_lines) = (Vec::new(), Vec::new());
        Ok(Self { lines, table, decisions: 0, attempt_lines, attempt_table, attempts: 0 })
    }

    /// Adds an attempt, whoever decided about it and whether anybody did.
    pub fn add_attempt(&mut self, attempt: &AttemptView) -> anyhow::Result<()> {
        let value = serde_json::to_value(attempt)?;
        serde_json::to_writer(&mut self.attempt_lines, &value)?;
        self.attempt_lines.push(b'\n');
        let field = |(_, member): (&str, &str)| match member {
            "result" => text(&value[member]["name"]),
            member => text(&value[member]),
        };
        let fields = ATTEMPT_COLUMNS.map(field);
        self.attempt_table.write_record(fields.iter().map(|field| guard(field).into_owned()))?;
        self.attempts += 1;
        Ok(())
    }

    /// Adds a decision.
    pub fn add(&mut self, line: &Line<'_>, at: &str, group: &str) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.lines, line)?;
        self.lines.push(b'\n');
        let decision = &line.decision;
        let verdict = &decision["verdict"];
        let reasons = verdict["reasons"].as_array().into_iter().flatten();
        let reasons = reasons.map(|r| format!("{}@{}", text(&r["rule"]["id"]), text(&r["rule"]["version"])));
        let fields = [
            line.id.to_owned(),
            at.to_owned(),
            group.to_owned(),
            text(&decision["channel"]),
            line.device.unwrap_or_default().to_owned(),
            came_out(verdict, decision["held"].as_str()),
            text(&decision["held"]),
            text(&verdict["notBefore"]),
            text(&verdict["notAfter"]),
            reasons.collect::<Vec<_>>().join(" "),
            text(&decision["rules"]["version"]),
            text(&decision["rules"]["sha256"]),
        ];
        self.table.write_record(fields.iter().map(|field| guard(field).into_owned()))?;
        self.decisions += 1;
        Ok(())
    }

    /// How many decisions it holds.
    pub fn len(&self) -> usize {
        self.decisions
    }

    /// The whole file. The manifest is given without what follows from the content.
    pub fn finish(self, mut manifest: Manifest, signer: &Signer) -> anyhow::Result<Vec<u8>> {
        let inner =
            |table: csv::Writer<Vec<u8>>| table.into_inner().map_err(|e| anyhow::anyhow!("a table: {}", e.error()));
        let (table, attempt_table) = (inner(self.table)?, inner(self.attempt_table)?);
        let members =
            [(DECISIONS, self.lines), (TABLE, table), (ATTEMPTS, self.attempt_lines), (ATTEMPTS_TABLE, attempt_table)];
        FORMAT.clone_into(&mut manifest.format);
        (manifest.decisions, manifest.attempts) = (self.decisions, self.attempts);
        manifest.public_key = signer.public_key();
        manifest.files = members.iter().map(|(name, bytes)| member(name, bytes)).collect();
        let text = serde_json::to_vec_pretty(&manifest)?;
        let signature = signer.sign(&text);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let own = [(MANIFEST, text), (SIGNATURE, signature.into_bytes())];
        for (name, bytes) in own.iter().chain(&members) {
            zip.start_file(*name, options)?;
            zip.write_all(bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn member(name: &str, bytes: &[u8]) -> Member {
    Member { name: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256(bytes) }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file is whole and signed: by the key that is given, else by the one that it names itself. Answers what it
/// says; the error says what is wrong.
pub fn verify(bytes: &[u8], public_key: Option<&str>) -> anyhow::Result<Manifest> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).context("it is no ZIP file")?;
    let text = read(&mut zip, MANIFEST)?;
    let signature = String::from_utf8(read(&mut zip, SIGNATURE)?).context("its signature is no text")?;
    let manifest: Manifest = serde_json::from_slice(&text).context("its manifest can't be read")?;
    ensure!(manifest.format == FORMAT, "its format is {}, not {FORMAT}", manifest.format);
    let key = public_key.unwrap_or(&manifest.public_key);
    ensure!(is_signed(&text, &signature, key), "its manifest is not signed by the key {key}");
    for wanted in &manifest.files {
        let found = member(&wanted.name, &read(&mut zip, &wanted.name)?);
        ensure!(found == *wanted, "its member {} was changed", wanted.name);
    }
    let known = |name: &str| [MANIFEST, SIGNATURE].contains(&name) || manifest.files.iter().any(|f| f.name == name);
    for name in zip.file_names() {
        let name = name.context("the name of a member can't be read")?;
        if !known(&name) {
            bail!("its member {name} is not in its manifest");
        }
    }
    Ok(manifest)
}

fn read(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> anyhow::Result<Vec<u8>> {
    let member = zip.by_name(name).with_context(|| format!("its member {name} is missing"))?;
    let mut bytes = Vec::new();
    let length = member.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("its member {name}"))?;
    ensure!(length as u64 <= LARGEST, "its member {name} unpacks to more than 1 GiB");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cxc_core::hash::HashKey;
    use serde_json::json;

    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: String::new(),
            ccid: "c".into(),
            subject: "a person".into(),
            from: None,
            till: None,
            exported_at: "2026-01-01T00:00:00Z".into(),
            decisions: 0,
            attempts: 0,
            software: "0".into(),
            public_key: String::new(),
            files: Vec::new(),
        }
    }

    fn file(signer: &Signer) -> Vec<u8> {
        let mut bundle = Bundle::new().unwrap();
        let decision = json!({ "channel": "sms", "rules": { "version": 3 }, "verdict": { "decision": "deny",
            "reasons": [{ "rule": { "id": "US-TCPA-HOURS", "version": 1 } }] } });
        let line = Line { id: "20260301-1f-1-0", device: Some("+12025550123"), decision };
        bundle.add(&line, "2026-03-01T12:00:00Z", "spring").unwrap();
        bundle.finish(manifest(), signer).unwrap()
    }

    /// The file with one member written anew, or added.
    fn changed(bytes: &[u8], name: &str, with: &[u8]) -> Vec<u8> {
        let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut new = ZipWriter::new(Cursor::new(Vec::new()));
        let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
        for own in names {
            let content = if own == name { with.to_vec() } else { read(&mut zip, &own).unwrap() };
            new.start_file(own, SimpleFileOptions::default()).unwrap();
            new.write_all(&content).unwrap();
        }
        new.finish().unwrap().into_inner()
    }

    #[test]
    fn a_file_verifies_by_its_own_key_and_by_the_one_that_is_known() {
        let signer = Signer::new(&HashKey([1; 16])).unwrap();
        let bytes = file(&signer);
        assert_eq!(verify(&bytes, None).unwrap().decisions, 1);
        assert_eq!(verify(&bytes, Some(&signer.public_key())).unwrap().files.len(), 4);
        let other = Signer::new(&HashKey([2; 16])).unwrap().public_key();
        assert!(verify(&bytes, Some(&other)).unwrap_err().to_string().contains("not signed by the key"));
    }

    #[test]
    fn what_was_held_back_is_no_allowed_attempt_in_the_table() {
        let mut bundle = Bundle::new().unwrap();
        for (decision, held) in
            [("allow", Some("in_flight_elsewhere")), ("deny", Some("history_pending")), ("allow", None)]
        {
            let mut kept = json!({ "channel": "sms", "verdict": { "decision": decision, "reasons": [] } });
            if let Some(held) = held {
                kept["held"] = json!(held);
            }
            bundle.add(&Line { id: "1", device: None, decision: kept }, "2026-03-01T12:00:00Z", "1").unwrap();
        }
        let table = bundle.table.into_inner().unwrap();
        let mut read = csv::Reader::from_reader(table.as_slice());
        let place = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
        assert_eq!(read.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let rows: Vec<_> = read.records().map(Result::unwrap).collect();
        let shown: Vec<_> = rows.iter().map(|row| (&row[place("decision")], &row[place("held")])).collect();
        assert_eq!(shown, [("defer", "in_flight_elsewhere"), ("deny", "history_pending"), ("allow", "")]);
    }

    #[test]
    fn a_file_that_was_changed_is_refused_with_the_member() {
        let signer = Signer::new(&HashKey([1; 16])).unwrap();
        let bytes = file(&signer);
        let wrong = |name: &str, with: &[u8]| verify(&changed(&bytes, name, with), None).unwrap_err().to_string();
        assert_eq!(wrong(DECISIONS, b"{}\n"), "its member decisions.jsonl was changed");
        assert_eq!(wrong("extra.txt", b"x"), "its member extra.txt is not in its manifest");
        assert!(wrong(SIGNATURE, b"AAAA").contains("not signed"));
        assert!(wrong(MANIFEST, b"{}").contains("manifest can't be read"));
        assert!(verify(b"no zip", None).unwrap_err().to_string().contains("no ZIP"));
        assert!(verify(&bytes[..bytes.len() / 2], None).is_err());
    }
}
