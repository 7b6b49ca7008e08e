//! What a legal rule says, by its kind.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::subject::{ContactKind, PersonFlag};
use super::cap::{AttemptCap, Cooldown, Exclude, Harassment};
use super::week_hours::{DayHours, WeekHours};
use crate::consent::ConsentKind;

/// What a legal rule says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleBody {
    /// Contacts are legal only in these hours.
    Window(WindowBody),
    /// Contacts are illegal on these days.
    BlackoutDate(BlackoutBody),
    /// At most so many attempts in a window.
    AttemptCap(AttemptCap),
    /// No attempt for some time after an event.
    Cooldown(Cooldown),
    /// What caps and cool-downs leave out of their counts.
    CountExclusion(ExclusionBody),
    /// Who stands on a list is not contacted.
    Suppression(SuppressionBody),
    /// Only with consent.
    ConsentGate(ConsentGateBody),
    /// How fast and how far a revocation works.
    RevocationSla(RevocationBody),
    /// How many answered calls may find no agent.
    Abandonment(AbandonmentBody),
    /// How long it must ring.
    RingMin(RingMinBody),
    /// What a contact must say or carry.
    Content(ContentBody),
    /// How old a list may be.
    ScrubAge(ScrubAgeBody),
    /// Who must agree to a recording.
    RecordingConsent(RecordingBody),
    /// Times that the person called inconvenient are kept free.
    DeclaredTimes {},
    /// What is known of a person forbids contacts.
    PersonFlags(FlagsBody),
    /// Numbers must be asked about in a database of reassigned numbers.
    ReassignedNumber(ReassignedBody),
    /// A number that was ported to a wireless carrier is still judged as fixed for some days.
    PortGrace(PortGraceBody),
    /// Patterns that a court may call harassment: warned of, never denied.
    Harassment(Harassment),
}

impl RuleBody {
    /// Whether it makes other rules ask for less: it takes attempts out of their counts, or exempts from them for some
    /// days.
    pub fn widens(&self) -> bool {
        matches!(self, Self::CountExclusion(_) | Self::PortGrace(_))
    }

    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Window(_) => "window",
            Self::BlackoutDate(_) => "blackout_date",
            Self::AttemptCap(_) => "attempt_cap",
            Self::Cooldown(_) => "cooldown",
            Self::CountExclusion(_) => "count_exclusion",
            Self::Suppression(_) => "suppression",
            Self::ConsentGate(_) => "consent_gate",
            Self::RevocationSla(_) => "revocation_sla",
            Self::Abandonment(_) => "abandonment",
            Self::RingMin(_) => "ring_min",
            Self::Content(_) => "content",
            Self::ScrubAge(_) => "scrub_age",
            Self::RecordingConsent(_) => "recording_consent",
            Self::DeclaredTimes {} => "declared_times",
            Self::PersonFlags(_) => "person_flags",
            Self::ReassignedNumber(_) => "reassigned_number",
            Self::PortGrace(_) => "port_grace",
            Self::Harassment(_) => "harassment",
        }
    }
}

/// Legal hours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowBody {
    /// The hours of ordinary days.
    pub hours: WeekHours,
    /// The holiday calendars whose days have `holidayHours` instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// The hours of holidays; left out, holidays are closed.
    #[serde(default, skip_serializing_if = "is_closed")]
    pub holiday_hours: DayHours,
    /// The hours of a weekday before a holiday, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eve_hours: Option<DayHours>,
    /// A consent to be called back lifts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub callback_overrides: bool,
}

fn is_closed(hours: &DayHours) -> bool {
    hours.0.is_empty()
}

/// Some days in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DateRange {
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub first: Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub last: Date,
}

/// Days without contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BlackoutBody {
    /// The holiday calendars whose days are closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// Further days. An emergency has none until an operator declares it in the rule's setting.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateRange>,
    /// It stands for emergencies that an operator declares by dates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
}

