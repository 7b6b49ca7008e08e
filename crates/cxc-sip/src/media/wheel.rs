//! The clock of prompts: a frame every 20 ms for each of them, spread over four turns of 5 ms.
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use super::Prompt;
use super::stream::Shared;

const TURNS: usize = 4;
const TURN: Duration = Duration::from_millis(5);

/// Plays prompts, on one task. Cheap to clone; the task ends with the last clone.
#[derive(Clone)]
pub struct Wheel(UnboundedSender<Playing>);

struct Playing {
    stream: Weak<Shared>,
    number: u64,
    prompt: Prompt,
    at: usize,
}

impl Wheel {
    /// Starts the clock.
    pub fn start() -> Self {
        let (add, added) = unbounded_channel();
        tokio::spawn(turn(added));
        Self(add)
    }

    pub(super) fn add(&self, stream: Weak<Shared>, number: u64, prompt: Prompt) {
        // the task lives as long as this sender
        let _sent = self.0.send(Playing { stream, number, prompt, at: 0 });
    }
}

async fn turn(mut added: UnboundedReceiver<Playing>) {
    let mut slots: [Vec<Playing>; TURNS] = Default::default();
    let mut clock = interval(TURN);
    // late turns are made up for: the far end's buffer counts on 50 frames a second
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in (0..TURNS).cycle() {
        // nothing plays: the clock stands
        if slots.iter().all(Vec::is_empty) {
            match added.recv().await {
                Some(playing) => slots[turn].push(playing),
                None => return,
            }
            clock.reset_immediately();
        }
        clock.tick().await;
        while let Ok(playing) = added.try_recv() {
            slots[turn].push(playing);
        }
        slots[turn].retain_mut(|playing| {
            let Some(stream) = playing.stream.upgrade() else { return false };
            playing.at += 1;
            stream.frame(playing.number, &playing.prompt, playing.at - 1)
        });
    }
}
