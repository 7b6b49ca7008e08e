//! From documents to what calls are placed with.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use cxc_core::call_media::{DetectionMode, MachineAction};
use cxc_core::call_settings::{AbandonPlace, CallSettings, OptimizeBy, phone_host};
use cxc_core::campaign::Dialing;
use cxc_core::enumerations::DialingMode;
use cxc_core::location::Country;
use cxc_dialer::abandon::{AbandonPolicy, Place};
use cxc_dialer::agent::AgentRules;
use cxc_dialer::call::{CallRules, OnMachine};
use cxc_dialer::pacing::{Mode, Target};
use cxc_server::App;
use cxc_sip::engine::{Clock, EngineOptions, Phone};
use cxc_sip::trunk::{TrunkOptions, Trunks};
use cxc_sip::ua::{Credentials, Transport, UaOptions};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::CallKit;
use crate::channel::{ChannelAccount, SipTransport};

const SECOND: i64 = 1_000_000;
/// The longest time of detection before an agent is looked for: a little more than its own, so that it ends itself.
const DETECTION: i64 = 5_200_000;

/// A channel account of kind `sip`: what its groups share.
pub struct Trunk {
    pub app: App,
    pub kit: Arc<CallKit>,
    pub clock: Clock,
    account: ChannelAccount,
    epoch: i64,
    /// Where it is and from which of our addresses it is reached, and its limits.
    found: OnceCell<(IpAddr, Arc<Trunks>)>,
}

impl Trunk {
    pub fn new(app: App, kit: Arc<CallKit>, account: &ChannelAccount, epoch: i64) -> Self {
        let clock = Clock::starting(app.now());
        Self { app, kit, clock, account: account.clone(), epoch, found: OnceCell::new() }
    }

    /// Calls at once.
    pub fn channels(&self) -> usize {
        self.account.sip.as_ref().map_or(0, |sip| sip.channels as usize)
    }

    fn transport(&self) -> Transport {
        match self.account.sip.as_ref().map(|sip| sip.transport).unwrap_or_default() {
            SipTransport::Udp => Transport::Udp,
            SipTransport::Tcp => Transport::Tcp,
        }
    }

    /// What an engine is started with.
    pub async fn engine(&self, calls: &CallSettings) -> Result<(EngineOptions, Arc<Trunks>), String> {
        let (own, trunks) = self.found.get_or_try_init(|| self.find()).await?;
        let ua = UaOptions { listen: vec![SocketAddr::new(*own, 0)], public: self.kit.public, ..UaOptions::default() };
        let options = EngineOptions {
            ua,
            media_ports: self.kit.media_ports.clone(),
            media_address: *own,
            call_id_prefix: format!("{}-", self.epoch),
            message: self.kit.message.clone(),
            machine_message: self.kit.machine_message.clone(),
            recording_notice: self.kit.recording_notice.clone(),
            recorder: Some(self.kit.recorder.clone()),
            detection: calls.detection.mode != DetectionMode::Off,
            clock: self.clock,
            ..EngineOptions::default()
        };
        Ok((options, Arc::clone(trunks)))
    }

    async fn find(&self) -> Result<(IpAddr, Arc<Trunks>), String> {
        let host = self.account.host.as_deref().unwrap_or_default();
        let place = self.resolve(host, self.account.effective_port()).await?;
        let sip = self.account.sip.clone().unwrap_or_default();
        let countries: Vec<Country> = sip.countries.iter().filter_map(|code| Country::parse(code).ok()).collect();
        let address = format!("{host}:{}", self.account.effective_port());
        let credentials = self.account.credential.as_ref().and_then(|credential| {
            let password = SecretString::from(credential.password.as_ref()?.expose_secret());
            Some(Credentials { user: credential.username.clone(), password })
        });
        let trunk = TrunkOptions {
            proxy: Some(place),
            transport: self.transport(),
            credentials,
            caller_id: self.account.sender.clone(),
            asserted: sip.asserted_identity,
            registers: sip.register,
            ..TrunkOptions::new("trunk", &address, sip.channels, self.account.rate_per_second, countries)
        };
        Ok((own_address(place)?, Arc::new(Trunks::new(vec![trunk]))))
    }

    /// A host within reach: those who run the installation say what lies inside it.
    async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, String> {
        let found = self.app.channel_reach.resolve(host, port).await.map_err(|error| format!("{host}: {error}"))?;
        found.first().copied().ok_or_else(|| format!("{host} has no address"))
    }

