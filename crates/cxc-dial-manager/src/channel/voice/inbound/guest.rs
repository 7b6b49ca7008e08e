//! A call that came in: who calls, and what they hear.
use std::collections::HashMap;
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::CallScript;
use cxc_core::storable::storable;
use cxc_dialer::ivr::Session;
use cxc_server::App;
use cxc_sip::engine::Clock;
use cxc_sip::media::Prompt;
use cxc_sip::ua::Knock;

use super::directory::{Called, e164};
use super::gate::Place;
use super::wishes::Visit;
use crate::channel::voice::CallKit;
use crate::channel::voice::prompts::read_prompts;

const SECOND: Micros = 1_000_000;
/// How long it may take until the caller knows that the call was answered: an ACK is waited for, for 32 s.
const ANSWER: Micros = 40 * SECOND;
/// How long a talk with an agent may take: who ends it before is the agent's group, also where the call was given to a third person.
const TALK: Micros = 12 * 3_600 * SECOND;

/// What people hear at a number without a script of its own.
const USUAL: &str = r#"{"start": "menu", "maxSeconds": 180, "steps": {
    "menu": {"type": "gather", "prompt": "inbound", "timeoutSeconds": 5, "retries": 2,
        "choices": {"1": "never", "2": "again", "3": "agent"}, "otherwise": "bye"},
    "agent": {"type": "agent", "otherwise": "menu"},
    "never": {"type": "opt_out", "next": "gone", "otherwise": "sorry"},
    "gone": {"type": "hang_up", "prompt": "inbound-opted-out"},
    "again": {"type": "call_back", "next": "soon", "otherwise": "sorry"},
    "soon": {"type": "hang_up", "prompt": "inbound-call-back"},
    "sorry": {"type": "hang_up", "prompt": "inbound-sorry"},
    "bye": {"type": "hang_up", "prompt": "inbound-bye"}}}"#;

/// A call in its script.
pub struct Guest {
    pub visit: Arc<Visit>,
    pub session: Session,
    pub prompts: HashMap<String, Prompt>,
    /// How long its script may take.
    most: Micros,
    /// When it must be over.
    pub end: Micros,
    is_answered: bool,
    _place: Place,
}

impl Guest {
    /// When something must happen.
    pub fn due(&self) -> Micros {
        let of_script = self.session.deadline().filter(|_| self.is_answered);
        of_script.map_or(self.end, |due| due.min(self.end))
    }

    /// The caller is there: the time of the script begins.
    pub fn answered(&mut self, now: Micros) {
        (self.is_answered, self.end) = (true, now + self.most);
    }

    /// The caller waits for an agent: that is not the time of the script.
    pub fn waits(&mut self, wait: Micros) {
        self.end += wait;
    }

    /// The caller talks with an agent.
    pub fn talks(&mut self, now: Micros) {
        self.end = now + TALK;
    }
}

/// What a call will hear, and who calls.
pub async fn prepare(
    (app, kit): (&App, &CallKit),
    clock: Clock,
    (called, knock): (Called, &Knock),
    place: Place,
) -> anyhow::Result<Guest> {
    let script = match called.script {
        Some(script) => script,
        None => Arc::new(serde_json::from_str::<CallScript>(USUAL)?),
    };
    let prompts = read_prompts(app, kit, called.tenant, &script.prompts()).await?;
    let caller = knock.caller.as_deref().and_then(|caller| person(kit, &called.number, caller));
    let Called { tenant, account, number, .. } = called;
    let visit =
        Arc::new(Visit { tenant, called: number, account, call_id: storable(&knock.call_id).into_owned(), caller });
    let (now, most) = (clock.now(), Micros::from(script.max_seconds) * SECOND);
    let session = Session::new(script, now);
    Ok(Guest { visit, session, prompts, most, end: now + ANSWER, is_answered: false, _place: place })
}

/// The number of who calls; as somebody in the country of the number that was called would write it.
fn person(kit: &CallKit, called: &str, caller: &str) -> Option<String> {
    let country = kit.phones.parse(called, None).ok().map(|phone| phone.country);
    let with_code = || e164(caller).and_then(|number| kit.phones.parse(&number, None).ok());
    let phone = match caller.starts_with('+') {
        true => with_code(),
        false => kit.phones.parse(caller, country).ok().or_else(with_code),
    };
    phone.map(|phone| phone.number.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_script_is_a_good_one() {
        let script: CallScript = serde_json::from_str(USUAL).unwrap();
        assert_eq!(script.inbound_problems(""), []);
        assert_eq!(script.prompts().len(), 5);
    }
}
