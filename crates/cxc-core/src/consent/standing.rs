//! What a person's ledger says at an instant: the one reading of it, by which every check and every report goes.
//!
//! A consent that was given before a revocation never stands again, also where the revocation was lifted: no shipped
//! rule allows that. A word such as START lifts only what a word has done.
use jiff::Timestamp;

use super::{ConsentEvent, ConsentKind, ConsentScope, SOURCE_KEYWORD};
use crate::channel::Channel;
use crate::compliance::legal::{ConsentState, RevocationScope};

/// How far the law carries revocations beyond what was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LegalReach {
    /// To what.
    pub scope: RevocationScope,
    /// Channels that a revocation on one of them ends together, as bits.
    pub channels: i16,
}

/// What is asked of a ledger.
#[derive(Debug, Clone, Copy)]
pub struct ConsentQuestion<'a> {
    /// How the person is to be reached.
    pub channel: Channel,
    /// What about, if that is known.
    pub topic: Option<&'a str>,
    /// For which brand, if that is known.
    pub brand: Option<&'a str>,
    /// How far revocations reach.
    pub reach: LegalReach,
}

/// What stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The latest revocation that holds, if one does. Then no consent does.
    pub opted_out: Option<&'a ConsentEvent>,
    /// A bit for each kind of consent that holds.
    kinds: u16,
    /// When the best of those consents was last given, after how good it is.
    best: Option<(u8, Timestamp)>,
    /// The consent to be called back that was given last, if it holds.
    pub callback: Option<&'a ConsentEvent>,
    /// When the person last bought something, as far as the ledger knows.
    pub purchased_at: Option<Timestamp>,
    /// When the person last inquired, as far as the ledger knows.
    pub inquired_at: Option<Timestamp>,
    /// When the first of the consents that hold ends by itself.
    pub until: Option<Timestamp>,
}

impl<'a> Standing<'a> {
    /// Reads a ledger at an instant. An entry counts from when it was said, whenever it was written down; the order
    /// of the entries makes no difference. Allocates nothing.
    pub fn of(events: &'a [ConsentEvent], asked: &ConsentQuestion<'_>, now: Timestamp) -> Self {
        let revocations = || events.iter().filter(|e| e.revoked && e.at <= now && revokes(e, asked));
        let grants = || events.iter().filter(|e| !e.revoked && is_live(e, now) && grants(e, asked));
        let is_lifted = |revocation: &ConsentEvent| grants().any(|grant| lifts(grant, revocation));
        let standing = revocations().filter(|r| !is_lifted(r)).max_by_key(|r| r.at);
        if standing.is_some() {
            return Self { opted_out: standing, ..Self::default() };
        }
        let since = revocations().map(|r| r.at).max();
        let mut found = Self::default();
        for grant in grants().filter(|g| since.is_none_or(|since| since < g.at)) {
            if !is_withdrawn(events, grant, now) {
                found.add(grant);
            }
        }
        found
    }

    fn add(&mut self, grant: &'a ConsentEvent) {
        match grant.kind {
            ConsentKind::Callback => {
                self.callback = [self.callback, Some(grant)].into_iter().flatten().max_by_key(|g| (g.at, g.asked_for));
            }
            ConsentKind::EbrPurchase => self.purchased_at = self.purchased_at.max(Some(grant.at)),
            ConsentKind::EbrInquiry => self.inquired_at = self.inquired_at.max(Some(grant.at)),
            _ => {}
        }
        self.kinds |= bit(grant.kind);
        self.best = self.best.max(strength(grant.kind).map(|strength| (strength, grant.at)));
        self.until = [self.until, grant.expires].into_iter().flatten().min();
    }

    /// Whether a consent holds that will do where this kind is asked for.
    pub fn has(&self, asked: ConsentKind) -> bool {
        ConsentKind::ALL.into_iter().any(|kind| self.kinds & bit(kind) != 0 && kind.is_a(asked))
    }

