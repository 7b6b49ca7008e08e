//! Who names a prompt: it may neither go nor get another name while somebody does.
use cxc_core::call_script::CallScript;
use cxc_core::call_settings::CallSettings;
use cxc_core::kind;
use cxc_server::{ApiError, Code};
use cxc_store::Tx;
use cxc_store::object::Object;
use serde_json::Value;

/// Kinds whose settings may name prompts.
const WITH_SETTINGS: [&str; 3] = [kind::CAMPAIGN_GROUP, kind::CAMPAIGN_TEMPLATE, kind::DIALING_PROFILE];
/// So many are told.
const TOLD: usize = 10;

/// 409 with the names of those that play it.
pub(super) async fn refuse_if_used(tx: &mut Tx, tenant: i64, name: &str) -> Result<(), ApiError> {
    let mut users = Vec::new();
    for kind in WITH_SETTINGS.into_iter().chain([kind::CALLER_ID]) {
        let objects = tx.object_all(tenant, kind).await?;
        let naming = objects.into_iter().filter(|object| plays(kind, object, name));
        users.extend(naming.map(|object| format!("{} \"{}\"", kind.replace('_', " "), object.name)));
    }
    if users.is_empty() {
        return Ok(());
    }
    users.truncate(TOLD);
    Err(ApiError::new(Code::InUse, format!("it is played by {}", users.join(", "))))
}

fn plays(kind: &str, object: &Object, name: &str) -> bool {
    let body = &object.body.0;
    // what can't be read plays nothing
    match kind {
        kind::CALLER_ID => {
            let script = read::<CallScript>(&body["inbound"]);
            script.is_some_and(|script| script.prompts().contains(&name))
        }
        _ => {
            let calls = read::<CallSettings>(&body["settings"]["calls"]);
            calls.is_some_and(|calls| calls.prompt_names().contains(&name))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}
