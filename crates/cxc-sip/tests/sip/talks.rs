//! What an agent and a supervisor do with a talk, and who hears whom then.
use anyhow::{Context, Result};
use cxc_core::enumerations::CallResult;
use cxc_core::location::Country;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_sip::engine::{EngineOptions, Level, Report, Sounds, TalkOrder, TalkState, Third, ThirdParty};
use cxc_sip::trunk::TrunkOptions;

use crate::support::{Bed, Sipp, sounds, spec, tone, trunk};
use crate::voices::Voice;

const AGENT: AgentId = AgentId(1);
pub const CALL: CallId = CallId(1);
/// By the second trunk.
pub const THIRD: &str = "+442079460000";

/// A person and an agent who talk, and others who may be called.
pub struct Room {
    pub bed: Bed,
    pub person: Voice,
    agent: Voice,
    third: Voice,
}

impl Room {
    async fn new(options: EngineOptions) -> Result<Self> {
        Self::with(Voice::start('t')?, options).await
    }

    async fn with(third: Voice, options: EngineOptions) -> Result<Self> {
        let person = Voice::start('p')?;
        let trunks = vec![trunk("one", person.sipp.address()), abroad(trunk("two", third.sipp.address()))];
        Self::of(Bed::new(trunks, options).await?, person, third).await
    }

    /// Who is called by the first trunk of a bed, an agent, and who may be called by the second.
    pub async fn of(mut bed: Bed, person: Voice, third: Voice) -> Result<Self> {
        let agent = Voice::start('a')?;
        bed.engine.log_in(AGENT, agent.phone());
        let is_up = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LogIn));
        bed.until("phone", |report| *report == is_up).await?;
        let now = bed.engine.clock().now();
        bed.engine.originate(CALL, &spec(), now);
        bed.event(CALL, CallEvent::Answered).await?;
        bed.engine.bridge(CALL, AGENT, now);
        bed.event(CALL, CallEvent::Connected).await?;
        person.speaks().await?;
        agent.speaks().await?;
        Ok(Self { bed, person, agent, third })
    }

    /// Gives an order and waits until the talk stands so.
    pub async fn order(&mut self, order: TalkOrder, wanted: impl Fn(&TalkState) -> bool) -> Result<TalkState> {
        self.bed.engine.talk(CALL, order);
        self.stands(wanted).await
    }

    async fn stands(&mut self, wanted: impl Fn(&TalkState) -> bool) -> Result<TalkState> {
        let is_wanted = |report: &Report| matches!(report, Report::Talk(CALL, AGENT, state) if wanted(state));
        match self.bed.until("state of the talk", is_wanted).await? {
            Report::Talk(_, _, state) => Ok(state),
            _ => unreachable!("it was looked for"),
        }
    }

    /// Everything is hung up; who was never called is let go.
    async fn over(self, was_third_called: bool) -> Result<()> {
        self.ends(was_third_called).await.map(drop)
    }

    /// The same; answers the bed, which is empty.
    pub async fn ends(mut self, was_third_called: bool) -> Result<Bed> {
        self.bed.hangup(CALL);
        self.agent.hears_nothing().await?;
        self.bed.engine.log_out(AGENT);
        self.bed.is_empty().await?;
        self.person.finish()?;
        self.agent.finish()?;
        if was_third_called {
            self.third.finish()?;
        }
        Ok(self.bed)
    }
}

/// A trunk by which third persons are called.
pub fn abroad(trunk: TrunkOptions) -> TrunkOptions {
    TrunkOptions { countries: Country::from_code("GB").into_iter().collect(), ..trunk }
}

