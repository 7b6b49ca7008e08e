//! Every place at which a JSON value is not of a shape, and not the first alone: what is wrong is taken out, and the rest is
//! read again.
use std::collections::{HashMap, HashSet};

use cxc_core::field_error::FieldError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::told;

/// The most places that are told.
const MOST: usize = 20;
/// The largest text, in bytes, of which more than the first place is looked for: each costs a reading.
pub(super) const LARGEST: usize = 256 * 1024;

/// What is wrong with a value that is no `T`, in the order in which it is found; empty if it is one.
pub(super) fn wrong_places<T: DeserializeOwned>(mut value: Value) -> Vec<FieldError> {
    let mut taken = Taken::default();
    let mut errors = Vec::new();
    // what is taken out may leave a gap of its own, so that there are more readings than errors
    for _ in 0..2 * MOST {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(value.clone()) else { break };
        let path = steps(error.path(), &value);
        let text = error.inner().to_string();
        let pointer = taken.original(&path);
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let is_own_gap = missing.is_some_and(|name| taken.places.contains(&format!("{pointer}/{name}")));
        if !is_own_gap {
            errors.push(told(pointer, &text));
        }
        if errors.len() == MOST || !taken.take(&mut value, &path) {
            break;
        }
    }
    errors
}

/// The pointer of a path of serde in the value that was read.
pub(super) fn pointer(path: &Path, value: &Value) -> String {
    Taken::default().original(&steps(path, value))
}

/// One step into a value.
#[derive(Clone)]
enum Step {
    Member(String),
    Item(usize),
    /// The only member of its object, which names what the object is.
    Variant(String),
}

/// The steps to a place. The name of a variant is a member where its content stands below it, and none where it is a text.
fn steps(path: &Path, value: &Value) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), Some(value));
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => Step::Item(*index),
            Segment::Map { key } => Step::Member(key.clone()),
            Segment::Enum { variant } if at.is_some_and(|at| at.get(variant).is_some()) => {
                Step::Variant(variant.clone())
            }
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        at = at.and_then(|at| match &step {
            Step::Member(name) | Step::Variant(name) => at.get(name),
            Step::Item(index) => at.get(index),
        });
        steps.push(step);
    }
    steps
}

/// What was taken out of a value already.
#[derive(Default)]
struct Taken {
    /// By their pointers in the value as it was sent.
    places: HashSet<String>,
    /// Of each array, by its pointer, the items; in order.
    items: HashMap<String, Vec<usize>>,
}

impl Taken {
    /// The pointer of a place in the value as it was sent.
    fn original(&self, path: &[Step]) -> String {
        let mut pointer = String::new();
        for step in path {
            let next = match step {
                Step::Member(name) | Step::Variant(name) => name.replace('~', "~0").replace('/', "~1"),
                Step::Item(index) => {
                    let gone = self.items.get(&pointer).map(Vec::as_slice).unwrap_or_default();
                    gone.iter().fold(*index, |index, gone| if *gone <= index { index + 1 } else { index }).to_string()
                }
            };
            pointer.push('/');
            pointer.push_str(&next);
        }
        pointer
    }

    /// Takes the value at a place out; false where there is none, or where it is the whole.
    fn take(&mut self, value: &mut Value, path: &[Step]) -> bool {
        // what is left of a variant without its content is no value of its kind
        let path = match path {
            [whole @ .., Step::Variant(_)] => whole,
            path => path,
        };
        let original = self.original(path);
        let Some((last, above)) = path.split_last() else { return false };
        let mut parent = value;
        for step in above {
            let next = match step {
                Step::Member(name) | Step::Variant(name) => parent.get_mut(name),
                Step::Item(index) => parent.get_mut(index),
            };
            let Some(next) = next else { return false };
            parent = next;
        }
        let is_gone = match (last, parent) {
            (Step::Member(name), Value::Object(members)) => members.remove(name).is_some(),
            (Step::Item(index), Value::Array(items)) if *index < items.len() => {
                items.remove(*index);
                let array = original.rsplit_once('/').map_or("", |(array, _)| array).to_owned();
                let gone = self.items.entry(array).or_default();
                gone.extend(original.rsplit('/').next().and_then(|index| index.parse::<usize>().ok()));
                gone.sort_unstable();
                true
            }
            _ => false,
        };
        self.places.insert(original);
        is_gone
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Window {
        from: u8,
        till: u8,
        #[serde(default)]
        note: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Week {
        days: Vec<Window>,
        #[serde(default)]
        at: Option<u8>,
        kind: u8,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its shape matters")]
    enum Kind {
        Window(Window),
        None,
    }

    #[test]
    fn what_stands_below_the_name_of_a_variant_is_named_with_it() {
        let pointers =
            |value: Value| -> Vec<String> { wrong_places::<Vec<Kind>>(value).into_iter().map(|e| e.pointer).collect() };
        let two = json!([{ "window": { "from": "x", "till": "y" } }, "none"]);
        assert_eq!(pointers(two), ["/0/window/from", "/0/window/till"]);
        assert_eq!(pointers(json!([{ "window": { "from": 1 } }])), ["/0/window"]);
        assert_eq!(pointers(json!(["window"])), ["/0"], "a text has no members");
        assert_eq!(pointers(json!([{ "windows": {} }])), ["/0"]);
    }

    fn pointers(value: Value) -> Vec<String> {
        wrong_places::<Week>(value).into_iter().map(|e| e.pointer).collect()
    }

    #[test]
    fn every_wrong_place_is_named_where_it_was_sent() {
        let sent = json!({ "at": "noon", "more": 1, "kind": 1, "days": [
            { "from": 1, "till": "x" }, { "from": 1, "till": 2 }, { "from": "x", "till": 2, "note": 7 },
            { "till": 3 }, { "from": 1, "till": 2, "much": true } ] });
        let wanted = ["/at", "/days/0/till", "/days/2/from", "/days/2/note", "/days/3", "/days/4/much", "/more"]
            .map(str::to_owned);
        let mut found = pointers(sent);
        found.sort();
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_right_has_none_and_what_can_not_be_mended_ends() {
        assert!(pointers(json!({ "days": [], "kind": 1 })).is_empty());
        assert_eq!(pointers(json!({ "days": [] })), [""]);
        assert_eq!(pointers(json!([])), [""]);
        assert_eq!(pointers(json!({ "kind": "x", "days": "y" })), ["/kind", "/days"]);
        let many: Vec<Value> = (0..1000).map(|_| json!("x")).collect();
        assert_eq!(pointers(json!({ "kind": 1, "days": many })).len(), MOST);
    }
}
