//! Why each message was or was not sent, kept in the transaction of the batch that acts on it.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::compliance::{CheckInputs, Verdict, Zones};
use cxc_server::App;
use cxc_server::rule_data::data_versions;
use cxc_store::evidence::{
    Appended, Appending, Decision, DeviceSeal, EvidenceChain, Indexed, PACKS, RuleSnapshot, RulesUsed, Snapshots,
};
use cxc_store::judge::Judged;
use cxc_store::{StoreError, Tx};

use super::plan::{GroupPlan, Plans};

/// A decision that waits to be written.
pub struct Explained {
    decision: Decision<CheckInputs, Verdict>,
    address: Box<str>,
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
            held: None,
            rules: Arc::clone(&plan.rules_used),
            data: Arc::clone(&kit.data),
            software: Arc::clone(&kit.software),
            inputs,
            verdict,
            columns,
        };
        Box::new(Self { decision, address: address.into() })
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
    packs: RuleSnapshot,
    data: Arc<BTreeMap<String, String>>,
    software: Arc<str>,
}

impl EvidenceKit {
    /// That of an installation.
    pub fn new(app: &App, zones: &Zones) -> anyhow::Result<Self> {
        let packs = RuleSnapshot::of_packs(&app.rules.packs)?;
        let software = &app.config.version;
        let data = Arc::new(data_versions(zones, software, &packs));
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
        plans: &Plans,
        now: Micros,
        explained: &[&Explained],
    ) -> Result<(), StoreError> {
        self.appended = None;
        if explained.is_empty() {
            return Ok(());
        }
        for (tenant, snapshot) in [(plans.tenant, &*plans.snapshot), (PACKS, &self.kit.packs)] {
            if !self.snapshots.has(tenant, snapshot) {
                tx.rule_snapshot_put(tenant, snapshot, now).await?;
            }
        }
        let decisions: Vec<_> = explained.iter().map(|e| &e.decision).collect();
        let addresses: HashMap<i64, &str> = explained.iter().map(|e| (e.decision.device, &*e.address)).collect();
        let to = Appending {
            chain: &mut self.chain,
            seal: &self.kit.seal,
            tenant: plans.tenant,
            now,
            indexed: Indexed::ByAttempt,
        };
        self.appended = Some(tx.evidence_append(to, &decisions, &addresses).await?);
        Ok(())
    }

    /// What was appended last is committed.
    pub fn committed(&mut self, plans: &Plans) {
        if let Some(appended) = self.appended.take() {
            self.chain.committed(&appended);
            self.snapshots.committed(plans.tenant, &plans.snapshot);
            self.snapshots.committed(PACKS, &self.kit.packs);
        }
    }
}

/// The rules that a group is judged by, as its decisions name them.
pub fn rules_used(snapshot: &RuleSnapshot, selected: Vec<String>) -> Arc<RulesUsed> {
    Arc::new(RulesUsed { version: snapshot.version, sha256: snapshot.key(), selected })
}
