//! The work on a transaction. It is handed over and comes back with what was received, so that who waits may do
//! something else in between without losing a message.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rsipstack::dialog::authenticate::{Credential, handle_client_authenticate};
use rsipstack::sip::{Response, SipMessage, StatusCodeKind};
use rsipstack::transaction::transaction::Transaction;
use secrecy::ExposeSecret;

use super::challenge::Challenges;
use super::endpoint::Endpoint;
use super::flow::Way;
use super::{Credentials, UaError, requests};

/// What comes back with the transaction.
pub(super) enum Got {
    /// The request is on its way.
    Sent,
    /// An answer; none once the transaction is over.
    Answer(Option<Response>),
    /// It could not be sent.
    Broken(UaError),
}

pub(super) type Working = Pin<Box<dyn Future<Output = (Transaction, Got)> + Send>>;

/// The work on the transaction goes on from where it is: it would lose a message if it were begun anew.
pub(super) async fn worked(working: &mut Option<Working>) -> (Transaction, Got) {
    let done = match working {
        Some(work) => work.await,
        None => std::future::pending().await,
    };
    *working = None;
    done
}

/// Sends a request by the connection of its way, if that is one. It says where we are reached from there on.
pub(super) async fn begin(endpoint: Arc<Endpoint>, mut transaction: Transaction, way: Way) -> (Transaction, Got) {
    match endpoint.flow(&way).await {
        Ok(None) => (),
        Ok(connection) => {
            let own = endpoint.own(way.transport, connection.as_ref());
            requests::moved(&mut transaction.original, endpoint.address, own.address);
            transaction.connection = connection;
        }
        Err(error) => return (transaction, Got::Broken(error)),
    }
    send(transaction).await
}

pub(super) async fn send(mut transaction: Transaction) -> (Transaction, Got) {
    let got = transaction.send().await.map_or_else(|error| Got::Broken(error.into()), |()| Got::Sent);
    (transaction, got)
}

pub(super) async fn receive(mut transaction: Transaction) -> (Transaction, Got) {
    loop {
        match transaction.receive().await {
            Some(SipMessage::Response(response)) => return (transaction, Got::Answer(Some(response))),
            Some(SipMessage::Request(_)) => (),
            None => return (transaction, Got::Answer(None)),
        }
    }
}

/// Sends the request again with the digest. The time to its next answer counts anew.
pub(super) async fn authenticate(
    transaction: Transaction,
    response: Response,
    credentials: Credentials,
    cseq: u32,
) -> (Transaction, Got) {
    let credential = Credential {
        username: credentials.user,
        password: credentials.password.expose_secret().to_owned(),
        ..Credential::default()
    };
    match handle_client_authenticate(cseq, &transaction, response, &credential).await {
        Ok(mut next) => match next.send().await {
            Ok(()) => receive(next).await,
            Err(error) => (next, Got::Broken(error.into())),
        },
        Err(error) => (transaction, Got::Broken(error.into())),
    }
}

/// Sends a request beside the call and waits for its final answer; none if none came.
pub(super) async fn alone(
    begun: impl Future<Output = (Transaction, Got)> + Send + 'static,
    credentials: Option<Credentials>,
    cseq: u32,
) -> (Transaction, Option<Response>) {
    let mut challenges = Challenges::default();
    let mut working: Working = Box::pin(begun);
    loop {
        let (transaction, got) = working.await;
        working = match got {
            Got::Sent => Box::pin(receive(transaction)),
            Got::Answer(Some(response)) if response.status_code.kind() == StatusCodeKind::Provisional => {
                Box::pin(receive(transaction))
            }
            Got::Answer(Some(response)) => match credentials.clone().filter(|_| challenges.answers(&response)) {
                Some(credentials) => Box::pin(authenticate(transaction, response, credentials, cseq)),
                None => return (transaction, Some(response)),
            },
            Got::Broken(error) => {
                tracing::warn!(%error, "a request could not be sent");
                return (transaction, None);
            }
            Got::Answer(None) => return (transaction, None),
        };
    }
}
