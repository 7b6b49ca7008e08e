//! From documents to what calls are placed with.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use cxc_core::call_media::{DetectionMode, MachineAction};
use cxc_core::call_settings::{AbandonPlace, CallSettings, OptimizeBy};
use cxc_core::campaign::Dialing;
use cxc_core::enumerations::DialingMode;
use cxc_core::location::Country;
use cxc_dialer::abandon::{AbandonPolicy, Place};
use cxc_dialer::agent::AgentRules;
use cxc_dialer::call::{CallRules, OnMachine};
use cxc_dialer::pacing::{Mode, Target};
use cxc_server::App;
use cxc_server::outbound::Reach;
use cxc_sip::ari::{Asterisk, AsteriskOptions};
use cxc_sip::engine::{Clock, EngineOptions, Phone, Sounds};
use cxc_sip::media::Codec;
use cxc_sip::trunk::{Tariff, TrunkOptions, Trunks, day_of};
use cxc_sip::ua::{Credentials, Transport, Trust, UaOptions};
use cxc_store::StoreError;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::CallKit;
use super::phones::Phones;
use crate::channel::{AriSettings, AsteriskCodec, ChannelAccount, Security, SipTransport, Srtp, tls};

const SECOND: i64 = 1_000_000;
/// A connection to a trunk or its refusal may take 10 s: until then a call waits for it, so that its end is that of the
/// connection.
const PLACING: i64 = 11 * SECOND;
/// The longest time of detection before an agent is looked for: a little more than its own, so that it ends itself.
const DETECTION: i64 = 5_200_000;

/// No prompt is longer. A message ends the call itself when it was heard: that is only waited for.
const LONGEST_MESSAGE: i64 = 600 * SECOND;
/// How long the beep of a machine may be waited for, until the message begins without one.
const BEEP: i64 = 30 * SECOND;

/// A phone that rang for so long as it may says that nobody answered; after this time it is taken to have said so.
const HANG_UP: i64 = 3 * SECOND;

/// An account, and what was last written of what it cost: the day and the amount.
type Written = (Uuid, Option<(i64, i64)>);

/// A channel account of kind `sip` or `ari`.
pub struct TrunkAccount {
    /// Its id.
    pub id: Uuid,
    /// What people call it: so logs, reports and the details of attempts do.
    pub name: String,
    /// Its document.
    pub account: ChannelAccount,
}

/// A channel account of kind `sip` or `ari` with its alternates: what its groups share.
pub struct Trunk {
    pub app: App,
    pub kit: Arc<CallKit>,
    pub clock: Clock,
    /// How the phones of its agents are reached.
    pub phones: Phones,
    /// The number of its own account.
    pub number: i64,
    /// Its own first.
    accounts: Vec<TrunkAccount>,
    /// Of the lease of its sender.
    pub epoch: i64,
    /// From which of our addresses they are reached, and where they are, with their limits.
    found: OnceCell<(IpAddr, Arc<Trunks>)>,
    /// Which accounts these are, and what was last written of what they cost.
    written: Mutex<Vec<Written>>,
}

impl Trunk {
    pub fn new(app: App, kit: Arc<CallKit>, number: i64, accounts: Vec<TrunkAccount>, epoch: i64) -> Self {
        let clock = Clock::starting(app.now());
        let phones = accounts.first().map(|first| Phones::of(&first.account)).unwrap_or_default();
        Self { app, kit, clock, phones, number, accounts, epoch, found: OnceCell::new(), written: Mutex::default() }
    }

    /// Calls at once.
    pub fn channels(&self) -> usize {
        let terms = self.accounts.iter().filter_map(|one| one.account.trunk_terms());
        terms.map(|(_, terms)| terms.channels as usize).sum()
    }

    /// What an engine is started with.
    pub async fn engine(&self, calls: &CallSettings, sounds: Sounds) -> Result<(EngineOptions, Arc<Trunks>), String> {
        let (own, trunks) = self.found.get_or_try_init(|| self.find()).await?;
        let ua = UaOptions { listen: vec![SocketAddr::new(*own, 0)], public: self.kit.public, ..UaOptions::default() };
        let options = EngineOptions {
            ua,
            media_ports: self.kit.media_ports.clone(),
            media_address: *own,
            call_id_prefix: format!("{}-", self.epoch),
            sounds,
            recorder: Some(self.kit.recorder.clone()),
            detection: calls.detection.mode != DetectionMode::Off,
            clock: self.clock,
            ..EngineOptions::default()
        };
        Ok((options, Arc::clone(trunks)))
    }

