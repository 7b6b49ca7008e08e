//! Files beside the database that hold people: lines that imports rejected or warned of, and exports. The lines of a person who is
//! erased are taken out of them.
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Terminator, WriterBuilder};
use cxc_core::csv_cell::unguard;
use cxc_server::{ApiError, App};
use cxc_store::privacy::Person;
use serde::{Deserialize, Serialize};

/// What became of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasedFiles {
    /// Files that held the person.
    pub files: u64,
    /// Lines that were taken out of them.
    pub file_lines: u64,
    /// Uploads of the tenant that are still there, whoever they hold: each goes when its import has ended, or after a day.
    pub uploads: u64,
}

/// Takes the lines of a person out of the tenant's files of rejected lines, of warnings and of exports. Files know no transaction:
/// call it before the person is erased from the database, so that an erasure that is begun again does it again.
pub async fn forget(app: &App, person: &Person) -> Result<ErasedFiles, ApiError> {
    let Some(data) = app.config.files.clone() else { return Ok(ErasedFiles::default()) };
    let names = app.db.read().await?.files_of_tenant(person.tenant).await?;
    let (tenant, keys) = (person.tenant, Keys::of(person));
    let work = move || -> io::Result<ErasedFiles> {
        let mut erased = ErasedFiles { uploads: uploads(&data.join("uploads"), tenant), ..ErasedFiles::default() };
        for path in names.iter().map(|name| data.join(name)).filter(|path| path.is_file()) {
            let lines = rewrite(&path, &keys)?;
            erased.files += u64::from(lines > 0);
            erased.file_lines += lines;
        }
        Ok(erased)
    };
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?.map_err(ApiError::internal)
}

/// What a person is known by in a file, which may write it in its own way.
struct Keys {
    /// In small letters.
    addresses: Vec<String>,
    clients: Vec<String>,
}

impl Keys {
    fn of(person: &Person) -> Self {
        let addresses = person.addresses.iter().map(|(text, _)| text.to_lowercase()).filter(|text| !text.is_empty());
        let clients = person.client_ids.iter().map(|(text, _)| text.clone()).filter(|text| !text.is_empty());
        Self { addresses: addresses.collect(), clients: clients.collect() }
    }

    fn are_in(&self, cell: &[u8]) -> bool {
        let text = String::from_utf8_lossy(cell);
        let text = unguard(text.trim());
        let lower = text.to_lowercase();
        self.clients.iter().any(|id| id == text)
            || self.addresses.iter().any(|address| holds(&lower, address) || is_number(&lower, address))
    }
}

/// Whether a text has an address in it, and not as a part of a longer one.
fn holds(text: &str, address: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "._%+-@".contains(c);
    text.match_indices(address).any(|(at, _)| {
        let before = text.get(..at).and_then(|left| left.chars().next_back());
        let after = text.get(at + address.len()..).and_then(|right| right.chars().next());
        !before.is_some_and(goes_on) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether a text is this phone number written in another way, as with spaces or without its country.
fn is_number(text: &str, address: &str) -> bool {
    let Some(whole) = address.strip_prefix('+') else { return false };
    if !text.chars().all(|c| c.is_ascii_digit() || " \u{a0}()-./+".contains(c)) {
        return false;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    digits.len() >= 7 && whole.ends_with(digits)
}

/// Writes a file anew without the lines of a person; answers how many those were. A file without any stays as it is.
fn rewrite(path: &Path, keys: &Keys) -> io::Result<u64> {
    let part = path.with_extension("without");
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_path(path)?;
    let file = io::BufWriter::new(File::create(&part)?);
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).flexible(true).from_writer(file);
    let (mut record, mut taken, mut is_header) = (ByteRecord::new(), 0, true);
    while reader.read_byte_record(&mut record)? {
        if !std::mem::take(&mut is_header) && record.iter().any(|cell| keys.are_in(cell)) {
            taken += 1;
        } else {
            writer.write_byte_record(&record)?;
        }
    }
    writer.flush()?;
    if taken > 0 {
        std::fs::rename(part, path)?;
    } else {
        std::fs::remove_file(part)?;
    }
    Ok(taken)
}

/// How many uploads of a tenant there are, by what is noted beside each.
fn uploads(folder: &Path, tenant: i64) -> u64 {
    #[derive(Deserialize)]
    struct Note {
        tenant: i64,
    }
    let notes = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_own = |path: &PathBuf| {
        let note = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        path.extension().is_some_and(|e| e == "json") && note.is_some_and(|note| note.tenant == tenant)
    };
    notes.filter(is_own).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_person_is_taken_out_however_it_writes_them_and_no_other_is() {
        let folder = std::env::temp_dir().join(format!("cxc-erased-lines-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("rejects-1.csv");
        let lines = [
            "id,phone,email,line_number",
            "1,(212) 555-0123,,2",
            "2,+12125550124,,3",
            "C-9,12,,4",
            "3,,'ANN@example.com,5",
            "4,,joanna@example.com,6",
            "5,\"see +12125550123, please\",,7",
            "6,0212 555 0123,,8",
            "7,5550123,,9",
            "8,12345,,10",
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let keys =
            Keys { addresses: vec!["+12125550123".into(), "ann@example.com".into()], clients: vec!["C-9".into()] };
        assert_eq!(rewrite(&path, &keys).unwrap(), 6);
        let left = std::fs::read_to_string(&path).unwrap();
        let left: Vec<&str> = left.lines().collect();
        assert_eq!(left, [lines[0], lines[2], lines[5], lines[9]]);
        assert_eq!(rewrite(&path, &keys).unwrap(), 0);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left there");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
