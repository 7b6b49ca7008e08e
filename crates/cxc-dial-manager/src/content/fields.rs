//! A contact's fields as templates see them.
use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

/// Fields by placeholder. Texts that are empty count as missing.
#[derive(Default)]
pub struct Fields {
    values: Vec<(Arc<str>, String)>,
    pub(super) defaults: Arc<BTreeMap<String, String>>,
    pub(super) links: Vec<(&'static str, String)>,
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
        let own = self.values.iter().find(|(n, _)| **n == *name).map(|(_, text)| text.as_str());
        let text = own.filter(|text| !text.is_empty()).or_else(|| self.defaults.get(name).map(String::as_str))?;
        Some(Value::from(text))
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
