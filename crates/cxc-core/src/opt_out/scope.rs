//! How far a word that stops reaches: a dated decision of the tenant. The law may carry it further when a contact is checked.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::consent::ConsentScope;
use crate::field_error::FieldError;

/// What ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordReach {
    /// Everything on the channel.
    #[default]
    All,
    /// The brand of the message that was answered.
    Brand,
    /// Its topic.
    Topic,
}

/// What a word ends, and from when until when; on other days everything on the channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WordScope {
    /// What ends. A message whose brand or topic is not known ends everything.
    pub of: WordReach,
    /// The first day, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// The day on which it holds no longer, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub until: Option<Date>,
}

impl WordScope {
    /// What is wrong with it.
    pub(super) fn validate(&self) -> Option<FieldError> {
        let is_empty = self.from.zip(self.until).is_some_and(|(from, until)| until <= from);
        is_empty.then(|| FieldError::new("/scope/until", "range", "the last day comes after the first"))
    }

    /// Whether it ends less than another scope on some day from this one on.
    pub(super) fn is_narrower(&self, before: &Self, today: Date) -> bool {
        let span = |scope: &Self| {
            let from = scope.from.unwrap_or(Date::MIN).max(today);
            (from, scope.until.unwrap_or(Date::MAX))
        };
        let ((from, until), (from_before, until_before)) = (span(self), span(before));
        let was_so = self.of == before.of && from_before <= from && until <= until_before;
        self.of != WordReach::All && from < until && !was_so
    }

    /// The days of a narrow scope are told: what it lacks to be stored.
    pub fn undated(&self) -> Option<FieldError> {
        let pointer = match (self.of, self.from, self.until) {
            (WordReach::All, ..) | (_, Some(_), Some(_)) => return None,
            (_, None, _) => "/scope/from",
            _ => "/scope/until",
        };
        let detail = "a scope that is narrower than everything has a first day and a day on which it holds no longer";
        Some(FieldError::new(pointer, "required", detail))
    }

    /// Whether it ends less than everything on a day.
    pub fn is_narrow(&self, today: Date) -> bool {
        let holds = self.from.is_none_or(|from| from <= today) && self.until.is_none_or(|until| today < until);
        holds && self.of != WordReach::All
    }

    /// What a word ends on a day that answers a message about this topic, of this brand.
    pub fn answers(&self, topic: Option<&str>, brand: Option<&str>, today: Date) -> ConsentScope {
        let name = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Into::into);
        let narrow = match self.of {
            _ if !self.is_narrow(today) => None,
            WordReach::All => None,
            WordReach::Brand => name(brand).map(|name| ConsentScope::Brand { name }),
            WordReach::Topic => name(topic).map(|name| ConsentScope::Topic { name }),
        };
        narrow.unwrap_or(ConsentScope::All)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_word_ends_what_was_decided_for_the_day_and_everything_where_nothing_is_known() {
        let scope = WordScope { of: WordReach::Brand, from: Some(date(2026, 3, 1)), until: Some(date(2027, 1, 31)) };
        let acme = || ConsentScope::Brand { name: "acme".into() };
        for (brand, today, ends) in [
            (Some("acme"), date(2026, 2, 28), ConsentScope::All),
            (Some("acme"), date(2026, 3, 1), acme()),
            (Some("acme"), date(2027, 1, 30), acme()),
            (Some("acme"), date(2027, 1, 31), ConsentScope::All),
            (None, date(2026, 3, 1), ConsentScope::All),
            (Some(""), date(2026, 3, 1), ConsentScope::All),
        ] {
            assert_eq!(scope.answers(Some("news"), brand, today), ends, "{brand:?} {today}");
        }
        let topic = WordScope { of: WordReach::Topic, ..WordScope::default() };
        let news = ConsentScope::Topic { name: "news".into() };
        assert_eq!(topic.answers(Some("news"), Some("acme"), date(2026, 3, 1)), news);
        assert_eq!(WordScope::default().answers(Some("news"), Some("acme"), date(2026, 3, 1)), ConsentScope::All);
        let today = date(2026, 4, 1);
        let later = WordScope { until: Some(date(2027, 6, 1)), ..scope };
        let over = WordScope { until: Some(date(2026, 4, 1)), ..scope };
        let all = WordScope::default();
        assert!(scope.is_narrower(&all, today) && later.is_narrower(&scope, today) && topic.is_narrower(&scope, today));
        assert!(!scope.is_narrower(&later, today) && !all.is_narrower(&scope, today) && !over.is_narrower(&all, today));
        assert_eq!(topic.undated().unwrap().pointer, "/scope/from");
        assert!(scope.undated().is_none() && all.undated().is_none());
        let never = WordScope { from: scope.until, until: scope.from, ..scope };
        assert!(never.validate().is_some() && scope.validate().is_none());
    }
}
