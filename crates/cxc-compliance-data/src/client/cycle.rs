//! One look at the provider: manifest, files, checks, activation. One process at a time does it, under a lease.
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::time::Duration;

use cxc_core::compliance_data::{
    self, BadManifest, DataFile, DataKind, Manifest, Refusal, WantedCountries, apply, needs,
};
use cxc_core::location::Country;
use cxc_store::compliance_data::{FileState, GenerationFile, GenerationRow, LEASE, note_check};
use cxc_store::lease::Lease;
use cxc_store::{Db, StoreError};
use serde::{Deserialize, Serialize};

use super::fetch::{FetchError, Fetched};
use super::{Client, dnc};
use crate::gzip::{pack, unpack};
use crate::live::{LiveData, Source};

/// How long the lease lives, in microseconds, and how often it is renewed.
const LEASE_LIFE: i64 = 60_000_000;
const RENEW: Duration = Duration::from_secs(15);
/// The most bytes of a manifest.
const MANIFEST: u64 = 1 << 20;
/// A file that does not shrink by compression is a little larger.
const OVERHEAD: u64 = 64 << 10;

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A generation was activated.
    Activated(String),
    /// The generation in use is the latest.
    Unchanged,
    /// Another process is looking.
    Busy,
}

/// Why nothing was activated. What is in use stays in use.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// Nothing came.
    #[error("{file}{error}", file = .file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default())]
    Fetch {
        /// Which file was asked for; nothing for the manifest.
        file: Option<String>,
        /// Why.
        error: FetchError,
    },
    /// The manifest is not believed.
    #[error(transparent)]
    Manifest(#[from] BadManifest),
    /// A file is not used, and so none is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody plays back an older manifest.
    #[error("the manifest is of generation {found}, which is before {in_use}: an older one is not taken")]
    Older {
        /// What came.
        found: String,
        /// What is in use.
        in_use: String,
    },
    /// Nothing says whose signature counts.
    #[error("compliance_data.cdp_ng.public_key is not set: nothing that was downloaded can be believed")]
    NoKey,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of ours failed.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// What is known of the latest look, for all processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LastCheck {
    /// When, in microseconds.
    pub at: i64,
    /// When the provider was last heard of with nothing to complain about, in microseconds.
    pub good_at: Option<i64>,
    /// The tag of the manifest that is in use.
    pub tag: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// The latest release of the time zone database that the provider knows.
    pub latest_tzdb: Option<String>,
}

impl LastCheck {
    /// What was noted, by whichever process looked last.
    pub async fn read(db: &Db) -> Result<Self, StoreError> {
        let text = db.read().await?.compliance_check().await?;
        // a note of another release of this program is none
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}

impl Client {
    /// Looks once, unless another process does. `unusual_counts`: a person says that a jump of row counts is right.
    pub async fn cycle(&self, db: &Db, live: &LiveData, unusual_counts: bool) -> Result<Outcome, CycleError> {
        let mut tx = db.begin().await?;
        let lease = tx.lease_acquire(LEASE, &self.holder, LEASE_LIFE).await?;
        tx.commit().await?;
        let Some(lease) = lease else { return Ok(Outcome::Busy) };
        let done = tokio::select! {
            done = self.noted(db, live, unusual_counts) => done,
            lost = self.renew(db, &lease) => Err(lost.into()),
        };
        let mut tx = db.begin().await?;
        tx.lease_release(&lease).await?;
        tx.commit().await?;
        done
    }

    /// Keeps the lease; ends only when it is lost.
    async fn renew(&self, db: &Db, lease: &Lease) -> StoreError {
        loop {
            tokio::time::sleep(RENEW).await;
            let renewed = async {
                let mut tx = db.begin().await?;
                let renewed = tx.lease_acquire(LEASE, &self.holder, LEASE_LIFE).await?;
                tx.commit().await?;
                Ok::<_, StoreError>(renewed)
            };
            match renewed.await {
                Ok(Some(renewed)) if renewed.token == lease.token => {}
                Ok(_) => return StoreError::LeaseLost(LEASE.into()),
                Err(error) => tracing::warn!(%error, "the lease of compliance data can't be renewed"),
            }
        }
    }

