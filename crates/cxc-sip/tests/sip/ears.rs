//! Persons and machines that SIPp plays: what is told of them, and when a message begins.
use std::time::{Duration, Instant};

use anyhow::Result;
use cxc_dialer::amd::{Cause, Verdict};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_sip::engine::{EngineOptions, Report, Sounds};

use crate::support::{Bed, Sipp, says, sounds, tone, trunk};

/// Who takes the call says this: pairs of hertz and milliseconds, 0 is silence.
async fn call(speech: &[(f32, usize)], options: EngineOptions) -> Result<(Bed, CallId, Sipp)> {
    let peer = Sipp::prepared("speak", 1, &[], &[], &[("speech.ul", says(speech))])?;
    let mut bed = Bed::new(vec![trunk("one", peer.address())], options).await?;
    let call = bed.call();
    bed.event(call, CallEvent::Answered).await?;
    Ok((bed, call, peer))
}

fn listening() -> EngineOptions {
    EngineOptions { detection: true, ..sounds(Sounds { machine_message: Some(tone(0.3)), ..Sounds::default() }) }
}

async fn verdict(bed: &mut Bed) -> Result<Verdict> {
    let report = bed.until("verdict", |report| matches!(report, Report::Detected(..))).await?;
    let Report::Detected(_, verdict) = report else { unreachable!() };
    Ok(verdict)
}

async fn over(mut bed: Bed, call: CallId, peer: Sipp) -> Result<()> {
    bed.hangup(call);
    bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_hello_is_a_person_and_a_long_greeting_a_machine() -> Result<()> {
    use cxc_dialer::call::Verdict as Who;
    for (speech, expected, who) in [
        (&[(0.0, 300), (300.0, 600)][..], Verdict::Human(Cause::SilenceAfter), Who::Person),
        (&[(0.0, 300), (300.0, 4_000)], Verdict::Machine(Cause::Greeting), Who::Machine),
        (&[(0.0, 60)], Verdict::Machine(Cause::InitialSilence), Who::Machine),
    ] {
        let (mut bed, id, peer) = call(speech, listening()).await?;
        assert_eq!(verdict(&mut bed).await?, expected);
        let event = CallEvent::Classified(who);
        if !bed.seen.contains(&Report::Event(EngineEvent::Call(id, event))) {
            bed.event(id, event).await?;
        }
        over(bed, id, peer).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_listened_to_unless_that_is_wanted() -> Result<()> {
    let (mut bed, id, peer) = call(&[(300.0, 2_000)], EngineOptions::default()).await?;
    let waited = bed.within(Duration::from_secs(3), "verdict", |report| matches!(report, Report::Detected(..))).await;
    assert!(waited.is_err());
    over(bed, id, peer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_gets_its_message_after_the_beep() -> Result<()> {
    let start = Instant::now();
    let (mut bed, id, peer) = call(&[(300.0, 2_500), (0.0, 300), (1_000.0, 400), (0.0, 200)], listening()).await?;
    assert!(matches!(verdict(&mut bed).await?, Verdict::Machine(_)));
    bed.engine.leave_message(id, 0);
    bed.event(id, CallEvent::MessagePlayed).await?;
    let after = start.elapsed();
    // the beep ends 3.2 s after the answer, the message lasts 0.3 s; without a beep it would begin after 3 s of silence
    assert!(after >= Duration::from_millis(3_450) && after < Duration::from_millis(6_000), "{after:?}");
    over(bed, id, peer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_before_the_verdict_is_said_to_have() -> Result<()> {
    let peer = Sipp::start("hangup", 1, &[])?;
    let mut bed = Bed::new(vec![trunk("one", peer.address())], listening()).await?;
    let id = bed.call();
    bed.event(id, CallEvent::RemoteHangup).await?;
    assert!(bed.seen.contains(&Report::Detected(id, Verdict::Hangup)), "{:?}", bed.seen);
    bed.is_empty().await?;
    peer.finish()
}