impl BlackoutBody {
    /// Whether it closes no day until an operator declares some.
    pub fn waits(&self) -> bool {
        self.declared && self.dates.is_empty() && self.holidays.is_empty()
    }
}

/// Until when an established business relationship lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EbrTerms {
    /// Months after a purchase.
    pub purchase_months: u16,
    /// Months after an inquiry.
    pub inquiry_months: u16,
}

/// Who is not held by a suppression or a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Exemptions {
    /// Who has an established business relationship that is no older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebr: Option<EbrTerms>,
    /// Who gave one of these consents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentKind>,
    /// Who is met as one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact_kinds: Vec<ContactKind>,
}

/// A list of numbers that are not contacted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuppressionBody {
    /// The name of the number list, `US-DNC`.
    pub list: String,
    /// Who is not held.
    #[serde(default)]
    pub exempt: Exemptions,
    /// How many days after its registration a number is held.
    #[serde(default)]
    pub after_days: u16,
}

/// Contacts only with consent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentGateBody {
    /// The kinds of consent that open it.
    pub accepts: Vec<ConsentKind>,
    /// Who needs none.
    #[serde(default)]
    pub exempt: Exemptions,
    /// The proof of consent is kept so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

/// How far a revocation reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationScope {
    /// As far as the person said.
    #[default]
    AsSaid,
    /// To everything of the brand.
    Brand,
    /// To everything that comes from the tenant.
    All,
}

/// The legal deadline of a revocation and its reach. The check honours it at once; the deadline is for alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RevocationBody {
    /// At the latest after so many business days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_days: Option<u16>,
    /// At the latest after so many days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
    /// How far it reaches.
    pub scope: RevocationScope,
    /// It is kept at least so many days. The end of that makes nobody contactable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// One confirmation may be sent within so many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_minutes: Option<u16>,
    /// The way to unsubscribe works at least so many days after a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functional_days: Option<u16>,
}

/// Over which stretch abandoned calls are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbandonmentPeriod {
    /// A campaign shorter than that as a whole, else each successive stretch of so many days.
    CampaignDays(u16),
    /// Each calendar month.
    CalendarMonth,
    /// Each campaign by stretches of so many hours.
    Hours(u16),
}

/// How many answered calls may find no agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbandonmentBody {
    /// The most, in hundredths of a percent of the calls that a person answered. 0: there is no safe share.
    pub max_basis_points: u16,
    /// Over which stretch.
    pub period: AbandonmentPeriod,
    /// A call is abandoned if no agent speaks so many seconds after the greeting.
    pub agent_seconds: u16,
    /// What the recorded message must say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<String>,
    /// Records are kept so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

/// How long it must ring.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RingMinBody {
    /// So many seconds.
    pub seconds: u16,
    /// Or so many rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rings: Option<u16>,
}

/// What a contact must say or carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentBody {
    /// What must be there, by fixed names such as `opt_out` or `postal_address`.
    pub require: Vec<String>,
}

/// How old a list may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScrubAgeBody {
    /// The name of the number list.
    pub list: String,
    /// So many days.
    pub max_days: u16,
}

/// Who must agree to a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parties {
    /// One of those who speak.
    One,
    /// Everyone who speaks.
    All,
}

/// Who must agree to a recording.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingBody {
    /// Who.
    pub parties: Parties,
}

/// What is known of a person forbids contacts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlagsBody {
    /// Any of these does.
    pub flags: Vec<PersonFlag>,
}

/// Numbers are asked about in a database of reassigned numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReassignedBody {
    /// Again after so many days.
    pub requery_days: u16,
}

/// A ported number is still judged as fixed for some days.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortGraceBody {
    /// So many days after the port.
    pub days: u16,
}

/// What caps and cool-downs leave out of their counts. Where it does not hold, they count everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExclusionBody {
    /// The ids of the caps and cool-downs.
    pub rules: Vec<String>,
    /// What they leave out.
    pub exclude: Vec<Exclude>,
    /// How many days a consent to be called back lasts; its day is the first.
    pub consent_days: u16,
}