    /// A look whose outcome is noted for all processes.
    async fn noted(&self, db: &Db, live: &LiveData, unusual_counts: bool) -> Result<Outcome, CycleError> {
        live.take_over(db).await?;
        let before = LastCheck::read(db).await?;
        let done = self.look(db, live, unusual_counts, &before).await;
        let at = self.clock.now().as_microsecond();
        let note = match &done {
            Ok((_, manifest)) => LastCheck {
                at,
                good_at: Some(at),
                error: None,
                tag: manifest.as_ref().map_or(before.tag, |(_, tag)| tag.clone()),
                latest_tzdb: manifest.as_ref().map_or(before.latest_tzdb, |(latest, _)| latest.clone()),
            },
            Err(error) => LastCheck { at, error: Some(error.to_string()), tag: None, ..before },
        };
        let text = serde_json::to_string(&note).map_err(anyhow::Error::from)?;
        note_check(db, &text).await?;
        if let Err(CycleError::Refused(refusal)) = &done {
            self.note_refusal(db, refusal).await?;
        }
        done.map(|(outcome, _)| outcome)
    }

    async fn look(
        &self,
        db: &Db,
        live: &LiveData,
        unusual_counts: bool,
        before: &LastCheck,
    ) -> Result<(Outcome, Option<(Option<String>, Option<String>)>), CycleError> {
        let Some(key) = live.key() else { return Err(CycleError::NoKey) };
        let in_use = live.in_use();
        // a tag is that of a manifest whose generation is in use, else the manifest is read again
        let states = db.read().await?.compliance_file_states().await?;
        let open = |state: &FileState| state.kind == "dnc" && is_open(state, unusual_counts);
        let tag = before.tag.as_deref().filter(|_| in_use.source == Source::Cdp && !states.iter().any(open));
        let Some((text, tag)) = self.manifest(live, tag).await? else { return Ok((Outcome::Unchanged, None)) };
        let manifest = Manifest::read(text.as_bytes(), key)?;
        live.demand_tzdb(&manifest);
        let told = Some((manifest.tzdb.as_ref().and_then(|tzdb| tzdb.latest.clone()), tag));
        let row = db.read().await?.compliance_generations().await?.into_iter().next();
        let newest = row.as_ref().and_then(|row| Manifest::read(row.manifest.as_bytes(), key).ok());
        if let Some(newest) = &newest {
            if manifest.number() < newest.number() {
                let (found, in_use) = (manifest.generation, newest.generation.clone());
                return Err(CycleError::Older { found, in_use });
            }
            if manifest == *newest && in_use.source == Source::Cdp {
                // lists that were not loaded when the tables were: this process may have ended between the two
                let lists = manifest.files.iter().filter(|file| {
                    let of = |state: &&FileState| state.kind == "dnc" && state.country == file.country.as_str();
                    file.kind == DataKind::Dnc && states.iter().find(of).is_some_and(open)
                });
                let lists = self.lists(&lists.collect::<Vec<_>>()).await?;
                self.load_lists(db, lists, unusual_counts).await?;
                return Ok((Outcome::Unchanged, told));
            }
        }
        let now = self.clock.now();
        let files = needs(&manifest, live.wanted(), now)?;
        let texts = self.texts(db, row.as_ref(), &newest, &files).await?;
        let files = without_known_lists(files, newest.as_ref(), &states);
        let lists = self.lists(&files).await?;
        let texts = texts.into_iter().map(|(file, text)| (file.clone(), text)).collect();
        let counted = Some(in_use.counts.clone()).filter(|_| !unusual_counts);
        let (texts, checked) = live.check(texts, counted).await?;
        let checked = checked?;
        let new = GenerationRow {
            seq: 0,
            generation: manifest.generation.clone(),
            manifest: text,
            unusual_counts,
            activated_at: now.as_microsecond(),
        };
        let seq = self.activate(db, &new, texts, &files).await?;
        live.put(Source::Cdp, &GenerationRow { seq, ..new }, &manifest, checked);
        self.load_lists(db, lists, unusual_counts).await?;
        tracing::info!("compliance data of generation {} was downloaded and is in use", manifest.generation);
        Ok((Outcome::Activated(manifest.generation), told))
    }

