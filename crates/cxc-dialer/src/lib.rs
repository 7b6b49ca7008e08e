//! The voice dialer's core: pacing, call and agent state machines, and the simulator. No I/O and no clock: instants are
//! handed in, so the code that dials is the code that is simulated.

pub mod abandon;
pub mod agent;
pub mod amd;
pub mod call;
pub mod engine;
pub mod group;
pub mod ivr;
pub mod pacing;
pub mod sim;
