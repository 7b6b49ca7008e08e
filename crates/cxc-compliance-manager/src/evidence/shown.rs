//! A kept decision as it is handed out. What is kept is JSON with numbers, which its hash was made of; ids and keyed hashes have
//! 64 bits, of which a reader of JSON may round what is over 53.
use cxc_store::reservation::reservation_id;
use serde_json::Value;

/// The members that are ids or keyed hashes, wherever they stand.
const IDS: [&str; 10] =
    ["grp", "group", "id", "device", "client", "person", "account", "accounts", "debts", "collector"];

/// The decision with its ids and keyed hashes as texts, and its attempt by the id that `/compliance/attempts` shows.
pub(crate) fn shown(mut decision: Value) -> Value {
    let attempt = decision.get("attempt").and_then(|pair| Some((pair.get(0)?.as_i64()?, pair.get(1)?.as_i64()?)));
    if let Some((month, id)) = attempt {
        decision["attempt"] = reservation_id(month, id).into();
    }
    texts(&mut decision);
    decision
}

fn texts(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if IDS.contains(&name.as_str()) { whole(value) } else { texts(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(texts),
        _ => {}
    }
}

/// The numbers of an id, or of a list of them.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.to_string().into(),
        Value::Array(items) => items.iter_mut().for_each(whole),
        other => texts(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_of_64_bits_are_texts_and_all_else_is_as_it_was_kept() {
        let kept = json!({ "at": 1_772_323_200_000_000_i64, "grp": 3, "device": 9_007_199_254_740_993_i64, "client": -1,
            "attempt": [202_603, 31], "rules": { "version": 7 },
            "inputs": { "debts": [i64::MIN], "subject": { "collector": 5 }, "attempts": [{ "id": 9, "accounts": [1],
                "result": { "code": 6 }, "client": null }] },
            "verdict": { "reasons": [{ "rule": { "id": "US-TCPA-HOURS", "version": 1 }, "observed": 3 }] } });
        let wanted = json!({ "at": 1_772_323_200_000_000_i64, "grp": "3", "device": "9007199254740993", "client": "-1",
            "attempt": "202603-1f", "rules": { "version": 7 },
            "inputs": { "debts": ["-9223372036854775808"], "subject": { "collector": "5" }, "attempts": [{ "id": "9",
                "accounts": ["1"], "result": { "code": 6 }, "client": null }] },
            "verdict": { "reasons": [{ "rule": { "id": "US-TCPA-HOURS", "version": 1 }, "observed": 3 }] } });
        assert_eq!(shown(kept), wanted);
    }
}
