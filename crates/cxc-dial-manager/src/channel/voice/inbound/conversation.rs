//! A talk with a person who called in, in the history. It is no attempt on them and none of a group's calls; but it is a
//! conversation, by which a law may bar calls for a while, whoever called.
use cxc_core::channel::Channel;
use cxc_core::device::DeviceKind;
use cxc_core::enumerations::CallResult;
use cxc_core::record::RecordStatus;
use cxc_server::App;
use cxc_store::attempt::month_of;

use cxc_store::counter::Deltas;
use cxc_store::reservation::{OutsideAttempt, Report};
use cxc_store::{StoreError, Tx};
use serde_json::json;

use super::wishes::{SHARD, Visit};
use crate::channel::voice::desk::CallerTerms;
use crate::channel::{AgentReport, Outcome};
use crate::opt_out::write_said;
use crate::sender::after_call;

/// The attempts that came in, as the history knows them.
const CAME_IN: i16 = 1;

/// A conversation.
pub struct Conversation {
    tenant: i64,
    call_id: String,
    called: String,
    attempt: OutsideAttempt,
    names_device: bool,
    /// The group and the record of the person.
    record: Option<(i64, i64)>,
}

impl Conversation {
    /// Of a call that came in, by its number in the history. It begins when [`Conversation::begins`] says so.
    pub fn new(app: &App, visit: &Visit, id: i64, (client, record): (Option<&str>, Option<(i64, i64)>)) -> Self {
        let hash = |text: &str| app.hash_key.hash(visit.tenant, text);
        // of a number that is withheld it is a conversation with nobody
        let device = visit.caller.as_deref().map_or(0, hash);
        let attempt = OutsideAttempt {
            client_hash: client.map(hash),
            direction: Some(CAME_IN),
            ..OutsideAttempt::new(id, Channel::Voice.bit(), device, app.now())
        };
        let (call_id, called) = (visit.call_id.clone(), visit.called.clone());
        Self { tenant: visit.tenant, call_id, called, attempt, names_device: visit.caller.is_some(), record }
    }

    /// They talk: written at once, so that nobody calls them meanwhile, and that it holds whatever happens to this process.
    pub async fn begins(&mut self, app: &App, terms: &CallerTerms) {
        self.attempt.started_at = app.now();
        self.attempt.purpose = Some(terms.subject.purpose.as_str().to_owned());
        self.attempt.collector = terms.subject.collector;
        self.attempt.topic = terms.subject.topic.as_deref().map(ToOwned::to_owned);
        let report = self.report(None, None, app.now());
        write_said("a conversation", &self.call_id, || async {
            let mut tx = app.db.begin().await?;
            tx.attempt_report_take(self.tenant, std::slice::from_ref(&report), app.now()).await?;
            tx.commit().await
        })
        .await;
    }

    /// It is over, and this came of it; none where that is not known.
    pub async fn ends(&self, app: &App, terms: &CallerTerms, outcome: Option<Outcome>) {
        let (result, said) = match outcome {
            Some(Outcome::Called { result, report, .. }) => (CallResult::from_code(result), report),
            _ => (None, None),
        };
        let ended = (result.unwrap_or(CallResult::CallDropError), said.as_deref());
        write_said("what came of a conversation", &self.call_id, || self.end(app, terms, ended)).await;
    }

    async fn end(
        &self,
        app: &App,
        terms: &CallerTerms,
        (result, said): (CallResult, Option<&AgentReport>),
    ) -> Result<(), StoreError> {
        let disposition = said.and_then(|said| said.disposition.clone());
        let mut report = self.report(Some(result), disposition, app.now());
        // the history knows the attempt by its guid: the number of a final report is for one whose beginning was lost
        report.attempt.id += 1;
        let mut tx = app.db.begin().await?;
        tx.attempt_report_take(self.tenant, &[report], app.now()).await?;
        if let Some(said) = said {
            let place = (month_of(self.attempt.started_at), self.attempt.id);
            let agent = said.agent.map(|agent| agent.to_string());
            tx.attempt_said(self.tenant, place, (agent.as_deref(), said.note.as_deref())).await?;
        }
        self.settle(&mut tx, terms, (result, said), app.now()).await?;
        tx.commit().await
    }

    /// The person's record goes where it would go after a call to them. One that is being called, or is done and stays so, is left alone.
    async fn settle(
        &self,
        tx: &mut Tx,
        terms: &CallerTerms,
        (result, said): (CallResult, Option<&AgentReport>),
        now: i64,
    ) -> Result<(), StoreError> {
        let Some((grp, record)) = self.record else { return Ok(()) };
        let Some(record) = tx.record_get(grp, record).await? else { return Ok(()) };
        let is_wanted = said.is_some_and(|said| said.again_at.is_some() && !said.do_not_call);
        let is_open = record.status == RecordStatus::Ready.code();
        let is_reopened = is_wanted && record.status == RecordStatus::Done.code();
        if !is_open && !is_reopened {
            return Ok(());
        }
        let kind = DeviceKind::for_channel(Channel::Voice).code();
        let contacts = tx.contacts_of_lists(self.tenant, &[(record.list, record.id)]).await?;
        let devices = contacts.iter().flat_map(|(_, contact)| &contact.devices);
        let devices: Vec<i16> = devices.filter(|device| device.kind == kind).map(|device| device.position).collect();
        let change = after_call(&record, &terms.treatment, (result, said), &devices, now);
        let mut deltas = Deltas::default();
        tx.record_apply(&[change], 0, now, &mut deltas).await?;
        tx.record_counters_add(SHARD, &deltas).await
    }

    fn report(&self, result: Option<CallResult>, disposition: Option<String>, now: i64) -> Report {
        Report {
            guid: format!("call {}", self.call_id),
            sequence: i16::from(result.is_some()),
            reservation: None,
            names_device: self.names_device,
            attempt: self.attempt.clone(),
            result: result.map(CallResult::code),
            disposition,
            finished_at: result.map(|_| now),
            connected: Some(true),
            conversation: Some(true),
            refused: None,
            consented: None,
            body: json!({"direction": "in", "called": self.called, "conversation": true}),
        }
    }
}
