//! Until when an allowed attempt stays allowed by what is known: every moment ahead at which a fact or a rule becomes
//! another, though nobody does anything.
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::calendar::timestamp;
use super::super::edition::Edition;
use super::super::law::{LawRule, callback_ends, ebr_ends};
use super::super::legal::{EbrTerms, Exemptions, RuleBody};
use super::super::number_facts::{NumberFacts, NumberListState};
use super::super::subject::Relationship;
use super::Case;
use crate::Micros;

impl Case<'_> {
    /// The first such moment; exclusive.
    pub(super) fn known_until(&self) -> Micros {
        let ended = self.consents_and_rules();
        match self.request.edition {
            Edition::First => ended,
            Edition::Second => ended.min(self.facts_and_ages()),
            Edition::Third => ended.min(self.facts_and_ages()).min(self.conditions()),
        }
    }

    /// No part of the local time becomes another for which a custom rule asks, and no attempt that one counts grows too old.
    fn conditions(&self) -> Micros {
        let zones = self.cache.day_zones(self.place).unwrap_or_default();
        self.rules.tools.custom_until(self.request, self.facts, zones, self.now)
    }

    /// No consent that holds ends and no rule begins.
    fn consents_and_rules(&self) -> Micros {
        let expiry = self.consents.until.map(Timestamp::as_microsecond);
        let zones = self.cache.day_zones(self.place);
        let callback = self.consents.callback.map(|c| callback_ends(c, self.rules.law.callback_days, zones));
        // one that is over already lets nothing pass
        let callback = callback.filter(|end| self.now < *end);
        let opened = self.asked_time.filter(|_| self.profile.callback).map(|(_, till)| till);
        let known = self.cache.program(self.place).ok();
        let indices = known.into_iter().flat_map(|p| p.judged.iter().chain(&p.counted).chain(&p.unanswered));
        let begins = indices.filter_map(|i| self.rules.law.rules.get(*i)).map(|law| law.from);
        let begins = begins.filter(|from| self.now < *from).min();
        [expiry, callback, opened, begins].into_iter().flatten().min().unwrap_or(Micros::MAX)
    }

    /// No suppression begins, nothing that is said begins or ends, no relationship, list, answer or port grows too old.
    fn facts_and_ages(&self) -> Micros {
        let (subject, law) = (self.request.subject, &self.rules.law);
        let hits = self.facts.suppression.unwrap_or_default().iter();
        let begin = hits.filter(|hit| hit.until.is_none_or(|until| hit.from < Some(until))).filter_map(|hit| hit.from);
        let said = self.facts.consents.unwrap_or_default().iter().filter(|event| event.on(self.request.channel));
        let said = said.flat_map(|event| {
            let ends = event.expires.filter(|_| !event.revoked);
            [Some(event.at), event.effective_at, ends].into_iter().flatten()
        });
        let related = (subject.relationship == Relationship::Ebr).then(|| self.related_until(None));
        let ported = self.facts.intelligence.and_then(|known| known.ported_on).filter(|_| law.port_grace_days > 0);
        let ported = ported.into_iter().flat_map(|day| [Some(day), days_after(day, law.port_grace_days)]);
        let moments = begin.chain(said).chain(related.flatten()).chain(self.facts.data_until);
        let moments = moments.chain(ported.flatten().filter_map(begins_at));
        let widening = law.widening.iter().filter_map(|i| law.rules.get(*i)).map(|rule| rule.from);
        let moments = moments.map(Timestamp::as_microsecond).chain(widening);
        let program = self.cache.program(self.place).ok();
        let judged = program.into_iter().flat_map(|p| &p.judged).filter_map(|i| law.rules.get(*i));
        let judged = judged.filter(|rule| rule.in_force(self.now) && !rule.legal.advisory);
        let judged = judged.flat_map(|rule| self.turns(rule)).flatten().map(Timestamp::as_microsecond);
        moments.chain(judged).filter(|at| self.now < *at).min().unwrap_or(Micros::MAX)
    }

    /// When a relationship ends that exempts under these terms, or the usual ones.
    fn related_until(&self, terms: Option<EbrTerms>) -> Option<Timestamp> {
        ebr_ends(terms, self.request.subject, &self.consents, timestamp(self.now))
    }

    /// When a rule that is judged by its body may come to bar.
    fn turns(&self, rule: &LawRule) -> [Option<Timestamp>; 2] {
        let exempt = |terms: &Exemptions| terms.ebr.and_then(|terms| self.related_until(Some(terms)));
        match &rule.legal.kind {
            RuleBody::Suppression(body) => [exempt(&body.exempt), self.held_from(&body.list, body.after_days)],
            RuleBody::ConsentGate(body) => [exempt(&body.exempt), None],
            RuleBody::ScrubAge(body) => {
                let list = self.facts.numbers.and_then(|numbers| list(numbers, &body.list));
                let as_of = list.and_then(|(_, state)| match state {
                    NumberListState::Loaded { as_of, .. } => Some(*as_of),
                    _ => None,
                });
                [as_of.and_then(|as_of| self.old(as_of, body.max_days)), None]
            }
            RuleBody::ReassignedNumber(body) => {
                let asked = self.facts.intelligence.and_then(|known| known.reassigned).map(|found| found.asked_at);
                [asked, asked.and_then(|asked| self.old(asked, body.requery_days))]
            }
            _ => [None, None],
        }
    }

    /// When something grows older than so many days. At that age it is still good: then its end is a moment later.
    fn old(&self, since: Timestamp, days: u16) -> Option<Timestamp> {
        let end = since.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()?;
        if end == timestamp(self.now) { end.checked_add(SignedDuration::from_micros(1)).ok() } else { Some(end) }
    }

    /// When a number that was registered of late is held by a list.
    fn held_from(&self, name: &str, after_days: u16) -> Option<Timestamp> {
        let numbers = self.facts.numbers?;
        let (index, _) = list(numbers, name)?;
        let added = numbers.holding.iter().find(|hit| hit.list == index)?.added_on.filter(|_| after_days > 0)?;
        begins_at(days_after(added, after_days)?.tomorrow().ok()?)
    }
}

fn list<'a>(numbers: NumberFacts<'a>, name: &str) -> Option<(usize, &'a NumberListState)> {
    let found = numbers.lists.iter().enumerate().find(|(_, status)| &*status.name == name);
    found.map(|(index, status)| (index, &status.state))
}

fn days_after(day: Date, days: u16) -> Option<Date> {
    day.checked_add(jiff::Span::new().days(i32::from(days))).ok()
}

/// When a day begins, in UTC.
fn begins_at(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
