//! Where the processors' time goes: seconds by program, of all processes that this one started.
use std::collections::{BTreeMap, HashMap};

/// The kernel counts in hundredths of a second on every machine that we know.
const TICKS: f64 = 100.0;

/// Processor seconds by the name of the program, so far.
pub struct Cpu(BTreeMap<String, f64>);

impl Cpu {
    /// Reads the clocks of all processes below this one, and its own.
    pub fn now() -> Self {
        let folder = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = folder.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let all: HashMap<u32, (String, u32, f64)> = pids.filter_map(|pid| Some((pid, read(pid)?))).collect();
        // a load tool that has run to its end
        let mut by_name = BTreeMap::from([("ended".to_owned(), ended())]);
        for (pid, (name, _, seconds)) in &all {
            if is_ours(*pid, &all) {
                *by_name.entry(name.clone()).or_default() += seconds;
            }
        }
        Self(by_name)
    }

    /// Microseconds a message of each program since an earlier look; those below one are left out.
    pub fn since(&self, before: &Self, messages: f64) -> String {
        let spent = self.0.iter().map(|(name, now)| {
            let before = before.0.get(name).copied().unwrap_or(0.0);
            (name, (now - before) * 1e6 / messages)
        });
        let told: Vec<String> =
            spent.filter(|(_, us)| *us >= 1.0).map(|(name, us)| format!("{name} {us:.0}")).collect();
        told.join(", ")
    }
}

fn read(pid: u32) -> Option<(String, u32, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let name = stat.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
    Some((name, field(&stat, 1)? as u32, (field(&stat, 11)? + field(&stat, 12)?) / TICKS))
}

/// A field behind the name: 1 is the parent, 11 and 12 are the user and system time, 13 and 14 those of ended children.
fn field(stat: &str, n: usize) -> Option<f64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(n)?.parse().ok()
}

fn ended() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    (field(&stat, 13).unwrap_or(0.0) + field(&stat, 14).unwrap_or(0.0)) / TICKS
}

fn is_ours(pid: u32, all: &HashMap<u32, (String, u32, f64)>) -> bool {
    let own = std::process::id();
    let mut at = pid;
    while at > 1 {
        if at == own {
            return true;
        }
        let Some((_, parent, _)) = all.get(&at) else { return false };
        at = *parent;
    }
    false
}