    /// Those that are there: one that is not found leaves the calls to the others, until the trunk is started anew.
    async fn find(&self) -> Result<(IpAddr, Arc<Trunks>), String> {
        let (mut own, mut trunks, mut missing) = (None, Vec::new(), String::new());
        let mut ids = Vec::new();
        for (number, TrunkAccount { id, name, account }) in (1..).zip(&self.accounts) {
            let found = self.find_one(account, (name, number)).await.and_then(|(address, trunk)| {
                match *own.get_or_insert(address) {
                    first if first == address => Ok(trunk),
                    first => Err(format!("{} is reached from {address}, the others from {first}", trunk.host)),
                }
            });
            match found {
                Ok(trunk) => {
                    trunks.push(trunk);
                    ids.push((*id, None));
                }
                Err(reason) => {
                    tracing::warn!(trunk = name, account = %id, reason, "a trunk can't be used");
                    missing = reason;
                }
            }
        }
        let own = own.filter(|_| !trunks.is_empty()).ok_or(missing)?;
        let trunks = Trunks::new(trunks);
        self.resume_spend(&trunks, &ids)
            .await
            .map_err(|error| format!("what was spent today can't be read: {error}"))?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = ids;
        Ok((own, Arc::new(trunks)))
    }

    /// Takes up what the trunks have cost today.
    async fn resume_spend(&self, trunks: &Trunks, ids: &[(Uuid, Option<(i64, i64)>)]) -> Result<(), StoreError> {
        let day = day_of(self.clock.now());
        let mut tx = self.app.db.read().await?;
        for (at, (id, _)) in ids.iter().enumerate().filter(|(at, _)| trunks.options(*at).tariff.is_some()) {
            trunks.resume_spend(at, (day, tx.trunk_spent(self.number, *id, day).await?));
        }
        Ok(())
    }

    /// Writes what the trunks have cost today, where that has changed.
    pub async fn write_spend(&self) -> Result<(), StoreError> {
        let Some((_, trunks)) = self.found.get() else { return Ok(()) };
        let known = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (at, (id, written)) in known.into_iter().enumerate() {
            let Some(spent) = trunks.spent(at, self.clock.now()).filter(|spent| written != Some(*spent)) else {
                continue;
            };
            let mut tx = self.app.db.begin().await?;
            tx.trunk_spend_set((self.number, id), spent, self.epoch).await?;
            tx.commit().await?;
            self.written.lock().unwrap_or_else(PoisonError::into_inner)[at].1 = Some(spent);
        }
        Ok(())
    }

    async fn find_one(
        &self,
        account: &ChannelAccount,
        (name, number): (&str, u32),
    ) -> Result<(IpAddr, TrunkOptions), String> {
        let host = account.host.as_deref().unwrap_or_default();
        let place = resolve(&self.app.channel_reach, host, account.effective_port()).await?;
        let (_, terms) = account.trunk_terms().ok_or("the account has no settings of a trunk")?;
        let countries: Vec<Country> = terms.countries.iter().filter_map(|code| Country::parse(code).ok()).collect();
        let address = format!("{host}:{}", account.effective_port());
        let credentials = account.credential.as_ref().and_then(|credential| {
            let password = SecretString::from(credential.password.as_ref()?.expose_secret());
            Some(Credentials { user: credential.username.clone(), password })
        });
        let trunk = TrunkOptions {
            proxy: Some(place),
            trust: Some(trust(account)?),
            credentials,
            caller_id: account.sender.clone(),
            tariff: terms.spend_per_day.map(|cap| Tariff {
                per_day: millionths(cap),
                per_minute: millionths(terms.cost_per_minute),
                per_call: millionths(terms.cost_per_call),
            }),
            ..TrunkOptions::new(name, &address, terms.channels, account.rate_per_second, countries)
        };
        let trunk = match (&account.sip, &account.ari) {
            (Some(sip), _) => TrunkOptions {
                transport: transport(account),
                srtp: sip.srtp == Srtp::Required,
                asserted: sip.asserted_identity,
                registers: sip.register,
                ..trunk
            },
            (None, Some(ari)) => {
                let (host, application) = (host.to_owned(), format!("{}-{}-{number}", ari.application, self.number));
                TrunkOptions { asterisk: Some(asterisk((account, ari), &trunk, host, application)?), ..trunk }
            }
            (None, None) => trunk,
        };
        Ok((own_address(place)?, trunk))
    }