    /// The text of the manifest and its tag; nothing when it is the one that is known.
    async fn manifest(
        &self,
        live: &LiveData,
        tag: Option<&str>,
    ) -> Result<Option<(String, Option<String>)>, CycleError> {
        let countries: WantedCountries = WantedCountries(live.wanted().all().map(|(_, country)| country).collect());
        let kinds: Vec<&str> =
            live.wanted().0.iter().filter(|(_, c)| !c.0.is_empty()).map(|(k, _)| k.as_str()).collect();
        let url = format!("{}?country={countries}&type={}", self.settings.url, kinds.join(","));
        let told = |error| CycleError::Fetch { file: None, error };
        match self.fetch(&url, tag, MANIFEST).await.map_err(told)? {
            Fetched::Same => Ok(None),
            Fetched::Gone => Err(told(FetchError::Status(410))),
            Fetched::File(mut file, tag) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(|_| told(FetchError::Answer("text")))?;
                Ok(Some((text, tag)))
            }
        }
    }

    /// The rows of every table: those that did not change from the store, the others by their changes or as a whole.
    async fn texts<'a>(
        &self,
        db: &Db,
        row: Option<&GenerationRow>,
        newest: &Option<Manifest>,
        files: &[&'a DataFile],
    ) -> Result<Vec<(&'a DataFile, String)>, CycleError> {
        let kept: HashMap<String, Vec<u8>> = match row {
            Some(row) => db.read().await?.compliance_generation_files(row.seq).await?.into_iter().collect(),
            None => HashMap::new(),
        };
        let mut texts = Vec::new();
        for file in files.iter().filter(|file| file.kind != DataKind::Dnc) {
            let before = newest.as_ref().and_then(|manifest| manifest.file(file.kind, file.country));
            let before = before.and_then(|before| {
                let text = unpack(&kept.get(&before.sha256)?[..], before.bytes).ok()?;
                Some((before, text))
            });
            let text = match before {
                Some((before, text)) if before.sha256 == file.sha256 => text,
                before => self.text(file, before).await?,
            };
            texts.push((*file, text));
        }
        Ok(texts)
    }

    async fn text(&self, file: &DataFile, before: Option<(&DataFile, String)>) -> Result<String, CycleError> {
        let told = |error| CycleError::Fetch { file: Some(format!("{} of {}", file.kind, file.country)), error };
        if let Some((before, text)) = &before
            && let Some(changed) = self.changed(file, before, text).await.map_err(told)?
        {
            return Ok(changed);
        }
        let most = file.bytes + OVERHEAD;
        let fetched = self.fetch(&self.below(&file.url), None, most).await.map_err(told)?;
        let Fetched::File(packed, _) = fetched else { return Err(told(FetchError::Status(410))) };
        self.count_download();
        let refused = |e: std::io::Error| Refusal { kind: file.kind, country: file.country, reason: e.to_string() };
        let text = unpack(packed, file.bytes).map_err(refused)?;
        file.check_rows(text.as_bytes())?;
        Ok(text)
    }

