//! What will come in later, in the order of its time.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::channel::{Answer, Inbound, InboundEvent, InboundSender};

/// Events to come; beyond it people do not answer any more.
const LIMIT: usize = 200_000;
const RETRY: Duration = Duration::from_secs(1);
const TRIES: u32 = 60;

/// An event to come.
pub(super) struct Planned {
    pub event: Inbound,
    /// A receipt is brought even at the end; a person's answer is not.
    pub must: bool,
    pub tries: u32,
}

#[derive(Default)]
struct State {
    events: BTreeMap<(Instant, u64), Planned>,
    number: u64,
    unanswered: usize,
    ending: bool,
}

pub(super) struct Plan {
    state: Mutex<State>,
    wake: Notify,
    inbound: InboundSender,
}

impl Plan {
    pub fn start(inbound: InboundSender) -> Arc<Self> {
        let plan = Arc::new(Self { state: Mutex::default(), wake: Notify::new(), inbound });
        tokio::spawn(carry_out(Arc::downgrade(&plan)));
        plan
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, after: Duration, planned: Planned) {
        let mut state = self.lock();
        if state.events.len() >= LIMIT && !planned.must {
            return;
        }
        state.number += 1;
        let after = if state.ending { Duration::ZERO } else { after };
        let key = (Instant::now() + after, state.number);
        let is_first = state.events.first_key_value().is_none_or(|(first, _)| key < *first);
        state.events.insert(key, planned);
        drop(state);
        if is_first {
            self.wake.notify_one();
        }
    }

    fn take_due(&self, now: Instant) -> Vec<Planned> {
        let mut state = self.lock();
        let later = state.events.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.events, later);
        state.unanswered += due.len();
        due.into_values().collect()
    }

    fn next(&self) -> Option<Instant> {
        self.lock().events.first_key_value().map(|((at, _), _)| *at)
    }

    async fn bring(self: Arc<Self>, mut planned: Planned) {
        let (event, answer) = InboundEvent::new(planned.event.clone());
        let stored = self.inbound.send(event).await.is_ok() && matches!(answer.await, Ok(Answer::Done));
        self.lock().unanswered -= 1;
        planned.tries += 1;
        if !stored && planned.tries < TRIES && !self.inbound.is_closed() {
            self.add(RETRY, planned);
        }
    }

    /// Brings all receipts now; answers of people are dropped.
    pub async fn finish(&self, limit: Duration) {
        {
            let mut state = self.lock();
            state.ending = true;
            let events = std::mem::take(&mut state.events);
            let now = Instant::now();
            state.events = events.into_iter().filter(|(_, p)| p.must).map(|((_, n), p)| ((now, n), p)).collect();
        }
        self.wake.notify_one();
        let all = async {
            loop {
                let done = {
                    let state = self.lock();
                    state.events.is_empty() && state.unanswered == 0
                };
                if done {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(limit, all).await;
    }
}

async fn carry_out(plan: Weak<Plan>) {
    loop {
        let Some(plan) = plan.upgrade() else { return };
        for planned in plan.take_due(Instant::now()) {
            tokio::spawn(plan.clone().bring(planned));
        }
        let next = plan.next();
        // the plan itself must not keep its task, and so itself, alive for ever
        let limit = Instant::now() + Duration::from_secs(1);
        let wake = async {
            tokio::select! {
                () = plan.wake.notified() => {}
                () = sleep_until(next.map_or(limit, |n| n.min(limit))) => {}
            }
        };
        wake.await;
    }
}