    /// The phone of an agent; nothing, and a word in the log, for one that can't be found.
    pub async fn phone(&self, uri: &str) -> Option<Phone> {
        let found = self.phones.find(&self.app.channel_reach, uri).await;
        found.map_err(|error| tracing::warn!(error, "the phone of an agent can't be found")).ok()
    }
}

/// The Asterisk of a trunk. One application has one connection, so its name is that of the account that holds the lease.
fn asterisk(
    (account, ari): (&ChannelAccount, &AriSettings),
    trunk: &TrunkOptions,
    host: String,
    application: String,
) -> Result<Arc<Asterisk>, String> {
    let (place, trust) = trunk.proxy.zip(trunk.trust.clone()).ok_or("the trunk has no place")?;
    let credentials = trunk.credentials.clone().ok_or("the account has no password")?;
    let options = AsteriskOptions {
        host,
        place,
        is_secure: account.security == Security::Tls,
        trust,
        path: ari.path.clone(),
        credentials,
        application,
        endpoint: ari.endpoint.clone(),
        codec: match ari.codec {
            AsteriskCodec::Ulaw => Codec::Pcmu,
            AsteriskCodec::Alaw => Codec::Pcma,
        },
    };
    Asterisk::start(options).map(Arc::new).map_err(|error| error.to_string())
}

/// A host within reach: those who run the installation say what lies inside it.
pub(super) async fn resolve(reach: &Reach, host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = reach.resolve(host, port).await.map_err(|error| format!("{host}: {error}"))?;
    found.first().copied().ok_or_else(|| format!("{host} has no address"))
}

/// An amount as it is counted.
#[expect(clippy::cast_possible_truncation, reason = "amounts are 0 to 1e9")]
fn millionths(amount: f64) -> i64 {
    (amount * 1e6).round() as i64
}

pub(super) fn transport(account: &ChannelAccount) -> Transport {
    match account.sip.as_ref().map(|sip| sip.transport).unwrap_or_default() {
        SipTransport::Udp => Transport::Udp,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Tls => Transport::Tls,
    }
}