    /// The rows by their changes since the version that is kept; nothing where the provider has none, has them no
    /// more, or they do not fit: then the whole file is asked for.
    async fn changed(&self, file: &DataFile, before: &DataFile, text: &str) -> Result<Option<String>, FetchError> {
        let Some(delta) = file.delta_from.iter().find(|delta| delta.base == before.sha256) else { return Ok(None) };
        let Fetched::File(packed, _) = self.fetch(&self.below(&delta.url), None, delta.bytes + OVERHEAD).await? else {
            return Ok(None);
        };
        self.count_download();
        let changes = unpack(packed, delta.bytes).ok();
        let changes = changes.filter(|changes| compliance_data::digest(changes.as_bytes()) == delta.sha256);
        let made = changes.and_then(|changes| apply(text, &changes).ok());
        let fits = made.filter(|made| file.check_rows(made.as_bytes()).is_ok());
        if fits.is_none() {
            tracing::warn!("the changes of {} of {} do not fit: the whole is asked for", file.kind, file.country);
        }
        Ok(fits)
    }

    /// The lists of numbers, downloaded and checked as a whole, before anything is activated.
    async fn lists(&self, files: &[&DataFile]) -> Result<Vec<dnc::List>, CycleError> {
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
    async fn load_lists(&self, db: &Db, lists: Vec<dnc::List>, forced: bool) -> Result<(), CycleError> {
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

    async fn activate(
        &self,
        db: &Db,
        row: &GenerationRow,
        texts: Vec<(DataFile, String)>,
        files: &[&DataFile],
    ) -> Result<i64, CycleError> {
        let packing = tokio::task::spawn_blocking(move || {
            let packed = texts.iter().map(|(file, text)| {
                Ok(GenerationFile {
                    kind: file.kind.to_string(),
                    country: file.country.to_string(),
                    sha256: file.sha256.clone(),
                    body: Some(pack(text.as_bytes())?),
                })
            });
            packed.collect::<std::io::Result<Vec<_>>>()
        });
        let packed = packing.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
        let state = |file: &&DataFile| FileState {
            kind: file.kind.to_string(),
            country: file.country.to_string(),
            state: if file.kind == DataKind::Dnc { "downloaded" } else { "active" }.into(),
            version: file.version.clone(),
            expires: Some(file.expires.as_microsecond()),
            detail: None,
            changed_at: row.activated_at,
        };
        let states: Vec<FileState> = files.iter().map(state).collect();
        let mut tx = db.begin().await?;
        let seq = tx.compliance_generation_add(row, &packed).await?;
        tx.compliance_file_states_put(&states).await?;
        tx.commit().await?;
        Ok(seq)
    }

    async fn note_refusal(&self, db: &Db, refusal: &Refusal) -> Result<(), CycleError> {
        note_refusal(db, refusal.kind, refusal.country, &refusal.reason, self.clock.now().as_microsecond()).await?;
        Ok(())
    }
}

/// Whether a list of numbers is still to be loaded: one that was doubted waits for a person.
fn is_open(state: &FileState, unusual_counts: bool) -> bool {
    state.state == "downloaded" || (unusual_counts && state.state == "rejected")
}

/// The files without lists of numbers that are in use as they are.
fn without_known_lists<'a>(
    files: Vec<&'a DataFile>,
    newest: Option<&Manifest>,
    states: &[FileState],
) -> Vec<&'a DataFile> {
    let is_known = |file: &DataFile| {
        let same = newest.and_then(|m| m.file(file.kind, file.country)).is_some_and(|f| f.sha256 == file.sha256);
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
async fn note_refusal(db: &Db, kind: DataKind, country: Country, reason: &str, now: i64) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let (kind, country) = (kind.to_string(), country.to_string());
    let known = tx.compliance_file_states().await?.into_iter().find(|s| s.kind == kind && s.country == country);
    let (version, expires) = known.map_or((String::new(), None), |known| (known.version, known.expires));
    let detail = Some(reason.chars().take(500).collect());
    let state = FileState { kind, country, state: "rejected".into(), version, expires, detail, changed_at: now };
    tx.compliance_file_states_put(&[state]).await?;
    tx.commit().await
}