    /// When the consent that a contact rests on was given: the best that holds, and of several the latest.
    pub fn consented_at(&self) -> Option<Timestamp> {
        self.best.map(|(_, at)| at)
    }

    /// The best consent that holds.
    pub fn state(&self) -> ConsentState {
        if self.opted_out.is_some() {
            ConsentState::Revoked
        } else if self.has(ConsentKind::ExpressWritten) {
            ConsentState::ExpressWritten
        } else if self.has(ConsentKind::Express) {
            ConsentState::Express
        } else if self.has(ConsentKind::Implied) {
            ConsentState::Implied
        } else {
            ConsentState::None
        }
    }
}

/// The revocation by which a person opted out of everything on a channel, if one stands. One of a topic or a brand
/// is no such revocation.
pub fn opted_out_of_all(events: &[ConsentEvent], channel: Channel, at: Timestamp) -> Option<&ConsentEvent> {
    let asked = ConsentQuestion { channel, topic: None, brand: None, reach: LegalReach::default() };
    let grants = || events.iter().filter(|e| !e.revoked && is_live(e, at) && grants(e, &asked));
    let of_all = events.iter().filter(|e| e.revoked && e.scope == ConsentScope::All && e.at <= at);
    let standing = of_all.filter(|r| revokes(r, &asked) && !grants().any(|grant| lifts(grant, r)));
    standing.max_by_key(|r| r.at)
}

/// The revocation, of whatever scope, by which a person opted out of something on a channel, if one stands: it bars what
/// names no topic and no brand.
pub fn opted_out_of_any(events: &[ConsentEvent], channel: Channel, at: Timestamp) -> Option<&ConsentEvent> {
    let opts_out = |e: &&ConsentEvent| !matches!(e.kind, ConsentKind::Callback | ConsentKind::Recording);
    let of_channel = events.iter().filter(|e| e.revoked && e.at <= at && e.on(channel)).filter(opts_out);
    let lifted = |r: &ConsentEvent| {
        let covers = |g: &ConsentEvent| g.scope == ConsentScope::All || g.scope == r.scope;
        events.iter().any(|g| !g.revoked && is_live(g, at) && g.on(channel) && covers(g) && lifts(g, r))
    };
    of_channel.filter(|r| !lifted(r)).max_by_key(|r| r.at)
}

fn bit(kind: ConsentKind) -> u16 {
    1 << kind as u16
}

/// How good a consent is to rest a contact on. One to be recorded allows none.
fn strength(kind: ConsentKind) -> Option<u8> {
    match kind {
        ConsentKind::Recording => None,
        ConsentKind::ExpressWritten => Some(2),
        kind => Some(u8::from(kind.is_express())),
    }
}

fn is_live(event: &ConsentEvent, now: Timestamp) -> bool {
    let since = event.effective_at.map_or(event.at, |effective| effective.max(event.at));
    since <= now && event.expires.is_none_or(|end| now < end)
}

/// A consent holds only for what it names.
fn grants(event: &ConsentEvent, asked: &ConsentQuestion<'_>) -> bool {
    event.on(asked.channel) && event.scope.covers(asked.topic, asked.brand)
}

/// A revocation holds at once for what it names, for what is not named, and as far as the law carries it.
fn revokes(event: &ConsentEvent, asked: &ConsentQuestion<'_>) -> bool {
    // who takes back a consent to be called back or recorded has not opted out
    if matches!(event.kind, ConsentKind::Callback | ConsentKind::Recording) {
        return false;
    }
    let (reach, own) = (asked.reach, asked.channel.bit());
    let came_on = event.channels.iter().fold(0, |bits, c| bits | c.bit());
    let is_reached = reach.channels & own != 0;
    if is_reached && reach.scope == RevocationScope::All && (came_on == 0 || reach.channels & came_on != 0) {
        return true;
    }
    let in_scope = match &event.scope {
        ConsentScope::All => true,
        ConsentScope::Brand { .. } => asked.brand.is_none() || event.scope.covers(asked.topic, asked.brand),
        // which brand a topic belongs to is not known, so it may be this one
        ConsentScope::Topic { .. } => {
            let widened = is_reached && reach.scope != RevocationScope::AsSaid;
            widened || asked.topic.is_none() || event.scope.covers(asked.topic, asked.brand)
        }
    };
    event.on(asked.channel) && in_scope
}

