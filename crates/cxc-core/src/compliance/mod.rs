//! Whether a person may be contacted now, on which device, and why not.
//!
//! [`check`] takes the rules of a campaign, a place, what is known of the person, and an instant; it does no I/O and
//! reads no clock. Stages, in the order in which they are judged and reported: stop switch, rules that can't be read,
//! data that is missing, suppression, consent, contact dates, contact times, location rules, caps by priority, custom
//! and external rules. What is not known counts as no. `docs/compliance.md` tells the whole of it.
//!
//! A campaign's rules are compiled once with [`RuleSet::compile`]; each worker owns an [`IntervalCache`].
pub mod abandonment;
mod area;
mod attempt_rule;
mod attempts;
mod cache;
mod calendar;
pub mod campaign;
mod check;
mod contact_dates;
mod contact_times;
mod count_filter;
mod country_zones;
mod custom_rule;
mod custom_zones;
mod data_versions;
mod day_plan;
mod declared;
mod documents;
mod edition;
mod explain;
mod external_rule;
mod fallback;
mod harassment;
mod holidays;
mod inputs;
mod interval;
mod kept_part;
mod law;
pub mod legal;
mod location_match;
mod location_rule;
mod number_facts;
mod place;
mod problems;
mod program;
pub mod reassigned;
mod request;
mod rule_set;
mod subject;
mod tool_answers;
mod tools;
mod unmapped;
mod verdict;
mod wall_time;
mod zone_canaries;
mod zones;

#[cfg(test)]
mod tests;

pub use attempt_rule::{
    AttemptPlace, AttemptRule, AttemptWindow, CountBy, MAX_WINDOW_SECONDS, PRESELECTED_RESULTS, RuleScope,
};
pub use cache::{IntervalCache, PlaceError, PlaceId, SEARCH_DAYS};
pub use check::check;
pub use contact_dates::ContactDates;
pub use contact_times::ContactTimes;
pub use custom_rule::{Columns, CustomExpression, CustomRule, MAX_EXPRESSION, Trial};
pub use custom_zones::{CustomTimeZone, CustomZones, ZoneEffect};
pub use data_versions::{DataVersion, DataVersions};
pub use declared::{DeclaredTimes, SaidTimes};
pub use documents::{
    DEFAULT_GUARD_SECONDS, DataFault, MAX_GUARD_SECONDS, RuleDocument, RuleDocuments, RuleRef, Stored,
};
pub use edition::Edition;
pub use explain::{Explanation, OpenStretch, Standing, Step, explain};
pub use external_rule::{ExternalRule, MAX_TIMEOUT_SECONDS};
pub use holidays::{CalendarError, Calendars, HOLIDAY_FILES};
pub use inputs::{CheckInputs, KeptColumns, KeptNumbers};
pub use kept_part::KeptPart;
pub(crate) use law::whole_country;
pub use law::{CallDuties, OpenQuestion, Read, Reading};
pub use location_rule::{LocationEffect, LocationRule, MatchOn, RuleLocation};
pub use number_facts::{
    NumberFacts, NumberIntelligence, NumberListHit, NumberListState, NumberListStatus, Reassigned, ReassignedAnswer,
};
pub use place::{Part, PartKind, PartOrigin};
pub use problems::RuleProblem;
pub use program::OpenWindow;
pub use request::{AttemptRequest, Direction, Facts, PastAttempt, SuppressedBy, SuppressionHit};
pub use rule_set::RuleSet;
pub use subject::{ContactKind, PersonFlag, Purpose, Relationship, Subject, Technique, is_same_name};
pub use tool_answers::{ExternalAnswer, ExternalOutcome, ToolAnswers};
pub use tools::ExternalAsk;
pub use unmapped::{OnUnmapped, OnUnmappedPhone, Sources, UnmappedPolicy};
pub use verdict::{Decision, Failure, RuleKind, STOP_SWITCH, Verdict};
pub use wall_time::{DayWindow, MAX_WINDOWS_A_DAY, WallTime};
pub use zone_canaries::WrongZone;
pub use zones::{BadTzdbVersion, BadZones, MIN_TZDB, TzdbTooOld, TzdbVersion, Zones};
