//! Caps once more, under the marks: between the judgement and the transaction that writes the attempts another group
//! may have contacted the same people.
use cxc_core::compliance::{Failure, RuleKind, ToolAnswers};
use jiff::Timestamp;

use super::batch::Batch;
use super::chosen::Chosen;
use super::{Case, Judge, Scope};
use crate::facts::{BatchFacts, Person};
use crate::{StoreError, Tx};

/// When a contact is judged anew whom a rule holds back that does not say until when, in microseconds.
const SOON: i64 = 1_000_000;

/// A cap that is used up by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverCap {
    /// When one more attempt may fit, microseconds.
    pub due: i64,
    /// The id of the rule.
    pub cause: String,
}

impl OverCap {
    /// Held back by nothing that is known: to be judged anew soon.
    pub fn unknown(now: i64) -> Self {
        Self { due: now + SOON, cause: String::new() }
    }
}

impl Judge {
    /// Which of these contacts, allowed before, are over a cap by now. Call it in the transaction that writes their
    /// attempts, behind the in-flight marks: nobody else can contact them from there on, so what is counted holds.
    /// Reads nothing where no rule on the channel counts attempts.
    pub async fn over_cap(
        &mut self,
        tx: &mut Tx,
        scope: &Scope<'_>,
        cases: &[Case<'_>],
        now: i64,
    ) -> Result<Vec<Option<OverCap>>, StoreError> {
        let Some(reach) = scope.history_reach().filter(|_| !cases.is_empty()) else {
            return Ok(vec![None; cases.len()]);
        };
        let chosen: Vec<Option<Chosen<'_>>> =
            cases.iter().map(|case| Chosen::of(&self.hash_key, scope, case).ok()).collect();
        let people: Vec<Person<'_>> = chosen.iter().flatten().map(|c| c.person(scope, &[])).collect();
        let facts = BatchFacts::attempts(tx, scope.tenant, now.saturating_sub(reach), &people).await?;
        let wanted: Vec<i64> =
            chosen.iter().flatten().flat_map(|c| [c.contact.contact.location, c.device().location]).collect();
        let locations = self.locations.resolve(tx, &wanted).await?;
        let at = Timestamp::from_microsecond(now).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let batch =
            Batch { scope, lists: &[], facts: &facts, locations: &locations, at, keeps: false, any_moment: false };
        // what the other rules want to know was known when they were judged: their failures are not looked at
        let tools = ToolAnswers { at_load: false, external: Vec::new() };
        let mut over = |chosen: &Chosen<'_>| {
            let (verdict, _) = batch.check(&mut self.cache, chosen, &tools);
            let counting = |f: &&Failure| matches!(f.kind, RuleKind::AttemptRule | RuleKind::CustomRule);
            let latest = verdict.reasons.iter().filter(counting).max_by_key(|f| f.window_end)?;
            let due = latest.window_end.map_or(now + SOON, Timestamp::as_microsecond);
            Some(OverCap { due, cause: latest.rule.id.to_string() })
        };
        // one whose device is gone is judged anew
        Ok(chosen.iter().map(|c| c.as_ref().map_or_else(|| Some(OverCap::unknown(now)), &mut over)).collect())
    }
}
