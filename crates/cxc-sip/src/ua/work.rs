//! The work on a transaction. It is handed over and comes back with what was received, so that who waits may do
//! something else in between without losing a message.
use std::future::Future;
use std::pin::Pin;

use rsipstack::dialog::authenticate::{Credential, handle_client_authenticate};
use rsipstack::sip::{Response, SipMessage, StatusCodeKind};
use rsipstack::transaction::transaction::Transaction;
use secrecy::ExposeSecret;

use super::Credentials;
use super::challenge::Challenges;

/// What comes back with the transaction.
pub(super) enum Got {
    /// The request is on its way.
    Sent,
    /// An answer; none once the transaction is over.
    Answer(Option<Response>),
    /// It could not be sent.
    Broken(rsipstack::Error),
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

pub(super) async fn send(mut transaction: Transaction) -> (Transaction, Got) {
    let got = transaction.send().await.map_or_else(Got::Broken, |()| Got::Sent);
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
            Err(error) => (next, Got::Broken(error)),
        },
        Err(error) => (transaction, Got::Broken(error)),
    }
}

/// Sends a request beside the call and waits for its final answer; none if none came.
pub(super) async fn alone(
    transaction: Transaction,
    credentials: Option<Credentials>,
    cseq: u32,
) -> (Transaction, Option<Response>) {
    let mut challenges = Challenges::default();
    let mut working: Working = Box::pin(send(transaction));
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
            Got::Answer(None) | Got::Broken(_) => return (transaction, None),
        };
    }
}
