//! One bound connection to an SMS centre: a window of submits, and what comes in.
//!
//! It knows for every submit whether the network took its last byte: that is the border between "not sent" and
//! "in doubt". smpp34's client reports a lost connection, a silent centre and a refusal with one error, panics on some
//! values and answers a deliver_sm by itself; so the session is ours and smpp34 checks the codec in tests.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use super::inbox::Inbox;
use super::pdu::{self, Header, RESPONSE, Submit};
use super::status;
use crate::channel::net::Stream;

/// A peer that takes no bytes while we owe it this many answers is cut off.
const OUT_LIMIT: usize = 4 * 1024 * 1024;
/// Sequence numbers run from 1 to this and begin again.
const LAST_SEQUENCE: u32 = 0x7FFF_FFFF;

/// What became of a submit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The centre answered.
    Given { status: u32, message_id: String },
    /// Not all of it was written: the centre can't have it.
    NotWritten(String),
    /// It was written, and no answer came.
    Unanswered(String),
}

struct Pending {
    /// Where its last byte lies in the stream of all bytes of the connection.
    end: u64,
    answer: oneshot::Sender<Answer>,
}

struct Out {
    buffer: Vec<u8>,
    queued: u64,
    sequence: u32,
    pending: HashMap<u32, Pending>,
    dead: Option<String>,
}

pub(super) struct Link {
    out: Mutex<Out>,
    wake: Notify,
    cut: Notify,
    window: Semaphore,
    width: u32,
    written: AtomicU64,
    heard: AtomicU64,
    born: Instant,
    response: Duration,
}

