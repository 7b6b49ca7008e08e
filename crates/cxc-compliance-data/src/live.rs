//! The data in use in this process: what was downloaded last and believed, else what was before it, else a folder of
//! the operator's, else what is compiled in.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use cxc_core::compliance::{DataVersion, Zones};
use cxc_core::compliance_data::{
    Canaries, Counts, DataFile, DataKind, Generation, Manifest, PublicKey, Refusal, TzdbDemand, Wanted,
};
use cxc_core::location::{LiveTables, LocationTables, TableReleases};
use cxc_store::Db;
use cxc_store::compliance_data::GenerationRow;
use tokio_util::sync::CancellationToken;

use crate::gzip;

/// How often a process looks for what another one downloaded.
const LOOK: Duration = Duration::from_secs(5);
/// The most bytes of a manifest in a folder.
const MANIFEST: u64 = 1 << 20;

/// Where data in use is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It is compiled in.
    Embedded,
    /// It is from a signed folder of the operator's.
    Folder,
    /// It was downloaded.
    Cdp,
}

impl Source {
    /// As the API tells it: a folder is a kind of embedded data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded | Self::Folder => "embedded",
            Self::Cdp => "cdp",
        }
    }
}

/// What is in use.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The number of the activation; 0 for embedded data.
    pub seq: i64,
    /// Where it is from.
    pub source: Source,
    /// The name of the generation; nothing for compiled-in data.
    pub generation: Option<String>,
    /// Since when, in microseconds; nothing for embedded data.
    pub activated_at: Option<i64>,
    /// Rows by file.
    pub counts: Counts,
    /// The release and digest of leading digits and of postal codes, where they are not those compiled in.
    pub phone: Option<DataVersion>,
    /// That of postal codes.
    pub postal: Option<DataVersion>,
    /// Why a newer generation of the store is not in use.
    pub problem: Option<String>,
}

/// What tables are made of and believed by. It stays the same for the life of the process.
struct Basis {
    zones: Zones,
    outlying: bool,
    wanted: Wanted,
    key: Option<PublicKey>,
    canaries: Canaries,
}

/// The data in use in this process.
pub struct LiveData {
    /// The tables of places.
    pub tables: LiveTables,
    basis: Arc<Basis>,
    folder: Option<PathBuf>,
    downloads: bool,
    in_use: Mutex<InUse>,
    looked_at: Mutex<i64>,
}

impl std::fmt::Debug for LiveData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LiveData({:?})", self.in_use())
    }
}

impl LiveData {
    /// Begins with what is compiled in. Downloaded and folder data need the provider's key.
    pub fn new(
        zones: Zones,
        outlying: bool,
        wanted: Wanted,
        key: Option<PublicKey>,
        folder: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let tables = LocationTables::embedded()?.with_zones(&zones)?.with_outlying_zones(outlying);
        let in_use = InUse {
            seq: 0,
            source: Source::Embedded,
            generation: None,
            activated_at: None,
            counts: Generation::embedded_counts(&tables, &wanted)?,
            phone: None,
            postal: None,
            problem: None,
        };
        Ok(Self {
            tables: LiveTables::new(tables),
            basis: Arc::new(Basis { zones, outlying, wanted, key, canaries: Canaries::shipped() }),
            folder,
            downloads: true,
            in_use: Mutex::new(in_use),
            looked_at: Mutex::new(0),
        })
    }

    /// What is compiled in, and nothing else ever.
    pub fn embedded(zones: Zones) -> anyhow::Result<Self> {
        Self::new(zones, false, Wanted::default(), None, None)
    }

    /// Whether downloaded data counts: not where no provider is configured any more.
    #[must_use]
    pub fn with_downloads(self, downloads: bool) -> Self {
        Self { downloads, ..self }
    }

