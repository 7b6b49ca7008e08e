//! What a check is asked about, and what is known of the person.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::custom_rule::Columns;
use super::declared::DeclaredTimes;
use super::documents::{DataFault, RuleRef};
use super::edition::Edition;
use super::number_facts::{NumberFacts, NumberIntelligence};
use super::place::Part;
use super::subject::{PersonFlag, Purpose, Subject, UNSPECIFIED};
use super::tool_answers::{self, ToolAnswers};
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::consent::ConsentEvent;
use crate::enumerations::CallResult;

/// An attempt that someone wants to make. Made with [`AttemptRequest::new`] and struct update.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRequest<'a> {
    /// By which meaning it is judged: the current one, except where a decision of the past is made again.
    pub edition: Edition,
    /// How the person is to be reached.
    pub channel: Channel,
    /// The number of the campaign group.
    pub group: i64,
    /// The keyed hash of the client id, if the contact has one.
    pub client: Option<i64>,
    /// The keyed hash of the device.
    pub device: i64,
    /// Where the person may be: the contact's parts and those of the device to be used.
    pub parts: &'a [Part<'a>],
    /// What it is for and whom it meets.
    pub subject: &'a Subject,
    /// The key of the person over merged identities, if one is known.
    pub person: Option<i64>,
    /// The keys of the accounts that it is about.
    pub accounts: &'a [i64],
    /// The keys of the debts that it is about.
    pub debts: &'a [i64],
    /// When the person said that contacts are convenient.
    pub declared: Option<&'a DeclaredTimes>,
    /// The area code of the device; empty where it has none.
    pub area_code: &'a str,
    /// The postal code of the contact; empty where it is not known.
    pub postal: &'a str,
    /// The columns of the contact and the device, for custom rules; `None` if they could not be read.
    pub columns: Option<&'a dyn Columns>,
}

impl<'a> AttemptRequest<'a> {
    /// An attempt of a group on a device, of which nothing else is known.
    pub fn new(channel: Channel, group: i64, device: i64) -> Self {
        Self {
            edition: Edition::CURRENT,
            channel,
            group,
            client: None,
            device,
            parts: &[],
            subject: &UNSPECIFIED,
            person: None,
            accounts: &[],
            debts: &[],
            declared: None,
            area_code: "",
            postal: "",
            columns: None,
        }
    }
}

/// By what a suppression entry holds someone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedBy {
    /// By the device.
    Device,
    /// By the client id.
    ClientId,
}

/// A suppression entry of this person for this channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionHit {
    /// The list.
    pub list: RuleRef,
    /// By what it holds the person.
    pub by: SuppressedBy,
    /// Since when; without it, always.
    pub from: Option<Timestamp>,
    /// Until when, exclusively; without it, for ever.
    pub until: Option<Timestamp>,
}

/// Who began an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The person did.
    In,
    /// The tenant did.
    #[default]
    Out,
}

/// An attempt of the past, or one that is under way. Made with [`PastAttempt::new`] and struct update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastAttempt {
    /// When it was made.
    pub at: Timestamp,
    /// How.
    pub channel: Channel,
    /// Its number, which explanations name; 0 where it has none.
    pub id: i64,
    /// The number of its campaign group.
    pub group: i64,
    /// The keyed hash of the client id.
    pub client: Option<i64>,
    /// The keyed hash of the device.
    pub device: i64,
    /// What became of it. One under way or in doubt counts.
    pub state: AttemptState,
    /// Its result, once it is final.
    pub result: Option<CallResult>,
    /// Its disposition code, if an agent gave one.
    pub disposition: Option<Box<str>>,
    /// Who began it.
    pub direction: Direction,
    /// What it was for. One of which that is not known counts for every cap to which it may belong.
    pub purpose: Option<Purpose>,
    /// The key of the person over merged identities.
    pub person: Option<i64>,
    /// The keys of the accounts that it was about. Where none is known it counts for every account of the person.
    #[serde(default, alias = "account", deserialize_with = "one_or_many")]
    pub accounts: Vec<i64>,
    /// The keys of the debts that it was about. Where none is known it counts for every debt.
    pub debts: Vec<i64>,
    /// The keyed hash of the debt collector for whom it was made.
    pub collector: Option<i64>,
    /// Somebody or something answered.
    pub connected: bool,
    /// It became a conversation with the person.
    pub conversation: bool,
    /// The person refused further contacts in it.
    pub refused: bool,
    /// It was made under a consent to be called back.
    pub consented: bool,
    /// The regions in which the person may have been, as text like [`Part::regions`].
    pub regions: Box<str>,
    /// What it was about.
    pub topic: Option<Box<str>>,
}

/// Keys. Decisions that were kept while an attempt had one account have that one, or null.
pub(super) fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        One(i64),
        Many(Vec<i64>),
    }
    Ok(match Option::<Kept>::deserialize(from)? {
        None => Vec::new(),
        Some(Kept::One(one)) => vec![one],
        Some(Kept::Many(many)) => many,
    })
}

impl PastAttempt {
    /// An attempt on a device that is under way, of which nothing else is known.
    pub fn new(at: Timestamp, channel: Channel, device: i64) -> Self {
        Self {
            at,
            channel,
            id: 0,
            group: 0,
            client: None,
            device,
            state: AttemptState::Sending,
            result: None,
            disposition: None,
            direction: Direction::Out,
            purpose: None,
            person: None,
            accounts: Vec::new(),
            debts: Vec::new(),
            collector: None,
            connected: false,
            conversation: false,
            refused: false,
            consented: false,
            regions: Box::default(),
            topic: None,
        }
    }
}

/// What is known of the person. `None` means that it could not be found out: nobody is contacted then where a
/// rule that holds needs it. Made with [`Facts::none_known`] and struct update.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The suppression entries that hold the device or the client id on this channel, or will. Always needed.
    pub suppression: Option<&'a [SuppressionHit]>,
    /// The attempts on the person, the device, the account and the debts, in any order.
    pub attempts: Option<&'a [PastAttempt]>,
    /// Since when they are complete.
    pub attempts_since: Timestamp,
    /// The consents and opt-outs of the person and the device, in any order.
    pub consents: Option<&'a [ConsentEvent]>,
    /// What the number lists say of the device.
    pub numbers: Option<NumberFacts<'a>>,
    /// What number intelligence says of the device; `None` where it was not asked.
    pub intelligence: Option<&'a NumberIntelligence>,
    /// What is known of the person that forbids contacts for some purpose.
    pub flags: Option<&'a [PersonFlag]>,
    /// What tools that were asked beforehand answered.
    pub tools: &'a ToolAnswers,
    /// What is wrong with data that every decision needs, such as time zones that are too old. Nobody is contacted then.
    pub data_faults: &'a [DataFault],
    /// When data that nothing is wrong with yet will be too old by its own terms, if it will.
    pub data_until: Option<Timestamp>,
}

impl Facts<'_> {
    /// Nothing could be found out.
    pub fn none_known() -> Self {
        Self {
            suppression: None,
            attempts: None,
            attempts_since: Timestamp::MAX,
            consents: None,
            numbers: None,
            intelligence: None,
            flags: None,
            tools: &tool_answers::NONE,
            data_faults: &[],
            data_until: None,
        }
    }
}
