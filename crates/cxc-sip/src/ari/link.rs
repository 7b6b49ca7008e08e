//! Keeps the connection to an Asterisk, and tells each call what is heard of it.
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;

use super::events::Event;
use super::socket::{Socket, SocketError};
use super::{Inner, NOT_THERE};

/// The first pause after a lost connection, and the longest.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
/// How often we ask for a sign of life, and how long none may come.
const PING: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(15);
/// A connection that held so long was a good one.
const GOOD: Duration = Duration::from_secs(30);

/// The status of a refused password.
const CREDENTIALS: u16 = 401;

/// Connects, again and again.
pub(super) async fn keep(inner: Arc<Inner>) {
    let (mut pause, mut said) = (FIRST, String::new());
    loop {
        let since = Instant::now();
        let reason = match inner.open().await {
            Ok(socket) => {
                let reason = work(&inner, socket).await;
                said.clear();
                reason
            }
            Err(error) => {
                inner.set_down(if matches!(error, SocketError::Credentials) { CREDENTIALS } else { NOT_THERE });
                error.to_string()
            }
        };
        // once for each reason: it may be so for long
        if said != reason {
            tracing::warn!(asterisk = inner.options.host, reason, "no connection to Asterisk: calls by it wait");
            said = reason;
        }
        pause = if since.elapsed() >= GOOD { FIRST } else { (pause * 2).min(LONGEST) };
        tokio::time::sleep(pause).await;
    }
}

/// Works until the connection is lost, and says why it was. Calls that were by it are over then: what becomes of them would
/// not be known.
async fn work(inner: &Inner, mut socket: Socket) -> String {
    let begun = async {
        let swept = inner.sweep().await.map_err(|error| error.to_string())?;
        if swept > 0 {
            tracing::warn!(channels = swept, "channels of Asterisk that nobody followed any more were hung up");
        }
        Ok::<(), String>(())
    };
    let reason = match begun.await {
        Ok(()) => {
            inner.set_down(0);
            tracing::info!(asterisk = inner.options.host, "connected to Asterisk");
            listen(inner, &mut socket).await
        }
        Err(reason) => reason,
    };
    inner.set_down(NOT_THERE);
    let channels = inner.legs().len();
    if channels > 0 {
        tracing::error!(channels, "calls by Asterisk are given up: the connection to it was lost");
    }
    inner.lose_all();
    reason
}

async fn listen(inner: &Inner, socket: &mut Socket) -> String {
    let mut ticks = tokio::time::interval(PING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = socket.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => if let Some(end) = take(inner, &text) {
                        return end;
                    },
                    Some(Ok(Message::Close(_))) | None => return "it closed the connection".into(),
                    Some(Ok(_)) => (),
                    Some(Err(error)) => return error.to_string(),
                }
            }
            _ = ticks.tick() => {
                if heard.elapsed() > SILENCE {
                    return "it says nothing any more".into();
                }
                if let Err(error) = socket.send(Message::Ping(Default::default())).await {
                    return error.to_string();
                }
            }
        }
    }
}

/// Tells the call what is heard of it; an event that ends the connection is answered.
fn take(inner: &Inner, text: &str) -> Option<String> {
    let event: Event = match serde_json::from_str(text) {
        Ok(event) => event,
        Err(error) => {
            tracing::debug!(%error, "an event of Asterisk can't be read");
            return None;
        }
    };
    if event.kind == "ApplicationReplaced" {
        return Some(format!("another connection has taken the application {}", inner.options.application));
    }
    let (channel, heard) = event.heard()?;
    if let Some(leg) = inner.legs().get(&channel) {
        // one that has just ended does without
        let _gone = leg.send(heard);
    }
    None
}
