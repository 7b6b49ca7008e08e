//! baresip as the phone of an agent.
use std::time::{Duration, Instant};

use anyhow::Result;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_sip::engine::{EngineOptions, Phone, Report};
use cxc_sip::trunk::TrunkOptions;
use cxc_sip::ua::Transport;
use cxc_test::{Baresip, BaresipOptions};

use crate::support::{Bed, PATIENCE, Sipp, spec, trunk, trust};
use crate::voices::{Voice, level};

const AGENT: AgentId = AgentId(1);
/// The pitches of persons and of agents.
const PERSON: f32 = 450.0;
const AGENT_HERTZ: f32 = 1_000.0;

fn plain(phone: &Baresip) -> Phone {
    let uri = format!("sip:agent@{}", phone.address());
    Phone::at(&uri)
}

/// The phone answers by itself and is there.
async fn logs_in(bed: &mut Bed, phone: Phone) -> Result<()> {
    bed.engine.log_in(AGENT, phone);
    let is_up = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LogIn));
    bed.until("phone", |report| *report == is_up).await.map(|_| ())
}

/// A person is called and talks with the agent until both have heard each other.
async fn talks(bed: &mut Bed, person: &Voice, phone: &Baresip) -> Result<CallId> {
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    person.speaks().await?;
    person.hears("a").await?;
    phone.hears(|heard| heard.len() > 4_000 && level(heard, PERSON) > 1_500.0).await?;
    Ok(call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_answers_by_itself_stays_and_hears_and_is_heard_in_each_call() -> Result<()> {
    let phone = Baresip::start(&BaresipOptions { hertz: AGENT_HERTZ, ..BaresipOptions::default() })?;
    let (one, two) = (Voice::start('p')?, Voice::start('p')?);
    let mut second = trunk("two", two.sipp.address());
    second.countries = cxc_core::location::Country::from_code("GB").into_iter().collect();
    let mut bed = Bed::new(vec![trunk("one", one.sipp.address()), second], EngineOptions::default()).await?;
    logs_in(&mut bed, plain(&phone)).await?;

    let call = talks(&mut bed, &one, &phone).await?;
    bed.hangup(call);
    one.finish()?;
    // silence in between: nobody is bridged, and the phone is still there
    let gone = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LegLost));
    let call = bed.call_to("+442079460000");
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    two.speaks().await?;
    two.hears("a").await?;
    assert!(!bed.seen.contains(&gone), "nailed up");

    phone.hang_up()?;
    bed.until("the end of the phone", |report| *report == gone).await?;
    two.hears_nothing().await?;
    bed.hangup(call);
    bed.is_empty().await?;
    two.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_without_a_word_is_missed_and_who_only_says_nothing_is_not() -> Result<()> {
    let (person, phone) = (Sipp::start("answer", 1, &[])?, Sipp::start("answer", 1, &[])?);
    let mut bed = Bed::to(&person).await?;
    logs_in(&mut bed, Phone::at(&format!("sip:agent@{}", phone.address()))).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    // both are asked, and answer
    let quiet = bed.within(Duration::from_secs(13), "an end", |report| matches!(report, Report::Event(_))).await;
    assert!(quiet.is_err(), "{quiet:?}");

    phone.freeze()?;
    let gone = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LegLost));
    bed.within(2 * PATIENCE, "the end of the phone", |report| *report == gone).await?;
    person.freeze()?;
    bed.within(2 * PATIENCE, "the end of the call", |report| {
        *report == Report::Event(EngineEvent::Call(call, CallEvent::RemoteHangup))
    })
    .await?;
    bed.is_empty().await
}

/// A phone that is called by TLS, its audio encrypted.
fn secure(phone: &Baresip) -> Result<Phone> {
    let uri = format!("sip:agent@{};transport=tls", phone.tls_address());
    let trust = Some(trust(&[phone.certificate()])?);
    Ok(Phone { transport: Transport::Tls, trust, srtp: true, ..Phone::at(&uri) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_by_tls_hears_and_is_heard_though_all_of_it_is_encrypted() -> Result<()> {
    let phone = Baresip::start(&BaresipOptions { hertz: AGENT_HERTZ, srtp: true, ..BaresipOptions::default() })?;
    let person = Voice::start('p')?;
    let mut bed = Bed::new(vec![trunk("one", person.sipp.address())], EngineOptions::default()).await?;
    logs_in(&mut bed, secure(&phone)?).await?;
    let call = talks(&mut bed, &person, &phone).await?;
    bed.hangup(call);
    person.finish()?;
    let gone = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LegLost));
    phone.hang_up()?;
    bed.until("the end of the phone", |report| *report == gone).await?;
    bed.is_empty().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_asks_for_it_gets_encrypted_audio_and_reports() -> Result<()> {
    let user = spec().number;
    let person = Baresip::start(&BaresipOptions { hertz: PERSON, srtp: true, user })?;
    let agent = Voice::start('a')?;
    let by_tls = TrunkOptions {
        transport: Transport::Tls,
        trust: Some(trust(&[person.certificate()])?),
        srtp: true,
        ..trunk("one", person.tls_address())
    };
    let mut bed = Bed::new(vec![by_tls], EngineOptions::default()).await?;
    logs_in(&mut bed, agent.phone()).await?;
    let start = Instant::now();
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    agent.speaks().await?;
    agent.hears("p").await?;
    person.hears(|heard| heard.len() > 4_000 && level(heard, AGENT_HERTZ) > 1_500.0).await?;
    // baresip reports every five seconds
    tokio::time::sleep(Duration::from_secs(8).saturating_sub(start.elapsed())).await;
    bed.hangup(call);
    let audio = bed.until("audio", |report| matches!(report, Report::Audio(..))).await?;
    let Report::Audio(_, counts) = audio else { unreachable!() };
    // baresip pokes holes for its media before we know of its answer: those two are refused
    assert!(counts.received > 250 && counts.refused <= 2 && counts.far_lost.is_some(), "{counts:?}");
    bed.engine.log_out(AGENT);
    bed.is_empty().await?;
    agent.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_encrypt_where_that_is_asked_for_is_not_talked_to() -> Result<()> {
    let peer = Sipp::start("answer", 1, &[])?;
    let options = TrunkOptions { srtp: true, ..trunk("one", peer.address()) };
    let mut bed = Bed::new(vec![options], EngineOptions::default()).await?;
    let call = bed.call();
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::DialError));
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_hung_up_when_its_agent_leaves() -> Result<()> {
    let phone = Baresip::start(&BaresipOptions { hertz: AGENT_HERTZ, ..BaresipOptions::default() })?;
    let mut bed = Bed::new(vec![], EngineOptions::default()).await?;
    for _ in 0..2 {
        logs_in(&mut bed, plain(&phone)).await?;
        bed.seen.clear();
        bed.engine.log_out(AGENT);
        bed.is_empty().await?;
    }
    Ok(())
}
