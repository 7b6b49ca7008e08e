//! Judges the legal rules that look at facts of a person or a number: lists, consents, flags, reassigned numbers.
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::legal::{ConsentState, Exemptions, FailMode, RuleBody, ScrubAgeBody, SuppressionBody};
use super::super::number_facts::{NumberFacts, NumberListState, Reassigned, ReassignedAnswer};
use super::super::request::{AttemptRequest, Facts};
use super::super::verdict::RuleKind;
use super::LawRule;
use super::exempt::exempt;
use crate::consent::{ConsentKind, Standing};
use crate::record::Reason;

/// How far ahead the date of a list may be: it may name a day that has begun only where the list comes from.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What a rule found that stands in the way.
#[derive(Debug, Clone)]
pub(in super::super) struct Judged {
    pub kind: RuleKind,
    pub code: Reason,
    pub detail: String,
}

impl Judged {
    fn new(kind: RuleKind, code: Reason, detail: impl Into<String>) -> Option<Self> {
        Some(Self { kind, code, detail: detail.into() })
    }

    fn missing(detail: impl Into<String>) -> Option<Self> {
        Self::new(RuleKind::DataState, Reason::DataMissing, detail)
    }
}

/// Everything that is judged about.
pub(in super::super) struct Asked<'a> {
    pub request: &'a AttemptRequest<'a>,
    pub facts: &'a Facts<'a>,
    pub consents: &'a Standing<'a>,
    pub now: Timestamp,
}

/// Judges a rule by its body; `None` lets the attempt pass.
pub(in super::super) fn judge(rule: &LawRule, asked: &Asked<'_>) -> Option<Judged> {
    match &rule.legal.kind {
        RuleBody::Suppression(body) => suppression(body, asked),
        RuleBody::ScrubAge(body) => scrub_age(body, asked),
        RuleBody::ConsentGate(body) => {
            if asked.facts.consents.is_none() {
                return Judged::missing("the consents of the person are not known");
            }
            let open = body.accepts.iter().any(|kind| asked.consents.has(*kind));
            if open || is_exempt(&body.exempt, asked) {
                return None;
            }
            Judged::new(RuleKind::ConsentGate, Reason::ConsentMissing, no_consent(&body.accepts, asked))
        }
        RuleBody::RevocationSla(_) if asked.facts.consents.is_none() => {
            Judged::missing("the opt-outs of the person are not known")
        }
        RuleBody::PersonFlags(body) => {
            let Some(flags) = asked.facts.flags else {
                return Judged::missing("it is not known what forbids contacts with the person");
            };
            let found = body.flags.iter().find(|flag| flags.contains(flag))?;
            Judged::new(RuleKind::ConsentGate, Reason::LegalBlock, found.words())
        }
        RuleBody::ReassignedNumber(body) => reassigned(rule.legal.fail, body.requery_days, asked),
        _ => None,
    }
}

/// Whether an answer speaks of the consent that a contact rests on. A no speaks of consents of the day that was asked
/// about and later; a yes of none that was given on a day after the query. Where the ledger holds no consent, the day
/// that was asked about is the tenant's word for it. What was asked in the future is no answer.
fn speaks(found: &Reassigned, consented_at: Option<Timestamp>, now: Timestamp) -> bool {
    if found.asked_at > now {
        return false;
    }
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let Some(consented_on) = consented_at.map(day) else {
        // without a day of consent the query's own stands there
        return found.answer != ReassignedAnswer::No || found.consent_on < day(found.asked_at);
    };
    match found.answer {
        ReassignedAnswer::Yes => consented_on <= day(found.asked_at),
        ReassignedAnswer::No => consented_on >= found.consent_on,
        ReassignedAnswer::NoData => true,
    }
}

fn is_exempt(terms: &Exemptions, asked: &Asked<'_>) -> bool {
    exempt(terms, asked.request.subject, asked.consents, asked.now).is_some()
}

/// The index of a list that is loaded; why it can't be asked otherwise.
fn loaded(numbers: Option<NumberFacts<'_>>, list: &str) -> Result<(usize, Timestamp), String> {
    let Some(numbers) = numbers else { return Err(format!("the number list {list} could not be asked")) };
    let found = numbers.lists.iter().position(|status| &*status.name == list);
    match found.and_then(|i| numbers.lists.get(i).map(|status| (i, &status.state))) {
        Some((i, NumberListState::Loaded { as_of, .. })) => Ok((i, *as_of)),
        found => {
            let why = found.and_then(|(_, state)| state.why_not()).unwrap_or("is not loaded");
            Err(format!("the number list {list} {why}"))
        }
    }
}

