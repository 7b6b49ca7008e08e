//! The numbered sets of the dialer protocol (functional specification, section 23). Numbers are fixed
//! on every wire and in storage; on the REST API a member travels as `{"code":6,"name":"Busy"}`.
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// A member of a numbered set as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Numbered {
    /// The fixed number.
    pub code: i16,
    /// The name that goes with it.
    pub name: String,
}

/// A member of a numbered set as it may arrive: its number, or the number with the name that was sent out.
#[derive(Deserialize)]
#[serde(untagged)]
enum Incoming {
    Code(i16),
    Named(IncomingNamed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IncomingNamed {
    code: i16,
    name: Option<String>,
}

impl Incoming {
    fn code(self) -> (i16, Option<String>) {
        match self {
            Incoming::Code(code) => (code, None),
            Incoming::Named(named) => (named.code, named.name),
        }
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident, $what:literal { $($(#[$member_doc:meta])* $member:ident = $code:literal $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum $type { $($(#[$member_doc])* $member = $code,)+ }

        impl $type {
            /// Every member, by number.
            pub const ALL: &'static [$type] = &[$($type::$member,)+];

            /// The fixed number.
            pub fn code(self) -> i16 {
                self as i16
            }

            /// The member of a number.
            pub fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some($type::$member),)+
                    _ => None,
                }
            }

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($type::$member => $name,)+ }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Numbered { code: self.code(), name: self.name().to_owned() }.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let (code, name) = Incoming::deserialize(deserializer)
                    .map_err(|_| serde::de::Error::custom(concat!("a ", $what, " is a number or {\"code\", \"name\"}")))?
                    .code();
                let found = Self::from_code(code)
                    .ok_or_else(|| serde::de::Error::custom(format!(concat!("there is no ", $what, " {}"), code)))?;
                match name {
                    Some(name) if name != found.name() => Err(serde::de::Error::custom(format!(
                        concat!($what, " {} is named {}"), code, found.name()
                    ))),
                    _ => Ok(found),
                }
            }
        }

        impl utoipa::PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                <Numbered as utoipa::PartialSchema>::schema()
            }
        }

        impl ToSchema for $type {}
    };
}

