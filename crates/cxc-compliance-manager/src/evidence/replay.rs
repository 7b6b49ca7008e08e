//! Making a decision again from what is kept: its inputs, the tenant's rules, the legal rules, the time zones and the
//! holidays of its time.
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use cxc_core::compliance::{
    Calendars, CheckInputs, DataVersion, Decision as Verdicts, Edition, IntervalCache, RuleDocuments, RuleSet, Step,
    Verdict, Zones, list_versions,
};
use cxc_server::app::time_text;
use cxc_server::extract::ApiPath;
use cxc_server::{ApiError, App, Code, Principal};
use cxc_store::evidence::{DataSnapshot, Decision, DeviceSeal, EvidenceId, Found, KeptRules};
use cxc_store::{StoreError, Tx};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::chains::{ChainView, proved, unreadable};
use crate::evaluations::{EvaluationKit, Evaluator, put_names};

/// The places that one decision looks at.
const PLACES: usize = 64;

/// A decision and what the same check says when it is made again.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// The id of the decision.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// The verdict as it is kept.
    #[schema(value_type = Object)]
    pub decided: Value,
    /// What came of it: `allow`, `defer`, `deny` or `error`. One that was held back is deferred, though its verdict allows.
    pub outcome: String,
    /// Who stood in the way besides the rules: `history_pending` or `in_flight_elsewhere`. That is not judged again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// That it was held back, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// The verdict now.
    pub replayed: Verdict,
    /// Whether the reasons are equal, byte for byte.
    pub same_reasons: bool,
    /// Whether the whole verdicts are.
    pub same_verdict: bool,
    /// How the decision stands in its chain of evidence, recomputed from its block to the end of the chain: what is made
    /// again is what was decided only if that holds. The whole chain is looked at by `GET /compliance/evidence-chains`.
    pub chain: ChainView,
    /// The versions that the decision was made with and is made again with, by name.
    pub versions: BTreeMap<String, String>,
    /// The version of the program that decided.
    pub decided_by: String,
    /// The version of this program.
    pub replayed_by: String,
    /// How it comes to the verdict now, step by step.
    pub steps: Vec<Step>,
}

/// Make a decision again from stored versions
///
/// Nothing is written. A version that is not there any more is a problem of its own, `version_gone`, with its name. So is a
/// decision that is not as it was kept, `evidence_broken`, with where its chain is broken.
#[utoipa::path(post, path = "/compliance/evidence/{id}/actions/replay", tag = "Compliance",
    operation_id = "replayEvidence", params(("id" = String, Path, description = "The id of the decision")),
    responses((status = OK, body = Replayed), ApiError))]
pub(super) async fn replay_one(
    State(app): State<App>,
    Extension(evaluator): Extension<Evaluator>,
    principal: Principal,
    ApiPath(id): ApiPath<String>,
) -> Result<axum::Json<Replayed>, ApiError> {
    Ok(axum::Json(replay(&app, evaluator.kit(), principal.tenant, &id).await?))
}

/// Makes a decision of a tenant again.
pub async fn replay(app: &App, kit: &EvaluationKit, tenant: i64, id: &str) -> Result<Replayed, ApiError> {
    let id: EvidenceId = id.parse().map_err(|_| ApiError::not_found("decision"))?;
    let mut tx = app.db.read().await?;
    let (mut found, chain) = found(&mut tx, tenant, id).await?;
    found.open(&DeviceSeal::new(&app.hash_key)?, tenant).map_err(unreadable)?;
    let decision = found.decision;
    let zones = zones(&mut tx, kit, &decision).await?;
    let calendars = calendars(&mut tx, kit, &decision).await?;
    let documents = documents(&mut tx, calendars, tenant, &decision).await?;
    drop(tx);
    let selected: Vec<&str> = decision.rules.selected.iter().map(String::as_str).collect();
    let rules = RuleSet::compile(&documents, &selected, &zones);
    let inputs = inputs(&decision, &rules)?;
    let mut cache = IntervalCache::new(zones, PLACES);
    let explained = inputs.explain(&rules, &mut cache);
    let text = |value: &Value| value.to_string();
    let replayed = explained.verdict;
    let held_back = decision.held.as_deref().map(super::held_back);
    let mut steps = held_back.iter().fold(explained.steps, |steps, why| not_allowed(steps, why));
    put_names(&mut app.db.read().await?, tenant, &mut steps).await?;
    let written = serde_json::to_string(&replayed).map_err(ApiError::internal)?;
    let mut versions = BTreeMap::clone(&decision.data);
    if let Some(numbers) = &inputs.numbers {
        versions.insert("dnc".to_owned(), list_versions(&numbers.lists));
        versions.retain(|_, version| !version.is_empty());
    }
    versions.insert("tenantRules".to_owned(), format!("{} sha256:{}", decision.rules.version, decision.rules.sha256));
    Ok(Replayed {
        id: id.to_string(),
        at: time_text(decision.at),
        same_reasons: text(&decision.verdict["reasons"]) == replayed.reasons_text(),
        same_verdict: text(&decision.verdict) == written,
        outcome: super::came_out(&decision.verdict, decision.held.as_deref()),
        held: decision.held,
        held_back,
        decided: decision.verdict,
        replayed,
        chain,
        versions,
        decided_by: decision.software.to_string(),
        replayed_by: app.config.version.clone(),
        steps,
    })
}

