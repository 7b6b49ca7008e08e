//! The carriers that calls go by: their limits, their pauses, and what each of them is sent.
mod destination;
mod headers;
mod spend;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cxc_core::Micros;
use cxc_core::location::Country;
use cxc_dialer::pacing::{Trunk as Limits, Why};

use crate::ari::Asterisk;
use crate::result::DEFAULT_PAUSE;
use crate::ua::{Credentials, Registration, Transport, Trust};
pub use destination::{Destinations, NeverDialed};
pub(crate) use headers::{addressed, originated};
use spend::Spend;
pub use spend::{Tariff, day_of, next_day};

/// A carrier connection.
#[derive(Debug, Clone)]
pub struct TrunkOptions {
    /// Its name in reports.
    pub name: String,
    /// The host, with its port if that is not 5060, that is called and that our caller ids are of.
    pub host: String,
    /// Where requests go, if not to the host.
    pub proxy: Option<SocketAddr>,
    /// How.
    pub transport: Transport,
    /// Whose word is taken for who the host is, by TLS.
    pub trust: Option<Trust>,
    /// Audio of its calls must be encrypted (SRTP, keys by RFC 4568).
    pub srtp: bool,
    /// For its challenges.
    pub credentials: Option<Credentials>,
    /// Calls at once.
    pub channels: u32,
    /// New calls a second.
    pub per_second: f64,
    /// Countries that may be called by it.
    pub countries: Vec<Country>,
    /// The number that is displayed where a call names none: a + and digits.
    pub caller_id: Option<String>,
    /// Tells the carrier who calls in a P-Asserted-Identity header; one that trusts us asks for it.
    pub asserted: bool,
    /// It wants to know where we are: we register as the user of the credentials.
    pub registers: bool,
    /// More headers, each a name and a value.
    pub headers: Vec<(String, String)>,
    /// What its calls cost, and may cost a day.
    pub tariff: Option<Tariff>,
    /// Who places its calls, instead of our own SIP.
    pub asterisk: Option<Arc<Asterisk>>,
}

impl TrunkOptions {
    /// A trunk over UDP to a host, for calls to some countries.
    pub fn new(name: &str, host: &str, channels: u32, per_second: f64, countries: Vec<Country>) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            proxy: None,
            transport: Transport::Udp,
            trust: None,
            srtp: false,
            credentials: None,
            channels,
            per_second,
            countries,
            caller_id: None,
            asserted: false,
            registers: false,
            headers: Vec::new(),
            tariff: None,
            asterisk: None,
        }
    }
}

impl TrunkOptions {
    /// Where we register, if it wants that.
    pub(crate) fn registration(&self) -> Option<Registration> {
        let credentials = self.credentials.clone().filter(|_| self.registers)?;
        let (host, user) = (self.host.clone(), credentials.user.clone());
        let (destination, transport, trust) = (self.proxy, self.transport, self.trust.clone());
        Some(Registration { host, user, destination, transport, trust, credentials: Some(credentials) })
    }
}

/// So many calls in a row that ended by the fault of their trunk, and it gets a pause.
const FAULTS: u32 = 5;
/// The longest pause of a trunk that does not do its work; each is twice the one before.
const LONGEST_PAUSE: Micros = 300_000_000;
/// A trunk that has said nothing at all for so long, while a call waits for its first word, is given no more calls.
const QUIET: Micros = 4_000_000;
/// So many calls at once are given to a trunk of which nothing was heard since the start.
const FEW: u32 = 3;
/// Silence is a time-out by another name.
const SILENCE: u16 = 408;

/// How a call ended by the fault of its trunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The final status, if there was one.
    pub status: Option<u16>,
    /// Nobody can have been called: no other call would fare better.
    pub unreached: bool,
    /// Nothing was said of it in time.
    pub silent: bool,
    /// When the call was given to the trunk.
    pub placed: Micros,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    /// Since it last carried a call.
    faults: u32,
    /// Pauses since then.
    pauses: u32,
    /// When it last carried a call.
    worked: Option<Micros>,
    /// It has said something since the start.
    heard: bool,
    /// The first call after its last word was given to it then.
    quiet_since: Option<Micros>,
    spend: Option<Spend>,
}

