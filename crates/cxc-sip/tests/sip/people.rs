//! Made-up people and phones, called as a carrier's people are.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::Result;
use cxc_core::enumerations::CallResult;
use cxc_core::phone::PhoneParser;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::CallEvent;
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_sip::engine::{EngineOptions, Phone, Report};
use cxc_sip::people::{Manners, People};
use tokio_util::sync::CancellationToken;

use crate::support::{Bed, trunk};

const AGENT: AgentId = AgentId(1);
const MANNERS: Manners = Manners { answer: 1.0, busy: 0.0, ring: (0.1, 0.3), talk: (0.5, 1.0) };

/// An engine with a trunk to people of such manners, until the token is used.
async fn among(manners: Manners) -> Result<(Bed, SocketAddr, CancellationToken)> {
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let (address, stop) = (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), CancellationToken::new());
    let people = People::open(address, 30_000..=30_999, Arc::new(PhoneParser::new()?), manners).await?;
    tokio::spawn(people.live(stop.clone()));
    Ok((Bed::new(vec![trunk("one", address)], EngineOptions::default()).await?, address, stop))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_answer_talk_and_hang_up_and_a_phone_stays() -> Result<()> {
    let (mut bed, address, stop) = among(MANNERS).await?;
    bed.engine.log_in(AGENT, Phone::at(&format!("sip:agent1@{address}")));
    bed.until("phone", |report| *report == Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LogIn))).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    bed.event(call, CallEvent::RemoteHangup).await?;
    let gone = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LegLost));
    assert!(!bed.seen.contains(&gone), "the phone is there for the next call");
    stop.cancel();
    bed.until("the end of the phone", |report| *report == gone).await?;
    bed.is_empty().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_are_busy_and_some_let_it_ring() -> Result<()> {
    let (mut bed, _, _stop) = among(Manners { busy: 1.0, ..MANNERS }).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Failed(CallResult::Busy)).await?;

    let (mut bed, _, _stop) = among(Manners { answer: 0.0, ..MANNERS }).await?;
    let call = bed.call();
    bed.ringing(call).await?;
    let now = bed.engine.clock().now();
    bed.engine.cancel(call, now);
    bed.event(call, CallEvent::Failed(CallResult::NoAnswer)).await?;
    bed.is_empty().await
}
