//! Recordings of calls: both sides, one channel each. The media path leaves its packets in a bounded store and never
//! waits; one thread for all calls fetches them and writes files.
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::track::Track;
use super::{Codec, Header};

/// How often packets are fetched.
const TURN: Duration = Duration::from_millis(200);
/// Bytes that wait to be fetched, two seconds and more of both sides. What comes beyond that is a gap.
const ROOM: usize = 48 << 10;

/// Who is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The far end: the left channel.
    Far = 0,
    /// What we send there: the right channel.
    Near = 1,
}

/// A packet of a side, without its audio.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub side: Side,
    pub codec: Codec,
    /// When it came or went, samples since the beginning.
    pub at: u32,
    pub source: u32,
    pub timestamp: u32,
    pub len: usize,
}

/// What waits to be fetched.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub heard: Vec<Heard>,
    pub audio: Vec<u8>,
    /// Packets for which there was no room.
    pub lost: u64,
    is_paused: bool,
    is_over: bool,
}

/// What is recorded of a call, shared with the thread that writes it.
#[derive(Debug)]
pub(super) struct Tape {
    file: PathBuf,
    begun: Instant,
    store: Mutex<Store>,
}

impl Tape {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u32 {
        u32::try_from(self.begun.elapsed().as_millis() * 8).unwrap_or(u32::MAX)
    }

    /// A packet of audio came or went.
    pub fn heard(&self, side: Side, codec: Codec, header: &Header, audio: &[u8]) {
        let at = self.now();
        let mut store = self.store();
        if store.is_paused || store.is_over {
            return;
        }
        if store.audio.len() + audio.len() > ROOM {
            store.lost += 1;
            return;
        }
        let (source, timestamp, len) = (header.source, header.timestamp, audio.len());
        store.heard.push(Heard { side, codec, at, source, timestamp, len });
        store.audio.extend_from_slice(audio);
    }
}

/// A recording under way. It ends when this is dropped.
#[derive(Debug)]
pub struct Recording(Arc<Tape>);

impl Recording {
    /// What is said from now on is left out: the file has silence there.
    pub fn pause(&self) {
        self.0.store().is_paused = true;
    }

    /// It goes on.
    pub fn resume(&self) {
        self.0.store().is_paused = false;
    }

    pub(super) fn tape(&self) -> Arc<Tape> {
        Arc::clone(&self.0)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.store().is_over = true;
    }
}

/// Writes recordings below a folder. Cheap to clone; its thread ends, with all that is under way, after the last clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    folder: Arc<Path>,
    begin: Sender<Arc<Tape>>,
}

impl Recorder {
    /// Starts the thread.
    pub fn start(folder: &Path) -> std::io::Result<Self> {
        let (begin, begun) = channel();
        std::thread::Builder::new().name("recordings".into()).spawn(move || write(&begun))?;
        Ok(Self { folder: folder.into(), begin })
    }

    /// Begins a recording. `file` lies below the folder; until it is finished its name ends with `.part`. A call whose
    /// recording can't be written goes on, and the log says so.
    pub fn record(&self, file: &Path) -> Recording {
        let tape = Tape { file: self.folder.join(file), begun: Instant::now(), store: Mutex::default() };
        let tape = Arc::new(tape);
        // the thread lives as long as this sender
        let _sent = self.begin.send(Arc::clone(&tape));
        Recording(tape)
    }
}

/// A tape with its file.
struct Open {
    tape: Arc<Tape>,
    /// None once it could not be written.
    track: Option<Track>,
    spare: Store,
}

fn write(begun: &Receiver<Arc<Tape>>) {
    let mut open: Vec<Open> = Vec::new();
    let mut is_last = false;
    while !is_last {
        match begun.recv_timeout(TURN) {
            Ok(tape) => {
                open.push(Open::new(tape));
                // others may come at once, but those that are open are not to wait for long
                open.extend(begun.try_iter().take(64).map(Open::new));
                std::thread::sleep(TURN / 4);
            }
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => is_last = true,
        }
        open.retain_mut(|open| open.turn(is_last));
    }
}

impl Open {
    fn new(tape: Arc<Tape>) -> Self {
        let track = Track::create(&tape.file);
        let track = track.inspect_err(|error| failed(&tape, error)).ok();
        Self { tape, track, spare: Store::default() }
    }

    /// Writes what has come; false once the file is finished.
    fn turn(&mut self, is_last: bool) -> bool {
        self.spare.heard.clear();
        self.spare.audio.clear();
        let (is_over, now) = {
            let mut store = self.tape.store();
            std::mem::swap(&mut store.heard, &mut self.spare.heard);
            std::mem::swap(&mut store.audio, &mut self.spare.audio);
            (store.is_over || is_last, self.tape.now())
        };
        let Some(track) = &mut self.track else { return !is_over };
        if let Err(error) = track.write(&self.spare, now) {
            failed(&self.tape, &error);
            self.track = None;
            return !is_over;
        }
        if is_over && let Some(track) = self.track.take() {
            let lost = self.tape.store().lost;
            match track.finish(now) {
                Ok(()) if lost == 0 => (),
                Ok(()) => tracing::warn!(file = %self.tape.file.display(), lost, "a recording has gaps"),
                Err(error) => failed(&self.tape, &error),
            }
        }
        !is_over
    }
}

fn failed(tape: &Tape, error: &hound::Error) {
    tracing::error!(file = %tape.file.display(), %error, "a call goes on without its recording");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_nobody_empties_is_bounded_and_counts_what_it_leaves_out() {
        // a thread that is stuck at a disk: nobody takes the tape
        let (begin, _stuck) = channel();
        let recorder = Recorder { folder: Path::new("nowhere").into(), begin };
        let recording = recorder.record(Path::new("x.wav"));
        let header = Header { marker: false, payload_type: 0, sequence: 0, timestamp: 0, source: 1 };
        let start = Instant::now();
        for _ in 0..10_000 {
            recording.tape().heard(Side::Far, Codec::Pcmu, &header, &[0xff; 160]);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "nobody waits");
        let kept = ROOM / 160;
        let store = recording.0.store();
        assert_eq!((store.heard.len(), store.audio.len(), store.lost), (kept, kept * 160, 10_000 - kept as u64));
    }

    #[test]
    fn what_is_said_in_a_pause_and_after_the_end_is_left_out() {
        let (begin, _stuck) = channel();
        let recorder = Recorder { folder: Path::new("nowhere").into(), begin };
        let recording = recorder.record(Path::new("x.wav"));
        let tape = recording.tape();
        let header = Header { marker: false, payload_type: 0, sequence: 0, timestamp: 0, source: 1 };
        let count = || {
            tape.heard(Side::Far, Codec::Pcmu, &header, &[0xff; 160]);
            tape.store().heard.len()
        };
        assert_eq!(count(), 1);
        recording.pause();
        assert_eq!(count(), 1);
        recording.resume();
        assert_eq!(count(), 2);
        drop(recording);
        assert_eq!(count(), 2);
    }
}
