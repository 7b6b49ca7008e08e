//! The threads that read the audio of all calls. They look once a millisecond and deal with all that came since: a wake-up for
//! each packet costs as much as the packet itself.
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::stream::Shared;

/// So long a packet waits at most, beside those that came with it.
const PAUSE: Duration = Duration::from_millis(1);
/// Streams that are dealt with at once.
const MOST: usize = 256;
/// More threads than this have nothing to do: one reads more than a thousand calls.
const THREADS: usize = 4;

/// A thread and its streams.
pub(super) struct Reader {
    epoll: OwnedFd,
    streams: Mutex<HashMap<u64, Weak<Shared>>>,
}

/// A stream that is read, until this is dropped.
pub(super) struct Reading {
    by: &'static Reader,
    number: u64,
    stream: Weak<Shared>,
}

impl Reading {
    /// Reads a stream from now on, by the thread whose turn it is.
    pub fn start(stream: &Arc<Shared>) -> std::io::Result<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let by = reader(number)?;
        let reading = Self { by, number, stream: Arc::downgrade(stream) };
        by.streams().insert(number, Weak::clone(&reading.stream));
        epoll::add(&by.epoll, stream.socket(), EventData::new_u64(number), EventFlags::IN)?;
        Ok(reading)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.upgrade()
            && let Err(error) = epoll::delete(&self.by.epoll, stream.socket())
        {
            tracing::debug!(%error, "a stream was not read");
        }
        self.by.streams().remove(&self.number);
    }
}

/// The readers of the process, started when the first call needs them.
fn reader(number: u64) -> std::io::Result<&'static Reader> {
    static READERS: Mutex<[Option<&'static Reader>; THREADS]> = Mutex::new([None; THREADS]);
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
    let slot = &mut READERS.lock().unwrap_or_else(PoisonError::into_inner)[number as usize % threads];
    if let Some(reader) = slot {
        return Ok(reader);
    }
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    // as long as the process
    let reader: &Reader = Box::leak(Box::new(Reader { epoll, streams: Mutex::default() }));
    std::thread::Builder::new().name("media".into()).spawn(|| reader.read())?;
    Ok(slot.insert(reader))
}

impl Reader {
    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) {
        let (mut events, mut ready) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
        loop {
            // sleeps until something comes, then looks again until nothing is left
            let mut wait = None;
            while self.ready(wait, &mut events, &mut ready) {
                ready.drain(..).for_each(|stream: Arc<Shared>| stream.read());
                wait = Some(Timespec::default());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The streams for which something came; false where there are none.
    fn ready(&self, wait: Option<Timespec>, events: &mut Vec<Event>, ready: &mut Vec<Arc<Shared>>) -> bool {
        events.clear();
        if let Err(error) = epoll::wait(&self.epoll, spare_capacity(events), wait.as_ref()) {
            // a signal came instead
            tracing::debug!(%error, "waiting for media was interrupted");
            return false;
        }
        let streams = self.streams();
        let found = events.iter().filter_map(|event| streams.get(&event.data.u64())?.upgrade());
        ready.extend(found);
        !ready.is_empty()
    }
}
