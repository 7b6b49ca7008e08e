//! A list as a stream of batches, read on a blocking thread a few batches ahead.
use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::batch::Batch;
use super::error::FileError;
use super::reader::FileReader;

/// Batches as they are read. Dropping it ends the reading after the batch under way.
pub struct BatchStream {
    receiver: mpsc::Receiver<Result<Batch, FileError>>,
    reading: Option<JoinHandle<()>>,
}

impl BatchStream {
    /// Reads an open list on a blocking thread of the runtime, `records` at a time and at most `ahead` batches ahead.
    pub fn spawn(mut reader: FileReader, records: usize, ahead: usize) -> Self {
        let (sender, receiver) = mpsc::channel(ahead.max(1));
        let reading = tokio::task::spawn_blocking(move || {
            while let Some(item) = reader.next_batch(records).transpose() {
                let failed = item.is_err();
                if sender.blocking_send(item).is_err() || failed {
                    break;
                }
            }
        });
        Self { receiver, reading: Some(reading) }
    }

    /// The next batch; none at the end, and nothing after an error.
    pub async fn next(&mut self) -> Option<Result<Batch, FileError>> {
        if let Some(item) = self.receiver.recv().await {
            return Some(item);
        }
        // A thread that broke off must not look like the end of the file: half a list would pass for all of it.
        let reading = self.reading.take()?;
        let broken = reading.await.err()?;
        Some(Err(FileError::Io(io::Error::other(format!("the reading was broken off: {broken}")))))
    }
}
