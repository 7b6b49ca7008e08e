//! Judging those whom external rules hold back, once the services were asked.
use cxc_core::compliance::ExternalAsk;

use super::batch::Batch;
use super::external::{self, AskExternal, Key};
use super::finding::{Finding, InJudgement};
use super::{Judge, Scope};

impl Judge {
    /// Judges those whom only external rules hold back by the answers that are known, and keeps the questions to the
    /// rules about the others.
    pub(super) fn use_answers(&mut self, batch: &Batch<'_>, judged: &mut [Result<InJudgement<'_>, Finding>]) {
        let rules: Vec<&ExternalAsk> = batch.scope.rules.external_rules(batch.scope.channel).collect();
        if rules.is_empty() {
            return;
        }
        let at = batch.at.as_microsecond();
        for InJudgement { chosen, verdict, inputs } in judged.iter_mut().filter_map(|judged| judged.as_mut().ok()) {
            if !external::lacks_only_answers(verdict) {
                continue;
            }
            let key = Key::of(batch.scope.grp, chosen.contact.contact.id, chosen.device().position, chosen.record);
            if let Some(answers) = self.answers.known(&key, &rules, at) {
                (*verdict, *inputs) = batch.check(&mut self.cache, chosen, answers);
                continue;
            }
            let mut properties = batch.columns(chosen).properties();
            properties.insert("channel".to_owned(), batch.scope.channel.as_str().into());
            properties.insert("purpose".to_owned(), batch.scope.subject.purpose.as_str().into());
            properties.insert("group_id".to_owned(), batch.scope.grp.into());
            self.questions.push((key, properties));
        }
    }

    /// Whether external rules must be asked before the contacts of the last batch can be judged.
    pub fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Asks the external rules what the last batch left open. Services take their time, so that this is no part of
    /// any transaction; judge the batch again afterwards, with fresh facts.
    pub async fn ask(&mut self, scope: &Scope<'_>, asker: &dyn AskExternal, now: i64) {
        let rules: Vec<&ExternalAsk> = scope.rules.external_rules(scope.channel).collect();
        let (keys, records): (Vec<Key>, Vec<_>) = std::mem::take(&mut self.questions)
            .into_iter()
            .map(|(key, properties)| (key, (key.handle(), properties)))
            .unzip();
        for (key, answers) in keys.into_iter().zip(external::gather(asker, &rules, records).await) {
            self.answers.remember(key, answers, now);
        }
    }
}
