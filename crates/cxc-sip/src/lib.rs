//! The engine of the dialer: a user agent that places calls by SIP, a client of an Asterisk that does, their media, the trunks
//! that carry them, and the runner that drives a campaign group with it. The SIP library is known to [`ua`] alone.

pub mod ari;
pub mod engine;
pub mod media;
pub mod people;
pub mod result;
pub mod run;
pub mod sdp;
pub mod trunk;
pub mod ua;
