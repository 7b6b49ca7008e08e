//! Connections to one mail server, shared by all senders of an account.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::session::{Abilities, OpenError, Session, Target};
use crate::channel::backoff::Backoff;
use crate::channel::{CarrierStatus, Now, Outcome};

/// A connection idle for longer is closed: servers drop it soon after.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// A connection is renewed after this time and this many messages, so that load moves with the server's addresses.
const AGE_LIMIT: Duration = Duration::from_secs(600);
const MESSAGES_LIMIT: u32 = 5_000;
/// How often idle connections are looked through.
const SWEEP: Duration = Duration::from_secs(5);
/// How long an account goes slower after a "too fast".
const THROTTLE: Duration = Duration::from_secs(5);

enum Health {
    Connecting,
    Up,
    Down { reason: String, until: Instant },
    Closed,
}

struct State {
    idle: Vec<Session>,
    health: Health,
    backoff: Backoff,
    throttled_until: Option<Instant>,
}

pub(super) struct Pool {
    target: Target,
    room: Arc<Semaphore>,
    connections: u32,
    state: Mutex<State>,
    wake: Notify,
    now: Now,
}

/// A connection for one message. Dropped without [`Lease::give_back`], it is closed.
pub(super) struct Lease {
    pool: Arc<Pool>,
    session: Session,
    _room: OwnedSemaphorePermit,
}

impl Lease {
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    pub fn abilities(&self) -> &Abilities {
        &self.session.abilities
    }

    /// Returns the connection if it is good for another message.
    pub fn give_back(self, reusable: bool, account_fault: Option<String>) {
        let mut state = self.pool.lock();
        if let Some(reason) = account_fault {
            state.go_down(reason);
            drop(state);
            self.pool.wake.notify_one();
        } else if matches!(state.health, Health::Closed) {
            drop(state);
            tokio::spawn(self.session.quit());
        } else if reusable && !self.session.is_worn() {
            state.idle.push(self.session);
        }
    }
}

impl Session {
    fn is_worn(&self) -> bool {
        self.messages >= MESSAGES_LIMIT || self.born.elapsed() > AGE_LIMIT
    }
}

impl State {
    fn go_down(&mut self, reason: String) {
        if !matches!(self.health, Health::Closed) {
            let wait = self.backoff.next();
            self.health = Health::Down { reason, until: Instant::now() + wait };
        }
    }

    fn go_up(&mut self) {
        if !matches!(self.health, Health::Closed) {
            self.backoff.reset();
            self.health = Health::Up;
        }
    }
}