    /// What is in use.
    pub fn in_use(&self) -> InUse {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files that are wanted.
    pub fn wanted(&self) -> &Wanted {
        &self.basis.wanted
    }

    /// What signatures are checked with.
    pub fn key(&self) -> Option<&PublicKey> {
        self.basis.key.as_ref()
    }

    /// Makes tables of files, if everything that is asked of them holds. Takes a second of a thread of its own, and
    /// gives the files back.
    pub(crate) async fn check(
        &self,
        files: Vec<(DataFile, String)>,
        in_use: Option<Counts>,
    ) -> anyhow::Result<(Vec<(DataFile, String)>, Result<Generation, Refusal>)> {
        let basis = Arc::clone(&self.basis);
        let checking = tokio::task::spawn_blocking(move || {
            let pairs: Vec<(&DataFile, &str)> = files.iter().map(|(file, text)| (file, text.as_str())).collect();
            let checked = basis.check(&pairs, in_use.as_ref());
            drop(pairs);
            checked.map(|checked| (files, checked))
        });
        checking.await?
    }

    /// From now on decisions need the time zone database that the manifest asks for, and no later one.
    pub(crate) fn demand_tzdb(&self, manifest: &Manifest) {
        self.basis.zones.demand(manifest.tzdb.as_ref().and_then(TzdbDemand::least));
        if let Some(too_old) = self.basis.zones.too_old() {
            tracing::error!("nobody is contacted: {too_old}");
        }
    }

    /// Puts a checked generation in use, as a whole.
    pub(crate) fn put(&self, source: Source, row: &GenerationRow, manifest: &Manifest, checked: Generation) {
        let version = |kind| {
            let mut releases: Vec<&str> =
                manifest.files.iter().filter(|file| file.kind == kind).map(|file| &*file.version).collect();
            releases.sort_unstable();
            releases.dedup();
            let sha256 = checked.digests.get(&kind)?.clone();
            Some(DataVersion { version: releases.join(" "), sha256 })
        };
        let releases = TableReleases { phone: version(DataKind::Areacode), postal: version(DataKind::Postal) };
        let in_use = InUse {
            seq: row.seq,
            source,
            generation: Some(row.generation.clone()),
            activated_at: Some(row.activated_at).filter(|at| *at > 0),
            phone: releases.phone.clone(),
            postal: releases.postal.clone(),
            counts: checked.counts.clone(),
            problem: None,
        };
        self.tables.swap(checked.tables.with_releases(releases));
        *self.in_use.lock().unwrap_or_else(PoisonError::into_inner) = in_use;
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = row.seq;
    }

    /// Takes over the newest generation of the store that holds, if it is another than the one in use. Whether
    /// something changed.
    pub async fn take_over(&self, db: &Db) -> anyhow::Result<bool> {
        if self.basis.key.is_none() || !self.downloads {
            return Ok(false);
        }
        let mut tx = db.read().await?;
        let newest = tx.compliance_generation_newest().await?;
        if newest == *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        let mut problem = None;
        for row in tx.compliance_generations().await? {
            let files = tx.compliance_generation_files(row.seq).await?;
            let (basis, manifest) = (Arc::clone(&self.basis), row.manifest.clone());
            let reading = tokio::task::spawn_blocking(move || basis.read(&manifest, |file| packed(&files, file)));
            match reading.await? {
                Ok((manifest, checked)) => {
                    self.demand_tzdb(&manifest);
                    self.put(Source::Cdp, &row, &manifest, checked);
                    self.note(newest, problem);
                    tracing::info!("compliance data of generation {} is in use", row.generation);
                    return Ok(true);
                }
                Err(error) => {
                    let text = format!("generation {} of the store is not used: {error:#}", row.generation);
                    tracing::error!("{text}");
                    problem.get_or_insert(text);
                }
            }
        }
        self.note(newest, problem);
        Ok(false)
    }

    /// Puts the operator's folder in use, if there is one and it holds. For the start, before the store is asked.
    pub fn read_folder(&self) {
        let Some(folder) = self.folder.as_ref().filter(|_| self.basis.key.is_some()) else { return };
        if !folder.join("manifest.json").is_file() {
            return;
        }
        match self.folder_generation(folder) {
            Ok((row, manifest, checked)) => {
                self.demand_tzdb(&manifest);
                self.put(Source::Folder, &row, &manifest, checked);
            }
            Err(error) => {
                let text = format!("the folder of embedded_basepath is not used: {error:#}");
                tracing::error!("{text}");
                self.note(0, Some(text));
            }
        }
    }

    fn folder_generation(&self, folder: &Path) -> anyhow::Result<(GenerationRow, Manifest, Generation)> {
        let file = std::fs::File::open(folder.join("manifest.json")).context("manifest.json")?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::io::Read::take(file, MANIFEST), &mut text)?;
        let (manifest, checked) = self.basis.read(&text, |file| {
            // paths of a manifest stay below it; a link may still lead out
            let (root, path) = (folder.canonicalize().ok()?, folder.join(&file.url).canonicalize().ok()?);
            let is_small = path.starts_with(root) && path.metadata().ok()?.len() <= file.bytes.saturating_add(4096);
            is_small.then(|| std::fs::read(path).ok()).flatten()
        })?;
        let row = GenerationRow {
            seq: 0,
            generation: manifest.generation.clone(),
            manifest: text,
            unusual_counts: true,
            activated_at: 0,
        };
        Ok((row, manifest, checked))
    }

