//! Calls to SIPp: what comes of them, and that nothing of them is left.
use std::time::Duration;

use anyhow::{Context, Result};
use cxc_core::enumerations::CallResult;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_dialer::pacing::Why;
use cxc_sip::engine::{EngineOptions, LegReport, Report, Sounds, Told};
use cxc_sip::trunk::TrunkOptions;
use cxc_sip::ua::{Credentials, Transport};

use crate::support::{Bed, Sipp, socket, sounds, tone, trunk};

fn refusing(status: &str, more: &str) -> Result<Sipp> {
    Sipp::prepared("refuse", 1, &[], &[("status", status), ("more", more)], &[])
}

fn leg(bed: &Bed) -> Result<&LegReport> {
    let last = bed.seen.iter().rev().find_map(|report| match report {
        Report::Leg(_, leg) => Some(leg),
        _ => None,
    });
    last.context("a leg has failed")
}

fn answers(bed: &Bed) -> usize {
    let answered = |report: &&Report| matches!(report, Report::Event(EngineEvent::Call(_, CallEvent::Answered)));
    bed.seen.iter().filter(answered).count()
}

/// A call that is answered and hung up by us leaves nothing behind.
async fn goes_well(mut bed: Bed, peer: Sipp) -> Result<Bed> {
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    bed.hangup(call);
    bed.is_empty().await?;
    peer.finish()?;
    Ok(bed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_rings_is_answered_hears_the_message_and_is_hung_up() -> Result<()> {
    let peer = Sipp::start("answer", 1, &["-rtp_echo"])?;
    let options = sounds(Sounds { message: Some(tone(0.5)), ..Sounds::default() });
    let mut bed = Bed::new(vec![trunk("one", peer.address())], options).await?;
    let call = bed.call();
    for event in [CallEvent::Sent, CallEvent::Ringing, CallEvent::Answered] {
        bed.event(call, event).await?;
    }
    bed.engine.play_message(call, 0);
    bed.event(call, CallEvent::MessagePlayed).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    bed.hangup(call);
    let audio = bed.until("audio", |report| matches!(report, Report::Audio(..))).await?;
    let Report::Audio(_, counts) = audio else { unreachable!() };
    assert_eq!((counts.sent, counts.lost, counts.refused), (25, 0, 0));
    assert_eq!(counts.received, 25, "the peer sends back what it hears");
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_result() -> Result<()> {
    use CallResult::{Busy, GeneralError, NoAnswer, Redirected, RemoteRelease, SitInvalidNumber, SwitchError};
    let cases = [
        ("486 Busy Here", Busy),
        ("600 Busy Everywhere", Busy),
        ("603 Decline", RemoteRelease),
        ("404 Not Found", SitInvalidNumber),
        ("480 Temporarily Unavailable", NoAnswer),
        ("403 Forbidden", GeneralError),
        ("302 Moved Temporarily", Redirected),
        ("500 Server Internal Error", SwitchError),
    ];
    let peers: Result<Vec<Sipp>> = cases.iter().map(|(status, _)| refusing(status, "X-None: 1")).collect();
    for ((status, result), peer) in cases.into_iter().zip(peers?) {
        let mut bed = Bed::to(&peer).await?;
        let call = bed.call();
        assert_eq!(bed.failed(call).await?, CallEvent::Failed(result), "{status}");
        assert_eq!(leg(&bed)?.status.map(|code| code.to_string()), status.get(..3).map(str::to_owned));
        bed.is_empty().await?;
        // a second INVITE would be one call too many for the peer
        peer.finish()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reason_of_the_telephone_network_decides() -> Result<()> {
    let peer = refusing("480 Temporarily Unavailable", "Reason: Q.850;cause=17;text=\"User busy\"")?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::Busy));
    assert!(leg(&bed)?.reason.as_ref().is_some_and(|reason| reason.contains("cause=17")));
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_asks_for_a_pause_gets_it() -> Result<()> {
    let peer = refusing("503 Service Unavailable", "Retry-After: 30 (busy hour)")?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    assert_eq!(bed.failed(call).await?, CallEvent::Refused { status: 503, retry_after: 30_000_000 });
    bed.is_empty().await?;
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 503 }));
    assert_eq!(bed.engine.trunks().room(now + 31_000_000).0, 1);
    let next = bed.call();
    assert_eq!(bed.failed(next).await?, CallEvent::Failed(CallResult::AllTrunksBusy));
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_trunk_is_tried_only_when_the_first_is_at_fault() -> Result<()> {
    let broken = refusing("503 Service Unavailable", "Retry-After: 30")?;
    let good = Sipp::start("answer", 1, &[])?;
    let trunks = vec![trunk("broken", broken.address()), trunk("good", good.address())];
    let bed = goes_well(Bed::new(trunks, EngineOptions::default()).await?, good).await?;
    assert_eq!(leg(&bed)?.trunk, "broken");
    let carried = Told::Carried { trunk: "good".into(), is_alternate: true };
    assert!(bed.seen.iter().any(|report| matches!(report, Report::Told(_, told) if *told == carried)));
    broken.finish()?;

    let busy = refusing("486 Busy Here", "X-None: 1")?;
    let never = Sipp::start("answer", 1, &[])?;
    let trunks = vec![trunk("busy", busy.address()), trunk("never", never.address())];
    let mut bed = Bed::new(trunks, EngineOptions::default()).await?;
    let call = bed.call();
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::Busy));
    bed.is_empty().await?;
    assert!(bed.seen.iter().filter(|report| matches!(report, Report::Leg(..))).count() == 1);
    busy.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_media_and_a_late_busy_are_one_result() -> Result<()> {
    let peer = Sipp::start("early_busy", 1, &[])?;
    let second = Sipp::start("answer", 1, &[])?;
    let trunks = vec![trunk("one", peer.address()), trunk("two", second.address())];
    let mut bed = Bed::new(trunks, EngineOptions::default()).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Ringing).await?;
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::Busy));
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_description_stands_by_that_of_early_media() -> Result<()> {
    let peer = Sipp::start("early", 1, &["-rtp_echo"])?;
    let options = sounds(Sounds { message: Some(tone(0.1)), ..Sounds::default() });
    let mut bed = Bed::new(vec![trunk("one", peer.address())], options).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Ringing).await?;
    bed.event(call, CallEvent::Answered).await?;
    bed.engine.play_message(call, 0);
    bed.event(call, CallEvent::MessagePlayed).await?;
    bed.hangup(call);
    bed.is_empty().await?;
    peer.finish()
}

