//! The tables of places of a generation: fetched as a whole or by their changes, and activated together.
use std::collections::HashMap;

use cxc_core::compliance_data::{self, DataFile, DataKind, Manifest, Refusal, apply};
use cxc_store::Db;
use cxc_store::compliance_data::{FileState, GenerationFile, GenerationRow};

use super::cycle::CycleError;
use super::fetch::{FetchError, Fetched};
use super::{Client, OVERHEAD};
use crate::gzip::{pack, unpack};

impl Client {
    /// The rows of every table: those that did not change from the store, the others by their changes or as a whole.
    pub(super) async fn texts<'a>(
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

    /// Keeps a generation and notes what became of its files.
    pub(super) async fn activate(
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
}
