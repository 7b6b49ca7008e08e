//! Sends SMS and email: content, channels, delivery results, opt-outs.

pub mod channel;
pub mod content;
