//! Calls that come in: a carrier calls the engine.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use cxc_core::enumerations::CallResult;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::EngineEvent;
use cxc_dialer::ivr::Input;
use cxc_sip::engine::{EngineOptions, Report};
use cxc_sip::ua::{Door, Knock, Refusal, UaOptions, Visitor};
use cxc_test::Keypad;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Bed, PATIENCE, Sipp, spec, tone};

const NUMBER: &str = "12125550100";
const SDP: &str = "Content-Type: application/sdp\n      Content-Length: [len]\n\n      v=0\n      o=peer 1 1 IN IP4 [local_ip]\n      \
                   s=-\n      c=IN IP4 [media_ip]\n      t=0 0\n      m=audio [media_port] RTP/AVP 0 101\n      \
                   a=rtpmap:0 PCMU/8000\n      a=rtpmap:101 telephone-event/8000\n";
const NONE: &str = "Content-Length: 0\n\n";
const CONTACT: &str = "Contact: <sip:carrier@[local_ip]:[local_port]>";

/// An engine at whose door calls to one number are taken.
struct House {
    bed: Bed,
    came: mpsc::Receiver<Visitor>,
}

impl House {
    async fn open() -> Result<Self> {
        let (tell, came) = mpsc::channel(10);
        let admit = |knock: &Knock| match knock.dialed[0].as_str() {
            NUMBER => Ok(()),
            "403" => Err(Refusal::Forbidden),
            "503" => Err(Refusal::Busy),
            _ => Err(Refusal::NotFound),
        };
        let door = Door { admit: Arc::new(admit), came: tell };
        let ua = UaOptions { door: Some(door), ..UaOptions::default() };
        Ok(Self { bed: Bed::new(vec![], EngineOptions { ua, ..EngineOptions::default() }).await?, came })
    }

    fn address(&self) -> SocketAddr {
        self.bed.engine.ua().addresses()[0]
    }

    /// A caller who acknowledges late, hangs up after a time, and describes their audio in the offer or in the ACK.
    fn caller(&self, (late, talk): (&str, &str), (offer, accepted): (&str, &str)) -> Result<Sipp> {
        let words =
            [("caller", "+12125550142"), ("late", late), ("talk", talk), ("offer", offer), ("accepted", accepted)];
        Sipp::prepared("caller", 1, &[&self.address().to_string(), "-s", NUMBER], &words, &[])
    }

