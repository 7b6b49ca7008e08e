//! Threshold tables: how many calls to keep in flight, by idle agents and by how bold to be.
use std::collections::HashMap;
use std::sync::Arc;

use super::markov::{Model, Process};

/// Costs of an abandoned call, in handled calls, from careful to bold.
const COSTS: [f64; 9] = [16.0, 8.0, 4.0, 2.0, 1.2, 0.7, 0.4, 0.2, 0.1];
/// The steps of the grid on which tables are made, as ratios of neighbours.
const STEP: f64 = 1.1;
/// Tables are exact up to so many agents and scaled beyond.
const MOST_AGENTS: u32 = 100;
/// The lowest answer rate that is solved, for small groups and for others; below it calls count in bundles.
const LEAST_ANSWER_RATE: (f64, f64) = (0.05, 0.25);
/// Groups up to this size are small.
const SMALL: u32 = 20;

/// What a table is made for: a point of a grid, so that groups and times share tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableKey {
    /// Agents in service.
    pub agents: u32,
    answer_rate: i32,
    ring: i32,
    patience: i32,
}

impl TableKey {
    /// The point nearest to an answer rate and, in handle times, a mean ring time and a patience.
    pub fn near(agents: u32, answer_rate: f64, ring: f64, patience: f64) -> Self {
        let grid = |x: f64, step: f64| (x.ln() / step.ln()).round() as i32;
        Self {
            agents,
            answer_rate: grid(answer_rate.clamp(0.005, 1.0), STEP),
            ring: grid(ring.clamp(0.005, 2.0), STEP),
            // it matters less, and moves with the handle time as the ring time does
            patience: grid(patience.clamp(0.001, 1.0), STEP.powi(3)),
        }
    }

    /// Whether a table of this key has come too far from what is true: by more than a tenth.
    pub fn is_off(&self, agents: u32, answer_rate: f64, ring: f64) -> bool {
        let exact = self.agents.min(agents) <= SMALL;
        let off = |of: i32, x: f64| (x.ln() - f64::from(of) * STEP.ln()).abs() > STEP.ln();
        let moved = f64::from(agents.abs_diff(self.agents));
        (moved > 0.0 && (exact || moved > 0.05 * f64::from(self.agents)))
            || off(self.answer_rate, answer_rate.clamp(0.005, 1.0))
            || off(self.ring, ring.clamp(0.005, 2.0))
    }

    fn value(of: i32) -> f64 {
        STEP.powi(of).min(1.0)
    }
}

/// Calls to keep in flight. Boldness is the share of answers that the model says will be abandoned.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    key: TableKey,
    answer_rate: f64,
    /// Careful first: the logarithm of the predicted share, and thresholds by idle agents.
    levels: Vec<(f64, Vec<f64>)>,
    waiting: usize,
}

impl Table {
    /// Solves the process for every cost. Takes milliseconds for ten agents, tenths of a second for a hundred.
    pub fn build(key: TableKey) -> Self {
        let (answer_rate, ring) = (TableKey::value(key.answer_rate), TableKey::value(key.ring));
        let (small, other) = LEAST_ANSWER_RATE;
        let solved = answer_rate.max(if key.agents <= SMALL { small } else { other });
        let agents = key.agents.clamp(1, MOST_AGENTS);
        let patience = STEP.powi(3 * key.patience);
        let mut process = Process::new(Model { agents, answer_rate: solved, ring, patience });
        let mut waiting = 0;
        let mut levels: Vec<(f64, Vec<f64>)> = Vec::with_capacity(COSTS.len());
        for cost in COSTS {
            let policy = process.solve(cost, 1e-3);
            waiting = policy.waiting;
            let bold = policy.abandoned.max(1e-6).ln();
            let thresholds: Vec<f64> = policy.thresholds.iter().map(|d| d * solved / answer_rate).collect();
            match levels.last_mut() {
                Some((last, kept)) if bold - *last < 0.05 => *kept = thresholds,
                _ => levels.push((bold, thresholds)),
            }
        }
        Self { key, answer_rate, levels, waiting }
    }

    /// What it was made for.
    pub fn key(&self) -> TableKey {
        self.key
    }

