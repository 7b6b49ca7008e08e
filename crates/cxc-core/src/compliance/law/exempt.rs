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

/// A relationship is as old as the latest dates of the subject and of the ledger; one without dates is as the tenant
/// says.
fn has_ebr(terms: EbrTerms, subject: &Subject, ledger: &Standing<'_>, now: Timestamp) -> bool {
    let purchased = subject.purchased_at.max(ledger.purchased_at);
    let inquired = subject.inquired_at.max(ledger.inquired_at);
    if purchased.is_none() && inquired.is_none() {
        return subject.relationship == Relationship::Ebr;
    }
    let young = |since: Option<Timestamp>, months: u16| since.is_some_and(|since| now < months_after(since, months));
    young(purchased, terms.purchase_months) || young(inquired, terms.inquiry_months)
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
        assert!(has_ebr(terms, &said, &none, at("2026-11-15T00:00:00Z")));
        let old = Subject { relationship: Relationship::Ebr, ..bought };
        assert!(!has_ebr(terms, &old, &none, at("2027-01-01T00:00:00Z")));
        // what the ledger knows is newer
        let mut ledger = none;
        ledger.purchased_at = Some(at("2026-01-01T00:00:00Z"));
        assert!(has_ebr(terms, &old, &ledger, at("2027-01-01T00:00:00Z")));
    }
}
