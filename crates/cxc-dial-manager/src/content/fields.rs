//! A contact's fields as templates see them.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

/// Fields by placeholder. Texts that are empty count as missing.
#[derive(Default)]
pub struct Fields {
    values: Vec<(Arc<str>, String)>,
    pub(super) defaults: Arc<BTreeMap<String, String>>,
    pub(super) links: Vec<(&'static str, String)>,
    /// The last placeholder for which there was nothing.
    missed: Mutex<Option<String>>,
}

impl Fields {
    /// No fields, room for some.
    pub fn with_capacity(room: usize) -> Self {
        Self { values: Vec::with_capacity(room), ..Self::default() }
    }

    /// Adds a field; of two with one name the first counts.
    pub fn push(&mut self, name: Arc<str>, text: String) {
        self.values.push((name, text));
    }

    fn find(&self, name: &str) -> Option<Value> {
        if let Some((_, link)) = self.links.iter().find(|(n, _)| *n == name) {
            // made by us of characters that mean nothing in HTML
            return Some(Value::from_safe_string(link.clone()));
        }
        let text = self.text(name).or_else(|| self.defaults.get(name).map(String::as_str));
        if text.is_none()
            && let Ok(mut missed) = self.missed.lock()
        {
            *missed = Some(name.to_owned());
        }
        text.map(Value::from)
    }

    /// A field that is not empty, `other1` also under its column's name.
    fn text(&self, name: &str) -> Option<&str> {
        let filled = |(_, text): &&(Arc<str>, String)| !text.is_empty();
        let own = self.values.iter().find(|(n, _)| **n == *name).filter(filled);
        let column = || self.values.iter().find(|(n, _)| is_other(name) && n.strip_prefix("c_") == Some(name));
        own.or_else(|| column().filter(filled)).map(|(_, text)| text.as_str())
    }

    /// The placeholder on which a rendering has failed.
    pub(super) fn missed(&self) -> String {
        self.missed.lock().ok().and_then(|missed| missed.clone()).unwrap_or_default()
    }
}

impl<N: Into<Arc<str>>, T: Into<String>> FromIterator<(N, T)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        let values = pairs.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        Self { values, ..Self::default() }
    }
}

// field values are personal data: they never reach a log through Debug
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.values.len())
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// The column of a placeholder that leaves out the `c_`, as people write `other1`.
pub(super) fn column_of(name: &str) -> Option<String> {
    is_other(name).then(|| format!("c_{name}"))
}

fn is_other(name: &str) -> bool {
    name.strip_prefix("other").is_some_and(|n| !n.is_empty() && n.len() <= 3 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The placeholder of a label or column: `Policy number` is `policy_number`.
pub fn placeholder_name(label: &str) -> String {
    let mut name = String::with_capacity(label.len());
    for c in label.trim().chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !name.ends_with('_') {
            name.push(c);
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_becomes_a_placeholder() {
        assert_eq!(placeholder_name(" Policy  number "), "policy_number");
        assert_eq!(placeholder_name("Other1"), "other1");
        assert_eq!(placeholder_name("2nd line"), "_2nd_line");
    }
}
