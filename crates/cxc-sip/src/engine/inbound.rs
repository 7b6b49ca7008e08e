//! Calls that come in: from the door to their end they are calls of the engine like others, but for how they begin.
use std::sync::Arc;

use cxc_core::enumerations::CallResult;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::attempt::{Attempt, answerer, session};
use super::talk::talk;
use super::{Order, Report, Shared, SipEngine};
use crate::media::{Prompt, Stream};
use crate::sdp;
use crate::ua::{Refusal, Visitor};

impl SipEngine {
    /// Answers a call that came in. It is `Answered` when its caller knows, or `Failed`.
    pub fn receive(&mut self, id: CallId, visitor: Visitor) {
        let (tell, orders) = unbounded_channel();
        let shared = Arc::clone(&self.shared);
        shared.calls().insert(id, tell);
        tokio::spawn(async move {
            let last = run(&shared, id, visitor, orders).await;
            shared.calls().remove(&id);
            if let Some(event) = last {
                shared.event(id, event);
            }
        });
    }

    /// Plays a prompt to the person of a call; its end is reported by a number, as that of a script's prompt.
    pub fn say(&mut self, call: CallId, number: u32, prompt: Prompt) {
        self.order(call, Order::Say(number, prompt));
    }
}

async fn run(
    shared: &Arc<Shared>,
    id: CallId,
    visitor: Visitor,
    mut orders: UnboundedReceiver<Order>,
) -> Option<CallEvent> {
    let failed = |result| Some(CallEvent::Failed(result));
    let (tell, media) = unbounded_channel();
    let Ok(stream) = Stream::open(&shared.ports, tell, false).map(Arc::new) else {
        visitor.refuse(Refusal::Busy);
        return failed(CallResult::NoFreePort);
    };
    let description = match visitor.offer() {
        [] => sdp::offer(stream.described(), session()),
        offer => match sdp::agree(offer, false) {
            Ok(agreed) => {
                stream.agree(agreed);
                sdp::answer(stream.described(), session(), 0, &agreed)
            }
            Err(_) => {
                visitor.refuse(Refusal::NotAcceptable);
                return failed(CallResult::DialError);
            }
        },
    };
    let is_ours = visitor.offer().is_empty();
    let Some((leg, acknowledged)) = visitor.answer(description, answerer(&stream)).await else {
        return failed(CallResult::RemoteRelease);
    };
    let mut attempt = Attempt { leg: leg.into(), stream, media, agreed: !is_ours };
    if is_ours && attempt.describe(&acknowledged).is_err() {
        attempt.leg.hangup();
        tokio::spawn(attempt.leg.drain());
        return failed(CallResult::DialError);
    }
    shared.event(id, CallEvent::Answered);
    let event = talk(shared, id, &CallSpec::default(), &mut attempt, &mut orders).await;
    shared.report(Report::Audio(id, attempt.stream.counts()));
    tokio::spawn(attempt.leg.drain());
    event
}
