//! Calls by an Asterisk, to SIPp peers behind it.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, CallSpec, EngineEvent};
use cxc_dialer::pacing::Why;
use cxc_sip::ari::{Asterisk as Client, AsteriskOptions};
use cxc_sip::engine::{EngineOptions, Report, Sounds, TalkOrder, Third, ThirdParty};
use cxc_sip::media::Codec;
use cxc_sip::trunk::TrunkOptions;
use cxc_sip::ua::Credentials;
use cxc_test::{ASTERISK_PASSWORD, ASTERISK_USER, Asterisk};

use crate::support::{self, Bed, PATIENCE, Sipp, spec, tone, trunk, trust};
use crate::talks::{self, CALL, Room, THIRD, abroad};
use crate::voices::Voice;

const AGENT: AgentId = AgentId(1);

fn options(asterisk: &Asterisk, peer: SocketAddr) -> Result<AsteriskOptions> {
    Ok(AsteriskOptions {
        host: "127.0.0.1".into(),
        place: asterisk.address(),
        is_secure: false,
        trust: trust(&[asterisk.certificate()])?,
        path: "/ari".into(),
        credentials: Credentials { user: ASTERISK_USER.into(), password: ASTERISK_PASSWORD.into() },
        application: "cxc-1-1".into(),
        endpoint: format!("PJSIP/carrier/sip:{{number}}@{peer}"),
        codec: Codec::Pcmu,
    })
}

fn by(options: AsteriskOptions) -> Result<TrunkOptions> {
    let place = options.place;
    Ok(TrunkOptions { asterisk: Some(Arc::new(Client::start(options)?)), ..trunk("pbx", place) })
}

