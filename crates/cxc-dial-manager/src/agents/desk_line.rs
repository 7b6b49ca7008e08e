//! The way from an agent's place to the desk that shows it. A desk that takes nothing is cut off, never waited for.
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::protocol::{Closing, Event};

/// So much may wait for a desk.
const WAITING: usize = 64;

/// Where what happens to an agent is told.
#[derive(Clone)]
pub struct DeskLine(Sender<Event>);

impl DeskLine {
    /// A line and its far end.
    pub fn new() -> (Self, Receiver<Event>) {
        let (tell, told) = channel(WAITING);
        (Self(tell), told)
    }

    /// Tells the desk; false if it does not listen.
    pub fn tell(&self, event: Event) -> bool {
        self.0.try_send(event).is_ok()
    }

    /// Says goodbye.
    pub fn close(&self, reason: Closing) {
        // a desk that is full or gone is closed without a word
        let _unheard = self.tell(Event::Closed { reason });
    }

    /// Whether both are the same line.
    pub fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}
