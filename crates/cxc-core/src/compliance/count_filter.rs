//! Which past attempts a cap counts, and which belong together.
use super::area::Area;
use super::legal::{CapScope, CountDirection, CountKind, Exclude, GroupBy, NOT_CONNECTED_RESULTS};
use super::place::names;
use super::request::{AttemptRequest, Direction, PastAttempt};
use super::subject::{Purpose, is_same_name};
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::enumerations::CallResult;

/// By what attempts belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyScope {
    /// The client id; without one, the device.
    Client,
    /// The client on the same device.
    Pair,
    /// As a legal cap says.
    Legal(CapScope),
}

/// What attempts must share.
#[derive(Debug)]
pub(super) struct Keys {
    pub scope: KeyScope,
    pub group_by: Vec<GroupBy>,
    pub own_group: bool,
}

impl Keys {
    /// The accounts or debts of an attempt that are counted each by itself, or none.
    pub fn each<'a>(&self, request: &AttemptRequest<'a>) -> &'a [i64] {
        match self.scope {
            KeyScope::Legal(CapScope::Account) => request.accounts,
            KeyScope::Legal(CapScope::Debt) => request.debts,
            _ => &[],
        }
    }

    /// Whether an attempt belongs with the one that is asked about. `one` is that of [`Keys::each`] that is looked at.
    pub fn same(&self, request: &AttemptRequest<'_>, past: &PastAttempt, one: Option<i64>) -> bool {
        let by_key = self.has_key(past, one);
        (!self.own_group || past.group == request.group)
            && by_key.unwrap_or_else(|| self.same_scope(request, past))
            && self.group_by.iter().all(|by| shares(*by, request, past, by_key == Some(true)))
    }

    /// Whether an attempt was about an account or a debt; `None` where one of the two is not known.
    fn has_key(&self, past: &PastAttempt, one: Option<i64>) -> Option<bool> {
        let keys = match self.scope {
            KeyScope::Legal(CapScope::Account) => &past.accounts,
            KeyScope::Legal(CapScope::Debt) => &past.debts,
            _ => return None,
        };
        one.filter(|_| !keys.is_empty()).map(|one| keys.contains(&one))
    }

    fn same_scope(&self, request: &AttemptRequest<'_>, past: &PastAttempt) -> bool {
        let device = past.device == request.device;
        let client = || same_client(request, past);
        match self.scope {
            KeyScope::Client => client(),
            KeyScope::Pair => device && client(),
            KeyScope::Legal(CapScope::Device) => device,
            KeyScope::Legal(CapScope::Contact | CapScope::Account | CapScope::Debt) => same_person(request, past),
        }
    }
}

/// Whether two attempts are on one client id or on one key of a person. Where a client id is not known of both, it does not
/// tell them apart, and the device does.
pub(super) fn same_client(request: &AttemptRequest<'_>, past: &PastAttempt) -> bool {
    let person = request.person.is_some() && past.person == request.person;
    let device = past.device == request.device;
    request.client.zip(past.client).map_or(device, |(own, other)| own == other) || person
}

/// Two attempts are on one person where a key says so, or where they are on one device: another key names the person who
/// answers there, it does not make them somebody else.
pub(super) fn same_person(request: &AttemptRequest<'_>, past: &PastAttempt) -> bool {
    let device = past.device == request.device;
    is_person(request, past).map_or(device, |same| same || device && !request.edition.is_first())
}

/// Whether the keys say that it is the same person; `None` where none is known of both.
fn is_person(request: &AttemptRequest<'_>, past: &PastAttempt) -> Option<bool> {
    let keys = [(request.person, past.person), (request.client, past.client)];
    let both = keys.iter().filter_map(|(own, other)| Some(((*own)?, (*other)?)));
    let (mut known, mut same) = (false, false);
    for (own, other) in both {
        known = true;
        same |= own == other;
    }
    known.then_some(same)
}

