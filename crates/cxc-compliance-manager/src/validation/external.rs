//! External rules are asked before any transaction, and only about those whom nothing else holds back.
use std::sync::Arc;

use cxc_core::compliance::{ExternalAnswer, ExternalAsk, RuleKind, ToolAnswers, Verdict};
use cxc_server::outbound::external::ask_all;
use cxc_server::{ApiError, Code};
use cxc_store::judge::Question;
use serde_json::{Map, Value};

use super::ask::Ask;
use super::{Validator, submit};

impl Validator {
    /// Asks the external rules of each question and notes their answers with it. A service that does not answer
    /// lets nobody through: the check says so.
    pub(super) async fn ask_external(&self, asks: &mut [Ask]) -> Result<(), ApiError> {
        let wanted: Vec<usize> = (0..asks.len()).filter(|i| rules(&asks[*i]).next().is_some()).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let trial: Vec<Ask> = wanted.iter().map(|i| asks[*i].clone()).collect();
        let outcomes = submit(&self.questions, trial).await?;
        let lacking: Vec<usize> = wanted
            .into_iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.held.is_none() && lacks_only_answers(&outcome.verdict))
            .map(|(i, _)| i)
            .collect();
        let mut questions = Vec::new();
        for ask in lacking.iter().map(|i| &asks[*i]) {
            let handle = ask.guid.clone().unwrap_or_else(|| self.app.ids.next().to_string());
            for rule in rules(ask) {
                let properties = properties(ask);
                questions.push(Question { rule: &rule.body, handle: handle.clone(), properties });
            }
        }
        let is_asked = !questions.is_empty();
        let mut replies = ask_all(&self.app.outbound, &questions).await.into_iter();
        let mut answers = Vec::with_capacity(lacking.len());
        for ask in lacking.iter().map(|i| &asks[*i]) {
            let mut fields = Map::new();
            let of_rule = |rule: &ExternalAsk| {
                let reply = replies.next()?;
                fields.extend(reply.fields);
                Some(ExternalAnswer { rule: rule.rule.clone(), outcome: reply.outcome })
            };
            let external = rules(ask).filter_map(of_rule).collect();
            answers.push((ToolAnswers { at_load: false, external }, fields));
        }
        for (i, (answers, fields)) in lacking.into_iter().zip(answers) {
            (asks[i].tools, asks[i].fields) = (answers, fields);
        }
        if is_asked { self.look_again(asks).await } else { Ok(()) }
    }

    /// Takes the rules as they are by now: services take seconds, and a stop holds after two.
    async fn look_again(&self, asks: &mut [Ask]) -> Result<(), ApiError> {
        let unread = |e| ApiError::unavailable("the rules can't be read: nobody is contacted", anyhow::Error::new(e));
        for ask in asks {
            let tenant = self.rules.tenant(ask.tenant.tenant).await.map_err(unread)?;
            if Arc::ptr_eq(&tenant, &ask.tenant) {
                continue;
            }
            let group = self.rules.group(&tenant, ask.group_id, ask.channel).await.map_err(unread)?;
            let gone = || ApiError::new(Code::NotFound, "the campaign group was deleted while services were asked");
            (ask.group, ask.tenant) = (group.ok_or_else(gone)?, tenant);
        }
        Ok(())
    }
}

fn rules(ask: &Ask) -> impl Iterator<Item = &ExternalAsk> {
    ask.group.rules.external_rules(ask.channel)
}

fn lacks_only_answers(verdict: &Verdict) -> bool {
    !verdict.reasons.is_empty() && verdict.reasons.iter().all(|reason| reason.kind == RuleKind::ExternalRule)
}

/// What a service is sent: the columns, the channel and the purpose.
fn properties(ask: &Ask) -> Map<String, Value> {
    let columns = ask.columns.0.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
    let mut properties: Map<String, Value> = columns.collect();
    properties.insert("channel".to_owned(), ask.channel.as_str().into());
    properties.insert("purpose".to_owned(), ask.subject.purpose.as_str().into());
    properties.insert("group_id".to_owned(), ask.group.number.max(0).into());
    properties
}
