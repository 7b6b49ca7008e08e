//! An engine and SIPp peers on loopback.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cxc_core::location::Country;
use cxc_core::phone::PhoneParser;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, CallSpec, EngineEvent};
use cxc_sip::engine::{EngineOptions, Report, SipEngine, Sounds};
use cxc_sip::trunk::{Destinations, TrunkOptions, Trunks};
use cxc_sip::ua::Trust;
use cxc_test::Certificate;
pub use cxc_test::Sipp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An engine with a trunk to each address, and what it reports.
pub struct Bed {
    pub engine: SipEngine,
    pub reports: UnboundedReceiver<Report>,
    /// All that was reported so far.
    pub seen: Vec<Report>,
    last: u64,
}

/// With the plans of all countries.
pub fn destinations() -> Result<Destinations> {
    Ok(Destinations::new(Arc::new(PhoneParser::new()?)))
}

/// An engine whose people hear these.
pub fn sounds(sounds: Sounds) -> EngineOptions {
    EngineOptions { sounds, ..EngineOptions::default() }
}

/// A trunk to a peer, for calls to the US.
pub fn trunk(name: &str, peer: SocketAddr) -> TrunkOptions {
    let us = Country::from_code("US").into_iter().collect();
    TrunkOptions {
        caller_id: Some("+12125550100".into()),
        ..TrunkOptions::new(name, &peer.to_string(), 500, 1_000.0, us)
    }
}

/// TLS with those that the authorities of these certificates have signed.
pub fn trust(certificates: &[&Certificate]) -> Result<Trust> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(CertificateDer::from_pem_file(&certificate.authority)?)?;
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(Trust::new(TlsConnector::from(Arc::new(config))))
}

/// A call to a number of fiction.
pub fn spec() -> CallSpec {
    CallSpec { number: "+12125550142".into(), ..CallSpec::default() }
}

impl Bed {
    pub async fn new(trunks: Vec<TrunkOptions>, options: EngineOptions) -> Result<Self> {
        let (engine, reports) = SipEngine::start(options, Trunks::new(trunks), destinations()?).await?;
        Ok(Self { engine, reports, seen: Vec::new(), last: 0 })
    }

    /// A bed with one trunk.
    pub async fn to(peer: &Sipp) -> Result<Self> {
        Self::new(vec![trunk("one", peer.address())], EngineOptions::default()).await
    }

    /// Places a call.
    pub fn call(&mut self) -> CallId {
        self.call_to(&spec().number)
    }

    /// Places a call to a number.
    pub fn call_to(&mut self, number: &str) -> CallId {
        self.last += 1;
        let call = CallId(self.last);
        let now = self.engine.clock().now();
        self.engine.originate(call, &CallSpec { number: number.to_owned(), ..spec() }, now);
        call
    }

    /// Waits until a call rings, if it did not yet.
    pub async fn ringing(&mut self, call: CallId) -> Result<()> {
        let rings = Report::Event(EngineEvent::Call(call, CallEvent::Ringing));
        if self.seen.contains(&rings) {
            return Ok(());
        }
        self.event(call, CallEvent::Ringing).await
    }

    /// Waits for a report.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Report) -> bool) -> Result<Report> {
        self.within(PATIENCE, what, wanted).await
    }

    /// Waits for a report, not longer than this.
    pub async fn within(&mut self, time: Duration, what: &str, wanted: impl Fn(&Report) -> bool) -> Result<Report> {
        let waiting = async {
            loop {
                let report = self.reports.recv().await.context("the engine is there")?;
                self.seen.push(report.clone());
                if wanted(&report) {
                    return Ok(report);
                }
            }
        };
        match timeout(time, waiting).await {
            Ok(report) => report,
            Err(_) => bail!("no {what} within {time:?}; reported: {:#?}", self.seen),
        }
    }

    /// Waits for an event of a call.
    pub async fn event(&mut self, call: CallId, event: CallEvent) -> Result<()> {
        let wanted = Report::Event(EngineEvent::Call(call, event));
        self.until(&format!("{event:?}"), |report| *report == wanted).await.map(|_| ())
    }

    /// How a call ended that was not answered.
    pub async fn failed(&mut self, call: CallId) -> Result<CallEvent> {
        let end = |report: &Report| match report {
            Report::Event(EngineEvent::Call(of, event @ (CallEvent::Failed(_) | CallEvent::Refused { .. })))
                if *of == call =>
            {
                Some(*event)
            }
            _ => None,
        };
        if let Some(event) = self.seen.iter().find_map(end) {
            return Ok(event);
        }
        let report = self.until("end", |report| end(report).is_some()).await?;
        end(&report).context("it is an end")
    }

    /// Hangs up a call.
    pub fn hangup(&mut self, call: CallId) {
        let now = self.engine.clock().now();
        self.engine.hangup(call, now);
    }

    /// Nothing is held any more: calls, dialogs, channels, ports.
    pub async fn is_empty(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let left = (
                self.engine.calls(),
                self.engine.ua().dialogs(),
                self.engine.trunks().in_use(),
                self.engine.ports_in_use(),
            );
            if left == (0, 0, 0, 0) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("calls, dialogs, channels and ports are left: {left:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A second of a tone.
pub fn tone(seconds: f32) -> cxc_sip::media::Prompt {
    let samples: Vec<f32> = (0..(8_000.0 * seconds) as u32)
        .map(|at| (at as f32 / 8_000.0 * 440.0 * std::f32::consts::TAU).sin() * 0.3)
        .collect();
    cxc_sip::media::Prompt::from_samples(&samples)
}

/// A socket on loopback that the test itself reads.
pub fn socket() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// µ-law of tones: pairs of hertz and milliseconds, 0 is silence.
pub fn says(parts: &[(f32, usize)]) -> Vec<u8> {
    let part = |(hertz, ms): &(f32, usize)| {
        let hertz = *hertz;
        let wave = move |at: usize| (at as f32 / 8_000.0 * hertz * std::f32::consts::TAU).sin() * 8_000.0;
        (0..ms * 8).map(move |at| audio_codec_algorithms::encode_ulaw(wave(at) as i16)).collect::<Vec<u8>>()
    };
    parts.iter().flat_map(part).collect()
}