/// What is not known of one of the two counts as shared. So does the person of attempts on one account or debt: the
/// devices of a debtor are many.
fn shares(by: GroupBy, request: &AttemptRequest<'_>, past: &PastAttempt, by_key: bool) -> bool {
    let alike = |own: Option<i64>, other: Option<i64>| own.is_none() || other.is_none() || own == other;
    match by {
        GroupBy::Collector => alike(request.subject.collector, past.collector),
        GroupBy::Person => is_person(request, past).unwrap_or(by_key || past.device == request.device),
        GroupBy::Device => past.device == request.device,
        GroupBy::Topic => match (request.subject.topic.as_deref(), past.topic.as_deref()) {
            (Some(own), Some(other)) => is_same_name(own, other),
            _ => true,
        },
        GroupBy::Purpose => past.purpose.is_none_or(|purpose| purpose == request.subject.purpose),
        GroupBy::Channel => past.channel == request.channel,
    }
}

/// Which attempts count.
#[derive(Debug)]
pub(super) struct CountFilter {
    /// The channels whose attempts count, as bits.
    pub channels: i16,
    pub purposes: Vec<Purpose>,
    pub direction: CountDirection,
    pub count: CountKind,
    /// A bit for each call result that counts; 0 with no dispositions for all.
    pub results: u64,
    pub dispositions: Vec<String>,
    pub exclude: Vec<Exclude>,
    /// Of those that went out, only attempts on people who may have been there.
    pub to: Option<Area>,
    /// Of those that came in, only attempts of people who may have been there.
    pub from: Option<Area>,
}

/// The bits of some call results.
pub(super) fn result_bits(codes: &[i16]) -> u64 {
    codes.iter().filter_map(|code| CallResult::from_code(*code)).fold(0, |bits, r| bits | 1 << r.code())
}

impl CountFilter {
    /// Whether an attempt counts, whoever it was on.
    pub fn counts(&self, past: &PastAttempt) -> bool {
        past.state != AttemptState::NotSent
            && self.channels & past.channel.bit() != 0
            && (self.purposes.is_empty() || past.purpose.is_none_or(|purpose| self.purposes.contains(&purpose)))
            && self.is_direction(past.direction)
            && self.is_located(past)
            && !(past.consented && self.exclude.contains(&Exclude::ConsentedCallback))
            && self.counts_outcome(past)
    }

    fn is_direction(&self, direction: Direction) -> bool {
        match self.direction {
            CountDirection::In => direction == Direction::In,
            CountDirection::Out => direction == Direction::Out,
            CountDirection::Both => true,
        }
    }

    /// An attempt of which no region is known may have been there.
    fn is_located(&self, past: &PastAttempt) -> bool {
        let location = match past.direction {
            Direction::Out => &self.to,
            Direction::In => &self.from,
        };
        let Some(location) = location else { return true };
        past.regions.is_empty() || names(&past.regions).any(|region| location.holds_text(region))
    }

    /// An attempt under way or in doubt counts whatever its result may become.
    fn counts_outcome(&self, past: &PastAttempt) -> bool {
        let Some(result) = past.result.filter(|_| past.state == AttemptState::Final) else {
            return true;
        };
        if self.exclude.contains(&Exclude::NotConnected) && NOT_CONNECTED_RESULTS.contains(&result) {
            return false;
        }
        let of_kind = match self.count {
            CountKind::Attempts => true,
            CountKind::Connected => past.connected,
            CountKind::Conversations => past.conversation,
            CountKind::MessagesDelivered => past.channel != Channel::Voice && result == CallResult::Ok,
        };
        of_kind && self.is_listed(past, result)
    }

    fn is_listed(&self, past: &PastAttempt, result: CallResult) -> bool {
        if self.results == 0 && self.dispositions.is_empty() {
            return true;
        }
        let listed = |r: CallResult| self.results & (1 << r.code()) != 0;
        let delivered = past.channel != Channel::Voice && result == CallResult::Ok && listed(CallResult::Answer);
        // a talk that was given to another, or that three had, was one all the same
        let delivered = delivered || result.is_talk() && listed(CallResult::Answer);
        listed(result)
            || delivered
            || past.disposition.as_deref().is_some_and(|code| self.dispositions.iter().any(|d| d == code))
    }
}
