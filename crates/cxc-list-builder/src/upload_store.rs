//! Uploaded files in a folder: the bytes under the upload's id, what is known of them beside.
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

/// The most bytes that one tenant's uploads may have together.
pub const TENANT_BYTES: u64 = 5 << 30;
/// What the names of copies of piped files begin with, which commands keep among the uploads.
pub const PIPED: &str = "piped-";
/// An upload is kept for so long, in microseconds.
pub const LIFE: i64 = 24 * 3600 * 1_000_000;

/// What is known of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: i64,
    /// Its name, for people only.
    pub file_name: String,
    /// Its size once it is complete, where that was said.
    pub size: Option<u64>,
    /// The SHA-256 of its bytes in hexadecimal digits, where that was said.
    pub sha256: Option<String>,
    /// When it began, in microseconds.
    pub created_at: i64,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// They do not go on where the upload stands.
    #[error("the upload stands at byte {0}: go on there")]
    Offset(u64),
    /// They are more than was said, or than is allowed.
    #[error("an upload has the size that was said, and all uploads of a tenant 5 GiB at most")]
    TooLarge,
    /// The bytes do not have the checksum that was said.
    #[error("the bytes do not have the SHA-256 that was said: upload the file again")]
    Checksum,
    /// They are not as many as the request said; none is kept.
    #[error("the Content-Range does not fit the body, which has {0} bytes: send them again")]
    Length(u64),
    /// The connection broke; what came is kept.
    #[error("the upload broke off: go on at its offset")]
    Broken,
    /// The folder can't be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The folder of uploads.
#[derive(Debug, Clone)]
pub struct UploadStore {
    folder: PathBuf,
}

impl UploadStore {
    /// The uploads in a folder, which is made when it is first needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the bytes of an upload are.
    pub fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn note(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Begins an upload.
    pub async fn create(&self, known: &Known) -> Result<(), UploadError> {
        tokio::fs::create_dir_all(&self.folder).await?;
        if known.size.unwrap_or(0).saturating_add(self.used(known.tenant).await?) > TENANT_BYTES {
            return Err(UploadError::TooLarge);
        }
        tokio::fs::File::create(self.path(known.id)).await?;
        tokio::fs::write(self.note(known.id), serde_json::to_vec(known).map_err(io::Error::other)?).await?;
        Ok(())
    }

    /// An upload of a tenant and how many bytes it has.
    pub async fn get(&self, tenant: i64, id: Uuid) -> io::Result<Option<(Known, u64)>> {
        let Some(known) = read_note(&self.note(id)).await?.filter(|known| known.tenant == tenant) else {
            return Ok(None);
        };
        let offset = tokio::fs::metadata(self.path(id)).await?.len();
        Ok(Some((known, offset)))
    }

    /// Appends bytes from an offset on, so many of them if that was said; answers where the upload stands then.
    pub async fn append<E>(
        &self,
        known: &Known,
        from: u64,
        length: Option<u64>,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<u64, UploadError> {
        let mut file = tokio::fs::OpenOptions::new().write(true).open(self.path(known.id)).await?;
        let mut offset = file.seek(SeekFrom::End(0)).await?;
        if from != offset {
            return Err(UploadError::Offset(offset));
        }
        let room = TENANT_BYTES.saturating_sub(self.used(known.tenant).await?);
        let most = known.size.unwrap_or(u64::MAX).min(offset.saturating_add(room));
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else {
                file.flush().await?;
                return Err(UploadError::Broken);
            };
            offset += chunk.len() as u64;
            if offset > most {
                file.flush().await?;
                file.set_len(from).await?;
                return Err(UploadError::TooLarge);
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        if length.is_some_and(|length| offset - from != length) {
            file.set_len(from).await?;
            return Err(UploadError::Length(offset - from));
        }
        file.sync_all().await?;
        if Some(offset) == known.size
            && let Some(wanted) = known.sha256.clone()
            && !sum(self.path(known.id)).await?.eq_ignore_ascii_case(&wanted)
        {
            file.set_len(0).await?;
            return Err(UploadError::Checksum);
        }
        Ok(offset)
    }

    /// Removes an upload.
    pub async fn remove(&self, id: Uuid) -> io::Result<()> {
        for path in [self.path(id), self.note(id)] {
            match tokio::fs::remove_file(path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes uploads that began before an instant.
    pub async fn sweep(&self, before: i64) -> io::Result<()> {
        for known in self.all().await? {
            if known.created_at < before {
                self.remove(known.id).await?;
            }
        }
        Ok(())
    }

    async fn used(&self, tenant: i64) -> io::Result<u64> {
        let mut used = 0;
        for known in self.all().await?.iter().filter(|known| known.tenant == tenant) {
            used += tokio::fs::metadata(self.path(known.id)).await.map_or(0, |m| m.len());
        }
        Ok(used)
    }

    /// All that is known of.
    pub(crate) async fn all(&self) -> io::Result<Vec<Known>> {
        let mut all = Vec::new();
        let mut entries = match tokio::fs::read_dir(&self.folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            if entry.path().extension().is_some_and(|e| e == "json") {
                all.extend(read_note(&entry.path()).await?);
            }
        }
        Ok(all)
    }
}

async fn read_note(path: &Path) -> io::Result<Option<Known>> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn sum(path: PathBuf) -> io::Result<String> {
    let hash = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        io::copy(&mut std::fs::File::open(path)?, &mut hash)?;
        io::Result::Ok(hash.finalize())
    });
    Ok(hash.await.map_err(io::Error::other)??.iter().map(|b| format!("{b:02x}")).collect())
}