pub fn calls(number: &str, is_blind: bool) -> TalkOrder {
    TalkOrder::Call { to: ThirdParty::Number(number.into()), is_blind }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_hears_the_prompt_and_who_is_mute_is_heard_by_nobody() -> Result<()> {
    let mut room = Room::new(sounds(Sounds { hold_prompt: Some(tone(0.1)), ..Sounds::default() })).await?;
    waits_and_is_mute(&mut room).await?;
    room.over(false).await
}

/// Hold, mute, digits.
pub async fn waits_and_is_mute(room: &mut Room) -> Result<()> {
    room.person.hears("a").await?;
    room.agent.hears("p").await?;
    assert!(room.order(TalkOrder::Mute(true), |state| state.muted).await?.digits);
    room.person.hears("").await?;
    room.agent.hears("p").await?;
    room.order(TalkOrder::Mute(false), |state| !state.muted).await?;
    room.person.hears("a").await?;

    room.order(TalkOrder::Hold(true), |state| state.held).await?;
    // the prompt is a tone near that of persons, again and again
    room.person.hears("p").await?;
    room.agent.hears_nothing().await?;
    room.person.hears("p").await?;
    room.order(TalkOrder::Hold(false), |state| !state.held).await?;
    room.person.hears("a").await?;
    room.agent.hears("p").await?;

    room.bed.engine.talk(CALL, TalkOrder::Press("4#x1".into()));
    assert_eq!(room.person.keys(3).await?, [4, 11, 1]);
    room.person.hears("a").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_asks_a_third_person_then_three_talk_and_at_last_the_two_without_the_agent() -> Result<()> {
    let mut room = Room::new(EngineOptions::default()).await?;
    asks_a_third_person(&mut room).await?;
    // the trunk of the third person is not a silent one, by which no calls are placed
    let later = room.bed.engine.clock().now() + 5_000_000;
    assert_eq!(room.bed.engine.trunks().room(later).0, 2 * 499);
    room.over(true).await
}

/// Attended: who asks, three who talk, the two who are left.
pub async fn asks_a_third_person(room: &mut Room) -> Result<()> {
    let order = calls(THIRD, false);
    room.order(order, |state| state.third == Some(Third::Talking)).await?;
    room.third.speaks().await?;
    room.person.hears("").await?;
    room.agent.hears("t").await?;
    room.third.hears("a").await?;
    // what fits no talk of this kind changes nothing
    assert!(room.order(TalkOrder::Hold(false), |_| true).await?.held);

    room.order(TalkOrder::Conference, |state| state.third == Some(Third::Conference)).await?;
    assert!(room.bed.seen.contains(&Report::Event(EngineEvent::Call(CALL, CallEvent::Conferenced))));
    room.person.hears("at").await?;
    room.agent.hears("pt").await?;
    room.third.hears("pa").await?;
    room.order(TalkOrder::Mute(true), |state| state.muted).await?;
    room.person.hears("t").await?;
    room.third.hears("p").await?;

    room.bed.engine.talk(CALL, TalkOrder::HandOver);
    room.bed.event(CALL, CallEvent::Transferred).await?;
    room.agent.hears_nothing().await?;
    room.person.hears("t").await?;
    room.third.hears("p").await?;
    // the agent's orders are for the next talk
    room.bed.engine.talk(CALL, TalkOrder::TakeBack);
    room.person.hears("t").await?;
    assert_eq!(room.bed.engine.trunks().in_use(), 2, "each of the two has a channel");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_person_who_is_handed_the_call_takes_it_by_answering_and_ends_it_by_leaving() -> Result<()> {
    let mut room = Room::with(Voice::for_so_long('t', "5000")?, EngineOptions::default()).await?;
    let phone = ThirdParty::Phone(room.third.phone());
    is_given_away(&mut room, phone).await?;
    room.over(true).await
}

/// Blind: the third person hangs up after a while.
pub async fn is_given_away(room: &mut Room, to: ThirdParty) -> Result<()> {
    room.bed.engine.talk(CALL, TalkOrder::Call { to, is_blind: true });
    room.bed.event(CALL, CallEvent::Transferred).await?;
    room.third.speaks().await?;
    room.person.hears("t").await?;
    room.agent.hears_nothing().await?;
    // the third one hangs up, and so we do for the person
    room.bed.event(CALL, CallEvent::RemoteHangup).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_not_be_called_or_does_not_come_leaves_the_person_with_the_agent() -> Result<()> {
    let mut room = Room::new(EngineOptions::default()).await?;
    for number in ["+19005550142", "+4917612345678", "911"] {
        let order = calls(number, true);
        let state = room.order(order, |state| state.failed.is_some()).await?;
        assert_eq!((state.failed, state.third, state.held), (Some(CallResult::DialError), None, false), "{number}");
    }
    let busy = Sipp::prepared("refuse", 1, &[], &[("status", "486 Busy Here"), ("more", "X-More: none")], &[])?;
    let mut phone = room.third.phone();
    phone.uri = format!("sip:bob@{}", busy.address());
    room.bed.engine.talk(CALL, TalkOrder::Call { to: ThirdParty::Phone(phone), is_blind: false });
    let state = room.stands(|state| state.failed.is_some()).await?;
    assert_eq!((state.failed, state.third), (Some(CallResult::Busy), None));
    room.person.hears("a").await?;
    room.agent.hears("p").await?;
    busy.finish()?;

    // the agent may also change their mind
    let order = calls(THIRD, false);
    room.order(order, |state| state.third == Some(Third::Talking)).await?;
    room.order(TalkOrder::TakeBack, |state| state.third.is_none()).await?;
    room.person.hears("a").await?;
    assert!(!room.bed.seen.iter().any(|report| matches!(
        report,
        Report::Event(EngineEvent::Call(_, CallEvent::Transferred | CallEvent::Conferenced))
    )));
    room.over(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hears_both_and_is_heard_as_far_as_they_say() -> Result<()> {
    let mut room = Room::new(EngineOptions::default()).await?;
    is_supervised(&mut room).await?;
    room.over(false).await
}

/// Listens, whispers, barges in.
pub async fn is_supervised(room: &mut Room) -> Result<()> {
    let supervisor = Voice::start('s')?;
    let listens = TalkOrder::Supervise(supervisor.phone(), Level::Listen);
    room.order(listens, |state| state.supervisor == Some(Level::Listen)).await?;
    supervisor.speaks().await?;
    supervisor.hears("pa").await?;
    room.person.hears("a").await?;
    room.agent.hears("p").await?;
    room.order(TalkOrder::Level(Level::Whisper), |state| state.supervisor == Some(Level::Whisper)).await?;
    room.agent.hears("ps").await?;
    room.person.hears("a").await?;
    room.order(TalkOrder::Level(Level::Barge), |state| state.supervisor == Some(Level::Barge)).await?;
    room.person.hears("as").await?;
    supervisor.hears("pa").await?;
    room.order(TalkOrder::Hold(true), |state| state.held).await?;
    room.person.hears("").await?;
    room.agent.hears("s").await?;
    room.order(TalkOrder::Unsupervise, |state| state.supervisor.is_none()).await?;
    room.order(TalkOrder::Hold(false), |state| !state.held).await?;
    room.agent.hears("p").await.context("the agent is with the person again")?;
    supervisor.finish()?;
    Ok(())
}