impl Pool {
    pub fn start(target: Target, connections: u32, now: Now) -> Arc<Self> {
        let state = State {
            idle: Vec::new(),
            health: Health::Connecting,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)),
            throttled_until: None,
        };
        let pool = Arc::new(Self {
            target,
            room: Arc::new(Semaphore::new(connections as usize)),
            connections,
            state: Mutex::new(state),
            wake: Notify::new(),
            now,
        });
        tokio::spawn(keep(Arc::downgrade(&pool)));
        pool
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, idle or new. The outcome of not having one is always "not sent".
    pub async fn lease(self: &Arc<Self>) -> Result<Lease, Outcome> {
        let room = self.room.clone().acquire_owned().await.map_err(|_| closed())?;
        if let Some(session) = self.take_idle()? {
            return Ok(Lease { pool: self.clone(), session, _room: room });
        }
        match Session::open(&self.target).await {
            Ok(session) => {
                self.lock().go_up();
                Ok(Lease { pool: self.clone(), session, _room: room })
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    // the freshest connection that still looks alive; none: open one
    fn take_idle(&self) -> Result<Option<Session>, Outcome> {
        let mut state = self.lock();
        match &state.health {
            Health::Closed => return Err(closed()),
            Health::Down { reason, until } => {
                let after = Some(until.saturating_duration_since(Instant::now()));
                return Err(Outcome::Retry { detail: reason.clone(), after, throttled: false });
            }
            Health::Connecting | Health::Up => {}
        }
        while let Some(session) = state.idle.pop() {
            if session.used.elapsed() < IDLE_LIMIT && session.is_quiet() {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    fn unreachable(&self, error: &OpenError) -> Outcome {
        let mut state = self.lock();
        // one that fails beside working ones is a limit of the server, not its absence
        let alone = self.room.available_permits() + 1 >= self.connections as usize && state.idle.is_empty();
        let refused = matches!(error, OpenError::Refused(_));
        if !refused || alone || !matches!(state.health, Health::Up) {
            state.go_down(error.to_string());
            drop(state);
            self.wake.notify_one();
        }
        Outcome::Retry { detail: error.to_string(), after: Some(Duration::from_secs(1)), throttled: refused }
    }

    /// Notes whether the server asked to slow down.
    pub fn throttled(&self, slow: bool) {
        if slow {
            self.lock().throttled_until = Some(Instant::now() + THROTTLE);
        }
    }

    pub fn status(&self) -> CarrierStatus {
        let state = self.lock();
        match &state.health {
            Health::Connecting => CarrierStatus::Connecting,
            Health::Down { reason, .. } => CarrierStatus::Down { reason: reason.clone() },
            Health::Closed => CarrierStatus::Closed,
            Health::Up => {
                let left = state.throttled_until.map(|t| t.saturating_duration_since(Instant::now()));
                match left.filter(|d| !d.is_zero()) {
                    Some(left) => {
                        let micros = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
                        CarrierStatus::Throttled { until: (self.now)().saturating_add(micros) }
                    }
                    None => CarrierStatus::Connected,
                }
            }
        }
    }

    /// Lets messages under way finish, then says goodbye on every connection.
    pub async fn close(&self, limit: Duration) {
        let all = timeout(limit, self.room.acquire_many(self.connections)).await;
        let idle = {
            let mut state = self.lock();
            state.health = Health::Closed;
            std::mem::take(&mut state.idle)
        };
        self.room.close();
        self.wake.notify_one();
        drop(all);
        futures_util::future::join_all(idle.into_iter().map(Session::quit)).await;
    }

    // the wait before the next try, if the server can't be reached
    fn time_to_retry(&self) -> Option<Duration> {
        match &self.lock().health {
            Health::Connecting => Some(Duration::ZERO),
            Health::Down { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            Health::Up | Health::Closed => None,
        }
    }

    async fn probe(&self) {
        // it counts as a connection like any other; without room, senders are at it themselves
        let Ok(_room) = self.room.try_acquire() else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        };
        match Session::open(&self.target).await {
            Ok(session) => {
                let mut state = self.lock();
                state.go_up();
                state.idle.push(session);
            }
            Err(error) => {
                tracing::warn!(host = %self.target.host, %error, "mail server not available");
                self.lock().go_down(error.to_string());
            }
        }
    }

    fn take_stale(&self) -> Vec<Session> {
        let mut state = self.lock();
        let (stale, fresh) = std::mem::take(&mut state.idle)
            .into_iter()
            .partition(|s| s.used.elapsed() >= IDLE_LIMIT || s.is_worn() || !s.is_quiet());
        state.idle = fresh;
        stale
    }
}

fn closed() -> Outcome {
    Outcome::not_sent("the channel is closed")
}

// reconnects while the server is away and closes what is no longer used; ends with the pool
async fn keep(pool: Weak<Pool>) {
    loop {
        let Some(alive) = pool.upgrade() else { return };
        if matches!(alive.lock().health, Health::Closed) {
            return;
        }
        match alive.time_to_retry() {
            Some(wait) if wait.is_zero() => alive.probe().await,
            Some(wait) => {
                drop(alive);
                tokio::time::sleep(wait.min(SWEEP)).await;
            }
            None => {
                let _ = timeout(SWEEP, alive.wake.notified()).await;
                let stale = alive.take_stale();
                drop(alive);
                futures_util::future::join_all(stale.into_iter().map(Session::quit)).await;
            }
        }
    }
}
