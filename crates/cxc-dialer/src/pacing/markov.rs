//! When to start one more call, as a Markov decision process: the optimum that pacing is measured by, and the source of
//! its threshold tables.
//!
//! State: idle agents `i` of `n`, calls in flight `d`. A call in flight ends after an exponential time of mean `ring`,
//! with probability `answer_rate` by an answer; a handled call takes an exponential time of mean 1 (the unit of time).
//! A person who finds no agent waits for at most `patience`, or not at all, and is abandoned then; where persons wait,
//! `i` is negative. An action raises `d` at once. The reward is the share of busy agents less `cost` handled calls for
//! each abandoned one. Only ratios of times matter.

/// What the process depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Agents, 1 or more.
    pub agents: u32,
    /// Probability that a call is answered, above 0 and up to 1.
    pub answer_rate: f64,
    /// Mean time in flight, in mean handle times.
    pub ring: f64,
    /// How long a person waits for an agent, in mean handle times; 0 where nobody waits.
    pub patience: f64,
}

/// Keep `thresholds[waiting + i]` calls in flight while `i` agents are idle.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// From the most persons who wait to the most idle agents; states past them are not reached under a sound policy.
    pub thresholds: Vec<f64>,
    /// The most persons who wait.
    pub waiting: usize,
    /// Share of busy agents.
    pub occupancy: f64,
    /// Abandoned calls as a share of answers.
    pub abandoned: f64,
}

/// The process with the values found so far: a solution starts from that of a neighbouring cost.
pub struct Process {
    model: Model,
    waiting: usize,
    /// How soon each person who waits is abandoned.
    leaving: f64,
    rows: usize,
    width: usize,
    now: Values,
    next: Values,
}

/// By state: what is earned from it on, and how many calls are abandoned from it on, both relative to one state.
struct Values {
    earned: Vec<f64>,
    lost: Vec<f64>,
}

impl Values {
    fn new(size: usize) -> Self {
        Self { earned: vec![0.0; size], lost: vec![0.0; size] }
    }
}

impl Process {
    /// The process of a model, nothing known yet.
    pub fn new(model: Model) -> Self {
        let n = f64::from(model.agents);
        // agents who become free while one person waits
        let freed = n * model.patience;
        let waiting = if freed > 0.0 { 1 + (2.0 * freed).ceil().min(6.0) as usize } else { 0 };
        // the same chance to be served in time as with a fixed patience
        let leaving = if freed > 0.0 { n / freed.exp_m1() } else { 0.0 };
        let rows = waiting + n.min(12.0 + 4.0 * n.sqrt()) as usize + 1;
        let needed = n * model.ring / model.answer_rate;
        // what a full group needs, with room for bad luck and idle agents
        let width = (needed * 1.3 + 4.0 * needed.sqrt() + 4.0 / model.answer_rate).ceil() as usize + 1;
        Self { model, waiting, leaving, rows, width, now: Values::new(rows * width), next: Values::new(rows * width) }
    }

    /// The best policy where an abandoned call costs as much as `cost` handled ones bring; both shares are known to
    /// `precision`.
    pub fn solve(&mut self, cost: f64, precision: f64) -> Policy {
        loop {
            self.sweep(cost);
            let scale = self.scale();
            let (low, high) = span(&self.next.earned, &self.now.earned);
            let (least, most) = span(&self.next.lost, &self.now.lost);
            std::mem::swap(&mut self.now, &mut self.next);
            recentre(&mut self.now.earned);
            recentre(&mut self.now.lost);
            if (high - low) * scale < precision && (most - least) * scale * cost.max(1.0) < precision {
                return self.policy((low + high) / 2.0 * scale, (least + most) / 2.0 * scale, cost);
            }
        }
    }

    /// Transitions in a handle time, the same in every state.
    fn scale(&self) -> f64 {
        let leaves = self.leaving * self.waiting as f64;
        f64::from(self.model.agents) + leaves + (self.width - 1) as f64 / self.model.ring
    }

    /// `gain` and `lost` are per handle time and agent.
    fn policy(&self, gain: f64, lost: f64, cost: f64) -> Policy {
        let occupancy = gain + cost * lost;
        let threshold = |row: &[f64]| row.iter().rposition(|v| *v >= row[0] - 1e-12).unwrap_or(0) as f64;
        let thresholds = self.now.earned.chunks(self.width).map(threshold).collect();
        Policy { thresholds, waiting: self.waiting, occupancy, abandoned: (lost / (occupancy + lost)).max(0.0) }
    }

