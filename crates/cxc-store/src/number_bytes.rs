//! From the stored bytes of a version to its set: through a file by digest where there is a folder for that, which
//! spares the database the next time, or straight from the chunks. Either way the digest is checked.
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxc_core::number_set::{Digest, NumberSet, NumberSetError};
use tokio::sync::mpsc;

use crate::number_list::CHUNK;
use crate::{Db, StoreError};

/// Chunks that are fetched by one statement.
const FETCH: i64 = 4;
const BUFFER: usize = 1 << 18;

/// The set of a version, from the cache or from the store.
pub async fn load(db: &Db, blob: i64, sha256: &str, cache: Option<&Path>) -> Result<NumberSet, StoreError> {
    if let Some(folder) = cache {
        let (file, wanted) = (folder.join(sha256), sha256.to_owned());
        match blocking(move || from_file(&file, &wanted)).await {
            Ok(set) => return Ok(set),
            Err(NumberSetError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a cached list of numbers is of no use and is fetched anew"),
        }
    }
    fetch(db, blob, sha256, cache).await
}

/// The set of a version from the store itself; leaves a file in the cache.
pub async fn fetch(db: &Db, blob: i64, sha256: &str, cache: Option<&Path>) -> Result<NumberSet, StoreError> {
    let (sender, chunks) = mpsc::channel::<Vec<u8>>(2);
    let (folder, wanted) = (cache.map(Path::to_owned), sha256.to_owned());
    let reading = blocking(move || from_chunks(chunks, folder.as_deref(), &wanted));
    let sending = async {
        let mut from = 0;
        loop {
            let found = db.read().await?.number_list_chunks(blob, from, FETCH).await?;
            let last = found.len() < usize::try_from(FETCH).unwrap_or(1);
            for chunk in found {
                // a reader that has given up says why itself
                if sender.send(chunk).await.is_err() {
                    return Ok(());
                }
            }
            if last {
                drop(sender);
                return Ok::<(), StoreError>(());
            }
            from += FETCH;
        }
    };
    let (sent, set) = tokio::join!(sending, reading);
    sent?;
    set.map_err(|error| StoreError::Corrupt(error.to_string()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NumberSetError> + Send + 'static,
) -> Result<T, NumberSetError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(NumberSetError::Read(io::Error::other(error))))
}

fn from_file(file: &Path, wanted: &str) -> Result<NumberSet, NumberSetError> {
    checked(BufReader::with_capacity(BUFFER, File::open(file)?), wanted)
}

fn checked(input: impl Read, wanted: &str) -> Result<NumberSet, NumberSetError> {
    let (set, digest) = NumberSet::read_from(input)?;
    if digest.to_string() == wanted { Ok(set) } else { Err(NumberSetError::Checksum) }
}

fn from_chunks(
    chunks: mpsc::Receiver<Vec<u8>>,
    cache: Option<&Path>,
    wanted: &str,
) -> Result<NumberSet, NumberSetError> {
    // without its file the set is as good: the cache only speeds up
    let copy = cache.and_then(|folder| match Copy::begin(folder, wanted) {
        Ok(copy) => Some(copy),
        Err(error) => {
            tracing::warn!(%error, "the cache of lists of numbers can't be written");
            None
        }
    });
    let mut input = ChunkReader { chunks, chunk: Vec::new(), at: 0, copy };
    let set = checked(BufReader::with_capacity(BUFFER, &mut input), wanted)?;
    if let Some(copy) = input.copy.take() {
        copy.finish();
    }
    Ok(set)
}

/// The bytes of chunks as they come, with a copy on the side.
struct ChunkReader {
    chunks: mpsc::Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    copy: Option<Copy>,
}

impl Read for ChunkReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            let Some(chunk) = self.chunks.blocking_recv() else { return Ok(0) };
            if self.copy.as_mut().is_some_and(|copy| copy.out.write_all(&chunk).is_err()) {
                self.copy = None;
            }
            (self.chunk, self.at) = (chunk, 0);
        }
        let rest = &self.chunk[self.at..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

/// A file of the cache on its way: it has its name only once it is whole.
struct Copy {
    out: File,
    under_way: PathBuf,
    whole: PathBuf,
}

impl Copy {
    fn begin(folder: &Path, sha256: &str) -> io::Result<Self> {
        // numbers are personal data: for the owner only
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let under_way = folder.join(format!("{sha256}.{:016x}", u64::from_le_bytes(random)));
        let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&under_way)?;
        Ok(Self { out, under_way, whole: folder.join(sha256) })
    }

    fn finish(self) {
        if let Err(error) = std::fs::rename(&self.under_way, &self.whole) {
            tracing::warn!(%error, "a file of the cache of lists of numbers can't be named");
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // gone already where it is whole
        let _ = std::fs::remove_file(&self.under_way);
    }
}

/// Removes the files of versions that are no more.
pub fn sweep(folder: &Path, known: &[String]) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // one under way has a tail behind its digest
        let is_digest = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        if is_digest && !known.contains(&name) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Chunks that are committed together: a commit every 8 MiB.
const TOGETHER: usize = 8;

/// Writes a set as the chunks of a blob; answers its digest and size. `go_on` is asked before each commit.
pub async fn store<E: From<StoreError>>(
    db: &Db,
    blob: i64,
    set: Arc<NumberSet>,
    go_on: impl Fn() -> Result<(), E>,
) -> Result<(Digest, i64), E> {
    let (sender, mut chunks) = mpsc::channel::<Vec<u8>>(2);
    let writing = blocking(move || {
        let mut out = ChunkWriter { chunk: Vec::with_capacity(CHUNK), chunks: sender };
        set.write_to(&mut out)
    });
    // it owns the receiver: when it gives up, the writer hears of it and does not wait for ever
    let storing = async move {
        let (mut seq, mut bytes, mut more) = (0_i64, 0_i64, true);
        while more {
            let mut batch = Vec::with_capacity(TOGETHER);
            more = chunks.recv_many(&mut batch, TOGETHER).await > 0;
            if !more {
                break;
            }
            go_on()?;
            let mut tx = db.begin_relaxed().await?;
            for chunk in &batch {
                tx.number_list_chunk_insert(blob, seq, chunk).await?;
                seq += 1;
                bytes += i64::try_from(chunk.len()).unwrap_or(0);
            }
            tx.commit().await?;
        }
        Ok::<i64, E>(bytes)
    };
    let (written, stored) = tokio::join!(writing, storing);
    let bytes = stored?;
    let digest = written.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok((digest, bytes))
}

/// Cuts bytes into chunks.
struct ChunkWriter {
    chunk: Vec<u8>,
    chunks: mpsc::Sender<Vec<u8>>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.chunks.blocking_send(chunk).map_err(|_| io::Error::other("nobody stores the bytes any more"))
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..n]);
        if self.chunk.len() == CHUNK {
            self.send()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() { Ok(()) } else { self.send() }
    }
}
