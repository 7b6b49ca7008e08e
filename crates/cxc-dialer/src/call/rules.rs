//! What the calls of a group are bound by.
use cxc_core::Micros;

/// The deadlines, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRules {
    /// To be sent.
    pub placing: Micros,
    /// To the first sign of the far end.
    pub progress: Micros,
    /// Of ringing.
    pub max_ring: Micros,
    /// A call that has rung for so long may be given up for a new one while the budget of abandoned calls is used up.
    pub least_ring: Micros,
    /// Of a transaction that was cancelled and does not end.
    pub transaction: Micros,
    /// Of answering machine detection before an agent is looked for; none where that is off.
    pub classify: Option<Micros>,
    /// The silence by which it tells a person: their wait counts from its beginning, the end of their greeting.
    pub greeted: Micros,
    /// What becomes of a machine.
    pub machine: OnMachine,
    /// Of the message that a machine gets, its beep included.
    pub machine_message: Micros,
    /// Of connecting a reserved agent.
    pub connect: Micros,
    /// Of a person's wait for an agent, from the answer on.
    pub threshold: Micros,
    /// Of the message that an abandoned person hears.
    pub message: Micros,
    /// Of a script that speaks with the person first; none where calls have none.
    pub script: Option<Micros>,
    /// Of a talk; then a warning.
    pub max_talk: Micros,
    /// From the warning to the end.
    pub grace: Micros,
}

impl Default for CallRules {
    fn default() -> Self {
        const SECOND: Micros = 1_000_000;
        Self {
            placing: SECOND,
            progress: 8 * SECOND,
            max_ring: 25 * SECOND,
            least_ring: 15 * SECOND,
            transaction: 32 * SECOND,
            classify: None,
            greeted: 800_000,
            machine: OnMachine::Drop,
            machine_message: 120 * SECOND,
            connect: SECOND / 2,
            threshold: 2 * SECOND,
            message: 12 * SECOND,
            script: None,
            max_talk: 4 * 3600 * SECOND,
            grace: 30 * SECOND,
        }
    }
}

/// What becomes of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMachine {
    /// The call is ended.
    Drop,
    /// It gets a message.
    Message,
    /// It is treated as a person.
    Connect,
}
