//! Requests that come at the same time are worked off together: one reading or one transaction for all that wait.
//! Each batch is one owner's, and owners take turns.
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

/// Works off a batch.
pub trait Work: Send + 'static {
    /// One request.
    type Job: Send + Sync + 'static;
    /// Its answer.
    type Answer: Send + 'static;

    /// Whose request it is.
    fn owner(job: &Self::Job) -> i64;

    /// Answers each job of one owner, in their order. `None` if one of them may have spoilt it for the others: then
    /// each is tried alone, so nothing of it may have been done.
    fn run(&mut self, jobs: &[Self::Job]) -> impl Future<Output = Option<Vec<Self::Answer>>> + Send;
}

/// How much is worked off at once, and how much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most jobs of one batch.
    pub batch: usize,
    /// The most that wait; more are refused.
    pub room: usize,
    /// The most of one owner that wait.
    pub room_of_one: usize,
    /// Another worker joins only where more than so many jobs are under way or wait: few at a time cost more each.
    pub alone: usize,
}

struct Waiting<W: Work> {
    job: W::Job,
    answer: oneshot::Sender<W::Answer>,
}

struct State<W: Work> {
    waiting: HashMap<i64, VecDeque<Waiting<W>>>,
    /// The owners of those who wait, each once; the first is next.
    turns: VecDeque<i64>,
    idle: Vec<W>,
    workers: usize,
    /// How many wait, and how many are under way.
    wait: usize,
    running: usize,
}

/// Some workers and those who wait for them. Cheap to clone.
pub struct Batcher<W: Work> {
    state: Arc<Mutex<State<W>>>,
    bounds: Bounds,
}

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), bounds: self.bounds }
    }
}

impl<W: Work> Batcher<W> {
    /// These workers within these bounds.
    pub fn new(workers: Vec<W>, bounds: Bounds) -> Self {
        let (waiting, turns, count) = (HashMap::new(), VecDeque::new(), workers.len());
        let state = State { waiting, turns, idle: workers, workers: count, wait: 0, running: 0 };
        Self { state: Arc::new(Mutex::new(state)), bounds }
    }

    /// Has jobs done; `None` if too many wait already, or if one of them got no answer.
    pub async fn submit(&self, jobs: Vec<W::Job>) -> Option<Vec<W::Answer>> {
        let mut answers = Vec::with_capacity(jobs.len());
        let worker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !state.has_room(&jobs, self.bounds) {
                return None;
            }
            answers.extend(jobs.into_iter().map(|job| state.put(job)));
            state.worker(self.bounds.alone)
        };
        if let Some(worker) = worker {
            // a task of its own: it works for others too when this caller hangs up
            tokio::spawn(self.clone().work(worker));
        }
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            found.push(answer.await.ok()?);
        }
        Some(found)
    }

    async fn work(self, mut worker: W) {
        let mut done = 0;
        loop {
            let (jobs, senders) = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.running -= done;
                let batch = state.take(self.bounds.batch);
                if batch.0.is_empty() {
                    state.idle.push(worker);
                    return;
                }
                batch
            };
            done = jobs.len();
            for (answer, sender) in answers(&mut worker, &jobs).await.into_iter().zip(senders) {
                // who hung up hears no answer; who got none hears that
                let _gone = answer.map(|answer| sender.send(answer));
            }
        }
    }
}

impl<W: Work> State<W> {
    fn has_room(&self, jobs: &[W::Job], bounds: Bounds) -> bool {
        let mut of_owner: HashMap<i64, usize> = HashMap::new();
        for job in jobs {
            *of_owner.entry(W::owner(job)).or_default() += 1;
        }
        let waits = |owner: &i64| self.waiting.get(owner).map_or(0, VecDeque::len);
        self.wait + jobs.len() <= bounds.room
            && of_owner.iter().all(|(owner, more)| waits(owner) + more <= bounds.room_of_one)
    }

    fn put(&mut self, job: W::Job) -> oneshot::Receiver<W::Answer> {
        let (answer, receiver) = oneshot::channel();
        let owner = W::owner(&job);
        let waiting = self.waiting.entry(owner).or_default();
        if waiting.is_empty() {
            self.turns.push_back(owner);
        }
        waiting.push_back(Waiting { job, answer });
        self.wait += 1;
        receiver
    }

    /// A worker that is to begin, if one is needed.
    fn worker(&mut self, alone: usize) -> Option<W> {
        let is_first = self.idle.len() == self.workers;
        if is_first || self.running.max(self.wait) > alone { self.idle.pop() } else { None }
    }

    /// The next batch: of the owner whose turn it is, without those who hung up.
    fn take(&mut self, most: usize) -> (Vec<W::Job>, Vec<oneshot::Sender<W::Answer>>) {
        let mut batch = (Vec::new(), Vec::new());
        while batch.0.is_empty() {
            let Some(owner) = self.turns.pop_front() else { break };
            let Some(mut waiting) = self.waiting.remove(&owner) else { continue };
            let taken = waiting.drain(..most.min(waiting.len())).collect::<Vec<_>>();
            self.wait -= taken.len();
            for Waiting { job, answer } in taken.into_iter().filter(|w| !w.answer.is_closed()) {
                batch.0.push(job);
                batch.1.push(answer);
            }
            if !waiting.is_empty() {
                self.waiting.insert(owner, waiting);
                self.turns.push_back(owner);
            }
        }
        self.running += batch.0.len();
        batch
    }
}

