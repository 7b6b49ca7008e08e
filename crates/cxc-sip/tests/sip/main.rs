//! The SIP engine against real peers on loopback.
mod calls;
mod group;
mod media;
mod support;
