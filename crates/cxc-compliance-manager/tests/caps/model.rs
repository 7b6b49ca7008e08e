//! The protocol as a model: two or three workers, every interleaving of their statements. A statement is atomic; a
//! worker that needs a lock or a mark which an open transaction holds can't move; a reader sees what is committed.
use std::collections::HashSet;

/// The statements of one worker, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// Lock the debt until the transaction ends; waits for its holder.
    Lock,
    /// Put a mark on the person; waits for an open transaction that put or took one, gives up on one that stands.
    Mark,
    /// Count the attempts that are committed.
    Read,
    /// If the count allows one more: write the attempt. Otherwise take the mark away.
    Write,
    /// Make it last.
    Commit,
    /// The attempt has its final result: the mark goes, the attempt stays. A transaction of its own.
    Report,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Worker {
    at: usize,
    counted: usize,
    wrote: bool,
    gave_up: bool,
    ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    workers: Vec<Worker>,
    locked_by: Option<usize>,
    /// The person's mark: whose, and whether it is committed.
    mark: Option<(usize, bool)>,
    committed: usize,
}

struct Model {
    steps: Vec<Vec<Step>>,
    cap: usize,
    seen: HashSet<World>,
    most: usize,
    stuck: usize,
}

impl Model {
    fn run(steps: Vec<Vec<Step>>, cap: usize) -> Self {
        let world = World { workers: vec![Worker::default(); steps.len()], locked_by: None, mark: None, committed: 0 };
        let mut model = Self { steps, cap, seen: HashSet::new(), most: 0, stuck: 0 };
        model.explore(&world);
        model
    }

    fn explore(&mut self, world: &World) {
        if !self.seen.insert(world.clone()) {
            return;
        }
        self.most = self.most.max(world.committed);
        let mut moved = false;
        for i in 0..world.workers.len() {
            if let Some(next) = self.step(world, i) {
                moved = true;
                self.explore(&next);
            }
        }
        if !moved && world.workers.iter().any(|w| !w.ended) {
            self.stuck += 1;
        }
    }

    fn step(&self, world: &World, i: usize) -> Option<World> {
        let mut next = world.clone();
        let worker = &mut next.workers[i];
        if worker.ended {
            return None;
        }
        match self.steps[i][worker.at] {
            Step::Lock => match world.locked_by {
                Some(other) if other != i => return None,
                _ => next.locked_by = Some(i),
            },
            Step::Mark => match world.mark {
                Some((other, false)) if other != i => return None,
                Some((_, true)) => worker.gave_up = true,
                _ => next.mark = Some((i, false)),
            },
            Step::Read => worker.counted = world.committed,
            Step::Write => {
                worker.wrote = !worker.gave_up && worker.counted < self.cap;
                if !worker.wrote && world.mark == Some((i, false)) {
                    next.mark = None;
                }
            }
            Step::Commit => {
                if worker.wrote {
                    next.committed += 1;
                }
                if world.locked_by == Some(i) {
                    next.locked_by = None;
                }
                if let Some((owner, is_committed)) = &mut next.mark
                    && *owner == i
                {
                    *is_committed = true;
                }
            }
            Step::Report => {
                if world.mark == Some((i, true)) {
                    next.mark = None;
                }
            }
        }
        let worker = &mut next.workers[i];
        worker.at += 1;
        worker.ended = worker.at == self.steps[i].len();
        Some(next)
    }
}

use Step::{Commit, Lock, Mark, Read, Report, Write};

#[test]
fn marks_before_history_hold_a_cap_of_one_person_in_every_interleaving() {
    for cap in 1..=2 {
        let model = Model::run(vec![vec![Mark, Read, Write, Commit, Report]; 3], cap);
        assert_eq!((model.most, model.stuck), (cap, 0), "{} states", model.seen.len());
        assert!(model.seen.len() > 100);
    }
}

#[test]
fn locks_before_history_hold_a_cap_of_a_debt_that_several_people_share() {
    for cap in 1..=2 {
        let model = Model::run(vec![vec![Lock, Read, Write, Commit]; 3], cap);
        assert_eq!((model.most, model.stuck), (cap, 0));
    }
}

#[test]
fn both_together_never_wait_in_a_circle() {
    let model = Model::run(vec![vec![Lock, Mark, Read, Write, Commit, Report]; 3], 1);
    assert_eq!((model.most, model.stuck), (1, 0));
    // a sender takes marks only; whoever takes both takes locks first
    let mixed = vec![
        vec![Lock, Mark, Read, Write, Commit, Report],
        vec![Mark, Read, Write, Commit, Report],
        vec![Lock, Mark, Read, Write, Commit, Report],
    ];
    let model = Model::run(mixed, 1);
    assert_eq!((model.most, model.stuck), (1, 0));
}

#[test]
fn the_model_finds_what_is_wrong_with_other_orders() {
    let model = Model::run(vec![vec![Read, Mark, Write, Commit, Report]; 2], 1);
    assert_eq!(model.most, 2, "a history that is read before the mark is old when the mark is got");
    let model = Model::run(vec![vec![Read, Write, Commit]; 2], 1);
    assert_eq!(model.most, 2, "without locks and marks");
    let circle = vec![vec![Lock, Mark, Read, Write, Commit], vec![Mark, Lock, Read, Write, Commit]];
    assert!(Model::run(circle, 1).stuck > 0, "each waits for what the other holds");
}