/// The answers of a batch; where one may have spoilt it for all, of each by itself.
async fn answers<W: Work>(worker: &mut W, jobs: &[W::Job]) -> Vec<Option<W::Answer>> {
    if let Some(all) = guarded(worker, jobs).await {
        return all.into_iter().map(Some).collect();
    }
    let mut each = Vec::with_capacity(jobs.len());
    for job in jobs {
        let alone = if jobs.len() > 1 { guarded(worker, std::slice::from_ref(job)).await } else { None };
        each.push(alone.and_then(|mut one| one.pop()));
    }
    each
}

/// A panic is a request that can't be answered; the worker goes on with the others. What it keeps between batches it
/// changes only when a batch has ended well.
async fn guarded<W: Work>(worker: &mut W, jobs: &[W::Job]) -> Option<Vec<W::Answer>> {
    let ran = AssertUnwindSafe(worker.run(jobs)).catch_unwind().await;
    if ran.is_err() {
        tracing::error!(jobs = jobs.len(), "a batch of validations panicked");
    }
    ran.ok().flatten().filter(|answers| answers.len() == jobs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds one; to a multiple of a hundred it can't.
    struct Adder(Arc<Mutex<Vec<usize>>>);

    impl Work for Adder {
        type Job = u32;
        type Answer = u32;

        fn owner(job: &u32) -> i64 {
            i64::from(job / 1_000)
        }

        async fn run(&mut self, jobs: &[u32]) -> Option<Vec<u32>> {
            self.0.lock().unwrap().push(jobs.len());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            assert!(jobs.iter().all(|job| job % 200 != 100), "a job that breaks the worker");
            jobs.iter().all(|job| job % 200 != 0).then(|| jobs.iter().map(|job| job + 1).collect())
        }
    }

    const BOUNDS: Bounds = Bounds { batch: 10, room: 100, room_of_one: 60, alone: 0 };

    fn batcher(workers: usize, bounds: Bounds) -> (Batcher<Adder>, Arc<Mutex<Vec<usize>>>) {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        (Batcher::new((0..workers).map(|_| Adder(Arc::clone(&sizes))).collect(), bounds), sizes)
    }

    #[tokio::test]
    async fn what_comes_while_a_batch_is_worked_off_is_the_next_batch() {
        let (batcher, sizes) = batcher(1, BOUNDS);
        let asks = (1..26).map(|i| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.submit(vec![i]).await })
        });
        let answers = futures_util::future::join_all(asks).await;
        for (i, answer) in (1..).zip(answers) {
            assert_eq!(answer.unwrap(), Some(vec![i + 1]));
        }
        let sizes = sizes.lock().unwrap().clone();
        assert!(sizes.len() < 25 && sizes.iter().all(|s| *s <= 10), "{sizes:?}");
        assert_eq!(batcher.submit((1..26).collect()).await.unwrap(), (2..27).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn more_than_there_is_room_for_are_refused_and_one_owner_does_not_fill_it() {
        let (batcher, _) = batcher(1, BOUNDS);
        assert_eq!(batcher.submit((1..62).collect()).await, None);
        let (first, second, third) = tokio::join!(
            batcher.submit((1..61).collect()),
            batcher.submit((1_001..1_041).collect()),
            batcher.submit(vec![2_001])
        );
        assert_eq!((first.map(|a| a.len()), second.map(|a| a.len()), third), (Some(60), Some(40), None));
    }

    #[tokio::test]
    async fn owners_take_turns() {
        let (batcher, _) = batcher(1, BOUNDS);
        let many = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.submit((1..51).collect()).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(batcher.submit(vec![1_001]).await, Some(vec![1_002]));
        assert!(!many.is_finished(), "the second owner waited for all of the first");
        assert_eq!(many.await.unwrap().map(|a| a.len()), Some(50));
    }

    #[tokio::test]
    async fn one_that_fails_or_breaks_the_worker_fails_alone() {
        let (batcher, _) = batcher(1, BOUNDS);
        let asks = [7, 100, 8, 200, 9].map(|i| {
            let batcher = batcher.clone();
            async move { batcher.submit(vec![i]).await }
        });
        let answers = futures_util::future::join_all(asks).await;
        assert_eq!(answers, [Some(vec![8]), None, Some(vec![9]), None, Some(vec![10])]);
        assert_eq!(batcher.submit(vec![11]).await, Some(vec![12]), "the worker is still there");
    }

    #[tokio::test]
    async fn who_hung_up_is_passed_over() {
        let (batcher, sizes) = batcher(1, BOUNDS);
        let first = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.submit(vec![1]).await }
        });
        tokio::task::yield_now().await;
        let gone = tokio::time::timeout(std::time::Duration::from_millis(1), batcher.submit(vec![2, 3]));
        assert!(gone.await.is_err());
        assert_eq!(batcher.submit(vec![4]).await, Some(vec![5]));
        assert_eq!((first.await.unwrap(), sizes.lock().unwrap().clone()), (Some(vec![2]), vec![1, 1]));
    }

    #[tokio::test]
    async fn a_second_worker_joins_only_for_many() {
        let (batcher, sizes) = batcher(2, Bounds { alone: 4, ..BOUNDS });
        let submit = |jobs: Vec<u32>| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.submit(jobs).await })
        };
        let first = submit(vec![1]);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        for answer in [first, submit(vec![2]), submit(vec![3])] {
            answer.await.unwrap().unwrap();
        }
        assert_eq!(*sizes.lock().unwrap(), [1, 2], "two waited for the one");
        let many = submit((1..8).collect());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        submit(vec![9]).await.unwrap().unwrap();
        many.await.unwrap().unwrap();
        assert_eq!(*sizes.lock().unwrap(), [1, 2, 7, 1]);
    }
}
