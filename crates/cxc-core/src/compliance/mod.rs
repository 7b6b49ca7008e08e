//! Whether a person may be contacted now, on which device, and why not.
//!
//! [`check`] takes the rules of a campaign, a place, what is known of the person, and an instant; it does no I/O and
//! reads no clock. Stages, in the order in which they are judged and reported: stop switch, rules that can't be read,
//! suppression, contact dates, contact times, attempt rules by priority. Location, custom and external rules join
//! behind the contact times. What is not known counts as no.
//!
//! A campaign's rules are compiled once with [`RuleSet::compile`]; each worker owns an [`IntervalCache`].
mod area;
mod attempt_rule;
mod attempts;
mod cache;
mod calendar;
mod check;
mod contact_dates;
mod contact_times;
mod documents;
mod interval;
mod place;
mod program;
mod rule_set;
mod verdict;
mod wall_time;
mod zones;

#[cfg(test)]
mod tests;

pub use attempt_rule::{AttemptRule, AttemptWindow, CountBy, MAX_WINDOW_SECONDS, PRESELECTED_RESULTS, RuleScope};
pub use cache::{IntervalCache, PlaceError, PlaceId, SEARCH_DAYS};
pub use check::{AttemptRequest, Facts, PastAttempt, SuppressedBy, SuppressionHit, check};
pub use contact_dates::ContactDates;
pub use contact_times::ContactTimes;
pub use documents::{DEFAULT_GUARD_SECONDS, MAX_GUARD_SECONDS, RuleDocument, RuleDocuments, RuleRef, Stored};
pub use place::{OnUnmapped, OnUnmappedPhone, Part, PartKind, UnmappedPolicy};
pub use program::OpenWindow;
pub use rule_set::RuleSet;
pub use verdict::{Decision, Failure, RuleKind, Verdict};
pub use wall_time::{DayWindow, MAX_WINDOWS_A_DAY, WallTime};
pub use zones::Zones;