fn suppression(body: &SuppressionBody, asked: &Asked<'_>) -> Option<Judged> {
    // who is exempt needs no list
    if is_exempt(&body.exempt, asked) {
        return None;
    }
    let (list, as_of) = match loaded(asked.facts.numbers, &body.list) {
        Ok(found) => found,
        Err(detail) => return Judged::missing(detail),
    };
    let hit = asked.facts.numbers.and_then(|n| n.holding.iter().find(|hit| hit.list == list))?;
    if let Some(added) = hit.added_on.filter(|_| body.after_days > 0) {
        let held_from = added.saturating_add(jiff::Span::new().days(i32::from(body.after_days)));
        let today = asked.now.to_zoned(TimeZone::UTC).date();
        if today <= held_from {
            return None;
        }
    }
    let on = format!("the number is on {}", body.list);
    if !asked.request.edition.is_third() {
        return Judged::new(RuleKind::Suppression, Reason::Suppressed, on);
    }
    let since = hit.added_on.map(|day| format!(", since {day}")).unwrap_or_default();
    Judged::new(RuleKind::Suppression, Reason::Suppressed, format!("{on}{since}, as of {as_of}"))
}

/// Which consents a rule would accept, and what there is in their place.
fn no_consent(accepts: &[ConsentKind], asked: &Asked<'_>) -> String {
    let none = "there is no consent that the rule accepts";
    if !asked.request.edition.is_third() {
        return none.to_owned();
    }
    let accepts: Vec<&str> = accepts.iter().map(|kind| kind.as_str()).collect();
    let stands = match asked.consents.state() {
        ConsentState::Revoked => "a revocation",
        ConsentState::None => "none",
        ConsentState::Implied => "an implied one",
        ConsentState::Express => "an express one",
        ConsentState::ExpressWritten => "an express written one",
    };
    format!("{none} ({}): what stands is {stands}", accepts.join(", "))
}

fn scrub_age(body: &ScrubAgeBody, asked: &Asked<'_>) -> Option<Judged> {
    // a list that is not loaded is the suppression's own matter
    let (_, as_of) = loaded(asked.facts.numbers, &body.list).ok()?;
    let age = asked.now.duration_since(as_of);
    if age < -AHEAD {
        let detail = format!("{} says that it is as of {as_of}, which is not yet", body.list);
        return Judged::new(RuleKind::DataState, Reason::DataStale, detail);
    }
    if age <= SignedDuration::from_hours(24 * i64::from(body.max_days)) {
        return None;
    }
    let (days, hours) = (age.as_hours() / 24, age.as_hours() % 24);
    let detail =
        format!("{} is {days} days and {hours} hours old, at most {} days are legal", body.list, body.max_days);
    Judged::new(RuleKind::DataState, Reason::DataStale, detail)
}

fn reassigned(fail: FailMode, requery_days: u16, asked: &Asked<'_>) -> Option<Judged> {
    let unknown = |detail| if fail == FailMode::Open { None } else { Judged::missing(detail) };
    let Some(found) = asked.facts.intelligence.and_then(|known| known.reassigned) else {
        return unknown("the number was not asked about");
    };
    if !speaks(&found, asked.consents.consented_at(), asked.now) {
        return unknown("the answer about the number does not speak of the consent that the contact rests on");
    }
    if found.answer == ReassignedAnswer::Yes {
        let mut why = "the number was reassigned".to_owned();
        if asked.request.edition.is_third() {
            why.push_str(&format!(" after {}, by the answer of {}", found.consent_on, found.asked_at));
        }
        return Judged::new(RuleKind::Suppression, Reason::Suppressed, why);
    }
    let age = asked.now.duration_since(found.asked_at);
    if age > SignedDuration::from_hours(24 * i64::from(requery_days)) {
        let detail = format!("the number was asked about more than {requery_days} days ago");
        return Judged::new(RuleKind::DataState, Reason::DataStale, detail);
    }
    None
}
