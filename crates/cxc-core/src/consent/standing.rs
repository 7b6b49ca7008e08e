//! What a person's ledger says at an instant.
//!
//! A word such as START takes a STOP back as if it had not been said; any other consent after a revocation begins anew.
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::{ConsentEvent, ConsentKind, SOURCE_KEYWORD};
use crate::channel::Channel;

/// How long a kind of consent lasts by the law that asks: calendar months, then days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentValidity {
    /// The kind.
    pub kind: ConsentKind,
    /// Calendar months.
    pub months: u16,
    /// Days.
    pub days: u16,
}

/// What a rule asks of a ledger.
#[derive(Debug, Clone, Copy)]
pub struct ConsentQuestion<'a> {
    /// The kinds that will do.
    pub kinds: &'a [ConsentKind],
    /// How the person is to be reached.
    pub channel: Channel,
    /// What about.
    pub topic: Option<&'a str>,
    /// For which brand.
    pub brand: Option<&'a str>,
    /// How long kinds last by the rule; one that is not named lasts until it is revoked or its own end.
    pub validity: &'a [ConsentValidity],
}

/// What stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing of the kind was ever given.
    Never,
    /// It stands: this entry gave it, until then.
    Stands {
        /// The entry with the latest end.
        by: &'a ConsentEvent,
        /// Its end, exclusively.
        until: Option<Timestamp>,
    },
    /// It was given and has run out.
    Expired {
        /// The entry that lasted longest.
        by: &'a ConsentEvent,
        /// Its end.
        at: Timestamp,
    },
    /// It was taken back.
    Revoked {
        /// The latest entry that took it back.
        by: &'a ConsentEvent,
    },
}

/// Whether a consent of these kinds stands at an instant.
///
/// A revocation ends what was given before it or at the same moment, whenever it was written down: so an import
/// that is dated before it lifts nothing. What comes after it lifts it only if the person said so expressly.
pub fn standing<'a>(events: &'a [ConsentEvent], asked: &ConsentQuestion<'_>, at: Timestamp) -> Standing<'a> {
    let fits = |e: &&ConsentEvent| {
        !e.revoked
            && asked.kinds.iter().any(|kind| e.kind.is_a(*kind))
            && e.on(asked.channel)
            && e.scope.covers(asked.topic, asked.brand)
            && e.effective_at.unwrap_or(e.at) <= at
            && e.at <= at
    };
    let mut best = Standing::Never;
    for grant in events.iter().filter(fits) {
        let revocations = revocations(events, asked.channel, asked.topic, asked.brand, at);
        let ending = revocations.filter(|r| ends(r, grant) && !taken_back(events, r, asked, at)).max_by_key(|r| r.at);
        let end = [grant.expires, legal_end(grant, asked.validity)].into_iter().flatten().min();
        let found = match (ending, end) {
            (Some(by), _) => Standing::Revoked { by },
            (None, Some(end)) if end <= at => Standing::Expired { by: grant, at: end },
            (None, until) => Standing::Stands { by: grant, until },
        };
        if rank(&found) > rank(&best) {
            best = found;
        }
    }
    best
}

/// The revocation that forbids contacts on a channel for a topic and brand at an instant, if one stands: the latest.
pub fn opted_out<'a>(
    events: &'a [ConsentEvent],
    channel: Channel,
    topic: Option<&str>,
    brand: Option<&str>,
    at: Timestamp,
) -> Option<&'a ConsentEvent> {
    let lifted = |revocation: &ConsentEvent| {
        events.iter().any(|grant| {
            !grant.revoked
                && grant.on(channel)
                && grant.scope.covers(topic, brand)
                && grant.effective_at.unwrap_or(grant.at) <= at
                && grant.kind != ConsentKind::Recording
                && grant.expires.is_none_or(|end| end > at)
                && lifts(grant, revocation)
        })
    };
    let standing =
        revocations(events, channel, topic, brand, at).filter(|r| r.kind != ConsentKind::Recording && !lifted(r));
    standing.max_by_key(|r| r.at)
}

fn revocations<'a>(
    events: &'a [ConsentEvent],
    channel: Channel,
    topic: Option<&str>,
    brand: Option<&str>,
    at: Timestamp,
) -> impl Iterator<Item = &'a ConsentEvent> {
    // it holds at once, whatever its legal deadline is
    events.iter().filter(move |e| e.revoked && e.on(channel) && e.scope.covers(topic, brand) && e.at <= at)
}

