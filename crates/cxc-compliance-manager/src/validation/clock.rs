//! Whether the clock can be trusted: a window judged by a wrong clock contacts people at night.
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use cxc_server::App;
use cxc_store::Engine;

/// How far this machine's clock may be from the database's, and how far back it may be set; microseconds.
const MOST: i64 = 1_000_000;
/// How long an answer holds.
const LOOK: Duration = Duration::from_secs(2);

const SKEWED: &str = "the clocks of this machine and of the database differ by more than a second";
const SET_BACK: &str = "the clock was set back by more than a second";
const UNKNOWN: &str = "the database does not tell its time";

/// Watches the clock.
pub struct ClockGuard {
    app: App,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latest: i64,
    looked: Option<(Instant, Option<&'static str>)>,
}

impl ClockGuard {
    /// A guard that has seen nothing yet.
    pub fn new(app: App) -> Self {
        Self { app, state: Mutex::default() }
    }

    /// Why nobody may be contacted by this clock now.
    pub async fn fault(&self) -> Option<&'static str> {
        // a clock that tests move is no clock of a machine
        if !self.app.clock.is_of_machine() {
            return None;
        }
        let now = self.app.now();
        {
            let mut state = self.lock();
            if now < state.latest - MOST {
                return Some(SET_BACK);
            }
            state.latest = state.latest.max(now);
            match state.looked {
                Some((at, fault)) if at.elapsed() < LOOK => return fault,
                // the others go on with what was found last while one looks
                _ => state.looked = Some((Instant::now(), state.looked.and_then(|(_, fault)| fault))),
            }
        }
        let fault = self.look().await;
        self.lock().looked = Some((Instant::now(), fault));
        fault
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) -> Option<&'static str> {
        // an embedded database reads this very clock
        if self.app.db.engine() == Engine::Sqlite {
            return None;
        }
        let before = self.app.now();
        let theirs = async { self.app.db.read().await?.now().await };
        let theirs = theirs.await;
        let after = self.app.now();
        match theirs {
            Ok(theirs) if theirs < before - MOST || theirs > after + MOST => Some(SKEWED),
            Ok(_) => None,
            Err(_) => Some(UNKNOWN),
        }
    }
}