impl State {
    /// How many calls it takes now, and why no more.
    fn room(&mut self, now: Micros) -> (u32, Why) {
        let (room, why) = self.limits.room(now);
        match self.spend.as_mut().map(|spend| spend.room(now)) {
            Some(left) if left < room => (left, Why::SpendCap),
            _ => (room, why),
        }
    }

    /// How many calls the pace may give it: few before its first word, and none while it says nothing, so that a trunk
    /// that is not there costs few records.
    fn paced_room(&mut self, now: Micros) -> (u32, Why) {
        let (room, why) = self.room(now);
        if room == 0 || self.limits.is_down() {
            return (room, why);
        }
        if self.quiet_since.is_some_and(|since| now - since >= QUIET) {
            return (0, Why::TrunkDown { status: SILENCE });
        }
        let few = FEW.saturating_sub(self.limits.in_use());
        if self.heard || room <= few { (room, why) } else { (few, Why::WarmingUp { cohorts: 0 }) }
    }
}

/// All trunks, in the order in which they are tried.
#[derive(Debug)]
pub struct Trunks {
    options: Vec<TrunkOptions>,
    states: Mutex<Vec<State>>,
}

impl Trunks {
    /// With all their channels free.
    pub fn new(options: Vec<TrunkOptions>) -> Self {
        let state = |trunk: &TrunkOptions| State {
            limits: Limits::new(trunk.channels, trunk.per_second),
            faults: 0,
            pauses: 0,
            worked: None,
            heard: false,
            quiet_since: None,
            spend: trunk.tariff.map(Spend::new),
        };
        Self { states: Mutex::new(options.iter().map(state).collect()), options }
    }

    /// All of them, in their order.
    pub fn all(&self) -> &[TrunkOptions] {
        &self.options
    }

    /// How many calls they are given now together; if none, why the first is not.
    pub fn room(&self, now: Micros) -> (u32, Why) {
        let mut states = self.states();
        let room = |(at, state): (usize, &mut State)| match self.down(at) {
            Some(why) => (0, why),
            None => state.paced_room(now),
        };
        let rooms: Vec<(u32, Why)> = states.iter_mut().enumerate().map(room).collect();
        drop(states);
        let together = rooms.iter().fold(0, |sum: u32, (room, _)| sum.saturating_add(*room));
        let why = rooms.into_iter().find(|(room, _)| *room > 0 || together == 0).map(|(_, why)| why);
        (together, why.unwrap_or(Why::TrunkDown { status: 0 }))
    }

    /// An Asterisk that is not there takes no calls, whatever its limits are.
    fn down(&self, at: usize) -> Option<Why> {
        let status = self.options[at].asterisk.as_ref()?.down()?;
        Some(Why::TrunkDown { status })
    }

    /// Takes up what a trunk has cost on a day before.
    pub fn resume_spend(&self, trunk: usize, (day, spent): (i64, i64)) {
        if let Some(spend) = &mut self.states()[trunk].spend {
            spend.resume(day, spent);
        }
    }

    /// The day, and what a trunk with a cap costs on it: calls that are not over count with a minute.
    pub fn spent(&self, trunk: usize, now: Micros) -> Option<(i64, i64)> {
        self.states()[trunk].spend.as_mut().map(|spend| spend.counted(now))
    }

    /// Calls on them.
    pub fn in_use(&self) -> u32 {
        self.states().iter().map(|trunk| trunk.limits.in_use()).sum()
    }

    /// A trunk's settings.
    pub fn options(&self, trunk: usize) -> &TrunkOptions {
        &self.options[trunk]
    }

    /// Whether any of them may call a country.
    pub fn reach(&self, country: Country) -> bool {
        self.options.iter().any(|trunk| trunk.countries.contains(&country))
    }

    /// Takes a channel of the first trunk that has room for a call to a country and was not tried for it yet.
    pub(crate) fn take(&self, country: Country, tried: &[usize], now: Micros) -> Option<usize> {
        let mut states = self.states();
        let fits = |at: usize| !tried.contains(&at) && self.options[at].countries.contains(&country);
        let at = (0..states.len()).find(|at| fits(*at) && self.down(*at).is_none() && states[*at].room(now).0 > 0)?;
        states[at].limits.placed();
        states[at].quiet_since.get_or_insert(now);
        if let Some(spend) = &mut states[at].spend {
            spend.placed();
        }
        Some(at)
    }