async fn waits_until_there(bed: &Bed, is_there: bool) -> Result<()> {
    let start = Instant::now();
    while (bed.engine.trunks().room(bed.engine.clock().now()).0 > 0) != is_there {
        ensure!(start.elapsed() < PATIENCE, "Asterisk should be there: {is_there}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// A bed whose calls go by an Asterisk to a peer.
async fn bed(asterisk: &Asterisk, peer: SocketAddr) -> Result<Bed> {
    let bed = Bed::new(vec![by(options(asterisk, peer)?)?], EngineOptions::default()).await?;
    waits_until_there(&bed, true).await?;
    Ok(bed)
}

/// Nothing is left, here or there.
async fn is_empty(bed: &mut Bed, asterisk: &Asterisk) -> Result<()> {
    bed.is_empty().await?;
    asterisk.is_empty().await?;
    let start = Instant::now();
    while bed.engine.asterisk_legs() > 0 {
        ensure!(start.elapsed() < PATIENCE, "something is left of a call");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Puts an agent with a voice on the line.
async fn agent_comes(bed: &mut Bed, agent: &Voice) -> Result<()> {
    bed.engine.log_in(AGENT, agent.phone());
    let is_up = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LogIn));
    bed.until("the agent", |report| *report == is_up).await.map(|_| ())
}

async fn connected(bed: &mut Bed) -> Result<CallId> {
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    let now = bed.engine.clock().now();
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    Ok(call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn person_and_agent_hear_each_other_and_either_hangs_up() -> Result<()> {
    let (agent, person) = (Voice::start('a')?, Voice::start('p')?);
    let asterisk = Asterisk::before(person.sipp.address())?;
    // Asterisk converts between the two laws
    let by_alaw = AsteriskOptions { codec: Codec::Pcma, ..options(&asterisk, person.sipp.address())? };
    let mut bed = Bed::new(vec![by(by_alaw)?], EngineOptions::default()).await?;
    waits_until_there(&bed, true).await?;
    agent_comes(&mut bed, &agent).await?;

    let call = connected(&mut bed).await?;
    for event in [CallEvent::Sent, CallEvent::Provisional, CallEvent::Ringing] {
        assert!(bed.seen.contains(&Report::Event(EngineEvent::Call(call, event))), "{event:?}");
    }
    person.speaks().await?;
    agent.speaks().await?;
    agent.hears("p").await?;
    person.hears("a").await?;
    bed.engine.talk(call, TalkOrder::Press("4*".into()));
    assert_eq!(person.keys(2).await?, [4, 10]);
    bed.hangup(call);
    person.finish()?;
    bed.engine.log_out(AGENT);
    is_empty(&mut bed, &asterisk).await?;
    agent.finish()?;

    let guest = Voice::for_so_long('p', "1500")?;
    let mut bed = self::bed(&asterisk, guest.sipp.address()).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    bed.event(call, CallEvent::RemoteHangup).await?;
    guest.finish()?;
    is_empty(&mut bed, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_the_result_of_its_cause() -> Result<()> {
    let expected = [
        ("486 Busy Here", CallResult::Busy),
        ("600 Busy Everywhere", CallResult::Busy),
        ("404 Not Found", CallResult::SitInvalidNumber),
        ("484 Address Incomplete", CallResult::SitInvalidNumber),
        ("480 Temporarily Unavailable", CallResult::NoAnswer),
        ("603 Decline", CallResult::RemoteRelease),
        ("488 Not Acceptable Here", CallResult::DialError),
        ("500 Server Internal Error", CallResult::SwitchError),
    ];
    let asterisk = Asterisk::before("127.0.0.1:9".parse()?)?;
    for (status, result) in expected {
        let peer = Sipp::prepared("refuse", 1, &[], &[("status", status), ("more", "X-A: b")], &[])?;
        let mut bed = bed(&asterisk, peer.address()).await?;
        let call = bed.call();
        let failed = bed.failed(call).await?;
        assert_eq!(failed, CallEvent::Failed(result), "{status}: {:?}", bed.seen);
        is_empty(&mut bed, &asterisk).await?;
        peer.finish()?;
    }
    let full = Sipp::prepared("refuse", 1, &[], &[("status", "503 Service Unavailable"), ("more", "X-A: b")], &[])?;
    let mut bed = bed(&asterisk, full.address()).await?;
    let call = bed.call();
    assert!(matches!(bed.failed(call).await?, CallEvent::Refused { status: 503, .. }), "{:?}", bed.seen);
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 503 }));
    full.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_rings_is_cancelled_and_one_that_nobody_holds_is_hung_up() -> Result<()> {
    let peer = Sipp::start("ring", 2, &[])?;
    let asterisk = Asterisk::before(peer.address())?;
    let mut bed = bed(&asterisk, peer.address()).await?;
    for by_hand in [true, false] {
        let call = bed.call();
        bed.ringing(call).await?;
        let now = bed.engine.clock().now();
        match by_hand {
            true => bed.engine.cancel(call, now),
            false => bed.engine.hangup(call, now),
        }
        assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::NoAnswer));
    }
    is_empty(&mut bed, &asterisk).await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_is_told_or_hidden_and_a_signature_is_passed_on() -> Result<()> {
    let peer = Sipp::prepared(
        "refuse",
        2,
        &["-trace_msg", "-message_file", "messages"],
        &[("status", "486 Busy Here"), ("more", "X-A: b")],
        &[],
    )?;
    let asterisk = Asterisk::before(peer.address())?;
    let mut bed = bed(&asterisk, peer.address()).await?;
    let shown = CallSpec { caller_name: Some("Ann \"B\"".into()), identity: Some("eyJ.a;info=<x>".into()), ..spec() };
    let now = bed.engine.clock().now();
    bed.engine.originate(CallId(90), &shown, now);
    bed.failed(CallId(90)).await?;
    bed.engine.originate(CallId(91), &CallSpec { private: true, ..spec() }, now);
    bed.failed(CallId(91)).await?;
    let said = peer.messages();
    let invites: Vec<&str> = said.split("INVITE sip:").skip(1).collect();
    ensure!(invites.len() >= 2, "two calls: {said}");
    let (first, second) = (invites[0], invites[1]);
    ensure!(first.starts_with("+12125550142@"), "{first}");
    ensure!(first.contains("From: \"Ann B\" <sip:+12125550100@"), "{first}");
    ensure!(first.contains("Identity: eyJ.a;info=<x>"), "{first}");
    ensure!(second.contains("anonymous.invalid") && second.contains("Privacy: id"), "{second}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_asterisk_that_is_gone_loses_its_calls_says_so_and_comes_back() -> Result<()> {
    let (person, later) = (Voice::start('p')?, Voice::start('p')?);
    let mut asterisk = Asterisk::before(person.sipp.address())?;
    let mut bed = bed(&asterisk, person.sipp.address()).await?;
    let ringing = Sipp::start("ring", 1, &[])?;
    let mut other = Bed::new(
        vec![by(AsteriskOptions { application: "cxc-2-1".into(), ..options(&asterisk, ringing.address())? })?],
        EngineOptions::default(),
    )
    .await?;
    waits_until_there(&other, true).await?;
    let (talks, rings) = (bed.call(), other.call());
    bed.event(talks, CallEvent::Answered).await?;
    other.ringing(rings).await?;

    asterisk.kill()?;
    bed.event(talks, CallEvent::RemoteHangup).await?;
    assert_eq!(
        other.failed(rings).await?,
        CallEvent::Failed(CallResult::SwitchError),
        "nobody knows what became of it"
    );
    waits_until_there(&bed, false).await?;
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 503 }));
    let late = bed.call();
    assert_eq!(bed.failed(late).await?, CallEvent::Failed(CallResult::AllTrunksBusy), "it was not placed");

    asterisk.start_again()?;
    waits_until_there(&bed, true).await?;
    let mut bed = self::bed(&asterisk, later.sipp.address()).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    bed.hangup(call);
    later.finish()?;
    is_empty(&mut bed, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_asterisk_that_says_nothing_is_lost_and_its_calls_are_hung_up_when_it_speaks_again() -> Result<()> {
    let peer = Sipp::start("answer", 1, &[])?;
    let asterisk = Asterisk::before(peer.address())?;
    let mut bed = bed(&asterisk, peer.address()).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    // its audio is joined by then
    tokio::time::sleep(Duration::from_secs(1)).await;
    asterisk.stands_still(true)?;
    let (since, hung_up) = (Instant::now(), Report::Event(EngineEvent::Call(call, CallEvent::RemoteHangup)));
    bed.within(PATIENCE * 2, "end", |report| *report == hung_up).await?;
    ensure!(since.elapsed() > Duration::from_secs(10), "a moment of silence is none");
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 503 }));
    asterisk.stands_still(false)?;
    waits_until_there(&bed, true).await?;
    is_empty(&mut bed, &asterisk).await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_process_that_was_lost_are_hung_up_by_the_next_one() -> Result<()> {
    let peer = Sipp::start("answer", 1, &[])?;
    let asterisk = Asterisk::before(peer.address())?;
    // what a process leaves behind that is killed: a channel in an application that nobody listens to
    let socket = Client::start(options(&asterisk, peer.address())?)?;
    let start = Instant::now();
    while socket.down().is_some() {
        ensure!(start.elapsed() < PATIENCE, "connected");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let path = "channels/cxc-1-1-7-abc?endpoint=PJSIP%2Fx%40carrier&app=cxc-1-1";
    asterisk.ask(reqwest::Method::POST, path).await?;
    let is_up = async || -> Result<bool> {
        let channels = asterisk.ask(reqwest::Method::GET, "channels").await?;
        Ok(channels[0]["dialplan"]["app_name"] == "Stasis")
    };
    while !is_up().await? {
        ensure!(start.elapsed() < PATIENCE, "answered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(socket);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asterisk.ids().await?, ["cxc-1-1-7-abc"]);
    let mut bed = bed(&asterisk, peer.address()).await?;
    is_empty(&mut bed, &asterisk).await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_tls_only_the_machine_of_the_certificate_is_told_the_password() -> Result<()> {
    let peer = Sipp::start("answer", 1, &[])?;
    let asterisk = Asterisk::before(peer.address())?;
    let secure = || -> Result<AsteriskOptions> {
        Ok(AsteriskOptions { is_secure: true, place: asterisk.tls_address(), ..options(&asterisk, peer.address())? })
    };
    let stranger = AsteriskOptions { trust: trust(&[])?, ..secure()? };
    let wrong = AsteriskOptions {
        credentials: Credentials { user: ASTERISK_USER.into(), password: "wrong".into() },
        application: "cxc-3-1".into(),
        ..secure()?
    };
    let (stranger, wrong) = (Client::start(stranger)?, Client::start(wrong)?);
    let mut bed = Bed::new(vec![by(secure()?)?], EngineOptions::default()).await?;
    waits_until_there(&bed, true).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    bed.hangup(call);
    is_empty(&mut bed, &asterisk).await?;
    assert_eq!((stranger.down(), wrong.down()), (Some(503), Some(401)));
    peer.finish()
}

/// A talk with a person whom an Asterisk called. It calls third persons, too.
async fn room(asterisk: &Asterisk, third: Voice, sounds: Sounds) -> Result<Room> {
    let person = Voice::start('p')?;
    let second = AsteriskOptions { application: "cxc-1-2".into(), ..options(asterisk, third.sipp.address())? };
    let trunks = vec![by(options(asterisk, person.sipp.address())?)?, abroad(by(second)?)];
    let bed = Bed::new(trunks, support::sounds(sounds)).await?;
    waits_until_there(&bed, true).await?;
    let start = Instant::now();
    while bed.engine.trunks().all().iter().any(|trunk| trunk.asterisk.as_ref().is_some_and(|pbx| pbx.down().is_some()))
    {
        ensure!(start.elapsed() < PATIENCE, "both connections are there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Room::of(bed, person, third).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_talk_by_an_asterisk_and_at_last_the_two_without_the_agent() -> Result<()> {
    let third = Voice::start('t')?;
    let asterisk = Asterisk::before(third.sipp.address())?;
    let mut room = room(&asterisk, third, Sounds::default()).await?;
    talks::asks_a_third_person(&mut room).await?;
    is_empty(&mut room.ends(true).await?, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_handed_over_by_an_asterisk_talks_with_the_third_person_until_that_one_leaves() -> Result<()> {
    let third = Voice::for_so_long('t', "6000")?;
    let asterisk = Asterisk::before(third.sipp.address())?;
    let mut room = room(&asterisk, third, Sounds::default()).await?;
    talks::is_given_away(&mut room, ThirdParty::Number(THIRD.into())).await?;
    is_empty(&mut room.ends(true).await?, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hears_a_talk_by_an_asterisk_and_is_heard_as_far_as_they_say() -> Result<()> {
    let third = Voice::start('t')?;
    let asterisk = Asterisk::before(third.sipp.address())?;
    let mut room = room(&asterisk, third, Sounds::default()).await?;
    talks::is_supervised(&mut room).await?;
    is_empty(&mut room.ends(false).await?, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_in_a_talk_by_an_asterisk_hears_the_prompt_and_gets_the_digits() -> Result<()> {
    let third = Voice::start('t')?;
    let asterisk = Asterisk::before(third.sipp.address())?;
    let mut room = room(&asterisk, third, Sounds { hold_prompt: Some(tone(0.1)), ..Sounds::default() }).await?;
    talks::waits_and_is_mute(&mut room).await?;
    is_empty(&mut room.ends(false).await?, &asterisk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_person_who_is_busy_or_given_up_leaves_nothing_in_the_asterisk() -> Result<()> {
    let busy = Sipp::prepared("refuse", 1, &[], &[("status", "486 Busy Here"), ("more", "X-A: b")], &[])?;
    let ringing = Sipp::start("ring", 1, &[])?;
    let asterisk = Asterisk::before(busy.address())?;
    for (peer, is_busy) in [(busy, true), (ringing, false)] {
        let person = Voice::start('p')?;
        let second = AsteriskOptions { application: "cxc-1-2".into(), ..options(&asterisk, peer.address())? };
        let trunks = vec![by(options(&asterisk, person.sipp.address())?)?, abroad(by(second)?)];
        let bed = Bed::new(trunks, EngineOptions::default()).await?;
        waits_until_there(&bed, true).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut room = Room::of(bed, person, Voice::start('t')?).await?;
        match is_busy {
            true => {
                let state = room.order(talks::calls(THIRD, true), |state| state.failed.is_some()).await?;
                assert_eq!((state.failed, state.third), (Some(CallResult::Busy), None));
            }
            false => {
                room.order(talks::calls(THIRD, false), |state| state.third == Some(Third::Calling)).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                room.order(TalkOrder::TakeBack, |state| state.third.is_none()).await?;
            }
        }
        room.person.hears("a").await?;
        peer.finish()?;
        is_empty(&mut room.ends(false).await?, &asterisk).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_leaves_a_talk_of_three_by_an_asterisk_ends_it_for_all() -> Result<()> {
    let third = Voice::start('t')?;
    let asterisk = Asterisk::before(third.sipp.address())?;
    let person = Voice::for_so_long('p', "6000")?;
    let second = AsteriskOptions { application: "cxc-1-2".into(), ..options(&asterisk, third.sipp.address())? };
    let trunks = vec![by(options(&asterisk, person.sipp.address())?)?, abroad(by(second)?)];
    let bed = Bed::new(trunks, EngineOptions::default()).await?;
    waits_until_there(&bed, true).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut room = Room::of(bed, person, third).await?;
    room.order(talks::calls(THIRD, false), |state| state.third == Some(Third::Talking)).await?;
    room.order(TalkOrder::Conference, |state| state.third == Some(Third::Conference)).await?;
    room.bed.event(CALL, CallEvent::RemoteHangup).await?;
    is_empty(&mut room.ends(true).await?, &asterisk).await
}
