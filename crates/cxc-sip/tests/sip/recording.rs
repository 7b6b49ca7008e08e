//! Recordings of calls between two SIPp peers: a person, and an agent's phone, each with a tone of its own.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, CallSpec, EngineEvent, RecordingSpec};
use cxc_sip::engine::{EngineOptions, Phone, Report, Sounds, TalkOrder};
use cxc_sip::media::Recorder;

use crate::support::{Bed, PATIENCE, Sipp, says, spec, tone, trunk};

const AGENT: AgentId = AgentId(1);
const PERSON_HERTZ: f32 = 440.0;
const AGENT_HERTZ: f32 = 1_000.0;

struct Talk {
    bed: Bed,
    call: CallId,
    peers: [Sipp; 2],
}

/// A person and an agent talk.
async fn talk(recording: RecordingSpec, options: EngineOptions) -> Result<Talk> {
    let speaks = |hertz| Sipp::prepared("speak", 1, &[], &[], &[("speech.ul", says(&[(hertz, 8_000)]))]);
    let (person, phone) = (speaks(PERSON_HERTZ)?, speaks(AGENT_HERTZ)?);
    let mut bed = Bed::new(vec![trunk("one", person.address())], options).await?;
    let uri = format!("sip:ann@{}", phone.address());
    bed.engine.log_in(AGENT, Phone::at(&uri));
    let is_up = Report::Event(EngineEvent::Agent(AGENT, AgentEvent::LogIn));
    bed.until("phone", |report| *report == is_up).await?;
    let (call, now) = (CallId(1), bed.engine.clock().now());
    bed.engine.originate(call, &CallSpec { recording: Some(recording), ..spec() }, now);
    bed.event(call, CallEvent::Answered).await?;
    bed.engine.bridge(call, AGENT, now);
    bed.event(call, CallEvent::Connected).await?;
    Ok(Talk { bed, call, peers: [person, phone] })
}

impl Talk {
    async fn over(mut self) -> Result<()> {
        self.bed.hangup(self.call);
        self.bed.engine.log_out(AGENT);
        self.bed.is_empty().await?;
        self.peers.into_iter().try_for_each(Sipp::finish)
    }
}

fn wanted(announce: bool) -> RecordingSpec {
    RecordingSpec { file: PathBuf::from("7/1/1234.20270101.wav"), announce, talks: true }
}

fn options(root: &Path) -> Result<EngineOptions> {
    Ok(EngineOptions { recorder: Some(Recorder::start(root)?), ..EngineOptions::default() })
}

/// The two channels of a finished recording.
async fn heard(path: &Path) -> Result<[Vec<i16>; 2]> {
    let start = Instant::now();
    while !path.exists() {
        if start.elapsed() > PATIENCE {
            bail!("no recording at {}", path.display());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut reader = hound::WavReader::open(path)?;
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = reader.samples().collect::<Result<_, _>>()?;
    let side = |first: usize| samples.iter().skip(first).step_by(2).copied().collect();
    Ok([side(0), side(1)])
}

/// The share of a side's energy in a tone, of the part where anything is heard.
fn share(side: &[i16], hertz: f32) -> f32 {
    let energy: f32 = side.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    // in pieces: a packet that came late does not turn the phase of all others
    let power: f32 = side
        .chunks_exact(160)
        .map(|piece| {
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (at, sample) in piece.iter().enumerate() {
                let angle = at as f32 / 8_000.0 * hertz * std::f32::consts::TAU;
                sine += angle.sin() * f32::from(*sample);
                cosine += angle.cos() * f32::from(*sample);
            }
            (sine * sine + cosine * cosine) * 2.0 / 160.0
        })
        .sum();
    power / energy.max(1.0)
}

fn sounds(side: &[i16]) -> usize {
    side.chunks(160).filter(|piece| piece.iter().any(|sample| sample.unsigned_abs() > 1_000)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_has_its_channel_and_a_pause_is_silence() -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut talk = talk(wanted(false), options(home.path())?).await?;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    talk.bed.engine.talk(talk.call, TalkOrder::Pause(true));
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    talk.bed.engine.talk(talk.call, TalkOrder::Pause(false));
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let path = home.path().join(wanted(false).file);
    assert!(!path.exists() && path.with_extension("wav.part").exists(), "it is not finished");
    talk.over().await?;
    let [person, agent] = heard(&path).await?;
    assert!(!path.with_extension("wav.part").exists());
    assert!((22_000..40_000).contains(&person.len()), "{}", person.len());
    for (side, own, other) in [(&person, PERSON_HERTZ, AGENT_HERTZ), (&agent, AGENT_HERTZ, PERSON_HERTZ)] {
        assert!(share(side, own) > 0.8, "{}", share(side, own));
        assert!(share(side, other) < 0.1, "{}", share(side, other));
        let (loud, frames) = (sounds(side), side.len() / 160);
        assert!(loud > 80 && frames - loud >= 40, "{loud} of {frames} frames sound");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_be_told_is_told_first_and_the_notice_is_heard_before_the_recording() -> Result<()> {
    let home = tempfile::tempdir()?;
    let options = EngineOptions {
        sounds: Sounds { recording_notice: Some(tone(1.0)), ..Sounds::default() },
        ..options(home.path())?
    };
    let talk = talk(wanted(true), options).await?;
    let path = home.path().join(wanted(true).file);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!path.with_extension("wav.part").exists(), "the notice is not over");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    talk.over().await?;
    let [person, agent] = heard(&path).await?;
    assert!(person.len() < 16_000, "{}", person.len());
    assert!(share(&person, PERSON_HERTZ) > 0.8 && share(&agent, AGENT_HERTZ) > 0.8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_be_told_and_can_not_be_is_not_recorded() -> Result<()> {
    let home = tempfile::tempdir()?;
    let talk = talk(wanted(true), options(home.path())?).await?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    talk.over().await?;
    assert!(std::fs::read_dir(home.path())?.next().is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_recording_can_not_be_written_goes_on() -> Result<()> {
    let home = tempfile::NamedTempFile::new()?;
    let mut talk = talk(wanted(false), options(home.path())?).await?;
    tokio::time::sleep(Duration::from_millis(800)).await;
    talk.bed.hangup(talk.call);
    let audio = talk.bed.until("audio", |report| matches!(report, Report::Audio(..))).await?;
    let Report::Audio(_, counts) = audio else { bail!("it is audio") };
    assert!(counts.sent > 25 && counts.received > 25, "{counts:?}");
    talk.over().await.context("nothing is left")
}
