//! Who is exempt from a suppression or a consent gate.
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::super::legal::{EbrTerms, Exemptions};
use super::super::subject::{Relationship, Subject};
use crate::consent::Standing;

/// Why somebody is exempt, if so.
pub(in super::super) fn exempt(
    terms: &Exemptions,
    subject: &Subject,
    consents: &Standing<'_>,
    now: Timestamp,
) -> Option<&'static str> {
    if terms.contact_kinds.contains(&subject.contact_kind) {
        return Some("the kind of contact is exempt");
    }
    if terms.consents.iter().any(|kind| consents.has(*kind)) {
        return Some("a consent exempts");
    }
    // who revoked has ended the relationship as far as contacts go
    let ebr = terms.ebr.is_some_and(|terms| consents.opted_out.is_none() && has_ebr(terms, subject, consents, now));
    ebr.then_some("an established business relationship exempts")
}

/// How long a relationship lasts where the rule that looks at it does not say: as for the national register.
const USUAL: EbrTerms = EbrTerms { purchase_months: 18, inquiry_months: 3 };

/// What binds the person at an instant. An established business relationship that the subject tells counts while a date of it
/// is known and young enough, and the person did not opt out.
pub(in super::super) fn relationship(subject: &Subject, consents: &Standing<'_>, now: Timestamp) -> Relationship {
    match subject.relationship {
        Relationship::Ebr if consents.opted_out.is_some() || !has_ebr(USUAL, subject, consents, now) => {
            Relationship::None
        }
        told => told,
    }
}

/// Without a date nothing tells when a relationship ends, so there is none, whatever the tenant says.
fn has_ebr(terms: EbrTerms, subject: &Subject, ledger: &Standing<'_>, now: Timestamp) -> bool {
    end(terms, subject, ledger, now).is_some_and(|end| now < end)
}

/// When a relationship ends, also one that is over: it is as old as the latest dates of the subject and of the ledger that
/// are past.
fn end(terms: EbrTerms, subject: &Subject, ledger: &Standing<'_>, now: Timestamp) -> Option<Timestamp> {
    let latest = |dates: [Option<Timestamp>; 2]| dates.into_iter().flatten().filter(|at| *at <= now).max();
    let purchased = latest([subject.purchased_at, ledger.purchased_at]);
    let inquired = latest([subject.inquired_at, ledger.inquired_at]);
    let purchase = purchased.map(|at| months_after(at, terms.purchase_months));
    purchase.max(inquired.map(|at| months_after(at, terms.inquiry_months)))
}

/// When the relationship ends by which somebody is exempt under these terms, or the usual ones, also if it is over.
pub(in super::super) fn ebr_ends(
    terms: Option<EbrTerms>,
    subject: &Subject,
    ledger: &Standing<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    end(terms.unwrap_or(USUAL), subject, ledger, now).filter(|_| ledger.opted_out.is_none())
}

fn months_after(at: Timestamp, months: u16) -> Timestamp {
    let later = at.to_zoned(TimeZone::UTC).checked_add(Span::new().months(months));
    later.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_relationship_ends_so_many_months_after_the_purchase_or_the_inquiry() {
        let (terms, none) = (EbrTerms { purchase_months: 18, inquiry_months: 3 }, Standing::default());
        let bought = Subject { purchased_at: Some(at("2025-05-31T00:00:00Z")), ..Subject::UNSPECIFIED };
        assert!(has_ebr(terms, &bought, &none, at("2026-11-29T23:59:59Z")));
        assert!(!has_ebr(terms, &bought, &none, at("2026-11-30T00:00:00Z")));
        let asked = Subject { inquired_at: Some(at("2026-08-15T00:00:00Z")), ..Subject::UNSPECIFIED };
        assert!(
            has_ebr(terms, &asked, &none, at("2026-11-14T00:00:00Z"))
                && !has_ebr(terms, &asked, &none, at("2026-11-15T00:00:00Z"))
        );
        let said = Subject { relationship: Relationship::Ebr, ..Subject::UNSPECIFIED };
        assert!(!has_ebr(terms, &said, &none, at("2026-11-15T00:00:00Z")), "no date says when it ends");
        assert!(!has_ebr(terms, &bought, &none, at("2025-05-30T23:59:59Z")), "not bought yet");
        assert!(has_ebr(terms, &bought, &none, at("2025-05-31T00:00:00Z")));
        let mistyped = Subject { purchased_at: Some(at("2036-01-01T00:00:00Z")), ..Subject::UNSPECIFIED };
        let mut known = none;
        known.purchased_at = bought.purchased_at;
        assert!(has_ebr(terms, &mistyped, &known, at("2026-11-15T00:00:00Z")), "the ledger's date is past");
        let old = Subject { relationship: Relationship::Ebr, ..bought };
        assert!(!has_ebr(terms, &old, &none, at("2027-01-01T00:00:00Z")));
        // what the ledger knows is newer
        let mut ledger = none;
        ledger.purchased_at = Some(at("2026-01-01T00:00:00Z"));
        assert!(has_ebr(terms, &old, &ledger, at("2027-01-01T00:00:00Z")));
    }
}