numbered! {
    /// What came of a call or a message.
    CallResult, "call result" {
        /// Delivered, for a message.
        Ok = 0 "Ok",
        /// The call was transferred.
        Transferred = 1 "Transferred",
        /// The call was put in a conference.
        Conferenced = 2 "Conferenced",
        /// A failure that another try may not meet; temporary failure of a message.
        GeneralError = 3 "GeneralError",
        /// Our side failed.
        SystemError = 4 "SystemError",
        /// The far end released the call.
        RemoteRelease = 5 "RemoteRelease",
        /// The line was busy.
        Busy = 6 "Busy",
        /// Nobody answered.
        NoAnswer = 7 "NoAnswer",
        /// Special information tones.
        Sit = 8 "SIT",
        /// A machine answered.
        AnsweringMachine = 9 "AnsweringMachine",
        /// No trunk was free.
        AllTrunksBusy = 10 "AllTrunksBusy",
        /// The number is not valid.
        SitInvalidNumber = 11 "SIT InvalidNumber",
        /// The number is not assigned.
        SitVacant = 12 "SIT Vacant",
        /// The number was changed.
        SitIntercept = 13 "SIT Intercept",
        /// Tones that could not be told apart.
        SitUnknown = 14 "SIT Unknown",
        /// No circuit.
        SitNoCircuit = 15 "SIT NoCircuit",
        /// Reorder tone.
        SitReorder = 16 "SIT Reorder",
        /// A fax machine answered.
        Fax = 17 "Fax",
        /// The queue was full.
        QueueFull = 18 "QueueFull",
        /// The call was cleared.
        Cleared = 19 "Cleared",
        /// The call overflowed.
        Overflowed = 20 "Overflowed",
        /// Answered, and no agent took it in time.
        Abandoned = 21 "Abandoned",
        /// Redirected.
        Redirected = 22 "Redirected",
        /// Forwarded.
        Forwarded = 23 "Forwarded",
        /// A consultation call.
        Consult = 24 "Consult",
        /// Picked up elsewhere.
        Pickedup = 25 "Pickedup",
        /// Dropped after it was answered.
        Dropped = 26 "Dropped",
        /// Dropped before it was answered.
        DroppedNoAnswer = 27 "DroppedNoAnswer",
        /// Not known yet: the value that a record starts with.
        Unknown = 28 "Unknown",
        /// Covered.
        Covered = 29 "Covered",
        /// Converse-on.
        ConverseOn = 30 "ConverseOn",
        /// Bridged.
        Bridged = 31 "Bridged",
        /// Answered with silence.
        Silence = 32 "Silence",
        /// A person answered.
        Answer = 33 "Answer",
        /// Not in use tone.
        NuTone = 34 "NuTone",
        /// No dial tone.
        NoDialTone = 35 "NoDialTone",
        /// No progress.
        NoProgress = 36 "NoProgress",
        /// No ring back.
        NoRingBack = 37 "NoRingBack",
        /// Not established.
        NoEstablished = 38 "NoEstablished",
        /// A pager answered.
        Pager = 39 "Pager",
        /// The wrong person answered.
        WrongParty = 40 "WrongParty",
        /// The dialing failed.
        DialError = 41 "DialError",
        /// The drop failed.
        CallDropError = 42 "CallDropError",
        /// The switch failed.
        SwitchError = 43 "SwitchError",
        /// No port was free.
        NoFreePort = 44 "NoFreePort",
        /// The transfer failed.
        TransferError = 45 "TransferError",
        /// The record was too old.
        Stale = 46 "Stale",
        /// A callback to an agent failed.
        AgentCallbackError = 47 "AgentCallbackError",
        /// A callback to a group failed.
        GroupCallbackError = 48 "GroupCallbackError",
        /// Deafened.
        Deafened = 49 "Deafened",
        /// Held.
        Held = 50 "Held",
        /// The person does not want to be contacted.
        DoNotCall = 51 "DoNotCall",
        /// The record was cancelled.
        CancelRecord = 52 "CancelRecord",
        /// The number is another person's; invalid address of a message.
        WrongNumber = 53 "WrongNumber",
    }
}

numbered! {
    /// Why a record exists.
    RecordType, "record type" {
        /// None.
        None = 0 "none",
        /// Unknown.
        Unknown = 1 "Unknown",
        /// An ordinary record.
        General = 2 "General",
        /// Rescheduled by the campaign.
        CampaignRescheduled = 3 "CampaignRescheduled",
        /// Rescheduled for one agent.
        PersonalRescheduled = 4 "PersonalRescheduled",
        /// A callback to one agent.
        PersonalCallBack = 5 "PersonalCallBack",
        /// A callback to the campaign.
        CampaignCallBack = 6 "CampaignCallBack",
        /// Not to be called.
        NoCall = 7 "NoCall",
    }
}

numbered! {
    /// Where a record stands in the dialer protocol. The accounting uses `record::RecordStatus`.
    DialerRecordStatus, "record status" {
        /// None.
        None = 0 "none",
        /// May be dialed.
        Ready = 1 "Ready",
        /// Taken by a dialer.
        Retrieved = 2 "Retrieved",
        /// Finished.
        Updated = 3 "Updated",
        /// Too old.
        Stale = 4 "Stale",
        /// Cancelled.
        Cancelled = 5 "Cancelled",
        /// An agent's error: no more attempts.
        AgentError = 6 "AgentError",
        /// Finished together with its chain.
        ChainUpdated = 7 "ChainUpdated",
        /// A callback that was missed.
        MissedCallBack = 8 "MissedCallBack",
        /// The chain is ready.
        ChainReady = 9 "ChainReady",
        /// Read, never written.
        Delegated = 10 "Delegated",
    }
}