    /// Calls to keep in flight, each counted as its chance of an answer over that of a new call. `idle` is negative
    /// where customers wait.
    pub fn wanted(&self, idle: i32, boldness: f64) -> f64 {
        let bold = boldness.max(1e-6).ln();
        let above = self.levels.partition_point(|(level, _)| *level < bold);
        let (low, high) = (above.saturating_sub(1), above.min(self.levels.len() - 1));
        let (from, careful) = &self.levels[low];
        let (to, daring) = &self.levels[high];
        let share = if to > from { ((bold - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 };
        let (careful, daring) = (self.at(careful, idle), self.at(daring, idle));
        careful + (daring - careful) * share
    }

    fn at(&self, thresholds: &[f64], idle: i32) -> f64 {
        let at = f64::from(idle) + self.waiting as f64;
        if at < 0.0 {
            return thresholds[0] + at / self.answer_rate;
        }
        let agents = f64::from(self.key.agents);
        if self.key.agents <= MOST_AGENTS {
            return beyond(thresholds, at, self.answer_rate);
        }
        // a large group fluctuates with the root of its size about what it needs in the mean
        let (most, ring) = (f64::from(MOST_AGENTS), TableKey::value(self.key.ring));
        let (root, needed) = ((agents / most).sqrt(), most * ring / self.answer_rate);
        let deviation = beyond(thresholds, at / root, self.answer_rate) - needed;
        needed * agents / most + deviation * root
    }
}

/// The threshold at a number of idle agents between or past those of a table: each further one asks for an answer.
fn beyond(thresholds: &[f64], idle: f64, answer_rate: f64) -> f64 {
    let last = thresholds.len() - 1;
    let at = (idle as usize).min(last);
    let next = thresholds[(at + 1).min(last)];
    let part = (idle - at as f64).min(1.0);
    let past = (idle - last as f64).max(0.0);
    thresholds[at] + (next - thresholds[at]) * part + past / answer_rate
}

/// The tables made so far, shared by all groups of a process.
#[derive(Debug, Default)]
pub struct Tables {
    made: HashMap<TableKey, Arc<Table>>,
}

impl Tables {
    /// The table of a key, if it was made before.
    pub fn made(&self, key: TableKey) -> Option<Arc<Table>> {
        self.made.get(&key).cloned()
    }

    /// The table of a key, made now if it is the first time: call it off the task that paces.
    pub fn get(&mut self, key: TableKey) -> Arc<Table> {
        Arc::clone(self.made.entry(key).or_insert_with(|| Arc::new(Table::build(key))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bolder_table_and_idler_agents_want_more_calls() {
        let table = Table::build(TableKey::near(20, 0.3, 0.09, 0.016));
        for idle in -3..25 {
            let wanted: Vec<f64> = [0.001, 0.01, 0.03, 0.1].iter().map(|b| table.wanted(idle, *b)).collect();
            assert!(wanted.is_sorted(), "{idle}: {wanted:?}");
            assert!(table.wanted(idle + 1, 0.03) >= table.wanted(idle, 0.03));
        }
    }

    #[test]
    fn a_table_serves_until_something_moves_by_a_tenth() {
        let key = TableKey::near(40, 0.3, 0.1, 0.016);
        assert!(!key.is_off(41, 0.31, 0.1));
        assert!(key.is_off(44, 0.3, 0.1) && key.is_off(40, 0.36, 0.1) && key.is_off(40, 0.3, 0.085));
        assert!(TableKey::near(8, 0.3, 0.1, 0.016).is_off(9, 0.3, 0.1), "in a small group each agent counts");
    }

    #[test]
    fn a_group_beyond_the_solved_size_wants_in_proportion() {
        let (hundred, large) = (TableKey::near(100, 0.3, 0.09, 0.016), TableKey::near(400, 0.3, 0.09, 0.016));
        let (hundred, large) = (Table::build(hundred).wanted(5, 0.03), Table::build(large).wanted(10, 0.03));
        let needed = 100.0 * 0.09 / 0.3;
        assert!((large - 4.0 * needed).abs() < 2.5 * (hundred - needed).abs() + 20.0, "{hundred} {large}");
    }
}