/// Whether a later word took back what a word had said.
fn taken_back(events: &[ConsentEvent], revocation: &ConsentEvent, asked: &ConsentQuestion<'_>, at: Timestamp) -> bool {
    let words = events.iter().filter(|e| !e.revoked && &*e.source == SOURCE_KEYWORD && e.at <= at);
    words
        .filter(|e| e.on(asked.channel) && e.scope.covers(asked.topic, asked.brand))
        .any(|word| lifts(word, revocation))
}

/// Whether a revocation ends a grant. A recording is a matter of its own.
fn ends(revocation: &ConsentEvent, grant: &ConsentEvent) -> bool {
    let same_matter = (revocation.kind == ConsentKind::Recording) == (grant.kind == ConsentKind::Recording);
    same_matter && !lifts(grant, revocation)
}

/// Whether a grant lifts a revocation: it is later, express, and one by a word lifts only what a word made.
fn lifts(grant: &ConsentEvent, revocation: &ConsentEvent) -> bool {
    let by_word = &*grant.source == SOURCE_KEYWORD;
    grant.at > revocation.at && grant.kind.is_express() && (!by_word || &*revocation.source == SOURCE_KEYWORD)
}

fn legal_end(grant: &ConsentEvent, validity: &[ConsentValidity]) -> Option<Timestamp> {
    let limit = validity.iter().find(|v| v.kind == grant.kind)?;
    let span = Span::new().try_months(limit.months).ok()?.try_days(limit.days).ok()?;
    let begin: DateTime = grant.at.to_zoned(TimeZone::UTC).datetime();
    // a length that can't be added lasts no time: what is not known counts as no
    let end = begin.checked_add(span).and_then(|end| end.to_zoned(TimeZone::UTC));
    Some(end.map_or(grant.at, |end| end.timestamp()))
}