fn with_password(peer: &Sipp, password: &str) -> TrunkOptions {
    let credentials = Credentials { user: "dialer".into(), password: password.to_owned().into() };
    TrunkOptions { credentials: Some(credentials), ..trunk("one", peer.address()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenges_are_answered_with_the_digest() -> Result<()> {
    for scenario in ["challenge401", "challenge407", "stale"] {
        let peer = Sipp::start(scenario, 1, &[])?;
        let bed = Bed::new(vec![with_password(&peer, "secret")], EngineOptions::default()).await?;
        goes_well(bed, peer).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_does_not_take_our_password_is_an_alarm() -> Result<()> {
    let peer = Sipp::start("challenge_forever", 1, &[])?;
    let mut bed = Bed::new(vec![with_password(&peer, "wrong")], EngineOptions::default()).await?;
    let call = bed.call();
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::SwitchError));
    let said = leg(&bed)?;
    assert!(said.credentials && said.unreached);
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 401 }), "the next one would fare no better");
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_nobody_answers_are_cancelled() -> Result<()> {
    let count = 40;
    let peer = Sipp::start("ring", count, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let calls: Vec<CallId> = (0..count).map(|_| bed.call()).collect();
    for call in &calls {
        bed.ringing(*call).await?;
        bed.engine.cancel(*call, 0);
    }
    for call in calls {
        assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::NoAnswer));
    }
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_waits_for_the_first_word_of_the_far_end() -> Result<()> {
    let peer = Sipp::start("late_ring", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Sent).await?;
    bed.engine.cancel(call, 0);
    assert_eq!(bed.failed(call).await?, CallEvent::Failed(CallResult::NoAnswer));
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_crosses_the_cancellation_is_an_answer() -> Result<()> {
    let peer = Sipp::start("cross", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Ringing).await?;
    bed.engine.cancel(call, 0);
    bed.event(call, CallEvent::Answered).await?;
    bed.hangup(call);
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_given_up_is_ended_when_it_is_answered_after_all() -> Result<()> {
    let peer = Sipp::start("cross", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Ringing).await?;
    bed.hangup(call);
    bed.failed(call).await?;
    bed.is_empty().await?;
    assert_eq!(answers(&bed), 0);
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_branch_that_answers_is_hung_up() -> Result<()> {
    let peer = Sipp::start("fork", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    // the peer waits for the end of its second branch before that of the first
    tokio::time::sleep(Duration::from_millis(500)).await;
    bed.hangup(call);
    bed.is_empty().await?;
    assert_eq!(answers(&bed), 1);
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_far_end_hangs_up() -> Result<()> {
    let peer = Sipp::start("hangup", 20, &["-d", "200"])?;
    let mut bed = Bed::to(&peer).await?;
    let calls: Vec<CallId> = (0..20).map(|_| bed.call()).collect();
    for call in calls {
        let end = Report::Event(EngineEvent::Call(call, CallEvent::RemoteHangup));
        if !bed.seen.contains(&end) {
            bed.event(call, CallEvent::RemoteHangup).await?;
        }
    }
    bed.is_empty().await?;
    assert_eq!(answers(&bed), 20);
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_on_the_way_stay_on_it() -> Result<()> {
    let peer = Sipp::start("route", 1, &[])?;
    goes_well(Bed::to(&peer).await?, peer).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_over_tcp() -> Result<()> {
    let peer = Sipp::start("answer", 1, &["-t", "t1"])?;
    let trunk = TrunkOptions { transport: Transport::Tcp, proxy: Some(peer.address()), ..trunk("one", peer.address()) };
    let bed = Bed::new(vec![trunk], EngineOptions::default()).await?;
    goes_well(bed, peer).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_changes_nothing() -> Result<()> {
    let peer = Sipp::start("garbage", 10, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let (stranger, ours) = (socket()?, bed.engine.ua().addresses());
    for number in 0..10_u8 {
        let call = bed.call();
        let noise: Vec<u8> = (0..200_u8).map(|at| at.wrapping_mul(number).wrapping_add(77)).collect();
        stranger.send_to(&noise, ours[0])?;
        stranger.send_to(b"BYE sip:x SIP/2.0\r\nCall-ID: none\r\n\r\n", ours[0])?;
        stranger.send_to(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n", ours[0])?;
        bed.event(call, CallEvent::Answered).await?;
        bed.hangup(call);
    }
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_answered_and_start_nothing() -> Result<()> {
    let bed = Bed::new(vec![], EngineOptions::default()).await?;
    let stranger = socket()?;
    let at = stranger.local_addr()?;
    let ask = |method: &str, to: &str| -> Result<String> {
        let request = format!(
            "{method} sip:x@{} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{method}\r\nFrom: <sip:a@{at}>;tag=1\r\n\
             To: <sip:b@example.com>{to}\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n",
            bed.engine.ua().addresses()[0]
        );
        stranger.send_to(request.as_bytes(), bed.engine.ua().addresses()[0])?;
        let mut datagram = [0; 2_000];
        let len = stranger.recv(&mut datagram)?;
        Ok(String::from_utf8_lossy(&datagram[..len]).lines().next().unwrap_or_default().to_owned())
    };
    assert_eq!(ask("OPTIONS", "")?, "SIP/2.0 200 OK");
    assert_eq!(ask("BYE", ";tag=2")?, "SIP/2.0 481 Call/Transaction Does Not Exist");
    assert_eq!(ask("INVITE", "")?, "SIP/2.0 404 Not Found");
    assert_eq!(bed.engine.ua().dialogs(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_in_one_result_though_a_tenth_of_the_packets_is_lost() -> Result<()> {
    let count = 40;
    let peer = Sipp::start("answer", 1_000, &["-lost", "10"])?;
    let mut bed = Bed::to(&peer).await?;
    for _ in 0..count {
        bed.call();
    }
    let mut ends: Vec<CallId> = Vec::new();
    while ends.len() < count {
        match bed.within(Duration::from_secs(40), "end of a call", |_| true).await? {
            Report::Event(EngineEvent::Call(call, CallEvent::Answered)) => bed.hangup(call),
            Report::Event(EngineEvent::Call(call, CallEvent::Failed(_))) | Report::Audio(call, _) => ends.push(call),
            _ => (),
        }
    }
    bed.is_empty().await?;
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), count);
    assert!(answers(&bed) >= count - 2, "{} of {count} answered", answers(&bed));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_says_nothing_is_no_progress() -> Result<()> {
    let peer = Sipp::start("silence", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    let call = bed.call();
    let end = Report::Event(EngineEvent::Call(call, CallEvent::Failed(CallResult::NoProgress)));
    bed.within(Duration::from_secs(45), "end", |report| *report == end).await?;
    let said = leg(&bed)?;
    assert_eq!((said.status, said.unreached), (None, false), "a phone might have rung");
    let now = bed.engine.clock().now();
    assert_eq!(bed.engine.trunks().room(now), (0, Why::TrunkDown { status: 408 }), "one is enough");
    bed.is_empty().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_dialed_is_not_sent() -> Result<()> {
    let peer = Sipp::start("answer", 1, &[])?;
    let mut bed = Bed::to(&peer).await?;
    for (number, result) in [
        ("911", CallResult::DialError),
        ("+19005550142", CallResult::DialError),
        // not a country of the trunk
        ("+442079460000", CallResult::DialError),
    ] {
        let call = bed.call_to(number);
        assert_eq!(bed.failed(call).await?, CallEvent::Failed(result), "{number}");
        let why = |report: &Report| matches!(report, Report::Told(of, Told::KeptBack(_)) if *of == call);
        assert!(bed.seen.iter().any(why), "{number}");
    }
    assert!(!bed.seen.iter().any(|report| matches!(report, Report::Event(EngineEvent::Call(_, CallEvent::Sent)))));
    // the one call that the peer takes is still to come
    goes_well(bed, peer).await.map(|_| ())
}
