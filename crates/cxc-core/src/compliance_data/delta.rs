//! Changes between two versions of a file: lines that left, each behind a `-`, and lines that came, behind a `+`.
use std::collections::BTreeSet;

/// Changes that do not fit the version they are applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} of the changes does not fit the version they are made for")]
pub struct BadDelta(pub usize);

/// What changes one text into the other. Both are sorted below their line of explanation, as this program writes them.
pub fn difference(old: &str, new: &str) -> String {
    let [old, new] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
    let gone = old.difference(&new).map(|line| format!("-{line}\n"));
    let come = new.difference(&old).map(|line| format!("+{line}\n"));
    gone.chain(come).collect()
}

/// The text that the changes make of another. Check its digest: changes of another version may fit by chance.
pub fn apply(old: &str, changes: &str) -> Result<String, BadDelta> {
    let mut lines: BTreeSet<&str> = old.lines().collect();
    for (at, change) in changes.lines().enumerate() {
        let fits = match change.split_at_checked(1) {
            Some(("-", line)) => lines.remove(line),
            Some(("+", line)) => lines.insert(line),
            _ => false,
        };
        if !fits {
            return Err(BadDelta(at + 1));
        }
    }
    Ok(lines.into_iter().flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_of_another_version_are_refused() {
        assert_eq!(apply("# x\na\n", "-b\n"), Err(BadDelta(1)));
        assert_eq!(apply("# x\na\n", "+b\n+a\n"), Err(BadDelta(2)));
        assert_eq!(apply("# x\na\n", "b\n"), Err(BadDelta(1)));
        assert_eq!(apply("# x\na\n", "\n"), Err(BadDelta(1)));
    }

    proptest! {
        #[test]
        fn the_difference_makes_the_new_text_of_the_old(old: BTreeSet<u16>, new: BTreeSet<u16>) {
            let text = |lines: &BTreeSet<u16>| {
                let mut lines: Vec<String> = lines.iter().map(|n| format!("{n:05}\n")).collect();
                lines.insert(0, "# heading\n".into());
                lines.concat()
            };
            let changes = difference(&text(&old), &text(&new));
            prop_assert_eq!(apply(&text(&old), &changes).unwrap(), text(&new));
        }
    }
}