    /// A call is over; with the time of its talk if it was answered.
    pub(crate) fn freed(&self, trunk: usize, talk: Option<Micros>, now: Micros) {
        let mut states = self.states();
        let State { limits, spend, quiet_since, .. } = &mut states[trunk];
        // whoever waits for a word is not known here: the next call that is given to it shows
        *quiet_since = None;
        if let Some(spend) = spend {
            spend.ended(talk, now);
        }
        limits.freed();
        limits.unclear(now, DEFAULT_PAUSE);
    }

    /// It asks to be left alone.
    pub(crate) fn refused(&self, trunk: usize, status: u16, now: Micros, pause: Micros) {
        self.states()[trunk].limits.refused(status, now, pause);
    }

    /// It did not do its work, or said nothing. It is left alone after some such calls in a row; at once where no call can
    /// go by it, or where nothing went by it since a call that nothing was said of. Answers for how long, when that begins.
    pub(crate) fn fault(&self, trunk: usize, fault: Fault, now: Micros) -> Option<Micros> {
        let state = &mut self.states()[trunk];
        // calls that left together fail together: that is one reason for a pause
        if state.limits.was_left_alone_after(fault.placed) {
            return None;
        }
        state.faults += 1;
        let is_silent = fault.silent && state.worked.is_none_or(|at| at < fault.placed);
        if !(fault.unreached || is_silent || state.faults >= FAULTS || state.limits.is_down()) {
            return None;
        }
        let pause = (DEFAULT_PAUSE << state.pauses.min(6)).min(LONGEST_PAUSE);
        state.pauses += 1;
        state.limits.refused(fault.status.unwrap_or(SILENCE), now, pause);
        Some(pause)
    }

    /// It said something: it is there.
    pub(crate) fn heard(&self, trunk: usize) {
        let state = &mut self.states()[trunk];
        state.heard = true;
        state.quiet_since = None;
    }

    /// It carried a call.
    pub(crate) fn works(&self, trunk: usize, now: Micros) {
        self.heard(trunk);
        let state = &mut self.states()[trunk];
        state.faults = 0;
        state.pauses = 0;
        state.worked = Some(now);
        state.limits.works();
    }

