//! Each name of a schema in the API's description stands for one type: of two types with one name the description
//! would show the second only.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn no_two_types_share_the_name_of_a_schema() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut seen = BTreeMap::<String, Vec<PathBuf>>::new();
    for file in sources(&crates) {
        let text = std::fs::read_to_string(&file).unwrap();
        for name in schemas(&text) {
            seen.entry(name).or_default().push(file.clone());
        }
    }
    assert!(seen.len() > 100, "the types are found: {}", seen.len());
    seen.retain(|_, files| files.len() > 1);
    assert!(seen.is_empty(), "rename one or give it #[schema(as = ..)]: {seen:#?}");
}

/// The names under which the types of a source are described. One that only wraps another type is that type.
fn schemas(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split("ToSchema").skip(1) {
        let Some(start) =
            ["struct ", "enum "].iter().filter_map(|word| part.find(word).map(|at| at + word.len())).min()
        else {
            continue;
        };
        let (attributes, declared) = part.split_at(start);
        let name: String = declared.chars().take_while(|c| c.is_alphanumeric()).collect();
        let wraps = declared[name.len()..].starts_with('(');
        let renamed = attributes.split("schema(as = ").nth(1).and_then(|rest| rest.split(')').next());
        if attributes.contains(")]") && !attributes.contains("use ") && !wraps {
            names.push(renamed.map_or(name, ToOwned::to_owned));
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}
