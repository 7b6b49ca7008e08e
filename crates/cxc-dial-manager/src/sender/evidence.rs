//! Why each message was or was not sent, kept in the transaction of the batch that acts on it.
use std::collections::HashMap;
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::compliance::{CheckInputs, Verdict, Zones};
use cxc_server::App;
use cxc_server::data_in_use::DataInUse;
use cxc_store::evidence::{
    Appended, Appending, Decision, DeviceSeal, EvidenceChain, Indexed, PACKS, Packed, RuleSnapshot, RulesUsed,
    Snapshots,
};
use cxc_store::judge::Judged;
use cxc_store::{StoreError, Tx};

use super::plan::GroupPlan;

/// A decision that waits to be written.
pub struct Explained {
    decision: Decision<CheckInputs, Verdict>,
    address: Box<str>,
    /// The rules that it was judged by: others may hold when it is written.
    snapshot: Arc<RuleSnapshot>,
}

impl Explained {
    /// What a contact of a group was judged by and the address that was judged; `attempt` is the month and the number
    /// of the attempt that follows.
    pub fn new(
        kit: &EvidenceKit,
        plan: &GroupPlan,
        judged: Judged,
        address: &str,
        attempt: Option<(i64, i64)>,
    ) -> Box<Self> {
        let Judged { mut inputs, verdict } = judged;
        let columns = inputs.take_columns();
        let decision = Decision {
            at: inputs.at.as_microsecond(),
            grp: plan.number,
            channel: inputs.channel,
            device: inputs.device,
            client: inputs.client,
            attempt,
            request_id: None,
            campaign_id: None,
            trace: None,
            held: None,
            rules: Arc::clone(&plan.rules_used),
            data: kit.data.versions(),
            software: Arc::clone(&kit.software),
            inputs,
            verdict,
            columns,
        };
        Box::new(Self { decision, address: address.into(), snapshot: Arc::clone(&plan.snapshot) })
    }

    /// The attempt begins in this month.
    pub fn begin(&mut self, month: i64) {
        if let Some(attempt) = &mut self.decision.attempt {
            attempt.0 = month;
        }
    }
}

/// What the senders of a process write evidence with.
pub struct EvidenceKit {
    seal: DeviceSeal,
    packs: Arc<RuleSnapshot>,
    data: DataInUse,
    software: Arc<str>,
}

impl EvidenceKit {
    /// That of an installation.
    pub fn new(app: &App, zones: &Zones) -> anyhow::Result<Self> {
        let packs = app.rules.packs_snapshot()?;
        let software = &app.config.version;
        let data = DataInUse::new(zones, software, &packs, app.rules.tables.clone());
        Ok(Self { seal: DeviceSeal::new(&app.hash_key)?, packs, data, software: software.as_str().into() })
    }
}

/// Appends the decisions of one sender to a chain of its own.
pub struct EvidenceWriter {
    kit: Arc<EvidenceKit>,
    chain: EvidenceChain,
    snapshots: Snapshots,
    appended: Option<Appended>,
}

impl EvidenceWriter {
    /// A writer whose chain is told by `chain` from every other one.
    pub fn new(kit: Arc<EvidenceKit>, chain: u32) -> Self {
        Self { kit, chain: EvidenceChain::new(chain), snapshots: Snapshots::default(), appended: None }
    }

    /// Appends decisions, in the transaction of the attempts that they allowed. These begin at `now`.
    pub async fn append(
        &mut self,
        tx: &mut Tx,
        tenant: i64,
        now: Micros,
        explained: &[&Explained],
    ) -> Result<(), StoreError> {
        self.appended = None;
        if explained.is_empty() {
            return Ok(());
        }
        for (tenant, snapshot) in self.unknown(tenant, explained) {
            tx.rule_snapshot_put(tenant, snapshot, now).await?;
        }
        let (decisions, addresses) = parts(explained);
        self.appended = Some(tx.evidence_append(self.to(tenant, now), &decisions, &addresses).await?);
        Ok(())
    }

    /// The same, packed to be written by whoever writes the attempts. `None` if more has to be written than blocks, or
    /// read before.
    pub fn pack(&mut self, tenant: i64, now: Micros, explained: &[&Explained]) -> Result<Option<Packed>, StoreError> {
        let is_lonely = |e: &&Explained| e.decision.attempt.is_none();
        if explained.iter().any(is_lonely) || !self.unknown(tenant, explained).is_empty() {
            return Ok(None);
        }
        let (decisions, addresses) = parts(explained);
        self.to(tenant, now).pack(&decisions, &addresses)
    }

    /// Packed decisions are written and committed.
    pub fn written(&mut self, packed: Packed) {
        self.chain.committed(&packed.appended());
    }

    fn to(&mut self, tenant: i64, now: Micros) -> Appending<'_> {
        Appending { chain: &mut self.chain, seal: &self.kit.seal, tenant, now, indexed: Indexed::ByAttempt }
    }

    /// The rules of these decisions that are not known to be kept.
    fn unknown<'e>(&'e self, tenant: i64, explained: &[&'e Explained]) -> Vec<(i64, &'e RuleSnapshot)> {
        let mut unknown: Vec<(i64, &RuleSnapshot)> = Vec::new();
        // those of one batch share theirs, as a rule
        let changes = |i: usize| i == 0 || !Arc::ptr_eq(&explained[i].snapshot, &explained[i - 1].snapshot);
        let own = (0..explained.len()).filter(|i| changes(*i)).map(|i| (tenant, &*explained[i].snapshot));
        for (tenant, snapshot) in own.chain([(PACKS, &*self.kit.packs)]) {
            if !self.snapshots.has(tenant, snapshot) && !unknown.contains(&(tenant, snapshot)) {
                unknown.push((tenant, snapshot));
            }
        }
        unknown
    }

    /// What was appended last is committed.
    pub fn committed(&mut self, tenant: i64, explained: &[&Explained]) {
        if let Some(appended) = self.appended.take() {
            self.chain.committed(&appended);
            explained.iter().for_each(|e| self.snapshots.committed(tenant, &e.snapshot));
            self.snapshots.committed(PACKS, &self.kit.packs);
        }
    }
}

/// The decisions, and the addresses behind their devices.
fn parts<'e>(explained: &[&'e Explained]) -> (Vec<&'e Decision<CheckInputs, Verdict>>, HashMap<i64, &'e str>) {
    let addresses = explained.iter().map(|e| (e.decision.device, &*e.address)).collect();
    (explained.iter().map(|e| &e.decision).collect(), addresses)
}

/// The rules that a group is judged by, as its decisions name them.
pub fn rules_used(snapshot: &RuleSnapshot, selected: Vec<String>) -> Arc<RulesUsed> {
    Arc::new(RulesUsed { version: snapshot.version, sha256: snapshot.key(), selected })
}