impl Link {
    pub fn new(width: u32, response: Duration) -> Self {
        let out = Out { buffer: Vec::new(), queued: 0, sequence: 1, pending: HashMap::new(), dead: None };
        Self {
            out: Mutex::new(out),
            wake: Notify::new(),
            cut: Notify::new(),
            window: Semaphore::new(width as usize),
            width,
            written: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            born: Instant::now(),
            response,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Free places in the window.
    pub fn room(&self) -> usize {
        self.window.available_permits()
    }

    /// Whether it takes no more submits.
    pub fn is_closed(&self) -> bool {
        self.window.is_closed()
    }

    /// Sends one submit when the window has room, and waits for its answer.
    pub async fn submit(&self, submit: &Submit<'_>, patience: Duration) -> Answer {
        let Ok(place) = timeout(patience, self.window.acquire()).await else {
            return Answer::NotWritten("the window had no room in time".into());
        };
        let Ok(_place) = place else { return Answer::NotWritten("the connection was closed".into()) };
        let (sequence, mut answer) = match self.enqueue(submit) {
            Ok(queued) => queued,
            Err(reason) => return Answer::NotWritten(reason),
        };
        self.wake.notify_one();
        match timeout(self.response, &mut answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| lost()),
            Err(_) => self.give_up(sequence, answer).await,
        }
    }

    fn enqueue(&self, submit: &Submit<'_>) -> Result<(u32, oneshot::Receiver<Answer>), String> {
        let mut out = self.lock();
        if let Some(reason) = &out.dead {
            return Err(reason.clone());
        }
        let sequence = out.next_sequence();
        let before = out.buffer.len();
        pdu::write_submit(&mut out.buffer, sequence, submit);
        out.count(before);
        let (sender, receiver) = oneshot::channel();
        let end = out.queued;
        out.pending.insert(sequence, Pending { end, answer: sender });
        Ok((sequence, receiver))
    }

    // no answer in time
    async fn give_up(&self, sequence: u32, answer: oneshot::Receiver<Answer>) -> Answer {
        {
            let mut out = self.lock();
            let written = self.written.load(Ordering::Acquire);
            if out.pending.get(&sequence).is_some_and(|p| p.end <= written) {
                out.pending.remove(&sequence);
                return Answer::Unanswered("no answer in time".into());
            }
        }
        // still in our own buffer: the connection stands still, and only its end settles what left
        self.cut.notify_one();
        answer.await.unwrap_or_else(|_| lost())
    }

    /// Answers a deliver_sm.
    pub fn answer_deliver(&self, sequence: u32, status: u32) {
        self.put(|buffer| pdu::write_deliver_answer(buffer, status, sequence));
    }

    fn bare(&self, id: u32, status: u32, sequence: u32) {
        self.put(|buffer| pdu::write_bare(buffer, id, status, sequence));
    }

    fn put(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = self.lock();
        if out.dead.is_some() {
            return;
        }
        if out.buffer.len() > OUT_LIMIT {
            self.cut.notify_one();
            return;
        }
        let before = out.buffer.len();
        write(&mut out.buffer);
        out.count(before);
        drop(out);
        self.wake.notify_one();
    }

    /// Carries the connection until it ends; the reason. `early` is what came together with the bind's answer.
    pub async fn run(self: &Arc<Self>, stream: Stream, early: Vec<u8>, inbox: &Inbox, enquire: Duration) -> String {
        let (reader, writer) = tokio::io::split(stream);
        let reason = tokio::select! {
            reason = self.read(reader, early, inbox) => reason,
            reason = self.write(writer) => reason,
            reason = self.watch(enquire, inbox) => reason,
            () = self.cut.notified() => "the connection stood still".to_owned(),
        };
        self.bury(&reason);
        reason
    }

    // every submit learns its fate; nothing is written any more
    fn bury(&self, reason: &str) {
        self.window.close();
        let mut out = self.lock();
        out.dead = Some(reason.to_owned());
        out.buffer = Vec::new();
        let written = self.written.load(Ordering::Acquire);
        for (_, pending) in out.pending.drain() {
            let answer = if pending.end <= written {
                Answer::Unanswered(reason.to_owned())
            } else {
                Answer::NotWritten(reason.to_owned())
            };
            // whoever waited may have gone
            let _ = pending.answer.send(answer);
        }
    }

    async fn write(&self, mut writer: WriteHalf<Stream>) -> String {
        let mut batch = Vec::new();
        loop {
            std::mem::swap(&mut batch, &mut self.lock().buffer);
            if batch.is_empty() {
                self.wake.notified().await;
                continue;
            }
            let mut done = 0;
            while done < batch.len() {
                match writer.write(&batch[done..]).await {
                    Ok(0) => return "the SMS centre closed the connection".into(),
                    Ok(n) => {
                        done += n;
                        self.written.fetch_add(n as u64, Ordering::Release);
                    }
                    Err(error) => return format!("the connection broke: {error}"),
                }
            }
            if let Err(error) = writer.flush().await {
                return format!("the connection broke: {error}");
            }
            batch.clear();
            batch.shrink_to(256 * 1024);
        }
    }

    async fn read(self: &Arc<Self>, mut reader: ReadHalf<Stream>, early: Vec<u8>, inbox: &Inbox) -> String {
        let mut buffer = early;
        loop {
            let mut used = 0;
            loop {
                match pdu::first(&buffer[used..]) {
                    Ok(Some((header, body, length))) => {
                        if self.handle(header, body, inbox) {
                            return self.farewell().await;
                        }
                        used += length;
                    }
                    Ok(None) => break,
                    Err(error) => return format!("the SMS centre is not understood: {error}"),
                }
            }
            buffer.drain(..used);
            buffer.reserve(16 * 1024);
            match reader.read_buf(&mut buffer).await {
                Ok(0) => return "the SMS centre closed the connection".into(),
                Ok(_) => self.heard.store(self.age(), Ordering::Relaxed),
                Err(error) => return format!("the connection broke: {error}"),
            }
        }
    }

    // true: the centre said goodbye
    fn handle(self: &Arc<Self>, header: Header, body: &[u8], inbox: &Inbox) -> bool {
        const SUBMIT_ANSWER: u32 = pdu::SUBMIT_SM | RESPONSE;
        const ENQUIRE_ANSWER: u32 = pdu::ENQUIRE_LINK | RESPONSE;
        const UNBIND_ANSWER: u32 = pdu::UNBIND | RESPONSE;
        match header.id {
            SUBMIT_ANSWER | pdu::GENERIC_NACK => self.settle(header, body),
            pdu::DELIVER_SM => inbox.take(self, header.sequence, body),
            pdu::ENQUIRE_LINK => self.bare(ENQUIRE_ANSWER, status::OK, header.sequence),
            pdu::UNBIND => {
                self.window.close();
                self.bare(UNBIND_ANSWER, status::OK, header.sequence);
                return true;
            }
            UNBIND_ANSWER => return true,
            ENQUIRE_ANSWER | pdu::ALERT_NOTIFICATION => {}
            id if id & RESPONSE == 0 => self.bare(pdu::GENERIC_NACK, status::INVALID_COMMAND, header.sequence),
            _ => {}
        }
        false
    }

    fn settle(&self, header: Header, body: &[u8]) {
        let Some(pending) = self.lock().pending.remove(&header.sequence) else { return };
        let nacked_ok = header.id == pdu::GENERIC_NACK && header.status == status::OK;
        // a nack without a status is a refusal all the same
        let status = if nacked_ok { status::INVALID_COMMAND } else { header.status };
        let message_id = if status == status::OK { pdu::read_message_id(body) } else { String::new() };
        let _ = pending.answer.send(Answer::Given { status, message_id });
    }

    // lets our last answer out
    async fn farewell(&self) -> String {
        for _ in 0..100 {
            let all = self.lock().queued;
            if self.written.load(Ordering::Acquire) >= all {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        "the connection was unbound".into()
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    // asks for a sign of life when nothing comes in, and does not wait for ever
    async fn watch(self: &Arc<Self>, enquire: Duration, inbox: &Inbox) -> String {
        let tick = (enquire.min(self.response) / 2).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let mut asked = None;
        loop {
            tokio::time::sleep(tick).await;
            inbox.sweep();
            let heard = self.heard.load(Ordering::Relaxed);
            let silence = Duration::from_millis(self.age().saturating_sub(heard));
            if silence < enquire {
                asked = None;
            } else if asked.is_none() {
                asked = Some(Instant::now());
                let sequence = self.lock().next_sequence();
                self.bare(pdu::ENQUIRE_LINK, status::OK, sequence);
            } else if asked.is_some_and(|at| at.elapsed() >= self.response) {
                return "the SMS centre gives no sign of life".into();
            }
        }
    }

    /// Takes no more submits, waits for the answers that are due, and says goodbye.
    pub async fn close(&self) {
        // a submit holds its place until it is answered or given up
        let _ = timeout(self.response, self.window.acquire_many(self.width)).await;
        self.window.close();
        let sequence = self.lock().next_sequence();
        self.bare(pdu::UNBIND, status::OK, sequence);
        let gone = async {
            while self.lock().dead.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(Duration::from_secs(2), gone).await.is_err() {
            self.cut.notify_one();
        }
    }
}

impl Out {
    fn next_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = if sequence >= LAST_SEQUENCE { 1 } else { sequence + 1 };
        sequence
    }

    fn count(&mut self, before: usize) {
        self.queued += (self.buffer.len() - before) as u64;
    }
}

fn lost() -> Answer {
    Answer::Unanswered("the connection ended".into())
}