    /// One step of value iteration: the value of staying in every state, then of the best state that raising reaches.
    fn sweep(&mut self, cost: f64) {
        let n = f64::from(self.model.agents);
        let (width, scale) = (self.width, self.scale());
        let answer = self.model.answer_rate / self.model.ring / scale;
        let fail = (1.0 - self.model.answer_rate) / self.model.ring / scale;
        for row in 0..self.rows {
            let at = row * width;
            // the idlest row reflects: nobody gets idle beyond it
            let freed = if row + 1 < self.rows { at + width } else { at };
            let taken = at - if row > 0 { width } else { 0 };
            let busy = n - row.saturating_sub(self.waiting) as f64;
            let leaves = self.leaving * self.waiting.saturating_sub(row) as f64 / scale;
            let (earned, ends) = (busy / n / scale, busy / scale + leaves);
            let lost_at_once = if row == 0 { 1.0 } else { 0.0 };
            let step = |from: &[f64], each: f64, answered: f64, to: &mut [f64]| {
                to[0] = each + (1.0 - ends) * from[at] + ends * from[freed];
                for d in 1..width {
                    let (answers, fails) = (d as f64 * answer, d as f64 * fail);
                    to[d] = each
                        + (1.0 - ends - answers - fails) * from[at + d]
                        + ends * from[freed + d]
                        + answers * (from[taken + d - 1] + answered)
                        + fails * from[at + d - 1];
                }
            };
            let (charge, lost) = (lost_at_once * cost / n, leaves / n);
            step(&self.now.earned, earned - cost * lost, -charge, &mut self.next.earned[at..at + width]);
            step(&self.now.lost, lost, lost_at_once / n, &mut self.next.lost[at..at + width]);
            for d in (at..at + width - 1).rev() {
                if self.next.earned[d + 1] >= self.next.earned[d] {
                    self.next.earned[d] = self.next.earned[d + 1];
                    self.next.lost[d] = self.next.lost[d + 1];
                }
            }
        }
    }
}

fn recentre(values: &mut [f64]) {
    let zero = values[0];
    values.iter_mut().for_each(|v| *v -= zero);
}

fn span(new: &[f64], old: &[f64]) -> (f64, f64) {
    let differences = new.iter().zip(old).map(|(new, old)| new - old);
    differences.fold((f64::MAX, f64::MIN), |(low, high), d| (low.min(d), high.max(d)))
}

/// The best fixed policy that abandons at most a share of answers, by bisection of the cost.
pub fn optimum(model: Model, target: f64) -> Policy {
    const PRECISION: f64 = 1e-4;
    let mut process = Process::new(model);
    let (mut low, mut high): (f64, f64) = (0.02, 200.0);
    let mut best = process.solve(high, PRECISION);
    while high / low > 1.03 {
        let cost = (low * high).sqrt();
        let policy = process.solve(cost, PRECISION);
        if policy.abandoned <= target {
            high = cost;
            best = policy;
        } else {
            low = cost;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_is_that_of_the_published_table() {
        for (agents, percent) in [(2, 73.5), (5, 77.8), (10, 82.4), (20, 87.8), (50, 93.0)] {
            let best = optimum(Model { agents, answer_rate: 0.3, ring: 15.0 / 120.0, patience: 0.0 }, 0.03);
            assert!((best.occupancy * 100.0 - percent).abs() < 0.2, "{agents} agents: {}", best.occupancy);
            assert!(best.abandoned <= 0.03);
        }
    }

    #[test]
    fn thresholds_rise_with_idle_agents_and_fall_with_the_cost() {
        let mut process = Process::new(Model { agents: 20, answer_rate: 0.3, ring: 0.1, patience: 0.02 });
        let (dear, cheap) = (process.solve(10.0, 1e-4), process.solve(0.3, 1e-4));
        assert!(dear.thresholds.is_sorted() && cheap.thresholds.is_sorted());
        assert!(dear.thresholds.iter().zip(&cheap.thresholds).all(|(dear, cheap)| dear <= cheap));
        assert!(dear.abandoned < cheap.abandoned && dear.occupancy < cheap.occupancy);
    }
}