/// What says more: standing before revoked before expired; of two that stand, the longer one.
fn rank(standing: &Standing<'_>) -> (u8, Timestamp) {
    match standing {
        Standing::Never => (0, Timestamp::MIN),
        Standing::Expired { at, .. } => (1, *at),
        Standing::Revoked { by } => (2, by.at),
        Standing::Stands { until, .. } => (3, until.unwrap_or(Timestamp::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::ConsentScope;

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
        }
    }

    fn revocation(at: &str) -> ConsentEvent {
        ConsentEvent { revoked: true, source: SOURCE_KEYWORD.into(), ..grant(ConsentKind::Express, at) }
    }

    fn asked(kinds: &[ConsentKind]) -> ConsentQuestion<'_> {
        ConsentQuestion { kinds, channel: Channel::Sms, topic: Some("news"), brand: Some("Acme"), validity: &[] }
    }

    const NOW: &str = "2026-11-29T10:00:00Z";

    #[test]
    fn a_written_consent_is_an_express_one_and_not_the_other_way_round() {
        let events = [grant(ConsentKind::ExpressWritten, "2026-01-01T00:00:00Z")];
        assert!(matches!(standing(&events, &asked(&[ConsentKind::Express]), time(NOW)), Standing::Stands { .. }));
        let events = [grant(ConsentKind::Express, "2026-01-01T00:00:00Z")];
        assert_eq!(standing(&events, &asked(&[ConsentKind::ExpressWritten]), time(NOW)), Standing::Never);
    }

    #[test]
    fn a_revocation_ends_consents_at_once_and_one_that_is_dated_before_it_lifts_nothing() {
        let deadline =
            ConsentEvent { effective_at: Some(time("2026-12-10T00:00:00Z")), ..revocation("2026-11-20T00:00:00Z") };
        // written down later than the revocation, dated before it
        let events = [deadline, grant(ConsentKind::ExpressWritten, "2026-11-19T00:00:00Z")];
        let kinds = [ConsentKind::Express];
        assert!(matches!(standing(&events, &asked(&kinds), time("2026-11-20T00:00:00Z")), Standing::Revoked { .. }));
        assert!(opted_out(&events, Channel::Sms, None, None, time("2026-11-20T00:00:00Z")).is_some());
        assert!(opted_out(&events, Channel::Sms, None, None, time("2026-11-19T23:59:59Z")).is_none());
    }

    #[test]
    fn only_what_is_said_expressly_afterwards_lifts_a_revocation() {
        let stop = revocation("2026-11-20T00:00:00Z");
        for (kind, lifted) in [
            (ConsentKind::EbrPurchase, false),
            (ConsentKind::ImpliedPurchase, false),
            (ConsentKind::SoftOptIn, false),
            (ConsentKind::Recording, false),
            (ConsentKind::Express, true),
        ] {
            let events = [stop.clone(), grant(kind, "2026-11-21T00:00:00Z")];
            let out = opted_out(&events, Channel::Sms, None, None, time(NOW));
            assert_eq!(out.is_none(), lifted, "{kind:?}");
        }
    }

    #[test]
    fn a_word_lifts_only_what_a_word_made() {
        let start =
            ConsentEvent { source: SOURCE_KEYWORD.into(), ..grant(ConsentKind::Express, "2026-11-21T00:00:00Z") };
        let by_word = [revocation("2026-11-20T00:00:00Z"), start.clone()];
        assert!(opted_out(&by_word, Channel::Sms, None, None, time(NOW)).is_none());
        let kinds = [ConsentKind::ExpressWritten];
        let before = grant(ConsentKind::ExpressWritten, "2026-01-01T00:00:00Z");
        let events = [before, by_word[0].clone(), start.clone()];
        let stands = |at| matches!(standing(&events, &asked(&kinds), time(at)), Standing::Stands { .. });
        assert!(!stands("2026-11-20T12:00:00Z") && stands(NOW), "START restores what stood before STOP");
        let by_link = ConsentEvent { source: "link".into(), ..revocation("2026-11-20T00:00:00Z") };
        assert!(opted_out(&[by_link, start], Channel::Sms, None, None, time(NOW)).is_some());
    }

    #[test]
    fn channel_topic_and_brand_bound_both_consent_and_revocation() {
        let of_topic = ConsentEvent {
            scope: ConsentScope::Topic { name: "News".into() },
            channels: vec![Channel::Sms],
            ..revocation("2026-11-20T00:00:00Z")
        };
        let events = [of_topic];
        assert!(opted_out(&events, Channel::Sms, Some("news"), None, time(NOW)).is_some());
        assert!(opted_out(&events, Channel::Sms, Some("bills"), None, time(NOW)).is_none());
        assert!(opted_out(&events, Channel::Email, Some("news"), None, time(NOW)).is_none());
        let of_brand = [ConsentEvent {
            scope: ConsentScope::Brand { name: "Other".into() },
            ..grant(ConsentKind::Express, "2026-01-01T00:00:00Z")
        }];
        assert_eq!(standing(&of_brand, &asked(&[ConsentKind::Express]), time(NOW)), Standing::Never);
    }

    #[test]
    fn a_relationship_ends_after_the_months_of_the_rule() {
        let events = [grant(ConsentKind::EbrPurchase, "2025-05-29T10:00:00Z")];
        let validity = [ConsentValidity { kind: ConsentKind::EbrPurchase, months: 18, days: 0 }];
        let kinds = [ConsentKind::EbrPurchase];
        let asked = ConsentQuestion { validity: &validity, ..asked(&kinds) };
        assert!(matches!(standing(&events, &asked, time("2026-11-29T09:59:59Z")), Standing::Stands { .. }));
        assert!(matches!(standing(&events, &asked, time(NOW)), Standing::Expired { .. }));
    }

    #[test]
    fn the_end_of_a_recording_consent_forbids_no_call() {
        let events = [
            grant(ConsentKind::Express, "2026-01-01T00:00:00Z"),
            ConsentEvent { kind: ConsentKind::Recording, ..revocation("2026-11-20T00:00:00Z") },
        ];
        assert!(opted_out(&events, Channel::Voice, None, None, time(NOW)).is_none());
        assert!(matches!(standing(&events, &asked(&[ConsentKind::Express]), time(NOW)), Standing::Stands { .. }));
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
                let out = |events| opted_out(events, Channel::Sms, None, None, at).map(|e| e.at);
                prop_assert_eq!(out(&events), out(&shuffled));
                let kinds = [ConsentKind::Express];
                let stands = |events| matches!(standing(events, &asked(&kinds), at), Standing::Stands { .. });
                prop_assert_eq!(stands(&events), stands(&shuffled));
            }
        }
    }
}
