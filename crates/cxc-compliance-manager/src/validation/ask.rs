//! A question in the terms of the check: keys are hashed, places are found.
use std::sync::Arc;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::{
    AttemptRequest, KeptColumns, KeptPart, Part, PastAttempt, PersonFlag, Subject, ToolAnswers,
};
use cxc_core::consent::ConsentEvent;
use cxc_server::data_in_use::Versions;
use cxc_store::attempt_subject::{ACCOUNT, DEBT, PERSON, SubjectKey};
use cxc_store::reservation::OutsideAttempt;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::rules::{GroupRules, TenantRules};

/// What is asked: may this attempt be made?
#[derive(Clone)]
pub struct Ask {
    /// The tenant and its rules.
    pub tenant: Arc<TenantRules>,
    /// The group's rules.
    pub group: Arc<GroupRules>,
    /// The group that was named.
    pub group_id: Option<Uuid>,
    /// The caller's id of the request.
    pub request_id: Option<String>,
    /// The caller's id of the campaign.
    pub campaign_id: Option<String>,
    /// The caller's trace context.
    pub trace: Option<String>,
    /// How the person is to be reached.
    pub channel: Channel,
    /// The address as it is compared.
    pub address: String,
    /// Its keyed hash.
    pub device: i64,
    /// The client id.
    pub client_text: Option<String>,
    /// Its keyed hash.
    pub client: Option<i64>,
    /// The person's keyed hash.
    pub person: Option<i64>,
    /// Those of the accounts.
    pub accounts: Vec<i64>,
    /// What the caller knows of the person that forbids contacts for some purpose, besides what is recorded.
    pub flags: Option<Vec<PersonFlag>>,
    /// Those of the debts.
    pub debts: Vec<i64>,
    /// Where the person may be.
    pub places: Vec<KeptPart>,
    /// What it is for.
    pub subject: Subject,
    /// Consents that the caller knows of.
    pub consents: Vec<ConsentEvent>,
    /// The dialer's id of the attempt.
    pub guid: Option<String>,
    /// How long an allowed attempt is held, microseconds; 0 for a question only.
    pub hold: i64,
    /// The instant that is asked about, if it is not now; microseconds.
    pub at: Option<i64>,
    /// Whether the decision is kept as evidence.
    pub is_dial_time: bool,
    /// The area code of the device.
    pub area_code: String,
    /// The postal code of the contact.
    pub postal: String,
    /// The versions of the data that its places were found with.
    pub data: Arc<Versions>,
    /// What custom and external rules see.
    pub columns: KeptColumns,
    /// What external rules answered, once they were asked.
    pub tools: ToolAnswers,
    /// The fields that they change.
    pub fields: Map<String, Value>,
}

impl Ask {
    /// Person, account and debts.
    pub fn subjects(&self) -> Vec<SubjectKey> {
        let of = |kind, keys: &[i64]| keys.iter().map(|key| SubjectKey { kind, key: *key }).collect::<Vec<_>>();
        let mut keys = of(PERSON, self.person.as_slice());
        keys.extend(of(ACCOUNT, &self.accounts));
        keys.extend(of(DEBT, &self.debts));
        keys
    }

    /// The request of the check.
    pub fn request<'a>(&'a self, parts: &'a [Part<'a>]) -> AttemptRequest<'a> {
        AttemptRequest {
            client: self.client,
            parts,
            subject: &self.subject,
            person: self.person,
            accounts: &self.accounts,
            debts: &self.debts,
            area_code: &self.area_code,
            postal: &self.postal,
            columns: Some(&self.columns),
            ..AttemptRequest::new(self.channel, self.group.number, self.device)
        }
    }

    /// The attempt that is held when it is allowed.
    pub fn attempt(&self, id: i64, now: i64) -> OutsideAttempt {
        OutsideAttempt {
            grp: self.group.number,
            client_hash: self.client,
            rule_set: self.group.rules.version(),
            purpose: word(&self.subject.purpose),
            collector: self.subject.collector,
            topic: self.subject.topic.as_deref().map(str::to_owned),
            regions: Some(KeptPart::regions(&self.places)).filter(|r| !r.is_empty()),
            subjects: self.subjects(),
            ..OutsideAttempt::new(id, self.channel.bit(), self.device, now)
        }
    }

    /// The same, as those who come later in the same batch must count it.
    pub fn as_past(&self, id: i64, now: Timestamp) -> PastAttempt {
        PastAttempt {
            id,
            group: self.group.number,
            client: self.client,
            state: AttemptState::Reserved,
            purpose: Some(self.subject.purpose),
            person: self.person,
            accounts: self.accounts.clone(),
            debts: self.debts.clone(),
            collector: self.subject.collector,
            regions: KeptPart::regions(&self.places).into(),
            topic: self.subject.topic.as_deref().map(Into::into),
            ..PastAttempt::new(now, self.channel, self.device)
        }
    }
}

/// A member of an enumeration as it travels.
pub fn word(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
