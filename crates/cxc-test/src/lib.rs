//! A peer that cannot start fails the test with the reason; nothing is skipped.
pub mod answer;
pub mod app;
pub mod caller;
pub mod clock;
pub mod cxc;
pub mod db;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod smsc;
pub mod smtp;
pub mod smtp_rules;
pub mod tools;

pub use answer::Answer;
pub use app::{Make, TestApp, TestTenant};
pub use caller::{Call, Caller};
pub use clock::TestClock;
pub use cxc::Cxc;
pub use db::{Database, TestDb, begun};
pub use ports::Port;
pub use postgres::Postgres;
pub use process::{Process, Signal};
pub use redis::Redis;
pub use smsc::{Smsc, Submit};
pub use smtp::{FastSmtpSink, SmtpSink};
pub use smtp_rules::{Received, Rule, SmtpOptions, Stage};
