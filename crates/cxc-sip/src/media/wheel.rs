//! The clock of prompts and of those who listen: a frame every 20 ms for each of them, spread over four turns of 5 ms.
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

const TURNS: usize = 4;
const TURN: Duration = Duration::from_millis(5);

/// Deals with a frame; false once there are no more.
type Turn = Box<dyn FnMut() -> bool + Send>;

/// Plays prompts and listens, on one task. Cheap to clone; the task ends with the last clone.
#[derive(Clone)]
pub struct Wheel(UnboundedSender<Turn>);

impl Wheel {
    /// Starts the clock.
    pub fn start() -> Self {
        let (add, added) = unbounded_channel();
        tokio::spawn(turn(added));
        Self(add)
    }

    pub(super) fn add(&self, turn: impl FnMut() -> bool + Send + 'static) {
        // the task lives as long as this sender
        let _sent = self.0.send(Box::new(turn));
    }
}

async fn turn(mut added: UnboundedReceiver<Turn>) {
    let mut slots: [Vec<Turn>; TURNS] = Default::default();
    let mut clock = interval(TURN);
    // late turns are made up for: the far end's buffer counts on 50 frames a second
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in (0..TURNS).cycle() {
        // nothing plays and nobody listens: the clock stands
        if slots.iter().all(Vec::is_empty) {
            match added.recv().await {
                Some(frame) => slots[turn].push(frame),
                None => return,
            }
            clock.reset_immediately();
        }
        clock.tick().await;
        while let Ok(frame) = added.try_recv() {
            slots[turn].push(frame);
        }
        slots[turn].retain_mut(|frame| frame());
    }
}