    fn note(&self, looked_at: i64, problem: Option<String>) {
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = looked_at;
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner).problem = problem;
    }

    /// Takes over what other processes download, until told to stop.
    pub async fn follow(self: Arc<Self>, db: Db, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            if let Err(error) = self.take_over(&db).await {
                tracing::warn!("compliance data can't be read from the store: {error:#}");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }
}

impl Basis {
    /// The tables that are compiled in, with the zones of this process.
    fn base(&self) -> anyhow::Result<LocationTables> {
        Ok(LocationTables::embedded()?.with_zones(&self.zones)?.with_outlying_zones(self.outlying))
    }

    /// Makes tables of files, if everything that is asked of them holds.
    fn check(
        &self,
        files: &[(&DataFile, &str)],
        in_use: Option<&Counts>,
    ) -> anyhow::Result<Result<Generation, Refusal>> {
        Ok(Generation::check(self.base()?, files, in_use, &self.canaries))
    }

    /// Reads a manifest and its files again: whoever wrote the store or the folder, the provider signed it. The row
    /// counts were looked at when it was activated, and data that has expired since is better than older data.
    fn read(
        &self,
        manifest: &str,
        packed: impl Fn(&DataFile) -> Option<Vec<u8>>,
    ) -> anyhow::Result<(Manifest, Generation)> {
        let key = self.key.as_ref().context("no key tells whose signature counts")?;
        let manifest = Manifest::read(manifest.as_bytes(), key)?;
        let mut texts = Vec::new();
        for file in manifest.files.iter().filter(|file| file.kind != DataKind::Dnc) {
            if !self.wanted.all().any(|wanted| wanted == (file.kind, file.country)) {
                continue;
            }
            let bytes = packed(file).with_context(|| format!("{} of {} is missing", file.kind, file.country))?;
            let text = gzip::unpack(&bytes[..], file.bytes);
            texts.push((file, text.with_context(|| format!("{} of {}", file.kind, file.country))?));
        }
        let files: Vec<(&DataFile, &str)> = texts.iter().map(|(file, text)| (*file, text.as_str())).collect();
        let checked = self.check(&files, None)??;
        drop(files);
        drop(texts);
        Ok((manifest, checked))
    }
}

fn packed(files: &[(String, Vec<u8>)], file: &DataFile) -> Option<Vec<u8>> {
    files.iter().find(|(sha256, _)| *sha256 == file.sha256).map(|(_, body)| body.clone())
}
