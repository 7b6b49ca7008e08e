//! Legal rules as data: what they say, where they come from, and what a tenant decided about them.
mod body;
mod cap;
mod idle;
mod narrowing;
mod parse;
mod rule;
mod rules;
mod setting;
mod shipped;
mod validate;
mod week_hours;
mod widening;

pub use body::{
    AbandonmentBody, AbandonmentPeriod, BlackoutBody, ConsentGateBody, ContentBody, DateRange, EbrTerms, ExclusionBody,
    Exemptions, FlagsBody, Parties, PortGraceBody, ReassignedBody, RecordingBody, RevocationBody, RevocationScope,
    RingMinBody, RuleBody, ScrubAgeBody, SuppressionBody, WindowBody,
};
pub use cap::{
    AttemptCap, CapLevel, CapScope, CapWindow, Cooldown, CooldownEvent, CountDirection, CountKind, Exclude, GroupBy,
    Harassment, NOT_CONNECTED_RESULTS, OnViolation,
};
pub use narrowing::Narrowing;
pub(super) use parse::{overlap, unknown_calendar, unknown_zone};
pub use rule::{
    AppliesTo, Confidence, ConsentState, DayBasis, DefaultState, FailMode, Jurisdiction, LegalRule, TzBasis,
};
pub use rules::{LegalRules, RuleFileError};
pub use setting::{LegalRuleSetting, SettingState};
pub use shipped::SHIPPED_FILES;
pub use week_hours::{DayHours, WeekHours};
pub use widening::{Holding, widens};
