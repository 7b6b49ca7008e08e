//! From end to end: the real binary on a real database with peers that record what they got.
//! `CXC_TEST_ENGINE` says which database.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that finds something else than it expects has failed"
)]
#[path = "e2e/agents.rs"]
mod agents;
#[path = "e2e/asterisk.rs"]
mod asterisk;
#[path = "e2e/audience.rs"]
mod audience;
#[path = "e2e/caller_ids.rs"]
mod caller_ids;
#[path = "e2e/callers.rs"]
mod callers;
#[path = "e2e/campaign.rs"]
#[expect(dead_code, reason = "the bench uses more of it")]
mod campaign;
#[path = "e2e/caps.rs"]
mod caps;
#[path = "e2e/clock.rs"]
mod clock;
#[path = "e2e/desk.rs"]
mod desk;
#[path = "e2e/dialing.rs"]
mod dialing;
#[path = "e2e/failover.rs"]
mod failover;
#[path = "e2e/inbound.rs"]
mod inbound;
#[path = "e2e/isolation.rs"]
mod isolation;
#[path = "e2e/ivr.rs"]
mod ivr;
#[path = "e2e/kill.rs"]
mod kill;
#[path = "e2e/live.rs"]
mod live;
#[path = "e2e/outages.rs"]
mod outages;
#[path = "e2e/preview.rs"]
mod preview;
#[path = "e2e/prompts.rs"]
mod prompts;
#[path = "e2e/rung_phones.rs"]
mod rung_phones;
#[path = "e2e/rung_previews.rs"]
mod rung_previews;
#[path = "e2e/secure.rs"]
mod secure;
#[path = "e2e/sells.rs"]
mod sells;
#[path = "e2e/stopping.rs"]
mod stopping;
#[path = "e2e/talks.rs"]
mod talks;
#[path = "e2e/tools.rs"]
mod tools;
#[path = "e2e/trunks.rs"]
mod trunks;
#[path = "e2e/voice.rs"]
mod voice;
#[path = "e2e/whole_path.rs"]
mod whole_path;
#[path = "e2e/words.rs"]
mod words;
#[path = "e2e/world.rs"]
mod world;