    async fn visitor(&mut self) -> Result<Visitor> {
        timeout(PATIENCE, self.came.recv()).await.context("somebody calls")?.context("the door is open")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_is_heard_hears_a_prompt_and_is_hung_up_or_hangs_up() -> Result<()> {
    for (talk, offer, accepted) in [("60000", SDP, NONE), ("1500", SDP, NONE), ("60000", NONE, SDP)] {
        let mut house = House::open().await?;
        let peer = house.caller(("0", talk), (offer, accepted))?;
        let visitor = house.visitor().await?;
        assert_eq!(visitor.knock.caller.as_deref(), Some("+12125550142"));
        assert_eq!((visitor.knock.source, visitor.offer().is_empty()), (peer.address(), offer == NONE));
        let call = CallId(7);
        house.bed.engine.receive(call, visitor);
        house.bed.event(call, CallEvent::Answered).await?;
        house.bed.engine.say(call, 3, tone(0.3));
        let played = Report::Event(EngineEvent::Script(call, Input::Played(3)));
        house.bed.until("prompt", |report| *report == played).await?;
        let audio = *peer.media().get("+12125550142").context("its audio is noted")?;
        let keys = std::thread::spawn(move || Keypad::of(audio)?.press("2"));
        house.bed.until("key", |report| *report == Report::Digit(call, '2')).await?;
        keys.join().expect("the key was pressed")?;
        match talk {
            "1500" => house.bed.event(call, CallEvent::RemoteHangup).await?,
            _ => house.bed.hangup(call),
        }
        house.bed.is_empty().await?;
        peer.finish()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_repeated_until_it_is_acknowledged() -> Result<()> {
    let mut house = House::open().await?;
    let peer = house.caller(("1800", "60000"), (SDP, NONE))?;
    let visitor = house.visitor().await?;
    let start = std::time::Instant::now();
    house.bed.engine.receive(CallId(1), visitor);
    house.bed.event(CallId(1), CallEvent::Answered).await?;
    assert!(start.elapsed() > Duration::from_millis(1_700), "only then the caller hears anything");
    house.bed.hangup(CallId(1));
    house.bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_gives_up_is_answered_no_more() -> Result<()> {
    let mut house = House::open().await?;
    let peer = Sipp::start("gives_up", 1, &[&house.address().to_string(), "-s", NUMBER])?;
    let visitor = house.visitor().await?;
    // what is answered after the CANCEL reaches nobody
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.bed.engine.receive(CallId(1), visitor);
    assert_eq!(house.bed.failed(CallId(1)).await?, CallEvent::Failed(CallResult::RemoteRelease));
    house.bed.is_empty().await?;
    peer.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_not_for_us_or_can_not_be_read_are_refused() -> Result<()> {
    let mut house = House::open().await?;
    let reliable = format!("{CONTACT}\n      Require: timer, 100rel");
    for (number, more, status) in [
        ("403", CONTACT, "403"),
        ("5550199", CONTACT, "404"),
        ("503", CONTACT, "503"),
        (NUMBER, reliable.as_str(), "420"),
        (NUMBER, "Subject: a call without a place to answer to", "400"),
    ] {
        let words = [("status", status), ("more", more), ("codec", "0")];
        let peer = Sipp::prepared("refused", 1, &[&house.address().to_string(), "-s", number], &words, &[])?;
        peer.finish().with_context(|| status.to_owned())?;
        assert!(house.came.try_recv().is_err(), "{status}: nobody is bothered");
    }
    // a codec that we have not, and a house where nobody answers
    for status in ["488", "480"] {
        let words = [("status", status), ("more", CONTACT), ("codec", "18")];
        let peer = Sipp::prepared("refused", 1, &[&house.address().to_string(), "-s", NUMBER], &words, &[])?;
        let visitor = house.visitor().await?;
        match status {
            "488" => house.bed.engine.receive(CallId(1), visitor),
            _ => drop(visitor),
        }
        peer.finish().context(status)?;
    }
    assert_eq!(house.bed.failed(CallId(1)).await?, CallEvent::Failed(CallResult::DialError));
    house.bed.is_empty().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_lent_is_another_engines_until_it_is_given_back_or_over() -> Result<()> {
    let (mut house, mut group) = (House::open().await?, Bed::new(vec![], EngineOptions::default()).await?);
    let peer = house.caller(("0", "60000"), (SDP, NONE))?;
    let visitor = house.visitor().await?;
    let (own, theirs) = (CallId(7), CallId(40));
    house.bed.engine.receive(own, visitor);
    house.bed.event(own, CallEvent::Answered).await?;
    let audio = *peer.media().get("+12125550142").context("its audio is noted")?;
    let mut keypad = Keypad::of(audio)?;

    house.bed.engine.say_on(own, tone(0.1));
    let loan = house.bed.engine.lend(own).context("it is up")?;
    group.engine.take_over(theirs, &loan, spec());
    tokio::task::block_in_place(|| keypad.press("5"))?;
    group.until("key", |report| *report == Report::Digit(theirs, '5')).await?;
    group.engine.give_back(theirs);
    assert!(!group.engine.is_up(theirs) && house.bed.engine.is_up(own));
    tokio::task::block_in_place(|| keypad.press("6"))?;
    house.bed.until("key", |report| *report == Report::Digit(own, '6')).await?;
    house.bed.engine.say(own, 3, tone(0.1));
    let played = Report::Event(EngineEvent::Script(own, Input::Played(3)));
    house.bed.until("prompt", |report| *report == played).await?;

    // who has it hangs up, and both know
    let loan = house.bed.engine.lend(own).context("it is up")?;
    group.engine.take_over(theirs, &loan, spec());
    group.hangup(theirs);
    house.bed.event(own, CallEvent::RemoteHangup).await?;
    house.bed.is_empty().await?;
    assert!(!group.engine.is_up(theirs) && house.bed.engine.lend(own).is_none());
    peer.finish()?;
    // it comes too late to be taken over
    group.engine.take_over(CallId(41), &loan, spec());
    group.event(CallId(41), CallEvent::RemoteHangup).await?;
    group.is_empty().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_ends_hangs_up_what_was_lent_to_it() -> Result<()> {
    let (mut house, mut group) = (House::open().await?, Bed::new(vec![], EngineOptions::default()).await?);
    let peer = house.caller(("0", "60000"), (SDP, NONE))?;
    let visitor = house.visitor().await?;
    house.bed.engine.receive(CallId(7), visitor);
    house.bed.event(CallId(7), CallEvent::Answered).await?;
    let loan = house.bed.engine.lend(CallId(7)).context("it is up")?;
    group.engine.take_over(CallId(1), &loan, spec());
    group.engine.close().await;
    house.bed.event(CallId(7), CallEvent::RemoteHangup).await?;
    house.bed.is_empty().await?;
    peer.finish()
}
