//! Nothing crosses tenants: every operation of the API is tried by a stranger tenant with the ids of another.
use std::collections::{BTreeMap, BTreeSet};

use cxc_test::Caller;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Kind;
use crate::world::World;

/// What a first tenant has, by collection.
async fn furnished(world: &World) -> BTreeMap<&'static str, String> {
    let list = world.import("people", Audience(3)).await;
    let template = world.template(Kind::Sms, 9, &json!({}), 60).await;
    let api = &world.api;
    let mut ids = BTreeMap::new();
    let group = world.make("/campaign-groups", &json!({"name": "g", "template": template.id})).await;
    let lists = json!({"items": [{"list": list}]});
    api.put(&format!("/campaign-groups/{group}/lists")).json(&lists).await.expect(200);
    for (path, body) in [
        (
            "/suppression-lists",
            json!({"name": "s", "type": "device", "channels": ["sms"], "required": false, "retentionDays": null}),
        ),
        (
            "/selection-rules",
            json!({"name": "r", "kind": "contacts", "conditionSets": [[{"field": "c_first_name", "type": "string", "operator": "is_empty"}]]}),
        ),
        ("/labels", json!({"name": "l", "fields": []})),
        ("/compliance/attempt-rules", json!({"name": "a", "maxAttempts": 1, "window": {"today": true}})),
        ("/compliance/contact-dates", json!({"name": "d", "date": "2026-12-25"})),
        ("/roles", json!({"name": "night shift", "permissions": ["lists:read"]})),
    ] {
        let answer = api.post(path).json(&body).await;
        assert!(answer.status == 201, "{path}: {} {}", answer.status, answer.text());
        ids.insert(path, answer.id());
    }
    for path in [
        "/channel-accounts",
        "/contents",
        "/dialing-profiles",
        "/session-profiles",
        "/users",
        "/api-clients",
        "/compliance/contact-times",
        "/jobs",
    ] {
        let items = api.get(path).await.expect(200)["items"].clone();
        let id = items.as_array().unwrap().last().unwrap_or_else(|| panic!("{path} has one"))["id"].clone();
        ids.insert(path, id.as_str().unwrap().to_owned());
    }
    ids.extend([("/lists", list), ("/campaign-templates", template.id), ("/campaign-groups", group)]);
    ids
}

#[tokio::test]
async fn no_route_shows_or_changes_anything_of_another_tenant() {
    let world = World::start().await;
    let ids = furnished(&world).await;
    let other = world.cxc.tenant("globex").await.unwrap();
    let before = everything(&world.api, &ids).await;
    let described = other.get("/openapi.json").await.expect(200);
    let mut tried = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            tried += try_operation(&other, path, method, &ids).await;
        }
    }
    assert!(tried > 150, "{tried} requests were tried");
    assert_eq!(everything(&world.api, &ids).await, before, "nothing of the first tenant changed");
    for path in ids.keys() {
        let text = other.get(&format!("{path}?limit=500")).await.text();
        let seen: Vec<&String> = ids.values().filter(|id| text.contains(id.as_str())).collect();
        assert!(seen.is_empty(), "{path} of the other tenant names {seen:?}");
    }
}

/// Every object of the first tenant as it answers.
async fn everything(api: &Caller, ids: &BTreeMap<&'static str, String>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (path, id) in ids {
        let path = format!("{path}/{id}");
        // what is computed moves by itself, such as whether an account sends
        let found = api.get(&path).await.expect(200);
        let kept = ["id", "name", "version", "updatedAt", "updatedBy"].map(|member| found[member].clone());
        all.insert(path.clone(), json!(kept));
    }
    all
}

/// Tries one operation with each fitting id of the first tenant; answers how many requests it made.
async fn try_operation(other: &Caller, path: &str, method: &str, ids: &BTreeMap<&'static str, String>) -> usize {
    // signing the other tenant itself out, or event streams that never end, prove nothing
    let local = path.strip_prefix(cxc_test::caller::BASE).unwrap_or(path);
    if !local.contains('{') || local.starts_with("/auth") || local.ends_with("/events") {
        return 0;
    }
    let mut tried = 0;
    // the ids of its own kind first, then all others: a wrong kind must not slip through either
    let wanted: BTreeSet<&String> = ids.values().collect();
    for id in wanted {
        let filled = fill(local, id);
        let method = method.to_uppercase().parse().unwrap();
        let body = if local.contains("lists") { json!({"items": []}) } else { json!({}) };
        let answer = other.call(method, &filled).header("if-match", "*").json(&body).await;
        let code = answer.status.as_u16();
        assert!((400..500).contains(&code), "{path} {filled}: {code} {}", answer.text());
        assert!(code != 429, "the test asks slowly enough");
        tried += 1;
    }
    tried
}

/// The path with its first parameter replaced by an id, and the others by numbers.
fn fill(path: &str, id: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut filled = false;
    for part in path.split('/') {
        if part.starts_with('{') {
            parts.push(if filled { "1".into() } else { id.into() });
            filled = true;
        } else {
            parts.push(part.into());
        }
    }
    parts.join("/")
}