/// Whose word an account takes for who somebody is.
pub(super) fn trust(account: &ChannelAccount) -> Result<Trust, String> {
    let connector = tls::connector(account.ca_certificate.as_deref());
    connector.map(Trust::new).map_err(|error| format!("the certificate of the account: {error}"))
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
pub fn mode(dialing: &Dialing, calls: &CallSettings) -> Mode {
    let agents = calls.has_agents() && calls.needs_agents();
    let goal = f64::from(dialing.optimize_goal.unwrap_or_else(|| dialing.optimize_by.usual()));
    match dialing.mode {
        Some(DialingMode::PowerGvp) => Mode::PerMinute(dialing.calls_per_minute),
        Some(DialingMode::ProgressGvp) => Mode::Ports { agents },
        // without agents there is nobody to be ahead of
        Some(DialingMode::PredictGvp) if !agents => Mode::Ports { agents },
        None if calls.script.is_some() => Mode::Ports { agents },
        Some(DialingMode::Progress | DialingMode::ProgressAndSeize) => {
            Mode::Progressive { tenths: (dialing.lines_per_agent * 10.0).round().clamp(1.0, 100.0) as u32 }
        }
        // nothing is dialed but what agents ask for
        Some(DialingMode::Preview | DialingMode::PushPreview) => Mode::Progressive { tenths: 10 },
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
pub fn rules(
    dialing: &Dialing,
    calls: &CallSettings,
    policies: &[AbandonPolicy],
    has_message: bool,
) -> (CallRules, AgentRules) {
    let usual = CallRules::default();
    let threshold = policies.iter().map(|policy| i64::from(policy.threshold_ms) * 1_000).min();
    let least_ring = policies.iter().map(|policy| i64::from(policy.min_ring_s) * SECOND).max();
    let call = CallRules {
        placing: PLACING,
        max_ring: i64::from(calls.max_ring_seconds) * SECOND,
        least_ring: least_ring.unwrap_or(usual.least_ring),
        threshold: threshold.unwrap_or(usual.threshold),
        message: if has_message { LONGEST_MESSAGE } else { 0 },
        machine_message: BEEP + LONGEST_MESSAGE + 2 * SECOND,
        script: calls.script.as_ref().map(|script| i64::from(script.max_seconds) * SECOND),
        classify: (calls.detection.mode == DetectionMode::Before).then_some(DETECTION),
        machine: match calls.detection.machine {
            MachineAction::Drop => OnMachine::Drop,
            MachineAction::Message => OnMachine::Message,
            MachineAction::Connect => OnMachine::Connect,
        },
        ..usual
    };
    let look = |is_asked| dialing.preview_seconds(is_asked).map(|seconds| i64::from(seconds) * SECOND);
    let wrap = i64::from(calls.wrap_up_seconds) * SECOND;
    let agent = AgentRules {
        wrap,
        asked_look: look(true),
        look: look(false),
        ready_after_wrap: !calls.disposition_required,
        ring: calls.agent_phones.ring().map(|seconds| i64::from(seconds) * SECOND + HANG_UP),
        ..AgentRules::default()
    };
    (call, agent)
}

#[cfg(test)]
mod tests {
    use cxc_dialer::call::{Call, State};

    use super::*;

    #[test]
    fn the_mode_of_a_group_is_that_of_its_document() {
        let calls = CallSettings::default();
        let mode = |dialing: &Dialing| mode(dialing, &calls);
        let predictive = Dialing::default();
        assert_eq!(mode(&predictive), Mode::Predictive(Target::AbandonRate));
        let progressive = Dialing { mode: Some(DialingMode::Progress), lines_per_agent: 1.5, ..predictive.clone() };
        assert_eq!(mode(&progressive), Mode::Progressive { tenths: 15 });
        let busy = Dialing { optimize_by: OptimizeBy::BusyFactor, ..predictive.clone() };
        assert_eq!(mode(&busy), Mode::Predictive(Target::BusyFactor(0.8)));
        assert!(policies(&predictive, &calls).iter().all(|p| p.rate == 0.03));
        let lower = Dialing { optimize_goal: Some(1), ..predictive.clone() };
        assert!(policies(&lower, &calls).iter().all(|p| p.rate == 0.01));
        let higher = Dialing { optimize_goal: Some(50), ..predictive };
        assert!(policies(&higher, &calls).iter().all(|p| p.rate == 0.03), "the law holds besides");
    }

    #[test]
    fn a_script_fills_its_ports_or_its_minute_and_goes_ahead_of_agents_if_it_has_any() {
        let script = r#"{"start": "a", "steps": {"a": {"type": "transfer"}}, "maxSeconds": 60}"#;
        let calls = CallSettings { script: serde_json::from_str(script).ok(), ..CallSettings::default() };
        let manned = CallSettings { agents: vec!["sip:ann@h".into()], ..calls.clone() };
        let by = |mode| Dialing { mode, calls_per_minute: 90, ..Dialing::default() };
        let (ports, ahead, power) = (DialingMode::ProgressGvp, DialingMode::PredictGvp, DialingMode::PowerGvp);
        assert_eq!(mode(&by(None), &calls), Mode::Ports { agents: false });
        assert_eq!(mode(&by(Some(ports)), &manned), Mode::Ports { agents: true });
        assert_eq!(mode(&by(Some(ahead)), &manned), Mode::Predictive(Target::AbandonRate));
        assert_eq!(mode(&by(Some(ahead)), &calls), Mode::Ports { agents: false });
        assert_eq!(mode(&by(Some(power)), &calls), Mode::PerMinute(90));
        assert_eq!(rules(&Dialing::default(), &calls, &[], false).0.script, Some(60 * SECOND));
    }

    #[test]
    fn a_message_of_any_length_is_heard_to_its_end() {
        let rules = |has_message| rules(&Dialing::default(), &CallSettings::default(), &[], has_message).0;
        let longest = i64::try_from(cxc_sip::media::LONGEST_PROMPT).unwrap() * SECOND;
        let abandoned = Call { state: State::Abandoned, ..Call::new(0) };
        assert!(abandoned.deadline(&rules(true)).unwrap() > longest, "a name, a number and an opt-out take their time");
        assert_eq!(abandoned.deadline(&rules(false)), Some(2 * SECOND), "nothing is to be heard");
        let machine = Call { state: State::Machine, ..Call::new(0) };
        assert!(machine.deadline(&rules(true)).unwrap() > BEEP + longest);
    }

    #[test]
    fn our_address_is_that_of_the_route() {
        assert_eq!(own_address("127.0.0.1:5060".parse().unwrap()).unwrap(), Ipv4Addr::LOCALHOST);
    }
}
