//! Whether the clock can be trusted: a window judged by a wrong clock contacts people at night.
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use cxc_server::App;
use cxc_store::{Engine, StoreError};

/// How far this machine's clock may be from the database's, and how far back it may be set; microseconds.
const MOST: i64 = 1_000_000;
/// How long an answer holds.
const LOOK: Duration = Duration::from_secs(2);

const SKEWED: &str = "the clocks of this machine and of the database differ by more than a second";
const SET_BACK: &str = "the clock was set back by more than a second";
const BEHIND: &str = "the clock is behind the newest decision that is kept: it was set back while nothing ran";
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
                // the others go on with what was found last while one looks; the first look is everybody's own
                Some((_, fault)) => state.looked = Some((Instant::now(), fault)),
                None => {}
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
        let before = self.app.now();
        let told = async {
            let mut tx = self.app.db.read().await?;
            let kept = tx.clock_floor().await?;
            Ok::<_, StoreError>((kept, tx.now().await?))
        };
        let told = told.await;
        let after = self.app.now();
        // an embedded database reads this very clock
        let is_other = self.app.db.engine() == Engine::Postgres;
        match told {
            Ok((Some(kept), _)) if kept > after + MOST => Some(BEHIND),
            Ok((_, theirs)) if is_other && (theirs < before - MOST || theirs > after + MOST) => Some(SKEWED),
            Ok(_) => None,
            Err(_) => Some(UNKNOWN),
        }
    }
}
