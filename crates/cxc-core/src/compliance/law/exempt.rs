//! Who is exempt from a suppression or a consent gate.
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::super::legal::{EbrTerms, Exemptions};
use super::super::subject::{Relationship, Subject};
use super::consent_view::ConsentView;

/// Why somebody is exempt, if so.
pub(in super::super) fn exempt(
    terms: &Exemptions,
    subject: &Subject,
    consents: &ConsentView<'_>,
    now: Timestamp,
) -> Option<&'static str> {
    if terms.contact_kinds.contains(&subject.contact_kind) {
        return Some("the kind of contact is exempt");
    }
    if terms.consents.iter().any(|kind| consents.has(*kind)) {
        return Some("a consent exempts");
    }
    // who revoked has ended the relationship as far as contacts go
    let ebr = terms.ebr.is_some_and(|terms| consents.opted_out.is_none() && has_ebr(terms, subject, now));
    ebr.then_some("an established business relationship exempts")
}

/// A relationship is as old as its dates say; one without dates is as the tenant says.
fn has_ebr(terms: EbrTerms, subject: &Subject, now: Timestamp) -> bool {
    let young = |since: Option<Timestamp>, months: u16| since.is_some_and(|since| now < months_after(since, months));
    if subject.purchased_at.is_none() && subject.inquired_at.is_none() {
        return subject.relationship == Relationship::Ebr;
    }
    young(subject.purchased_at, terms.purchase_months) || young(subject.inquired_at, terms.inquiry_months)
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
        let terms = EbrTerms { purchase_months: 18, inquiry_months: 3 };
        let bought = Subject { purchased_at: Some(at("2025-05-31T00:00:00Z")), ..Subject::UNSPECIFIED };
        assert!(has_ebr(terms, &bought, at("2026-11-29T23:59:59Z")));
        assert!(!has_ebr(terms, &bought, at("2026-11-30T00:00:00Z")));
        let asked = Subject { inquired_at: Some(at("2026-08-15T00:00:00Z")), ..Subject::UNSPECIFIED };
        assert!(
            has_ebr(terms, &asked, at("2026-11-14T00:00:00Z")) && !has_ebr(terms, &asked, at("2026-11-15T00:00:00Z"))
        );
        let said = Subject { relationship: Relationship::Ebr, ..Subject::UNSPECIFIED };
        assert!(has_ebr(terms, &said, at("2026-11-15T00:00:00Z")));
        let old = Subject { relationship: Relationship::Ebr, ..bought };
        assert!(!has_ebr(terms, &old, at("2027-01-01T00:00:00Z")));
    }
}