    /// The phone of an agent; nothing, and a word in the log, for one that can't be found.
    pub async fn phone(&self, uri: &str) -> Option<Phone> {
        let (host, port) = phone_host(uri)?;
        match self.resolve(host, port).await {
            Ok(place) => {
                let (uri, transport) = (uri.to_owned(), self.transport());
                Some(Phone { uri, place: Some(place), transport, credentials: None })
            }
            Err(error) => {
                tracing::warn!(error, "the phone of an agent can't be found");
                None
            }
        }
    }
}

/// The address of ours from which a place is reached.
fn own_address(place: SocketAddr) -> Result<IpAddr, String> {
    let any: IpAddr = if place.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // nothing is sent: the kernel only looks up the route
    let route = std::net::UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(place)?;
        socket.local_addr()
    });
    route.map(|own| own.ip()).map_err(|error| format!("the trunk can't be reached: {error}"))
}

/// How a group is paced.
pub fn mode(dialing: &Dialing) -> Mode {
    let goal = f64::from(dialing.optimize_goal.unwrap_or_else(|| dialing.optimize_by.usual()));
    match dialing.mode {
        Some(DialingMode::Progress | DialingMode::ProgressAndSeize) => {
            Mode::Progressive { tenths: (dialing.lines_per_agent * 10.0).round().clamp(1.0, 100.0) as u32 }
        }
        _ => Mode::Predictive(match dialing.optimize_by {
            OptimizeBy::OverdialRate => Target::AbandonRate,
            OptimizeBy::BusyFactor => Target::BusyFactor(goal / 100.0),
            OptimizeBy::WaitTime => Target::WaitTime(goal),
        }),
    }
}

/// What limits abandoned calls: the law of the place, or less where the group aims lower.
pub fn policies(dialing: &Dialing, calls: &CallSettings) -> Vec<AbandonPolicy> {
    let place = match calls.abandon_policy {
        AbandonPlace::US => Place::US,
        AbandonPlace::UK => Place::UK,
        AbandonPlace::CA => Place::CA,
        AbandonPlace::AU => Place::AU,
    };
    let goal = match (dialing.optimize_by, dialing.optimize_goal) {
        (OptimizeBy::OverdialRate, Some(percent)) => f64::from(percent) / 100.0,
        _ => 1.0,
    };
    place.policies().into_iter().map(|policy| AbandonPolicy { rate: policy.rate.min(goal), ..policy }).collect()
}

/// The deadlines of calls and agents. A message of no length is over at once.
pub fn rules(calls: &CallSettings, policies: &[AbandonPolicy], has_message: bool) -> (CallRules, AgentRules) {
    let usual = CallRules::default();
    let threshold = policies.iter().map(|policy| i64::from(policy.threshold_ms) * 1_000).min();
    let call = CallRules {
        max_ring: i64::from(calls.max_ring_seconds) * SECOND,
        threshold: threshold.unwrap_or(usual.threshold),
        message: if has_message { usual.message } else { 0 },
        classify: (calls.detection.mode == DetectionMode::Before).then_some(DETECTION),
        machine: match calls.detection.machine {
            MachineAction::Drop => OnMachine::Drop,
            MachineAction::Message => OnMachine::Message,
            MachineAction::Connect => OnMachine::Connect,
        },
        ..usual
    };
    (call, AgentRules { wrap: i64::from(calls.wrap_up_seconds) * SECOND, ..AgentRules::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_a_group_is_that_of_its_document() {
        let predictive = Dialing::default();
        assert_eq!(mode(&predictive), Mode::Predictive(Target::AbandonRate));
        let progressive = Dialing { mode: Some(DialingMode::Progress), lines_per_agent: 1.5, ..predictive.clone() };
        assert_eq!(mode(&progressive), Mode::Progressive { tenths: 15 });
        let busy = Dialing { optimize_by: OptimizeBy::BusyFactor, ..predictive.clone() };
        assert_eq!(mode(&busy), Mode::Predictive(Target::BusyFactor(0.8)));
        let calls = CallSettings::default();
        assert!(policies(&predictive, &calls).iter().all(|p| p.rate == 0.03));
        let lower = Dialing { optimize_goal: Some(1), ..predictive.clone() };
        assert!(policies(&lower, &calls).iter().all(|p| p.rate == 0.01));
        let higher = Dialing { optimize_goal: Some(50), ..predictive };
        assert!(policies(&higher, &calls).iter().all(|p| p.rate == 0.03), "the law holds besides");
    }

    #[test]
    fn our_address_is_that_of_the_route() {
        assert_eq!(own_address("127.0.0.1:5060".parse().unwrap()).unwrap(), Ipv4Addr::LOCALHOST);
    }
}
