//! Requests that come at the same time are worked off together: one transaction for all that wait.
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Works off a batch.
pub trait Work: Send + 'static {
    /// One request.
    type Job: Send + 'static;
    /// Its answer.
    type Answer: Send + 'static;

    /// Answers each job, in their order.
    fn run(&mut self, jobs: Vec<Self::Job>) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

type Waiting<W> = (<W as Work>::Job, oneshot::Sender<<W as Work>::Answer>);

struct State<W: Work> {
    waiting: Vec<Waiting<W>>,
    idle: Vec<W>,
}

/// Some workers and those who wait for them. Cheap to clone.
pub struct Batcher<W: Work> {
    state: Arc<Mutex<State<W>>>,
    /// The most jobs of one batch.
    most: usize,
    /// The most that wait; more are refused.
    room: usize,
}

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), most: self.most, room: self.room }
    }
}

impl<W: Work> Batcher<W> {
    /// Workers that take up to `most` jobs at once, with room for `room` that wait.
    pub fn new(workers: Vec<W>, most: usize, room: usize) -> Self {
        Self { state: Arc::new(Mutex::new(State { waiting: Vec::new(), idle: workers })), most, room }
    }

    /// Has jobs done; `None` if too many wait already, or if the work ended without an answer.
    pub async fn submit(&self, jobs: Vec<W::Job>) -> Option<Vec<W::Answer>> {
        let mut answers = Vec::with_capacity(jobs.len());
        let worker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.waiting.len() + jobs.len() > self.room {
                return None;
            }
            for job in jobs {
                let (send, receive) = oneshot::channel();
                state.waiting.push((job, send));
                answers.push(receive);
            }
            state.idle.pop()
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
        loop {
            let batch: Vec<Waiting<W>> = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.waiting.is_empty() {
                    state.idle.push(worker);
                    return;
                }
                let most = self.most.min(state.waiting.len());
                state.waiting.drain(..most).collect()
            };
            let (jobs, senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            for (answer, sender) in worker.run(jobs).await.into_iter().zip(senders) {
                // who hung up hears no answer
                let _gone = sender.send(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Adder(Arc<Mutex<Vec<usize>>>);

    impl Work for Adder {
        type Job = u32;
        type Answer = u32;

        async fn run(&mut self, jobs: Vec<u32>) -> Vec<u32> {
            self.0.lock().unwrap().push(jobs.len());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            jobs.into_iter().map(|j| j + 1).collect()
        }
    }

    #[tokio::test]
    async fn what_comes_while_a_batch_is_worked_off_is_the_next_batch() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let batcher = Batcher::new(vec![Adder(Arc::clone(&sizes))], 10, 100);
        let asks = (0..25).map(|i| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.submit(vec![i]).await })
        });
        let answers = futures_util::future::join_all(asks).await;
        for (i, answer) in (0..).zip(answers) {
            assert_eq!(answer.unwrap(), Some(vec![i + 1]));
        }
        let sizes = sizes.lock().unwrap().clone();
        assert!(sizes.len() < 25 && sizes.iter().all(|s| *s <= 10), "{sizes:?}");
        assert_eq!(batcher.submit((0..25).collect()).await.unwrap(), (1..26).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn more_than_there_is_room_for_are_refused() {
        let batcher = Batcher::new(vec![Adder(Arc::default())], 10, 20);
        assert_eq!(batcher.submit((0..21).collect()).await, None);
        assert!(batcher.submit((0..20).collect()).await.is_some());
    }
}
