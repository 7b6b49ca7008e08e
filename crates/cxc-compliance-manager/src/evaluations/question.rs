//! A question in the terms of the check, owned: the check borrows from it.
use cxc_core::channel::Channel;
use cxc_core::compliance::{
    AttemptRequest, DataFault, Facts, KeptPart, NumberFacts, NumberIntelligence, NumberListHit, NumberListStatus, Part,
    PastAttempt, Reading, Subject, SuppressionHit, ToolAnswers,
};
use jiff::Timestamp;

use super::document::ContactAsked;

/// A question in the terms of the check.
#[derive(Debug)]
pub struct Question {
    /// The moment.
    pub at: Timestamp,
    /// How the person is to be reached.
    pub channel: Channel,
    /// The number of the campaign group; 0 without one.
    pub group: i64,
    /// The keyed hash of the device.
    pub device: i64,
    /// Its area code.
    pub area_code: String,
    /// The keyed hash of the client id.
    pub client: Option<i64>,
    /// That of the person.
    pub person: Option<i64>,
    /// Those of the accounts.
    pub accounts: Vec<i64>,
    /// Those of the debts.
    pub debts: Vec<i64>,
    /// The postal code.
    pub postal: String,
    /// What it is for.
    pub subject: Subject,
    /// Where the person may be.
    pub parts: Vec<KeptPart>,
    /// What was tried.
    pub attempts: Vec<PastAttempt>,
    /// The suppression lists that hold the person.
    pub suppression: Vec<SuppressionHit>,
    /// The number lists, and which hold the device.
    pub lists: Vec<NumberListStatus>,
    /// Which hold the device.
    pub holding: Vec<NumberListHit>,
    /// The rest of what was said of the person.
    pub contact: ContactAsked,
}

impl Question {
    /// Where and for what the rules about campaigns are read.
    pub fn reading<T>(&self, read: impl FnOnce(&Reading<'_>) -> T) -> T {
        let parts: Vec<Part<'_>> = self.parts.iter().map(KeptPart::part).collect();
        read(&Reading { channel: self.channel, subject: &self.subject, parts: Some(&parts), at: self.at })
    }

    /// Hands request and facts to a function: both borrow from the question.
    pub fn with<T>(
        &self,
        intelligence: Option<&NumberIntelligence>,
        data_faults: &[DataFault],
        ask: impl FnOnce(&AttemptRequest<'_>, &Facts<'_>) -> T,
    ) -> T {
        let parts: Vec<Part<'_>> = self.parts.iter().map(KeptPart::part).collect();
        let request = AttemptRequest {
            client: self.client,
            parts: &parts,
            subject: &self.subject,
            person: self.person,
            accounts: &self.accounts,
            debts: &self.debts,
            declared: self.contact.declared.as_ref(),
            area_code: &self.area_code,
            postal: &self.postal,
            ..AttemptRequest::new(self.channel, self.group, self.device)
        };
        let facts = Facts {
            suppression: Some(&self.suppression),
            attempts: Some(&self.attempts),
            attempts_since: Timestamp::MIN,
            consents: Some(&self.contact.consents),
            numbers: Some(NumberFacts { lists: &self.lists, holding: &self.holding }),
            intelligence,
            flags: Some(&self.contact.flags),
            tools: &ToolAnswers::NONE,
            data_faults,
        };
        ask(&request, &facts)
    }
}
