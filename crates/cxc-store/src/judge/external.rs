//! Asking the external rules of a batch. The store asks nobody itself: who judges hands down whoever can ask.
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use cxc_core::compliance::{
    ExternalAnswer, ExternalAsk, ExternalOutcome, ExternalRule, RuleKind, ToolAnswers, Verdict,
};
use serde_json::{Map, Value};

use crate::record::Record;

/// One question to one rule.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The rule.
    pub rule: &'a ExternalRule,
    /// Which record it is about; the service repeats it.
    pub handle: String,
    /// The record's properties by their columns.
    pub properties: Map<String, Value>,
}

/// The outcomes of some questions, to come.
pub type Outcomes<'a> = Pin<Box<dyn Future<Output = Vec<ExternalOutcome>> + Send + 'a>>;

/// Whoever can ask external rules.
pub trait AskExternal: Send + Sync {
    /// Asks all of them at once; answers in their order.
    fn ask<'a>(&'a self, questions: &'a [Question<'a>]) -> Outcomes<'a>;
}

/// An answer is taken for so long, in microseconds: a batch that had to wait for its answers is judged again with
/// fresh facts, without being asked about again.
const KEEP: i64 = 10_000_000;

/// What an answer is about: a try of a record on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    grp: i64,
    contact: i64,
    device: i16,
    attempts: i16,
}

impl Key {
    pub fn of(grp: i64, contact: i64, device: i16, record: Option<&Record>) -> Self {
        Self { grp, contact, device, attempts: record.map_or(0, |r| r.attempts) }
    }

    /// What a service knows it by.
    pub fn handle(&self) -> String {
        format!("{}.{}.{}.{}", self.grp, self.contact, self.device, self.attempts)
    }
}

/// The answers of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Answers(HashMap<Key, (i64, ToolAnswers)>);

impl Answers {
    /// The answers of all these rules about a try, if they are fresh.
    pub fn known(&self, key: &Key, rules: &[&ExternalAsk], at: i64) -> Option<&ToolAnswers> {
        let (since, answers) = self.0.get(key)?;
        let whole = rules.iter().all(|ask| answers.of(&ask.rule).is_some());
        (whole && (0..KEEP).contains(&(at - since))).then_some(answers)
    }

    pub fn remember(&mut self, key: Key, answers: ToolAnswers, at: i64) {
        // what is old is swept when there is much of it
        if self.0.len() >= 1024 {
            self.0.retain(|_, (since, _)| (0..KEEP).contains(&(at - *since)));
        }
        self.0.insert(key, (at, answers));
    }
}

/// Whether nothing but the answers of external rules stands in the way of an attempt.
pub(super) fn lacks_only_answers(verdict: &Verdict) -> bool {
    !verdict.reasons.is_empty() && verdict.reasons.iter().all(|reason| reason.kind == RuleKind::ExternalRule)
}

/// Asks the rules about some records, each by its handle and properties; the answers of each record.
pub(super) async fn gather(
    asker: &dyn AskExternal,
    rules: &[&ExternalAsk],
    records: Vec<(String, Map<String, Value>)>,
) -> Vec<ToolAnswers> {
    let mut questions = Vec::with_capacity(records.len() * rules.len());
    for (handle, properties) in &records {
        for ask in rules {
            questions.push(Question { rule: &ask.body, handle: handle.clone(), properties: properties.clone() });
        }
    }
    let mut outcomes = asker.ask(&questions).await.into_iter();
    let answers = |_| {
        let answer = |ask: &&ExternalAsk| {
            let outcome = outcomes.next();
            outcome.map(|outcome| ExternalAnswer { rule: ask.rule.clone(), outcome })
        };
        ToolAnswers { at_load: false, external: rules.iter().filter_map(answer).collect() }
    };
    records.iter().map(answers).collect()
}
