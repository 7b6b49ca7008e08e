//! The file: decisions and attempts as JSON lines and as CSV, a manifest that names them by their hashes, and its signature.
use anyhow::{Context, ensure};
use cxc_core::csv_cell::guard;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::container::{self, Packed};
use super::sign::{Signer, is_signed};
use super::why::{Names, called, sentence};
use crate::evidence::{ChainView, came_out};
use crate::history::AttemptView;

/// What the file is, told apart from any other signed text.
const FORMAT: &str = "cxc-evidence-2";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";
/// The members besides those two.
const DECISIONS: &str = "decisions.jsonl";
const TABLE: &str = "decisions.csv";
const ATTEMPTS: &str = "attempts.jsonl";
const ATTEMPTS_TABLE: &str = "attempts.csv";

/// A member of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
    /// The SHA-256 of the bytes as they are packed: what unpacks to the same is not the same.
    #[serde(rename = "packedSha256")]
    pub packed: String,
}

/// What the signature is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `cxc-evidence-2`.
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
    /// How many attempts it holds.
    pub attempts: usize,
    /// The chains that its decisions are part of, as they stood when it was written, and those of its time that lack their
    /// end.
    pub chains: Vec<ChainView>,
    /// The program's version.
    pub software: String,
    /// The public key of the installation, base64.
    pub public_key: String,
    /// The other members, in their order.
    pub files: Vec<Member>,
}

impl Manifest {
    /// The chains that did not hold: decisions in them may have been changed, put in or taken out before they were
    /// exported.
    pub fn broken(&self) -> impl Iterator<Item = &ChainView> {
        self.chains.iter().filter(|chain| !chain.holds)
    }
}

/// A decision as it is handed out.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// Its id.
    pub id: &'a str,
    /// The device, unless the person was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
    /// The decision as it is kept, with its ids as texts.
    pub decision: Value,
    /// What the rules and lists are called that stood in the way, by their ids.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub names: Names,
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

