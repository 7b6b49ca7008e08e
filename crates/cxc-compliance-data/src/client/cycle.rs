//! One look at the provider: manifest, files, checks, activation. One process at a time does it, under a lease.
use std::io::Read;
use std::time::Duration;

use cxc_core::compliance_data::{BadManifest, DataKind, Manifest, Needed, Refusal, WantedCountries, needs};
use cxc_store::compliance_data::{FileState, GenerationRow, LEASE, note_check};
use cxc_store::lease::Lease;
use cxc_store::{Db, StoreError};
use serde::{Deserialize, Serialize};

use super::Client;
use super::fetch::{FetchError, Fetched};
use super::lists::{is_open, note, without_known_lists};
use crate::live::{LiveData, Source};

/// How long the lease lives, in microseconds, and how often it is renewed.
const LEASE_LIFE: i64 = 60_000_000;
const RENEW: Duration = Duration::from_secs(15);
/// The most bytes of a manifest.
const MANIFEST: u64 = 1 << 20;

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
            // what is wrong with a list of this manifest still is
            Ok((_, None)) => {
                let good_at = if before.error.is_some() { before.good_at } else { Some(at) };
                LastCheck { at, good_at, ..before }
            }
            Ok((_, Some(told))) => LastCheck {
                at,
                good_at: if told.problem.is_some() { before.good_at } else { Some(at) },
                error: told.problem.clone(),
                tag: told.tag.clone(),
                latest_tzdb: told.latest_tzdb.clone(),
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
    ) -> Result<(Outcome, Option<Told>), CycleError> {
        let Some(key) = live.key() else { return Err(CycleError::NoKey) };
        let in_use = live.in_use();
        // a tag is that of a manifest whose generation is in use, else the manifest is read again
        let states = db.read().await?.compliance_file_states().await?;
        let open = |state: &FileState| state.kind == "dnc" && is_open(state, unusual_counts);
        let tag = before.tag.as_deref().filter(|_| in_use.source == Source::Cdp && !states.iter().any(open));
        let Some((text, tag)) = self.manifest(live, tag).await? else { return Ok((Outcome::Unchanged, None)) };
        let manifest = Manifest::read(text.as_bytes(), key)?;
        let latest_tzdb = manifest.tzdb.as_ref().and_then(|tzdb| tzdb.latest.clone());
        let told = |problem| Some(Told { latest_tzdb, tag, problem });
        let row = db.read().await?.compliance_generations().await?.into_iter().next();
        let newest = row.as_ref().and_then(|row| Manifest::read(row.manifest.as_bytes(), key).ok());
        if let Some(newest) = newest.as_ref().filter(|newest| manifest.number() < newest.number()) {
            let (found, in_use) = (manifest.generation, newest.generation.clone());
            return Err(CycleError::Older { found, in_use });
        }
        live.demand_tzdb(&manifest);
        if newest.as_ref() == Some(&manifest) && in_use.source == Source::Cdp {
            // lists that were not loaded when the tables were: this process may have ended between the two
            let lists = manifest.files.iter().filter(|file| {
                let of = |state: &&FileState| state.kind == "dnc" && state.country == file.country.as_str();
                file.kind == DataKind::Dnc && states.iter().find(of).is_some_and(open)
            });
            let lists = self.lists(&lists.collect::<Vec<_>>()).await?;
            let problem = lists.problem();
            self.load_lists(db, lists, unusual_counts).await?;
            return Ok((Outcome::Unchanged, told(problem)));
        }
        let now = self.clock.now();
        let Needed { files, refused } = needs(&manifest, live.wanted(), now)?;
        let texts = self.texts(db, row.as_ref(), &newest, &files).await?;
        let files = without_known_lists(files, newest.as_ref(), &states);
        let mut lists = self.lists(&files).await?;
        lists.refused.extend(refused);
        let problem = lists.problem();
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
        Ok((Outcome::Activated(manifest.generation), told(problem)))
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

    async fn note_refusal(&self, db: &Db, refusal: &Refusal) -> Result<(), CycleError> {
        Ok(note(db, refusal, "rejected", self.clock.now().as_microsecond()).await?)
    }
}

/// What a manifest that was read tells.
struct Told {
    latest_tzdb: Option<String>,
    tag: Option<String>,
    /// What is wrong with lists of numbers, which hold up nothing else.
    problem: Option<String>,
}
