//! Calls that come in: from the door to their end they are calls of the engine like others, but for how they begin. One may be
//! lent to the engine of a campaign group, where the agents are: then it is a call of that engine, until it is given back.
use std::sync::Arc;

use cxc_core::enumerations::CallResult;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

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
            shared.let_go(id, last);
        });
    }

    /// Plays a prompt to the person of a call again and again, until something else is to be heard.
    pub fn say_on(&mut self, call: CallId, prompt: Prompt) {
        self.order(call, Order::SayOn(prompt));
    }

    /// Lends a call that came in to another engine; none if it is over.
    pub fn lend(&self, call: CallId) -> Option<Loan> {
        self.shared.calls().get(&call).cloned().map(Loan)
    }

    /// Takes a call over from another engine: orders for it are given here and its events come here, by this number. Its end
    /// is told to both.
    pub fn take_over(&mut self, call: CallId, loan: &Loan, spec: CallSpec) {
        let borrower = Borrower { shared: Arc::clone(&self.shared), id: call, spec: Arc::new(spec) };
        self.shared.calls().insert(call, loan.0.clone());
        if loan.0.send(Order::Lend(Box::new(borrower))).is_err() {
            self.shared.let_go(call, Some(CallEvent::RemoteHangup));
        }
    }

    /// Gives a call back to the engine that lent it.
    pub fn give_back(&mut self, call: CallId) {
        self.order(call, Order::Return);
        self.shared.calls().remove(&call);
    }

    /// Plays a prompt to the person of a call; its end is reported by a number, as that of a script's prompt.
    pub fn say(&mut self, call: CallId, number: u32, prompt: Prompt) {
        self.order(call, Order::Say(number, prompt));
    }
}

/// The hand that may give a call orders.
#[derive(Debug, Clone)]
pub struct Loan(UnboundedSender<Order>);

/// Who has a call that was lent.
pub(crate) struct Borrower {
    pub shared: Arc<Shared>,
    pub id: CallId,
    pub spec: Arc<CallSpec>,
}

impl Shared {
    /// A call is over, or is none of this engine's any more.
    fn let_go(&self, id: CallId, last: Option<CallEvent>) {
        self.calls().remove(&id);
        if let Some(event) = last {
            self.event(id, event);
        }
    }
}

impl Borrower {
    /// The call is over; with its last event, if there is one to tell.
    pub fn let_go(&self, last: Option<CallEvent>) {
        self.shared.let_go(self.id, last);
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
        offer => match stream.terms(offer) {
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
    // who takes it over in this moment hears of its end, too
    orders.close();
    while let Ok(order) = orders.try_recv() {
        if let Order::Lend(borrower) = order {
            borrower.let_go(Some(CallEvent::RemoteHangup));
        }
    }
    event
}