const COLUMNS: [&str; 14] = [
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
    "rule_names",
    "why",
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
        let reasons = verdict["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        let each = |write: &dyn Fn(&Value) -> String, between: &str| {
            reasons.iter().map(write).collect::<Vec<_>>().join(between)
        };
        let versions = |r: &Value| format!("{}@{}", text(&r["rule"]["id"]), text(&r["rule"]["version"]));
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
            each(&versions, " "),
            text(&decision["rules"]["version"]),
            text(&decision["rules"]["sha256"]),
            each(&|r| called(r, &line.names).to_owned(), "; "),
            each(&|r| sentence(r, &line.names), "; "),
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
        let contents =
            [(DECISIONS, self.lines), (TABLE, table), (ATTEMPTS, self.attempt_lines), (ATTEMPTS_TABLE, attempt_table)];
        FORMAT.clone_into(&mut manifest.format);
        (manifest.decisions, manifest.attempts) = (self.decisions, self.attempts);
        manifest.public_key = signer.public_key();
        let mut members = Vec::new();
        for (name, bytes) in &contents {
            let packed = Packed::deflated(name, bytes)?;
            manifest.files.push(member(&packed, bytes));
            members.push(packed);
        }
        let text = serde_json::to_vec_pretty(&manifest)?;
        let signature = Packed::stored(SIGNATURE, signer.sign(&text).as_bytes())?;
        members.splice(0..0, [Packed::stored(MANIFEST, &text)?, signature]);
        container::write(&members)
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn member(packed: &Packed, content: &[u8]) -> Member {
    Member {
        name: packed.name.clone(),
        bytes: content.len() as u64,
        sha256: sha256(content),
        packed: sha256(&packed.bytes),
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file is whole and signed: by the key that is given, else by the one that it names itself. Every byte of it
/// counts: its members are those of the signed manifest, in their order, and its container is as it was written. Answers
/// what it says; the error says what is wrong.
pub fn verify(bytes: &[u8], public_key: Option<&str>) -> anyhow::Result<Manifest> {
    let members = container::read(bytes)?;
    let [own, signed, files @ ..] = members.as_slice() else { anyhow::bail!("it has neither manifest nor signature") };
    for (member, name) in [(own, MANIFEST), (signed, SIGNATURE)] {
        ensure!(member.name == name, "its member {} stands in the place of {name}", member.name);
    }
    let text = own.unpack()?;
    let signature = String::from_utf8(signed.unpack()?).context("its signature is no text")?;
    let manifest: Manifest = serde_json::from_slice(&text).context("its manifest can't be read")?;
    ensure!(manifest.format == FORMAT, "its format is {}, not {FORMAT}", manifest.format);
    let key = public_key.unwrap_or(&manifest.public_key);
    ensure!(is_signed(&text, &signature, key), "its manifest is not signed by the key {key}");
    for (found, wanted) in files.iter().zip(&manifest.files) {
        ensure!(found.name == wanted.name, "its member {} stands in the place of {}", found.name, wanted.name);
        ensure!(member(found, &found.unpack()?) == *wanted, "its member {} was changed", wanted.name);
    }
    if let Some(extra) = files.get(manifest.files.len()) {
        anyhow::bail!("its member {} is not in its manifest", extra.name);
    }
    if let Some(missing) = manifest.files.get(files.len()) {
        anyhow::bail!("its member {} is missing", missing.name);
    }
    Ok(manifest)
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
            chains: Vec::new(),
            software: "0".into(),
            public_key: String::new(),
            files: Vec::new(),
        }
    }

    fn file(signer: &Signer) -> Vec<u8> {
        let mut bundle = Bundle::new().unwrap();
        let decision = json!({ "channel": "sms", "rules": { "version": 3 }, "verdict": { "decision": "deny",
            "reasons": [{ "rule": { "id": "US-TCPA-HOURS", "version": 1 } }] } });
        let line = Line { id: "20260301-1f-1-0", device: Some("+12025550123"), decision, names: Names::new() };
        bundle.add(&line, "2026-03-01T12:00:00Z", "spring").unwrap();
        bundle.finish(manifest(), signer).unwrap()
    }

    /// The file with one member written anew, or added.
    fn changed(bytes: &[u8], name: &str, with: &[u8]) -> Vec<u8> {
        let mut members = container::read(bytes).unwrap();
        let new = Packed::stored(name, with).unwrap();
        match members.iter_mut().find(|member| member.name == name) {
            Some(member) => *member = new,
            None => members.push(new),
        }
        container::write(&members).unwrap()
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
            let line = Line { id: "1", device: None, decision: kept, names: Names::new() };
            bundle.add(&line, "2026-03-01T12:00:00Z", "1").unwrap();
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
        assert!(verify(b"no zip", None).unwrap_err().to_string().contains("no file of evidence"));
        assert!(verify(&bytes[..bytes.len() / 2], None).is_err());
    }

    #[test]
    fn members_are_those_of_the_manifest_each_once_and_in_their_order() {
        let signer = Signer::new(&HashKey([1; 16])).unwrap();
        let members = container::read(&file(&signer)).unwrap();
        let wrong = |change: &dyn Fn(&mut Vec<Packed>)| {
            let mut members = members.clone();
            change(&mut members);
            verify(&container::write(&members).unwrap(), None).unwrap_err().to_string()
        };
        assert!(wrong(&|m| m.swap(2, 3)).contains("decisions.csv stands in the place of decisions.jsonl"));
        assert!(wrong(&|m| m.push(m[2].clone())).contains("decisions.jsonl is not in its manifest"), "a name twice");
        assert!(wrong(&|m| drop(m.pop())).contains("attempts.csv is missing"));
        assert!(wrong(&|m| m.swap(0, 1)).contains("manifest.sig stands in the place of manifest.json"));
        // the same content, packed in another way
        let again = |m: &mut Vec<Packed>| m[2] = Packed::stored(DECISIONS, &m[2].unpack().unwrap()).unwrap();
        assert_eq!(wrong(&again), "its member decisions.jsonl was changed");
    }

    #[test]
    fn every_byte_of_a_file_counts() {
        let signer = Signer::new(&HashKey([1; 16])).unwrap();
        let mut bytes = file(&signer);
        let key = signer.public_key();
        for at in 0..bytes.len() {
            for bit in [1, 0x10, 0x80] {
                bytes[at] ^= bit;
                assert!(verify(&bytes, Some(&key)).is_err(), "bit {bit} of byte {at} may be changed");
                bytes[at] ^= bit;
            }
        }
        assert!(verify(&bytes, Some(&key)).is_ok());
    }
}
