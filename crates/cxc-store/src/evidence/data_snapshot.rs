//! Time zones and holidays as they were when decisions were made with them: the files, by the hash that decisions name.
//! `at` is when a process last used them; see [`Tx::snapshots_expire`] for their end.
use cxc_core::hash::sha256_hex;

use super::block::{corrupt, unzlib, zlib};
use crate::{StoreError, Tx, on};

/// Files of data of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSnapshot {
    /// `tzdb` or `holidays`: the name by which decisions name it.
    pub kind: String,
    /// Its release.
    pub version: String,
    /// The names and bytes of its files, in the order in which they are hashed.
    pub files: Vec<(String, Vec<u8>)>,
}

impl DataSnapshot {
    /// The snapshot of files as they were read.
    pub fn new<'a>(kind: &str, version: &str, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        Self { kind: kind.to_owned(), version: version.to_owned(), files }
    }

    /// Its hash in hexadecimal, as decisions name it.
    pub fn sha256(&self) -> String {
        sha256_hex(self.files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()]))
    }

    /// Its files, by reference.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Name, bytes, name, bytes and so on, each with its length before it.
    fn pack(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        for piece in self.files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()]) {
            let length = u32::try_from(piece.len()).map_err(|_| corrupt("a file of data has more than 4 GiB"))?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(piece);
        }
        zlib(&bytes)
    }
}

/// The files of a packed body; nothing where it ends in the middle of one.
fn unpack(mut body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    while !body.is_empty() {
        let name = String::from_utf8(piece(&mut body)?.to_vec()).ok()?;
        files.push((name, piece(&mut body)?.to_vec()));
    }
    Some(files)
}

fn piece<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (piece, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *body = rest;
    Some(piece)
}

impl Tx {
    /// Whether data is kept. If so, it is noted that it is in use now.
    pub async fn data_snapshot_use(&mut self, kind: &str, sha256: &str, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE data_snapshot SET at = CASE WHEN at < $3 THEN $3 ELSE at END
            WHERE kind = $1 AND sha256 = $2";
        let kept =
            on!(self, conn => sqlx::query(SQL).bind(kind).bind(sha256).bind(now).execute(conn).await?.rows_affected());
        Ok(kept > 0)
    }

    /// Keeps data unless it is kept already.
    pub async fn data_snapshot_put(&mut self, snapshot: &DataSnapshot, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO data_snapshot (kind, sha256, version, body, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (kind, sha256) DO NOTHING";
        let (sha256, body) = (snapshot.sha256(), snapshot.pack()?);
        on!(self, conn => sqlx::query(SQL).bind(&snapshot.kind).bind(sha256).bind(&snapshot.version).bind(body).bind(now)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Data by its hash, which is checked; nothing where it is not kept.
    pub async fn data_snapshot_get(&mut self, kind: &str, sha256: &str) -> Result<Option<DataSnapshot>, StoreError> {
        const SQL: &str = "SELECT version, body FROM data_snapshot WHERE kind = $1 AND sha256 = $2";
        let row: Option<(String, Vec<u8>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(kind).bind(sha256).fetch_optional(conn).await?);
        let Some((version, body)) = row else { return Ok(None) };
        let files = unpack(&unzlib(&body)?).ok_or_else(|| corrupt("files of data end too early"))?;
        let found = DataSnapshot { kind: kind.to_owned(), version, files };
        if found.sha256() != sha256 {
            return Err(corrupt("files of data are not those that were kept"));
        }
        Ok(Some(found))
    }
}
