//! The steps of an explanation name the tenant's own rules by id: for people each gets its name.
use std::collections::BTreeMap;

use cxc_core::TenantNo;
use cxc_core::compliance::Step;
use cxc_server::ApiError;
use cxc_store::Tx;
use uuid::Uuid;

/// Puts names in the place of ids, in the sentences only.
pub(crate) async fn put(tx: &mut Tx, tenant: TenantNo, steps: &mut [Step]) -> Result<(), ApiError> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for rule in steps.iter().filter_map(Step::rule) {
        if let Ok(id) = rule.id.parse::<Uuid>()
            && !names.contains_key(&*rule.id)
            && let Some(name) = tx.object_name(tenant, id).await?
        {
            names.insert(rule.id.to_string(), name);
        }
    }
    for step in steps.iter_mut() {
        let sentence = sentence(step);
        for (id, name) in &names {
            if sentence.contains(id.as_str()) {
                *sentence = sentence.replace(id.as_str(), &format!("{name:?}"));
            }
        }
    }
    Ok(())
}

fn sentence(step: &mut Step) -> &mut String {
    match step {
        Step::Part { sentence, .. }
        | Step::Place { sentence, .. }
        | Step::Clock { sentence, .. }
        | Step::Consent { sentence, .. }
        | Step::Hours { sentence, .. }
        | Step::Count { sentence, .. }
        | Step::Rule { sentence, .. }
        | Step::Outcome { sentence, .. } => sentence,
    }
}
