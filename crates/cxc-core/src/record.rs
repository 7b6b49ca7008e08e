//! A record: one contact's chain in one campaign group, and why it is where it is.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a record stands. The accounting of a group splits its audience by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum RecordStatus {
    /// May be attempted once its due time has come; with a reason and a due time to come it waits.
    Ready = 1,
    /// Leased by a sender, or its message is accepted and the delivery receipt is awaited.
    InProgress = 2,
    /// Finished with a result.
    Done = 3,
    /// Not contacted, and will not be: the cause says why.
    Excluded = 4,
    /// A crash hides whether its last attempt reached the person.
    InDoubt = 5,
}

impl RecordStatus {
    /// Every status.
    pub const ALL: [RecordStatus; 5] = [
        RecordStatus::Ready,
        RecordStatus::InProgress,
        RecordStatus::Done,
        RecordStatus::Excluded,
        RecordStatus::InDoubt,
    ];

    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The status of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
}

/// Why a record waits or is excluded: the answer to "why was I not contacted?".
/// Codes are stored; they are never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Reason {
    /// Nothing stands in the way.
    None = 0,
    // waits
    /// Outside the contact times of one of the contact's or device's zones.
    ContactTimes = 1,
    /// A holiday or other special date of one of its regions.
    ContactDate = 2,
    /// An attempt rule is exhausted until its window moves on.
    AttemptRule = 3,
    /// Another group or batch is contacting this person now.
    InFlightElsewhere = 4,
    /// A treatment asked for a later retry.
    Retry = 5,
    /// The carrier asked to slow down, or could not be reached; the message did not leave.
    CarrierRefused = 6,
    /// The delivery receipt is awaited.
    AwaitingReceipt = 7,
    /// Compliance could not decide (data missing, error): not contacted, tried again later.
    ComplianceUnavailable = 8,
    /// A person asked for a later time.
    Rescheduled = 9,
    /// A legal cool-down after a conversation or refusal.
    CoolDown = 10,
    /// A list or other data that a rule needs is not loaded.
    DataMissing = 11,
    /// A list is older than the law allows.
    DataStale = 12,
    /// A legal rule that the tenant has neither turned on nor waived.
    RuleUnanswered = 13,
    /// The time zone database is older than the law it must know.
    TzdbTooOld = 14,
    /// Too many questions at once for this device, person or instance.
    RateLimited = 15,
    /// An agent looked at it and did not want to call it now.
    Rejected = 16,
    /// A person asked for a later time and one agent: the cause is the agent's user.
    PersonalCallback = 17,
    // exclusions
    /// A suppression list holds the device or the client id.
    Suppressed = 20,
    /// The contact has no device that this channel can use.
    NoDevice = 21,
    /// The group's selection rule does not take this contact.
    NotSelected = 22,
    /// A phone-number filter of the group.
    PhoneFiltered = 23,
    /// A location rule.
    LocationRule = 24,
    /// A number that must never be contacted: premium rate, emergency, not a possible number.
    ForbiddenNumber = 25,
    /// Another record of the same group already stands for this person.
    DuplicateInGroup = 26,
    /// The person opted out while the group ran.
    OptedOut = 27,
    /// The message could not be rendered for this contact.
    ContentError = 28,
    /// A person cancelled it.
    Cancelled = 29,
    /// Its list was taken from the group, or the contact was deleted.
    Removed = 30,
    /// No legal moment lies ahead within a year.
    NeverOpen = 31,
    /// A compliance rule that ends the record (location, custom, external).
    Blocked = 32,
    /// A person's data was erased.
    Erased = 33,
    /// It can't be contacted before its not-after.
    Expired = 34,
    /// The law asks for a consent that is not there.
    ConsentMissing = 35,
    /// The law forbids it for what is known of the person: a bankruptcy, a dispute, a request to cease.
    LegalBlock = 36,
}

impl Reason {
    /// Whether it says that compliance could not decide: nobody knows when the contact may be made, only when to ask again.
    pub fn is_undecided(self) -> bool {
        use Reason::*;
        matches!(self, ComplianceUnavailable | DataMissing | DataStale | RuleUnanswered | TzdbTooOld)
    }

    /// Every reason.
    pub const ALL: [Reason; 35] = [
        Reason::None,
        Reason::ContactTimes,
        Reason::ContactDate,
        Reason::AttemptRule,
        Reason::InFlightElsewhere,
        Reason::Retry,
        Reason::CarrierRefused,
        Reason::AwaitingReceipt,
        Reason::ComplianceUnavailable,
        Reason::Rescheduled,
        Reason::CoolDown,
        Reason::DataMissing,
        Reason::DataStale,
        Reason::RuleUnanswered,
        Reason::TzdbTooOld,
        Reason::RateLimited,
        Reason::Rejected,
        Reason::PersonalCallback,
        Reason::Suppressed,
        Reason::NoDevice,
        Reason::NotSelected,
        Reason::PhoneFiltered,
        Reason::LocationRule,
        Reason::ForbiddenNumber,
        Reason::DuplicateInGroup,
        Reason::OptedOut,
        Reason::ContentError,
        Reason::Cancelled,
        Reason::Removed,
        Reason::NeverOpen,
        Reason::Blocked,
        Reason::Erased,
        Reason::Expired,
        Reason::ConsentMissing,
        Reason::LegalBlock,
    ];

    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The reason of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}
