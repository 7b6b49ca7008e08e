//! What was decided by the law of a day is decided again by it, after a program came that ships another.
use cxc_core::compliance::{CheckInputs, IntervalCache, RuleSet, Verdict};
use cxc_store::evidence::EvidenceFilter;
use serde_json::json;

use super::*;

/// Calls until an hour of the evening.
fn packs(until: &str) -> Arc<LegalRules> {
    one_rule(&format!(r#"window.hours = {{ daily = "08:00-{until}" }}"#))
}

#[tokio::test]
async fn a_decision_is_made_again_by_the_legal_rules_of_its_time() {
    let rules = RuleData { packs: packs("18:00"), ..RuleData::default() };
    let app = TestApp::start(|app| cxc_compliance_manager::service(App { rules, ..app }).unwrap()).await.unwrap();
    // seven in the evening
    app.clock.set("2026-03-04T00:00:00Z");
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    app.post(VALIDATE).json(&ask(2, "a", 60_000)).await.expect(409);
    let mut tx = app.app.db.read().await.unwrap();
    let filter =
        EvidenceFilter { keys: vec![app.app.hash_key.hash(app.tenant(), "a")], to: i64::MAX, ..Default::default() };
    let decision = &tx.evidence_find(app.tenant(), &filter, 10).await.unwrap()[0].decision;
    let inputs: CheckInputs = serde_json::from_value(decision.inputs.clone()).unwrap();
    let was = serde_json::to_string(&decision.verdict).unwrap();
    assert!(was.contains("US-TEST"), "{was}");

    let documents = tx.rule_documents(app.tenant()).await.unwrap();
    let kept = tx.legal_packs_kept(&decision.data["rules"]).await.unwrap().unwrap();
    assert_eq!(kept, *packs("18:00"));
    assert!(tx.legal_packs_kept(&"0".repeat(64)).await.unwrap().is_none());
    let by = |packs: Arc<LegalRules>| -> Verdict {
        let documents = cxc_core::compliance::RuleDocuments { legal_packs: packs, ..documents.clone() };
        let rules = RuleSet::compile(&documents, &[], &Zones::bundled());
        inputs.check(&rules, &mut IntervalCache::new(Zones::bundled(), 10))
    };
    assert_eq!(serde_json::to_string(&by(Arc::new(kept))).unwrap(), was);
    let by_other = serde_json::to_string(&by(packs("20:00"))).unwrap();
    assert_ne!(by_other, was, "the rules of another program decide otherwise");
    assert_eq!(json!(by(packs("20:00")).decision), json!("allow"));
}
