//! Registrations (RFC 3261, 10): trunks that want to know where we are before they take calls.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::headers::Header;
use rsipstack::sip::{Request, Response, StatusCode, StatusCodeKind, Uri};
use rsipstack::transaction::{TO_TAG_LEN, random_text};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::endpoint::Endpoint;
use super::flow::{Path, Way, address};
use super::{Credentials, Transport, Trust, UserAgent, requests, work};

/// How long a registration is asked for, and the longest that is kept, seconds.
const ASKED: u32 = 600;
const LONGEST: u32 = 86_400;
/// After one that failed the next is tried.
const AGAIN: Duration = Duration::from_secs(30);
/// What a registrar may grant at the least; less would be a stream of requests.
const LEAST: Duration = Duration::from_secs(1);

/// Where to register, and as whom.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The host of the registrar, with its port if that is not 5060.
    pub host: String,
    /// The user part of our address there.
    pub user: String,
    /// Where requests go, if not to the host.
    pub destination: Option<SocketAddr>,
    /// How.
    pub transport: Transport,
    /// Whose word is taken for who the host is, by TLS.
    pub trust: Option<Trust>,
    /// For challenges.
    pub credentials: Option<Credentials>,
}

/// A registration that is kept up; it is taken back when this is dropped.
#[derive(Debug)]
pub struct Registered {
    _kept: DropGuard,
}

impl UserAgent {
    /// Registers each endpoint, again and again.
    pub fn register(&self, registration: &Registration) -> Registered {
        let stop = CancellationToken::new();
        for endpoint in &self.endpoints {
            tokio::spawn(keep(Arc::clone(endpoint), registration.clone(), stop.clone()));
        }
        Registered { _kept: stop.drop_guard() }
    }
}

/// One binding at a registrar: the requests for it follow each other.
pub(super) struct Binding {
    pub call_id: String,
    pub tag: String,
    pub cseq: u32,
    pub expires: u32,
    /// Where we were there when it was asked last.
    own: SocketAddr,
}

async fn keep(endpoint: Arc<Endpoint>, registration: Registration, stop: CancellationToken) {
    let (call_id, tag) = (random_text(24), random_text(TO_TAG_LEN));
    let mut binding = Binding { call_id, tag, cseq: 0, expires: ASKED, own: endpoint.address };
    // held while we are there: who closes the agent waits until that is taken back
    let mut there = None;
    loop {
        let answer = ask(&endpoint, &registration, &mut binding).await;
        let wait = match answer.as_ref().map(|answer| (answer.status_code.kind(), answer)) {
            Some((StatusCodeKind::Successful, answer)) => {
                if there.replace(Arc::clone(&endpoint.alone)).is_none() {
                    tracing::info!(host = registration.host, "registered");
                }
                let granted = granted(answer, binding.own).unwrap_or(binding.expires).min(LONGEST);
                (Duration::from_secs(u64::from(granted)) * 4 / 5).max(LEAST)
            }
            Some((_, answer)) if answer.status_code == StatusCode::IntervalTooBrief => {
                let least = answer.headers.iter().find_map(|header| match header {
                    Header::MinExpires(seconds) => seconds.value().trim().parse().ok(),
                    _ => None,
                });
                match least {
                    Some(least) if least > binding.expires && least <= LONGEST => {
                        binding.expires = least;
                        LEAST
                    }
                    _ => AGAIN,
                }
            }
            other => {
                there = None;
                let status = other.map(|(_, answer)| answer.status_code.code());
                tracing::error!(host = registration.host, status, "the registrar does not take our registration");
                AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => (),
        }
    }
    if let Some(there) = there {
        binding.expires = 0;
        ask(&endpoint, &registration, &mut binding).await;
        drop(there);
    }
}

/// Asks once; none where nobody answered.
async fn ask(endpoint: &Arc<Endpoint>, registration: &Registration, binding: &mut Binding) -> Option<Response> {
    binding.cseq += 1;
    let request = request(endpoint, registration, binding)?;
    // one number more, should it be challenged
    binding.cseq += 1;
    let way = Way {
        at: registration.destination,
        trust: registration.trust.clone(),
        ..Way::to(&request.uri, registration.transport)
    };
    let destination = way.at.map(|at| address(at, way.transport));
    let path = Path { connection: None, destination, anew: Some(way) };
    let sent = path.send(endpoint, request)?;
    let (transaction, answer) = work::alone(sent, registration.credentials.clone(), binding.cseq).await;
    binding.own = endpoint.own(registration.transport, transaction.connection.as_ref()).address;
    // what our own transaction layer says is no answer of the registrar
    answer.filter(|answer| !answer.headers.iter().any(|header| header.name() == endpoint.mark))
}

fn request(endpoint: &Endpoint, registration: &Registration, binding: &Binding) -> Option<Request> {
    let uri = Uri::try_from(format!("sip:{}", registration.host).as_str()).ok()?;
    let own = format!("<sip:{}@{}>", registration.user, registration.host);
    Some(requests::register(endpoint, registration, (uri, &own), binding))
}

/// For how long we are known now: what is said of our own contact, else of all.
fn granted(answer: &Response, own: SocketAddr) -> Option<u32> {
    let of_contact = answer.headers.iter().find_map(|header| match header {
        Header::Contact(contact) => {
            let contact = contact.value().split(',').find(|contact| contact.contains(&own.to_string()))?;
            contact.split(';').find_map(|parameter| parameter.trim().strip_prefix("expires=")?.trim().parse().ok())
        }
        _ => None,
    });
    of_contact.or_else(|| {
        answer.headers.iter().find_map(|header| match header {
            Header::Expires(seconds) => seconds.value().trim().parse().ok(),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_to_our_own_contact_counts() {
        let answer = |headers: &[(&str, &str)]| Response {
            headers: rsipstack::sip::headers::Headers(
                headers
                    .iter()
                    .map(|(name, value)| match *name {
                        "Contact" => Header::Contact((*value).to_owned().into()),
                        _ => Header::Expires((*value).into()),
                    })
                    .collect(),
            ),
            ..Response::default()
        };
        let own = "192.0.2.1:5060".parse().unwrap();
        let contacts = "<sip:a@198.51.100.1:5060>;expires=7, <sip:a@192.0.2.1:5060>;expires=90;q=1";
        assert_eq!(granted(&answer(&[("Expires", "300"), ("Contact", contacts)]), own), Some(90));
        assert_eq!(granted(&answer(&[("Expires", "300")]), own), Some(300));
        assert_eq!(granted(&answer(&[("Contact", "<sip:a@192.0.2.1:5060>;expires=x")]), own), None);
    }
}
