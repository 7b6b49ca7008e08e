//! The lists of numbers of a generation: fetched before anything is activated, put in use after the tables, each by
//! itself.
use std::collections::BTreeMap;

use cxc_core::compliance_data::{DataFile, DataKind, Manifest};
use cxc_core::location::Country;
use cxc_store::compliance_data::FileState;
use cxc_store::{Db, StoreError};

use super::cycle::CycleError;
use super::fetch::{FetchError, Fetched};
use super::{Client, OVERHEAD, dnc};

impl Client {
    /// The lists of numbers, downloaded and checked as a whole, before anything is activated.
    pub(super) async fn lists(&self, files: &[&DataFile]) -> Result<Vec<dnc::List>, CycleError> {
        let mut lists = Vec::new();
        for file in files.iter().filter(|file| file.kind == DataKind::Dnc) {
            let told = |error| CycleError::Fetch { file: Some(format!("dnc of {}", file.country)), error };
            let fetched = self.fetch(&self.below(&file.url), None, file.bytes + OVERHEAD).await.map_err(told)?;
            let Fetched::File(packed, _) = fetched else { return Err(told(FetchError::Status(410))) };
            self.count_download();
            let file: DataFile = (*file).clone();
            let read = tokio::task::spawn_blocking(move || dnc::read(&file, packed));
            lists.extend(read.await.map_err(anyhow::Error::from)??);
        }
        Ok(lists)
    }

    /// Puts lists of numbers in use. A list that is doubted does not hold up the tables, nor the other lists.
    pub(super) async fn load_lists(&self, db: &Db, lists: Vec<dnc::List>, forced: bool) -> Result<(), CycleError> {
        let mut loaded: BTreeMap<Country, Option<String>> = BTreeMap::new();
        let now = self.clock.now().as_microsecond();
        for list in lists {
            let country = list.country;
            let doubt = dnc::load(db, &self.ids, list, forced, now).await?;
            let told = loaded.entry(country).or_default();
            *told = told.take().or(doubt);
        }
        for (country, doubt) in loaded {
            match doubt {
                Some(doubt) => note_refusal(db, DataKind::Dnc, country, &doubt, now).await?,
                None => note_active(db, DataKind::Dnc, country, now).await?,
            }
        }
        Ok(())
    }
}

/// Whether a list of numbers is still to be loaded: one that was doubted waits for a person.
pub(super) fn is_open(state: &FileState, unusual_counts: bool) -> bool {
    state.state == "downloaded" || (unusual_counts && state.state == "rejected")
}

/// The files without lists of numbers that are in use as they are.
pub(super) fn without_known_lists<'a>(
    files: Vec<&'a DataFile>,
    newest: Option<&Manifest>,
    states: &[FileState],
) -> Vec<&'a DataFile> {
    let is_known = |file: &DataFile| {
        // the same numbers of a later day are another version: age is counted from that day
        let as_it_was = |f: &DataFile| f.sha256 == file.sha256 && f.dated() == file.dated();
        let same = newest.and_then(|m| m.file(file.kind, file.country)).is_some_and(as_it_was);
        let of = |state: &&FileState| state.kind == "dnc" && state.country == file.country.as_str();
        file.kind == DataKind::Dnc && same && states.iter().find(of).is_some_and(|state| state.state == "active")
    };
    files.into_iter().filter(|file| !is_known(file)).collect()
}

/// Notes that a list of numbers is in use.
async fn note_active(db: &Db, kind: DataKind, country: Country, now: i64) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let of = |s: &FileState| s.kind == kind.as_str() && s.country == country.as_str();
    let known = tx.compliance_file_states().await?.into_iter().find(of);
    if let Some(state) = known {
        let state = FileState { state: "active".into(), detail: None, changed_at: now, ..state };
        tx.compliance_file_states_put(&[state]).await?;
    }
    tx.commit().await
}

/// Notes that a file was rejected; the version that is in use stays in the row.
pub(super) async fn note_refusal(
    db: &Db,
    kind: DataKind,
    country: Country,
    reason: &str,
    now: i64,
) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let (kind, country) = (kind.to_string(), country.to_string());
    let known = tx.compliance_file_states().await?.into_iter().find(|s| s.kind == kind && s.country == country);
    let (version, expires) = known.map_or((String::new(), None), |known| (known.version, known.expires));
    let detail = Some(reason.chars().take(500).collect());
    let state = FileState { kind, country, state: "rejected".into(), version, expires, detail, changed_at: now };
    tx.compliance_file_states_put(&[state]).await?;
    tx.commit().await
}