/// Whether a consent lifts a revocation: it was given later and expressly by the same person, and one by a word lifts only
/// what a word has done.
fn lifts(grant: &ConsentEvent, revocation: &ConsentEvent) -> bool {
    if grant.lifts_nothing || !grant.key.is_same_person(revocation.key) {
        return false;
    }
    let by_word = &*grant.source == SOURCE_KEYWORD;
    let is_express = matches!(grant.kind, ConsentKind::Express | ConsentKind::ExpressWritten);
    grant.at > revocation.at && is_express && (!by_word || &*revocation.source == SOURCE_KEYWORD)
}

/// Whether a consent to be called back or recorded was taken back by itself.
fn is_withdrawn(events: &[ConsentEvent], grant: &ConsentEvent, now: Timestamp) -> bool {
    let has_own = matches!(grant.kind, ConsentKind::Callback | ConsentKind::Recording);
    has_own && events.iter().any(|e| e.revoked && e.kind == grant.kind && grant.at <= e.at && e.at <= now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::ConsentKey;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn grant(kind: ConsentKind, at: &str) -> ConsentEvent {
        ConsentEvent {
            kind,
            channels: Vec::new(),
            scope: ConsentScope::All,
            at: time(at),
            effective_at: None,
            expires: None,
            revoked: false,
            source: "form".into(),
            lifts_nothing: false,
            asked_for: None,
            key: ConsentKey::Person,
        }
    }

    fn revocation(at: &str) -> ConsentEvent {
        ConsentEvent { revoked: true, source: SOURCE_KEYWORD.into(), ..grant(ConsentKind::Express, at) }
    }

    fn asked(channel: Channel, topic: &'static str) -> ConsentQuestion<'static> {
        ConsentQuestion { channel, topic: Some(topic), brand: Some("Acme"), reach: LegalReach::default() }
    }

    fn stands(events: &[ConsentEvent], kind: ConsentKind, at: &str) -> bool {
        Standing::of(events, &asked(Channel::Sms, "news"), time(at)).has(kind)
    }

    fn is_out(events: &[ConsentEvent], channel: Channel, topic: &'static str) -> bool {
        Standing::of(events, &asked(channel, topic), time(NOW)).opted_out.is_some()
    }

    const NOW: &str = "2026-11-29T10:00:00Z";

    #[test]
    fn a_written_consent_is_an_express_one_and_not_the_other_way_round() {
        let events = [grant(ConsentKind::ExpressWritten, "2026-01-01T00:00:00Z")];
        assert!(stands(&events, ConsentKind::Express, NOW));
        let events = [grant(ConsentKind::Express, "2026-01-01T00:00:00Z")];
        assert!(!stands(&events, ConsentKind::ExpressWritten, NOW));
    }

    #[test]
    fn a_revocation_ends_consents_at_once_and_one_that_is_dated_before_it_lifts_nothing() {
        let deadline =
            ConsentEvent { effective_at: Some(time("2026-12-10T00:00:00Z")), ..revocation("2026-11-20T00:00:00Z") };
        // written down later than the revocation, dated before it
        let events = [deadline, grant(ConsentKind::ExpressWritten, "2026-11-19T00:00:00Z")];
        assert!(!stands(&events, ConsentKind::Express, "2026-11-20T00:00:00Z"));
        assert!(stands(&events, ConsentKind::Express, "2026-11-19T23:59:59Z"));
        assert!(opted_out_of_all(&events, Channel::Sms, time("2026-11-20T00:00:00Z")).is_some());
        assert!(opted_out_of_all(&events, Channel::Sms, time("2026-11-19T23:59:59Z")).is_none());
    }

    #[test]
    fn only_what_is_said_expressly_afterwards_lifts_a_revocation() {
        let stop = revocation("2026-11-20T00:00:00Z");
        for kind in ConsentKind::ALL {
            let lifted = matches!(kind, ConsentKind::Express | ConsentKind::ExpressWritten);
            let events = [stop.clone(), grant(kind, "2026-11-21T00:00:00Z")];
            assert_eq!(is_out(&events, Channel::Sms, "news"), !lifted, "{kind:?}");
            assert_eq!(opted_out_of_all(&events, Channel::Sms, time(NOW)).is_none(), lifted, "{kind:?}");
        }
    }

    #[test]
    fn a_word_lifts_only_what_a_word_made_and_restores_nothing() {
        let start =
            ConsentEvent { source: SOURCE_KEYWORD.into(), ..grant(ConsentKind::Express, "2026-11-21T00:00:00Z") };
        let before = grant(ConsentKind::ExpressWritten, "2026-01-01T00:00:00Z");
        let events = [before, revocation("2026-11-20T00:00:00Z"), start.clone()];
        assert!(!is_out(&events, Channel::Sms, "news"));
        assert!(stands(&events, ConsentKind::Express, NOW));
        assert!(!stands(&events, ConsentKind::ExpressWritten, NOW), "what was revoked stays so");
        let by_link = ConsentEvent { source: "link".into(), ..revocation("2026-11-20T00:00:00Z") };
        assert!(is_out(&[by_link.clone(), start.clone()], Channel::Sms, "news"));
        // a word after a link's opt-out leaves that, also where the last opt-out was by word
        let events = [by_link, revocation("2026-11-20T12:00:00Z"), start];
        assert!(is_out(&events, Channel::Sms, "news"));
        assert!(opted_out_of_all(&events, Channel::Sms, time(NOW)).is_some());
    }

    #[test]
    fn a_consent_that_lifts_nothing_gives_where_nobody_opted_out_and_never_ends_an_opt_out() {
        let of_file =
            ConsentEvent { lifts_nothing: true, ..grant(ConsentKind::ExpressWritten, "2026-11-21T00:00:00Z") };
        assert!(stands(std::slice::from_ref(&of_file), ConsentKind::Express, NOW));
        let events = [revocation("2026-11-20T00:00:00Z"), of_file.clone()];
        assert!(is_out(&events, Channel::Sms, "news"));
        assert!(opted_out_of_all(&events, Channel::Sms, time(NOW)).is_some());
        // once something else has lifted it, what was given after it holds
        let events = [events[0].clone(), of_file, grant(ConsentKind::Express, "2026-11-22T00:00:00Z")];
        assert!(stands(&events, ConsentKind::ExpressWritten, NOW));
    }

    #[test]
    fn a_consent_of_a_client_lifts_no_opt_out_of_a_device_that_may_be_anothers() {
        let out = |by: ConsentKey, given: ConsentKey| {
            let stop = ConsentEvent { key: by, ..revocation("2026-11-20T00:00:00Z") };
            let later = ConsentEvent { key: given, ..grant(ConsentKind::Express, "2026-11-21T00:00:00Z") };
            is_out(&[stop, later], Channel::Sms, "news")
        };
        let (person, device, client) = (ConsentKey::Person, ConsentKey::Device, ConsentKey::ClientId);
        assert!(out(device, client) && out(client, device));
        for (by, given) in [(device, device), (client, client), (person, client), (device, person)] {
            assert!(!out(by, given), "{by:?} {given:?}");
        }
    }

    #[test]
    fn channel_topic_and_brand_bound_both_consent_and_revocation() {
        let of_topic = ConsentEvent {
            scope: ConsentScope::Topic { name: "News".into() },
            channels: vec![Channel::Sms],
            ..revocation("2026-11-20T00:00:00Z")
        };
        let events = [of_topic];
        assert!(is_out(&events, Channel::Sms, "news"));
        assert!(!is_out(&events, Channel::Sms, "bills"));
        assert!(!is_out(&events, Channel::Email, "news"));
        assert!(opted_out_of_all(&events, Channel::Sms, time(NOW)).is_none(), "other topics are left");
        let of_brand = [ConsentEvent {
            scope: ConsentScope::Brand { name: "Other".into() },
            ..grant(ConsentKind::Express, "2026-01-01T00:00:00Z")
        }];
        assert!(!stands(&of_brand, ConsentKind::Express, NOW));
    }

    #[test]
    fn a_revocation_for_a_topic_that_the_contact_does_not_name_may_be_about_it() {
        let events =
            [ConsentEvent { scope: ConsentScope::Topic { name: "news".into() }, ..revocation("2026-11-20T00:00:00Z") }];
        let unnamed = ConsentQuestion { topic: None, ..asked(Channel::Sms, "") };
        assert!(Standing::of(&events, &unnamed, time(NOW)).opted_out.is_some());
    }

    #[test]
    fn the_ledger_tells_when_a_relationship_was_last_renewed_and_a_revocation_ends_it() {
        let mut events = vec![
            grant(ConsentKind::EbrPurchase, "2025-05-29T10:00:00Z"),
            grant(ConsentKind::EbrPurchase, "2026-02-01T00:00:00Z"),
            grant(ConsentKind::EbrInquiry, "2026-03-01T00:00:00Z"),
        ];
        let read = |events: &[ConsentEvent]| {
            let found = Standing::of(events, &asked(Channel::Sms, "news"), time(NOW));
            (found.purchased_at, found.inquired_at)
        };
        let known = (Some(time("2026-02-01T00:00:00Z")), Some(time("2026-03-01T00:00:00Z")));
        assert_eq!(read(&events), known);
        events.push(revocation("2026-04-01T00:00:00Z"));
        assert_eq!(read(&events), (None, None));
    }

    #[test]
    fn the_end_of_a_recording_consent_forbids_no_call() {
        let events = [
            grant(ConsentKind::Express, "2026-01-01T00:00:00Z"),
            grant(ConsentKind::Recording, "2026-01-01T00:00:00Z"),
            ConsentEvent { kind: ConsentKind::Recording, ..revocation("2026-11-20T00:00:00Z") },
        ];
        assert!(opted_out_of_all(&events, Channel::Voice, time(NOW)).is_none());
        assert!(stands(&events, ConsentKind::Express, NOW));
        assert!(!stands(&events, ConsentKind::Recording, NOW) && stands(&events[..2], ConsentKind::Recording, NOW));
    }

    proptest! {
        #[test]
        fn the_order_in_which_entries_are_written_makes_no_difference(order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle()) {
            let events = [
                grant(ConsentKind::Express, "2026-01-01T00:00:00Z"),
                revocation("2026-02-01T00:00:00Z"),
                grant(ConsentKind::ExpressWritten, "2026-03-01T00:00:00Z"),
                revocation("2026-04-01T00:00:00Z"),
                grant(ConsentKind::ImpliedPurchase, "2026-05-01T00:00:00Z"),
                grant(ConsentKind::Express, "2026-03-31T00:00:00Z"),
            ];
            let shuffled: Vec<ConsentEvent> = order.iter().map(|i| events[*i].clone()).collect();
            for month in 1..=6 {
                let at = time(&format!("2026-{month:02}-15T00:00:00Z"));
                let asked = asked(Channel::Sms, "news");
                prop_assert_eq!(Standing::of(&events, &asked, at), Standing::of(&shuffled, &asked, at));
                let out = |events| opted_out_of_all(events, Channel::Sms, at).map(|e| e.at);
                prop_assert_eq!(out(&events), out(&shuffled));
            }
        }
    }
}
