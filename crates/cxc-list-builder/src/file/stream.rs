//! A list as a stream of batches, read on a blocking thread a few batches ahead.
use tokio::sync::mpsc;

use super::batch::Batch;
use super::error::FileError;
use super::reader::FileReader;

/// Batches as they are read. Dropping it ends the reading after the batch under way.
pub struct BatchStream {
    receiver: mpsc::Receiver<Result<Batch, FileError>>,
}

impl BatchStream {
    /// Reads an open list on a blocking thread of the runtime, `records` at a time and at most `ahead` batches ahead.
    pub fn spawn(mut reader: FileReader, records: usize, ahead: usize) -> Self {
        let (sender, receiver) = mpsc::channel(ahead.max(1));
        tokio::task::spawn_blocking(move || {
            while let Some(item) = reader.next_batch(records).transpose() {
                let failed = item.is_err();
                if sender.blocking_send(item).is_err() || failed {
                    break;
                }
            }
        });
        Self { receiver }
    }

    /// The next batch; none at the end, and nothing after an error.
    pub async fn next(&mut self) -> Option<Result<Batch, FileError>> {
        self.receiver.recv().await
    }
}
