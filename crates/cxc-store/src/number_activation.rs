//! What must be right before the numbers of a version are asked: its bytes, how many it holds beside the version
//! before, and the numbers that it must and must not hold.
use cxc_core::number_set::NumberSet;
use cxc_core::phone::PhoneNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::number_list::NumberListVersion;

/// The most per cent by which a version may hold more or fewer numbers than the one before.
pub const MOST_CHANGE_PERCENT: i64 = 10;

/// The state of a version that was active before.
const RETIRED: &str = "retired";

fn moment(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map(|at| at.to_string()).unwrap_or_default()
}

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

/// What somebody says is right about a version, though it looks wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// However many numbers it holds.
    pub count: bool,
    /// It is older than the active version.
    pub older: bool,
}

/// Why a version should not be activated; nothing if it may be. Nothing passes over the canaries. A version that was active
/// before is gone back to by its number: that it is older is what is asked for.
pub fn doubts(
    set: &NumberSet,
    version: &NumberListVersion,
    active: Option<&NumberListVersion>,
    canaries: &Canaries,
    overrides: Overrides,
) -> Option<String> {
    if let Some(wrong) = canaries.wrong(set) {
        return Some(wrong);
    }
    let active = active.filter(|active| active.version != version.version);
    let is_older = active.is_some_and(|active| version.as_of < active.as_of) && version.state != RETIRED;
    if let Some(active) = active.filter(|_| is_older && !overrides.older) {
        return Some(format!(
            "it is of {} and the active version of {}: an older list would take the place of a newer one; allow it to be older \
             if that is right",
            moment(version.as_of),
            moment(active.as_of)
        ));
    }
    let forced = overrides.count;
    if set.is_empty() && !forced {
        return Some("it holds no number: force it to activate an empty list".into());
    }
    let before = active.filter(|active| active.numbers > 0)?.numbers;
    let change = (version.numbers - before).saturating_abs().saturating_mul(100);
    (!forced && change > before.saturating_mul(MOST_CHANGE_PERCENT)).then(|| {
        format!(
            "it holds {} numbers, and the version that is active has {before}: more than {MOST_CHANGE_PERCENT} per cent apart; \
             force it if that is right",
            version.numbers
        )
    })
}
