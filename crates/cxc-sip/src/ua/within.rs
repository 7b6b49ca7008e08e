//! What we send for a call beside its invitation: its end, its cancellation, and by which way.
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::{Method, Request};
use rsipstack::transport::SipAddr;
use tokio::time::Instant;

use super::dialog::Dialog;
use super::flow::{Path, is_open};
use super::leg::Cancel;
use super::{Leg, Transport, requests, work};

/// How long a request may go without an answer: 64 times T1 (RFC 3261).
const TRANSACTION: Duration = Duration::from_secs(32);

impl Leg {
    /// The rules want a provisional answer first (RFC 3261, 9.1).
    pub(super) fn send_cancel(&mut self) {
        let Some(cancelable) = self.cancelable.as_ref().filter(|_| self.cancel == Cancel::Wanted) else { return };
        self.cancel = Cancel::Sent;
        self.give_up = Some(Instant::now() + TRANSACTION);
        if let Some(request) = requests::cancel(&cancelable.invite) {
            let (connection, destination) = (cancelable.connection.clone(), cancelable.destination.clone());
            self.send_alone(request, Path { connection, destination, anew: None });
        }
    }

    pub(super) fn bye(&self, mut dialog: Dialog) {
        let what = (Method::Bye, vec![], vec![]);
        let request = requests::within(&self.endpoint, self.own, &mut dialog, what);
        let path = self.path_of(&request);
        self.send_alone(request, path);
    }

    /// How a request within the call goes. By UDP as it says itself. By TCP, too, but a far end that was called so may forget to
    /// say TCP in its Contact. By TLS by the connection of the call: nobody's Contact leads us to where nothing was checked.
    pub(super) fn path_of(&self, request: &Request) -> Path {
        let none = Path { connection: None, destination: None, anew: None };
        match self.way.transport {
            Transport::Udp => none,
            Transport::Tcp => {
                let at = SipAddr::try_from(&request.destination()).ok();
                let destination =
                    at.map(|at| SipAddr { r#type: at.r#type.or(Some(rsipstack::sip::Transport::Tcp)), ..at });
                Path { destination, ..none }
            }
            Transport::Tls => match self.flow.clone().filter(is_open) {
                Some(open) => Path { connection: Some(open), ..none },
                None => Path { anew: Some(self.way.clone()), ..none },
            },
        }
    }

    /// Sends a request whose answer changes nothing, on a task of its own.
    fn send_alone(&self, request: Request, path: Path) {
        let (endpoint, alone) = (Arc::clone(&self.endpoint), Arc::clone(&self.endpoint.alone));
        let (credentials, cseq) = (self.credentials.clone(), self.cseq + 2);
        tokio::spawn(async move {
            if let Some(sent) = path.send(&endpoint, request) {
                work::alone(sent, credentials, cseq).await;
            }
            drop(alone);
        });
    }
}