/// A decision with its chain. One that was taken out of its chain, or can't be read, is told as such.
async fn found(tx: &mut Tx, tenant: i64, id: EvidenceId) -> Result<(Found, ChainView), ApiError> {
    let chain = proved(tx, tenant, id).await.map_err(unreadable)?;
    match tx.evidence_get(tenant, id).await {
        Ok(Some(found)) => Ok((found, chain)),
        Ok(None) if chain.holds => Err(ApiError::not_found("decision")),
        Ok(None) | Err(StoreError::Corrupt(_)) => Err(ApiError::new(
            Code::EvidenceBroken,
            format!("the decision can't be made again, since it is not as it was kept: {}", chain.sentence()),
        )),
        Err(error) => Err(error.into()),
    }
}

/// The steps, of which the last does not say that an attempt could be made that was held back.
fn not_allowed(mut steps: Vec<Step>, why: &str) -> Vec<Step> {
    for step in &mut steps {
        if let Step::Outcome { decision, sentence } = step
            && *decision == Verdicts::Allow
        {
            *decision = Verdicts::Defer;
            *sentence = format!("the rules allowed the contact, and {why}");
        }
    }
    steps
}

fn gone(what: &str, decision: &Decision) -> ApiError {
    let text = format!(
        "{what}: the decision can't be made again here. Version {} of the program made it; its kept inputs and verdict \
         are still shown by GET",
        decision.software
    );
    ApiError::new(Code::VersionGone, text)
}

/// Data of its time that is not what this program has; nothing where that is the same.
async fn other_data(
    tx: &mut Tx,
    name: &str,
    at_hand: &DataVersion,
    decision: &Decision,
) -> Result<Option<DataSnapshot>, ApiError> {
    let Some(used) = decision.data.get(name) else { return Ok(None) };
    // what is in it counts, not the release of the program that it came with
    let sha256 = used.rsplit_once("sha256:").map_or("", |(_, hash)| hash);
    if sha256 == at_hand.sha256 {
        return Ok(None);
    }
    let kept = tx.data_snapshot_get(name, sha256).await?;
    let missing = || {
        let (version, sha256) = (&at_hand.version, &at_hand.sha256);
        let what = format!(
            "it was made with {name} {used}, which is not kept, and this program has {version} sha256:{sha256}"
        );
        gone(&what, decision)
    };
    kept.map(Some).ok_or_else(missing)
}

async fn zones(tx: &mut Tx, kit: &EvaluationKit, decision: &Decision) -> Result<Zones, ApiError> {
    match other_data(tx, "tzdb", &kit.versions.tzdb, decision).await? {
        None => Ok(kit.zones.clone()),
        Some(kept) => Zones::kept(&kept.version, kept.files()).map_err(ApiError::internal),
    }
}

async fn calendars(tx: &mut Tx, kit: &EvaluationKit, decision: &Decision) -> Result<Arc<Calendars>, ApiError> {
    let Some(kept) = other_data(tx, "holidays", &kit.versions.holidays, decision).await? else {
        return Ok(Arc::clone(&kit.calendars));
    };
    let text = |(name, bytes)| Ok((name, std::str::from_utf8(bytes)?));
    let files: Result<Vec<_>, std::str::Utf8Error> = kept.files().map(text).collect();
    let calendars = Calendars::parse(files.map_err(ApiError::internal)?);
    Ok(Arc::new(calendars.map_err(ApiError::internal)?))
}

/// The tenant's rules and the legal rules as they were.
async fn documents(
    tx: &mut Tx,
    calendars: Arc<Calendars>,
    tenant: i64,
    decision: &Decision,
) -> Result<RuleDocuments, ApiError> {
    let used = &decision.rules;
    let kept = tx.rule_snapshot_get(tenant, used.version, &used.sha256).await?;
    let kept = kept.ok_or_else(|| {
        gone(&format!("version {} of the tenant's rules, sha256 {}, is not kept", used.version, used.sha256), decision)
    })?;
    let kept: KeptRules = serde_json::from_str(&kept.body).map_err(ApiError::internal)?;
    let packs = match decision.data.get("rules") {
        None => None,
        Some(key) => tx.legal_packs_kept(key).await?,
    };
    let packs = packs.ok_or_else(|| {
        let key = decision.data.get("rules").map_or("without a name", String::as_str);
        gone(&format!("the legal rules of its time, sha256 {key}, are not kept"), decision)
    })?;
    Ok(RuleDocuments { edition: edition(decision), legal_packs: Arc::new(packs), calendars, ..kept.documents()? })
}

/// By which meaning a decision was made.
fn edition(decision: &Decision) -> Edition {
    let told = decision.inputs.get("edition").cloned();
    told.and_then(|told| serde_json::from_value(told).ok()).unwrap_or_default()
}

fn inputs(decision: &Decision, rules: &RuleSet) -> Result<CheckInputs, ApiError> {
    if decision.inputs.is_null() {
        return Err(gone("its inputs are not kept", decision));
    }
    let inputs: CheckInputs = serde_json::from_value(decision.inputs.clone()).map_err(ApiError::internal)?;
    if inputs.columns.is_none() && !inputs.tools.at_load && rules.reads_columns(inputs.channel) {
        return Err(gone("the columns that a custom rule read are not kept", decision));
    }
    Ok(inputs)
}