    fn states(&self) -> MutexGuard<'_, Vec<State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn two() -> Trunks {
        let trunk = |name: &str, countries: &[&str]| {
            TrunkOptions::new(name, "sip.example.com", 2, 10.0, countries.iter().map(|code| country(code)).collect())
        };
        Trunks::new(vec![trunk("cheap", &["US"]), trunk("wide", &["US", "GB"])])
    }

    #[test]
    fn the_first_trunk_that_may_and_can_is_taken() {
        let trunks = two();
        assert_eq!(trunks.take(country("GB"), &[], 0), Some(1));
        assert_eq!(trunks.take(country("US"), &[], 0), Some(0));
        assert_eq!(trunks.take(country("US"), &[0], 0), Some(1), "the first was tried");
        assert_eq!(trunks.take(country("US"), &[], 0), Some(0));
        assert_eq!(trunks.take(country("US"), &[], 0), None, "all channels are taken");
        assert_eq!((trunks.take(country("FR"), &[], 0), trunks.reach(country("FR"))), (None, false));
        trunks.freed(1, None, 0);
        assert_eq!((trunks.in_use(), trunks.room(SECOND).0), (3, 1));
    }

    #[test]
    fn a_trunk_that_asks_for_a_pause_is_left_alone_while_the_other_works_on() {
        let trunks = two();
        trunks.refused(0, 503, 0, 5 * SECOND);
        assert_eq!(trunks.take(country("US"), &[], SECOND), Some(1));
        assert_eq!(trunks.room(SECOND), (1, Why::TrunkChannelsFull));
        trunks.refused(1, 500, SECOND, 9 * SECOND);
        assert_eq!(trunks.room(2 * SECOND), (0, Why::TrunkDown { status: 503 }));
        assert_eq!(trunks.take(country("US"), &[], 5 * SECOND), Some(0), "one call looks whether it works again");
        assert_eq!(trunks.take(country("US"), &[], 6 * SECOND), None);
        trunks.works(0, 6 * SECOND);
        assert_eq!(trunks.take(country("US"), &[], 6 * SECOND), Some(0));
    }

    #[test]
    fn a_trunk_that_has_cost_enough_leaves_calls_to_the_next_one() {
        let mut options = two().options;
        options[0].tariff = Some(Tariff { per_day: 10, per_minute: 10, per_call: 0 });
        let (trunks, us) = (Trunks::new(options), country("US"));
        assert_eq!((trunks.take(us, &[], 0), trunks.take(us, &[], 0)), (Some(0), Some(1)));
        trunks.freed(0, Some(SECOND), SECOND);
        assert_eq!((trunks.take(us, &[], SECOND), trunks.spent(0, SECOND)), (Some(1), Some((0, 10))));
        assert_eq!(trunks.room(SECOND), (0, Why::SpendCap));
        assert_eq!(trunks.spent(1, SECOND), None, "without a cap nothing is counted");
    }

    fn fault(status: Option<u16>, placed: Micros) -> Fault {
        Fault { status, unreached: false, silent: status.is_none(), placed }
    }

    #[test]
    fn a_trunk_that_says_nothing_is_left_alone_longer_and_longer_until_a_call_gets_through() {
        let (trunks, us) = (two(), country("US"));
        let at = 40 * SECOND;
        assert_eq!(trunks.take(us, &[1], 0), Some(0));
        assert_eq!(trunks.fault(0, fault(None, 0), at), Some(DEFAULT_PAUSE), "the first one tells");
        trunks.freed(0, None, at);
        assert_eq!(trunks.fault(0, fault(None, 10), at), None, "it left before that pause");
        assert_eq!(trunks.take(us, &[1], at), None);
        assert_eq!(trunks.take(us, &[1], at + DEFAULT_PAUSE), Some(0), "one call looks");
        let second = at + 2 * DEFAULT_PAUSE;
        assert_eq!(trunks.fault(0, fault(None, at + DEFAULT_PAUSE), second), Some(2 * DEFAULT_PAUSE));
        trunks.freed(0, None, second);
        assert_eq!(trunks.take(us, &[1], second + DEFAULT_PAUSE), None);
        let third = second + 2 * DEFAULT_PAUSE;
        assert_eq!(trunks.take(us, &[1], third), Some(0));
        // it was given up, and shows nothing
        trunks.freed(0, None, third);
        assert_eq!(trunks.take(us, &[1], third + SECOND), None);
        trunks.works(0, third + SECOND);
        assert_eq!(trunks.fault(0, fault(None, third), third + 2 * SECOND), None, "others got through meanwhile");
        assert_eq!(trunks.take(us, &[1], third + 2 * SECOND), Some(0));
        let last = (1..FAULTS).fold(None, |_, _| trunks.fault(0, fault(Some(500), third), third + 2 * SECOND));
        assert_eq!(last, Some(DEFAULT_PAUSE), "five in a row");
    }

    #[test]
    fn a_trunk_by_which_no_call_can_go_gets_its_pause_at_once_and_none_is_longer_than_five_minutes() {
        let (trunks, mut now) = (two(), 0);
        let refused = |placed| Fault { unreached: true, ..fault(Some(401), placed) };
        trunks.works(0, now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let pause = trunks.fault(0, refused(now), now).unwrap();
            assert_eq!(trunks.room(now).0, 2, "those of the other");
            pauses.push(pause / SECOND);
            now += pause;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn the_pace_gives_few_calls_to_a_trunk_before_its_first_word_and_none_while_it_is_quiet() {
        let us = country("US");
        let trunks = Trunks::new(vec![TrunkOptions::new("one", "sip.example.com", 50, 100.0, vec![us])]);
        assert_eq!(trunks.room(0), (FEW, Why::WarmingUp { cohorts: 0 }));
        assert_eq!((trunks.take(us, &[], 0), trunks.room(0).0), (Some(0), FEW - 1));
        assert_eq!(trunks.room(QUIET), (0, Why::TrunkDown { status: SILENCE }));
        assert_eq!(trunks.take(us, &[], QUIET), Some(0), "what an agent asks for is tried");
        trunks.heard(0);
        assert_eq!(trunks.room(QUIET), (48, Why::TrunkChannelsFull));
        assert_eq!(trunks.take(us, &[], QUIET), Some(0));
        assert_eq!(trunks.room(2 * QUIET - 1).0, 47);
        assert_eq!(trunks.room(2 * QUIET), (0, Why::TrunkDown { status: SILENCE }));
        trunks.freed(0, None, 2 * QUIET);
        assert_eq!(trunks.room(2 * QUIET).0, 48);
    }
}
