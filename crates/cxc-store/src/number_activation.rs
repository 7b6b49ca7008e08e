//! What must be right before the numbers of a version are asked: its bytes, how many it holds beside the version
//! before, and the numbers that it must and must not hold.
use cxc_core::number_set::NumberSet;
use cxc_core::phone::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::number_list::NumberListVersion;

/// The most per cent by which a version may hold more or fewer numbers than the one before.
pub const MOST_CHANGE_PERCENT: i64 = 10;

/// Numbers of which it is known whether the list holds them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Canaries {
    /// It must hold these.
    pub listed: Vec<PhoneNumber>,
    /// It must not hold these.
    pub not_listed: Vec<PhoneNumber>,
}

impl Canaries {
    /// What a set gets wrong, in words and without the numbers.
    fn wrong(&self, set: &NumberSet) -> Option<String> {
        let missing = self.listed.iter().filter(|number| !set.contains(**number)).count();
        let extra = self.not_listed.iter().filter(|number| set.contains(**number)).count();
        (missing + extra > 0).then(|| {
            format!(
                "of the canary numbers it lacks {missing} of {} that it should hold and holds {extra} of {} that it \
                 should not: it is another list",
                self.listed.len(),
                self.not_listed.len()
            )
        })
    }
}

/// Why a version should not be activated; nothing if it may be. `forced` passes over how many numbers it holds, never
/// over the canaries.
pub fn doubts(
    set: &NumberSet,
    version: &NumberListVersion,
    active: Option<&NumberListVersion>,
    canaries: &Canaries,
    forced: bool,
) -> Option<String> {
    if let Some(wrong) = canaries.wrong(set) {
        return Some(wrong);
    }
    if set.is_empty() && !forced {
        return Some("it holds no number: force it to activate an empty list".into());
    }
    let before = active.filter(|active| active.version != version.version && active.numbers > 0)?.numbers;
    let change = (version.numbers - before).saturating_abs().saturating_mul(100);
    (!forced && change > before.saturating_mul(MOST_CHANGE_PERCENT)).then(|| {
        format!(
            "it holds {} numbers, and the version that is active has {before}: more than {MOST_CHANGE_PERCENT} per cent apart; \
             force it if that is right",
            version.numbers
        )
    })
}
