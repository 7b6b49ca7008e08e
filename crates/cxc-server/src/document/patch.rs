//! JSON merge patch (RFC 7396), and keeping what is written but never shown.
use serde_json::{Map, Value};

/// Applies a merge patch: `null` removes a member, objects are merged, all else replaces.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Takes the members at these pointers out.
pub(crate) fn redact(body: &mut Value, secrets: &[&str]) {
    for pointer in secrets {
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(Value::Object(parent)) = body.pointer_mut(parent)
        {
            parent.remove(name);
        }
    }
}

/// Copies the members at these pointers from the old body where the new one leaves them out.
pub(crate) fn keep(new: &mut Value, old: &Value, secrets: &[&str]) {
    for pointer in secrets {
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(secret) = old.pointer(pointer)
            && let Some(Value::Object(parent)) = new.pointer_mut(parent)
        {
            parent.entry(name).or_insert_with(|| secret.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_merges_objects_replaces_arrays_and_removes_nulls() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 3});
        merge(&mut target, json!({"a": {"b": null, "x": {"y": null, "z": 1}}, "d": [3], "f": 4}));
        assert_eq!(target, json!({"a": {"c": 2, "x": {"z": 1}}, "d": [3], "e": 3, "f": 4}));
    }

    #[test]
    fn a_secret_that_is_left_out_stays_and_null_removes_it() {
        let old = json!({"auth": {"user": "u", "password": "p"}});
        let mut new = json!({"auth": {"user": "v"}});
        keep(&mut new, &old, &["/auth/password"]);
        assert_eq!(new, json!({"auth": {"user": "v", "password": "p"}}));
        let mut new = json!({"auth": {"password": null}});
        keep(&mut new, &old, &["/auth/password"]);
        assert_eq!(new, json!({"auth": {"password": null}}));
        redact(&mut new, &["/auth/password", "/none/there"]);
        assert_eq!(new, json!({"auth": {}}));
    }
}
