//! The exchange of reports on a stream: one goes out every few seconds, and what comes is read.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::FRAME;
use super::rtcp::{self, Before, LONGEST, Report, Told};
use super::state::State;
use super::stream::Shared;

/// What is kept for reports.
pub(super) struct Reports {
    every: Duration,
    /// Names our streams.
    name: String,
    packets: u32,
    bytes: u32,
    /// When the last packet went.
    went: Option<Instant>,
    /// What was sent when the last report went.
    reported: u32,
    /// Where reports of the far end really come from.
    latched: Option<SocketAddr>,
    /// The clock of the last report of a sender, and when it came.
    before: Option<(u32, Instant)>,
}

impl Reports {
    pub fn new(every: Duration) -> Self {
        let mut random = [0; 12];
        // a name of zeros is one too
        let _zeros = getrandom::fill(&mut random);
        let name = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { every, name, packets: 0, bytes: 0, went: None, reported: 0, latched: None, before: None }
    }

    /// A packet went out.
    pub fn sent(&mut self, bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes as u32);
        self.went = Some(Instant::now());
    }

    /// The far end is elsewhere.
    pub fn moved(&mut self) {
        self.latched = None;
    }
}

/// Sends and takes reports until it is aborted.
pub(super) async fn exchange(shared: Arc<Shared>) {
    let mut datagram = [0; LONGEST];
    // so that many calls that begin together do not report together; the first comes early
    let mut next = tokio::time::Instant::now() + spread(shared.state().reports.every / 2);
    loop {
        tokio::select! {
            got = shared.beside.recv_from(&mut datagram) => match got {
                Ok((len, from)) => shared.state().told(&mut datagram[..len], from),
                // an error of an earlier send, such as an unreachable port
                Err(error) => tracing::trace!(%error, "a report could not be received"),
            },
            () = tokio::time::sleep_until(next) => {
                next += spread(shared.state().reports.every);
                shared.report(false);
            }
        }
    }
}

/// Half of a time to one and a half of it.
fn spread(time: Duration) -> Duration {
    let mut random = [0];
    let _zero = getrandom::fill(&mut random);
    time / 2 + time * u32::from(random[0]) / 255
}

impl Shared {
    /// Says that nothing follows, where anything was said before.
    pub(super) fn goodbye(&self) {
        self.report(true);
    }

    fn report(&self, is_last: bool) {
        let mut state = self.state();
        let Some((to, mut datagram)) = state.report(is_last) else { return };
        if state.secure.as_mut().is_some_and(|secure| !secure.sender.reports(&mut datagram)) {
            return;
        }
        // a full socket loses it; the next one comes soon
        if let Err(error) = self.beside.try_send_to(&datagram, to) {
            tracing::trace!(%error, "a report could not be sent");
        }
    }
}

impl State {
    fn report(&mut self, is_last: bool) -> Option<(SocketAddr, Vec<u8>)> {
        let agreed = self.agreed?;
        let (now, reports) = (Instant::now(), &mut self.reports);
        let to = reports.latched.or(agreed.reports)?;
        let is_sender = reports.packets != reports.reported;
        reports.reported = reports.packets;
        // the sample that would be sent now: `out` is that after the last frame
        let since = reports.went.map_or(0, |went| (now.duration_since(went).as_micros() * 8 / 1_000) as u32);
        let timestamp = self.out.timestamp.wrapping_sub(FRAME as u32).wrapping_add(since);
        let before = reports.before.map(|(clock, at)| Before { clock, ago: now.duration_since(at) });
        let came = self.came.as_mut().map(|came| (came.source, came.measure(), before));
        if is_last && came.is_none() && reports.packets == 0 {
            return None;
        }
        let sent = is_sender.then_some((reports.packets, reports.bytes, timestamp));
        let report = Report { source: self.out.source, name: &reports.name, sent, came, is_last };
        Some((to, report.write(rtcp::now())?))
    }

    /// A datagram came in beside the audio. Its host must be the one that was agreed on.
    fn told(&mut self, datagram: &mut [u8], from: SocketAddr) {
        let is_theirs = self.agreed.is_some_and(|agreed| agreed.remote.ip() == from.ip());
        let opened = match &mut self.secure {
            _ if !is_theirs => None,
            Some(secure) => secure.receiver.as_mut().and_then(|receiver| receiver.reports(datagram)),
            None => Some(&*datagram),
        };
        let told = opened.and_then(|report| rtcp::read(report, self.out.source, rtcp::now()));
        let Some(Told { clock, ours }) = told else {
            self.counts.refused += 1;
            return;
        };
        self.reports.latched = Some(from);
        self.reports.before = clock.map(|clock| (clock, Instant::now())).or(self.reports.before);
        if let Some(ours) = ours {
            self.counts.far_lost = Some(ours.lost);
            self.counts.far_jitter = Some(ours.jitter);
            let round_trip = ours.round_trip.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
            self.counts.round_trip = round_trip.or(self.counts.round_trip);
        }
    }
}
