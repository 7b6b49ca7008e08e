//! A carrier that is built in: nothing leaves the machine, everything else is as with a real one.
mod chance;
mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use self::chance::{Chance, pick};
use self::plan::{Plan, Planned};
use super::account::{ChannelAccount, Millis, SimulatedChannel, SimulatorSettings};
use super::{
    Body, Carrier, CarrierStatus, GENERAL_ERROR, Inbound, InboundSender, Now, OutMessage, Outcome, ReceiptState,
    WRONG_NUMBER,
};

const STOPS: [&str; 5] = ["STOP", "Stop", "stop.", "UNSUBSCRIBE", "Cancel"];
const HELPS: [&str; 3] = ["HELP", "help", "INFO"];
const REPLIES: [&str; 4] = ["Thanks!", "Who is this?", "OK, see you then", "Not now, please call me tomorrow"];

/// A simulated SMS centre or mail server.
pub struct SimulatorCarrier {
    settings: SimulatorSettings,
    receipts: bool,
    plan: Arc<Plan>,
    count: AtomicU64,
    closed: AtomicBool,
    now: Now,
}

impl SimulatorCarrier {
    /// A simulator for the account. Needs a tokio runtime.
    pub fn start(account: &ChannelAccount, inbound: InboundSender, now: Now) -> Self {
        let settings = account.simulator.clone().unwrap_or_default();
        let receipts = account.receipts && settings.channel == SimulatedChannel::Sms;
        let plan = Plan::start(inbound);
        Self { settings, receipts, plan, count: AtomicU64::new(0), closed: AtomicBool::new(false), now }
    }

    // what comes later: a receipt, and perhaps some words
    fn plan_consequences(&self, message: &OutMessage, provider_id: &str) {
        let chance = Chance::new(self.settings.seed, &message.reference);
        let s = &self.settings;
        let undelivered = chance.draw("undelivered") < s.undelivered;
        let receipt_after = between(s.receipt_delay, chance.draw("receipt"));
        if self.receipts && chance.draw("lost") >= s.receipt_lost {
            let state = if undelivered {
                ReceiptState::Failed { permanent: false, code: "UNDELIV 027".into() }
            } else {
                ReceiptState::Delivered
            };
            let event = Inbound::Receipt {
                provider_id: provider_id.to_owned(),
                reference: Some(message.short_reference()),
                address: message.to.clone(),
                state,
                at: (self.now)().saturating_add(i64::try_from(receipt_after.as_micros()).unwrap_or(0)),
            };
            self.plan.add(receipt_after, Planned { event, must: true, tries: 0 });
        }
        if undelivered && self.receipts {
            return;
        }
        // people are who they are: the same person does the same to every message of one seed
        let person = Chance::new(self.settings.seed, &message.to);
        let words: &[&str] = match pick(person.draw("person"), &[s.opt_outs, s.helps, s.replies]) {
            Some(0) => &STOPS,
            Some(1) => &HELPS,
            Some(2) => &REPLIES,
            _ => return,
        };
        let place = (chance.draw("words") * words.len() as f64) as usize;
        let event = Inbound::Message {
            from: message.to.clone(),
            to: message.from.clone(),
            text: words.get(place).copied().unwrap_or(words[0]).to_owned(),
            provider_id: format!("{provider_id}-reply"),
        };
        let after = receipt_after + between(s.reply_delay, chance.draw("reply"));
        self.plan.add(after, Planned { event, must: false, tries: 0 });
    }

    fn fate(&self, message: &OutMessage) -> Outcome {
        let chance = Chance::new(self.settings.seed, &message.reference);
        let s = &self.settings;
        // these must not repeat for ever if the same message is tried again
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let busy = Chance::new(s.seed ^ count, "busy").draw("busy");
        match pick(busy, &[s.temporary, s.throttled]) {
            Some(0) => return Outcome::not_sent("simulated: not now"),
            Some(_) => {
                let after = Some(Duration::from_secs(1));
                return Outcome::Retry { detail: "simulated: too fast".into(), after, throttled: true };
            }
            None => {}
        }
        match pick(chance.draw("answer"), &[s.bad_address, s.refused, s.unanswered]) {
            Some(0) => Outcome::refused(WRONG_NUMBER, "simulated: no such address"),
            Some(1) => Outcome::refused(GENERAL_ERROR, "simulated: refused"),
            Some(_) => Outcome::InDoubt { detail: "simulated: no answer".into() },
            None => {
                let provider_id = format!("sim-{}", message.reference);
                self.plan_consequences(message, &provider_id);
                if self.receipts { Outcome::Accepted { provider_id } } else { Outcome::Delivered { provider_id } }
            }
        }
    }
}

fn between(span: Millis, share: f64) -> Duration {
    let (min, max) = (f64::from(span.min), f64::from(span.max.max(span.min)));
    Duration::from_secs_f64((min + (max - min) * share) / 1000.0)
}

#[async_trait]
impl Carrier for SimulatorCarrier {
    async fn send(&self, message: OutMessage) -> Outcome {
        if self.closed.load(Ordering::Relaxed) {
            return Outcome::not_sent("the channel is closed");
        }
        let fits = match (&message.body, self.settings.channel) {
            (Body::Sms(_), SimulatedChannel::Sms) | (Body::Email(_), SimulatedChannel::Email) => true,
            (Body::Sms(_) | Body::Email(_) | Body::Call(_), _) => false,
        };
        if !fits {
            return Outcome::refused(GENERAL_ERROR, "the simulator plays the other channel");
        }
        let chance = Chance::new(self.settings.seed, &message.reference);
        let wait = between(self.settings.delay, chance.draw("delay"));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        self.fate(&message)
    }

    fn status(&self) -> CarrierStatus {
        if self.closed.load(Ordering::Relaxed) { CarrierStatus::Closed } else { CarrierStatus::Connected }
    }

    /// Receipts that are still to come are brought at once: after a restart nobody would bring them.
    async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.plan.finish(Duration::from_secs(5)).await;
    }
}
