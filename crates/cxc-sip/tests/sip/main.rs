//! The SIP engine against real peers on loopback.
mod asterisk;
mod calls;
mod ears;
mod group;
mod incoming;
mod media;
mod people;
mod phones;
mod proxies;
mod recording;
mod sessions;
mod support;
mod talks;
mod voices;