numbered! {
    /// What a device is to its contact.
    ContactType, "contact type" {
        /// None.
        None = 0 "none",
        /// A home phone.
        HomePhone = 1 "HomePhone",
        /// A direct business phone.
        DirectBusinessPhone = 2 "DirectBusinessPhone",
        /// A business phone with an extension.
        BusinessWithExt = 3 "BusinessWithExt",
        /// A mobile phone.
        Mobile = 4 "Mobile",
        /// A vacation phone.
        VacationPhone = 5 "VacationPhone",
        /// A pager.
        Pager = 6 "Pager",
        /// A modem.
        Modem = 7 "Modem",
        /// A voice mailbox.
        VoiceMail = 8 "VoiceMail",
        /// A pager with a PIN.
        PinPager = 9 "PinPager",
        /// An email address.
        EMail = 10 "E-Mail",
        /// An instant messaging address.
        InstantMessaging = 11 "InstantMessaging",
    }
}

numbered! {
    /// How a campaign dials.
    DialingMode, "dialing mode" {
        /// None.
        None = 0 "none",
        /// Predictive.
        Predict = 1 "Predict",
        /// One call for each free agent.
        Progress = 2 "Progress",
        /// The agent asks for the record.
        Preview = 3 "Preview",
        /// Progressive with a seized agent.
        ProgressAndSeize = 4 "ProgressAndSeize",
        /// Predictive with a seized agent.
        PredictAndSeize = 5 "PredictAndSeize",
        /// Reserved, not offered.
        Power = 6 "Power",
        /// Reserved, not offered.
        PowerAndSeize = 7 "PowerAndSeize",
        /// The record is pushed to the agent.
        PushPreview = 8 "PushPreview",
        /// Progressive to an IVR.
        ProgressGvp = 9 "ProgressGVP",
        /// Predictive to an IVR.
        PredictGvp = 10 "PredictGVP",
        /// Power to an IVR.
        PowerGvp = 11 "PowerGVP",
    }
}

impl CallResult {
    /// The results of calls in which a person talked with somebody of ours, however they ended.
    pub const TALKS: [Self; 3] = [Self::Answer, Self::Transferred, Self::Conferenced];

    /// Whether it is one of [`CallResult::TALKS`].
    pub fn is_talk(self) -> bool {
        Self::TALKS.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_travels_as_its_code_and_name() {
        assert_eq!(serde_json::to_string(&CallResult::Busy).unwrap(), r#"{"code":6,"name":"Busy"}"#);
        assert_eq!(serde_json::to_string(&ContactType::EMail).unwrap(), r#"{"code":10,"name":"E-Mail"}"#);
    }

    #[test]
    fn a_member_may_arrive_as_a_number_or_as_it_was_sent() {
        assert_eq!(serde_json::from_str::<CallResult>("33").unwrap(), CallResult::Answer);
        assert_eq!(serde_json::from_str::<CallResult>(r#"{"code":6,"name":"Busy"}"#).unwrap(), CallResult::Busy);
        assert_eq!(serde_json::from_str::<CallResult>(r#"{"code":6}"#).unwrap(), CallResult::Busy);
    }

    #[test]
    fn an_unheard_of_number_or_a_name_that_does_not_fit_is_refused() {
        assert!(serde_json::from_str::<CallResult>("54").unwrap_err().to_string().contains("no call result 54"));
        assert!(serde_json::from_str::<CallResult>(r#"{"code":6,"name":"Answer"}"#).is_err());
        assert!(serde_json::from_str::<CallResult>(r#"{"code":6,"nam":"Busy"}"#).is_err());
        assert!(serde_json::from_str::<CallResult>(r#""Busy""#).is_err());
    }

    #[test]
    fn every_set_is_numbered_without_a_hole() {
        fn codes<T: Copy>(all: &[T], code: fn(T) -> i16) -> Vec<i16> {
            all.iter().map(|m| code(*m)).collect()
        }
        assert_eq!(codes(CallResult::ALL, CallResult::code), (0..=53).collect::<Vec<_>>());
        assert_eq!(codes(RecordType::ALL, RecordType::code), (0..=7).collect::<Vec<_>>());
        assert_eq!(codes(DialerRecordStatus::ALL, DialerRecordStatus::code), (0..=10).collect::<Vec<_>>());
        assert_eq!(codes(ContactType::ALL, ContactType::code), (0..=11).collect::<Vec<_>>());
        assert_eq!(codes(DialingMode::ALL, DialingMode::code), (0..=11).collect::<Vec<_>>());
        assert!(CallResult::ALL.iter().all(|r| CallResult::from_code(r.code()) == Some(*r)));
    }
}
