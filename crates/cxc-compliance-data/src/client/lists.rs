//! The lists of numbers of a generation: fetched before anything is activated, put in use after the tables, each by
//! itself. One that does not come, is damaged or doubted holds up neither the tables nor the other lists.
use std::collections::BTreeMap;

use cxc_core::compliance_data::{DataFile, DataKind, Manifest, Refusal};
use cxc_core::location::Country;
use cxc_store::compliance_data::FileState;
use cxc_store::{Db, StoreError};

use super::cycle::CycleError;
use super::fetch::{FetchError, Fetched};
use super::{Client, OVERHEAD, dnc};

/// What came of the lists of numbers of a generation.
#[derive(Default)]
pub(super) struct Lists {
    read: Vec<dnc::List>,
    /// Those that are not used until the provider publishes others, or a person has looked.
    pub refused: Vec<Refusal>,
    /// Those that did not come: they are asked for again at the next look.
    absent: Vec<Refusal>,
}

impl Lists {
    /// What is wrong with some of them, for people.
    pub fn problem(&self) -> Option<String> {
        let told: Vec<String> = self.refused.iter().chain(&self.absent).map(ToString::to_string).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

impl Client {
    /// The lists of numbers, each downloaded and checked as a whole, before anything is activated.
    pub(super) async fn lists(&self, files: &[&DataFile]) -> Result<Lists, CycleError> {
        let mut lists = Lists::default();
        for file in files.iter().filter(|file| file.kind == DataKind::Dnc) {
            let (kind, country) = (file.kind, file.country);
            let absent = |error: FetchError| Refusal { kind, country, reason: error.to_string() };
            let packed = match self.fetch(&self.below(&file.url), None, file.bytes + OVERHEAD).await {
                Ok(Fetched::File(packed, _)) => packed,
                Ok(_) => {
                    lists.absent.push(absent(FetchError::Status(410)));
                    continue;
                }
                Err(error) => {
                    lists.absent.push(absent(error));
                    continue;
                }
            };
            self.count_download();
            let file: DataFile = (*file).clone();
            let read = tokio::task::spawn_blocking(move || dnc::read(&file, packed));
            match read.await.map_err(anyhow::Error::from)? {
                Ok(read) => lists.read.extend(read),
                Err(refused) => lists.refused.push(refused),
            }
        }
        Ok(lists)
    }

    /// Puts lists of numbers in use, and notes why the others are not.
    pub(super) async fn load_lists(&self, db: &Db, lists: Lists, forced: bool) -> Result<(), CycleError> {
        let mut loaded: BTreeMap<Country, Option<String>> = BTreeMap::new();
        let now = self.clock.now().as_microsecond();
        for refusal in &lists.refused {
            tracing::error!("a list of numbers is not used: {refusal}");
            note(db, refusal, "rejected", now).await?;
        }
        for absent in &lists.absent {
            tracing::warn!("a list of numbers is asked for again later: {absent}");
            note(db, absent, OPEN, now).await?;
        }
        for list in lists.read {
            let country = list.country;
            let doubt = dnc::load(db, &self.ids, list, forced, now).await?;
            let told = loaded.entry(country).or_default();
            *told = told.take().or(doubt);
        }
        for (country, doubt) in loaded {
            match doubt {
                Some(reason) => note(db, &Refusal { kind: DataKind::Dnc, country, reason }, "rejected", now).await?,
                None => note_active(db, DataKind::Dnc, country, now).await?,
            }
        }
        Ok(())
    }
}

/// The state of a list of numbers that is still to be loaded.
const OPEN: &str = "downloaded";

/// Whether a list of numbers is still to be loaded: one that was doubted waits for a person.
pub(super) fn is_open(state: &FileState, unusual_counts: bool) -> bool {
    state.state == OPEN || (unusual_counts && state.state == "rejected")
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

/// Notes what is wrong with a file; the version that is in use stays in the row.
pub(super) async fn note(db: &Db, wrong: &Refusal, state: &str, now: i64) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let (kind, country) = (wrong.kind.to_string(), wrong.country.to_string());
    let known = tx.compliance_file_states().await?.into_iter().find(|s| s.kind == kind && s.country == country);
    let (version, expires) = known.map_or((String::new(), None), |known| (known.version, known.expires));
    let detail = Some(wrong.reason.chars().take(500).collect());
    let state = FileState { kind, country, state: state.into(), version, expires, detail, changed_at: now };
    tx.compliance_file_states_put(&[state]).await?;
    tx.commit().await
}
