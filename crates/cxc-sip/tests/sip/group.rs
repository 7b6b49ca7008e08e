//! A campaign group with real calls: a carrier whose people answer, are busy or do not answer, and agents with phones.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use cxc_core::enumerations::CallResult;
use cxc_dialer::abandon::{AbandonPolicy, Ledgers, Place, Window};
use cxc_dialer::agent::{AgentId, AgentRules};
use cxc_dialer::call::{CallId, CallRules};
use cxc_dialer::engine::CallSpec;
use cxc_dialer::group::Group;
use cxc_dialer::pacing::{Mode, Pacer, Records, Target};
use cxc_sip::engine::{EngineOptions, Phone, SipEngine, Sounds};
use cxc_sip::media::{Codec, Counts};
use cxc_sip::run::{Command, Runner, Source};
use cxc_sip::trunk::Trunks;
use cxc_sip::ua::UaOptions;
use jiff::tz::TimeZone;
use tokio::time::timeout;

use crate::support::{Sipp, destinations, spec, tone, trunk};

const SECOND: i64 = 1_000_000;

/// Numbers, and what came of them.
#[derive(Default)]
struct Numbers {
    waiting: Vec<String>,
    results: Vec<(String, CallResult)>,
    audio: Vec<Counts>,
    asked: usize,
}

#[derive(Clone)]
struct Book(Arc<Mutex<Numbers>>);

impl Book {
    fn of(numbers: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Numbers { waiting: numbers, ..Numbers::default() })))
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Book {
    type Record = String;

    fn records(&mut self) -> Records {
        Records::ready(self.numbers().waiting.len() as u32)
    }

    fn next(&mut self) -> Option<(CallSpec, String)> {
        let mut book = self.numbers();
        book.asked += 1;
        book.waiting.pop().map(|number| (CallSpec { number: number.clone(), ..spec() }, number))
    }

    fn audio(&mut self, _call: CallId, counts: Counts) {
        self.numbers().audio.push(counts);
    }

    fn ended(&mut self, number: String, result: CallResult) {
        self.numbers().results.push((number, result));
    }

    fn is_done(&self) -> bool {
        self.numbers().waiting.is_empty()
    }
}

fn group(mode: Mode) -> Group {
    let calls = CallRules {
        max_ring: 3 * SECOND / 2,
        connect: SECOND,
        threshold: 2 * SECOND,
        message: SECOND,
        ..CallRules::default()
    };
    let agents = AgentRules { wrap: SECOND / 10, ..AgentRules::default() };
    let policy = AbandonPolicy { rate: 0.03, window: Window::Campaign, ..Place::US.policies().swap_remove(0) };
    let ledgers = Ledgers::new(vec![policy], 0, &TimeZone::UTC);
    let pacer = Pacer::new(mode, calls.max_ring, calls.threshold, None);
    Group::new(pacer, ledgers, calls, agents, 0)
}

/// A carrier whose people talk for so long, milliseconds.
fn people(calls: u32, talk: &str) -> Result<Sipp> {
    let prompt = tone(2.0);
    let frames = (0..prompt.frames()).filter_map(|at| prompt.frame(at, Codec::Pcmu));
    let speech = frames.flatten().copied().collect();
    Sipp::prepared("people", calls, &[], &[("talk", talk)], &[("speech.ul", speech)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_of_a_predictive_group_ends_in_one_result_and_people_and_agents_hear_each_other() -> Result<()> {
    let (numbers, agents) = (100_u32, 10);
    let carrier = people(numbers, "600")?;
    let phones = Sipp::start("answer", agents, &["-rtp_echo"])?;
    let book = Book::of((0..numbers).map(|at| format!("+121255501{at:02}")).collect());

    let options = EngineOptions {
        ua: UaOptions { listen: vec!["127.0.0.1:0".parse()?; 2], ..UaOptions::default() },
        sounds: Sounds { message: Some(tone(0.2)), ..Sounds::default() },
        ..EngineOptions::default()
    };
    let trunks = Trunks::new(vec![trunk("carrier", carrier.address())]);
    let (engine, reports) = SipEngine::start(options, trunks, destinations()?).await?;
    let (runner, tell) = Runner::new(group(Mode::Predictive(Target::AbandonRate)), engine, reports, book.clone());
    for agent in 0..agents {
        let uri = format!("sip:agent{agent}@{}", phones.address());
        tell.send(Command::LogIn(AgentId(agent), Phone::at(&uri)))?;
    }
    let finished = timeout(Duration::from_secs(50), runner.run()).await.context("the group comes to its end")?;

    let book = std::mem::take(&mut *book.numbers());
    let mut by_result: BTreeMap<CallResult, u32> = BTreeMap::new();
    book.results.iter().for_each(|(_, result)| *by_result.entry(*result).or_default() += 1);
    assert_eq!((book.asked, book.results.len()), (100, 100), "{by_result:?}");
    let mut distinct: Vec<&String> = book.results.iter().map(|(number, _)| number).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 100);
    let count = |result| by_result.get(&result).copied().unwrap_or(0);
    assert_eq!((count(CallResult::Busy), count(CallResult::NoAnswer)), (10, 20), "{by_result:?}");
    let totals = finished.group.totals();
    assert_eq!(u64::from(count(CallResult::Answer)), totals.connected);
    let unserved = u64::from(count(CallResult::Abandoned) + count(CallResult::Dropped));
    assert_eq!(totals.connected + unserved, 70, "{by_result:?}");
    assert!(totals.abandoned as f64 <= totals.live as f64 * 0.03, "{totals:?}");

    let (heard, both) =
        (book.audio.len(), book.audio.iter().filter(|audio| audio.received > 5 && audio.sent > 5).count());
    assert_eq!(heard, 70);
    assert!(both as u64 >= totals.connected, "{both} of {heard} calls had audio both ways: {:?}", book.audio);

    assert_eq!((finished.group.calls(), finished.engine.trunks().in_use()), (0, 0));
    assert_eq!(finished.engine.ua().dialogs(), agents as usize, "only the agents' phones are up");
    finished.engine.close().await;
    carrier.finish()?;
    phones.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_phone_vanishes_takes_no_calls_and_the_group_says_so() -> Result<()> {
    let carrier = people(50, "60000")?;
    // the phone hangs up half a second after it was answered
    let phones = Sipp::start("hangup", 1, &["-d", "1500"])?;
    let book = Book::of(vec!["+12125550100".into(); 3]);
    let trunks = Trunks::new(vec![trunk("carrier", carrier.address())]);
    let (engine, reports) = SipEngine::start(EngineOptions::default(), trunks, destinations()?).await?;
    let (runner, tell) = Runner::new(group(Mode::Progressive { tenths: 10 }), engine, reports, book.clone());
    let uri = format!("sip:agent@{}", phones.address());
    tell.send(Command::LogIn(AgentId(0), Phone::at(&uri)))?;
    let run = tokio::spawn(runner.run());
    tokio::time::sleep(Duration::from_secs(4)).await;
    tell.send(Command::Stop("the test is over"))?;
    let finished = timeout(Duration::from_secs(20), run).await.context("the group stops")??;
    assert_eq!(book.numbers().results, [("+12125550100".to_owned(), CallResult::CallDropError)], "the talk was lost");
    assert_eq!(finished.group.scene().agents, 0);
    assert!(finished.group.totals().reasons.contains_key("no_agents_ready"));
    assert_eq!(finished.engine.trunks().in_use(), 0);
    phones.finish()
}
