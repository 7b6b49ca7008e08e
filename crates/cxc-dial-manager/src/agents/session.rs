//! The connection of a desk: commands in, events out, and a heartbeat. Whatever it sends is bounded: its size, its rate,
//! and what waits for it.
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use cxc_server::access::scopes_of_user;
use cxc_server::{ApiError, App, Principal, Scope};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::protocol::{Closing, Command, Event, read};
use super::said::{self, Choices, Failed};
use super::seat::{Agent, Refused, Seat};
use super::{AgentHub, DeskLine, OpenDesk, dialing, phone, talking};

/// The dialer looks for the desk so often ...
const HEARTBEAT: Duration = Duration::from_secs(5);
/// ... and takes it for lost when nothing came for so long.
const LOST: Duration = Duration::from_secs(15);
/// A message that can't be written for so long is the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the session of the user interface is looked at.
const SIGNED_IN: Duration = Duration::from_secs(30);
/// The largest message of a desk, bytes.
pub const LARGEST: usize = 16 * 1024;
/// Messages at once, and a second.
const BURST: f64 = 40.0;
const RATE: f64 = 10.0;

const LOG_IN_FIRST: Refused = ("not_logged_in", "log in first");

/// A desk at work.
pub struct Session {
    app: App,
    hub: Arc<AgentHub>,
    principal: Principal,
    /// The phone of the user's document.
    usual_phone: Option<String>,
    choices: Choices,
    line: DeskLine,
    seat: Option<Arc<Seat>>,
    bucket: Bucket,
}

/// How a turn of a session ends.
enum Turn {
    On,
    Close(Option<Closing>),
}

impl Session {
    /// A session of somebody who may work as an agent, and what it is told.
    pub async fn open(app: App, hub: Arc<AgentHub>, principal: Principal, phone: Option<String>) -> Opened {
        let choices = Choices::of(&app, principal.tenant).await.unwrap_or_default();
        let (line, told) = DeskLine::new();
        let bucket = Bucket { tokens: BURST, at: Instant::now() };
        (Self { app, hub, principal, usual_phone: phone, choices, line, seat: None, bucket }, told)
    }

    /// Runs until either side closes, and for as long afterwards as the desk may come back.
    pub async fn run(mut self, mut socket: WebSocket, mut told: Receiver<Event>, open: OpenDesk) {
        let hello = Event::Hello {
            heartbeat_seconds: HEARTBEAT.as_secs(),
            lost_after_seconds: LOST.as_secs(),
            reasons: self.choices.reasons.clone(),
            dispositions: self.choices.dispositions.clone(),
        };
        let mut heard = Instant::now();
        if send(&mut socket, &hello).await {
            heard = self.talk(&mut socket, &mut told).await;
        }
        // the socket is closed by being dropped: a far end that is gone would keep us waiting
        drop((socket, open));
        let Some(seat) = self.seat else { return };
        seat.detach(&self.line);
        tokio::time::sleep_until(heard + LOST).await;
        seat.lost();
    }

    /// Answers when the desk was last heard of.
    async fn talk(&mut self, socket: &mut WebSocket, told: &mut Receiver<Event>) -> Instant {
        let mut heard = Instant::now();
        let mut beat = interval(HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked = Instant::now();
        loop {
            let turn = tokio::select! {
                message = socket.recv() => {
                    heard = Instant::now();
                    self.heard(message, socket).await
                }
                event = told.recv() => match event {
                    Some(Event::Closed { reason }) => Turn::Close(Some(reason)),
                    Some(event) if send(socket, &event).await => Turn::On,
                    Some(_) => Turn::Close(None),
                    None => Turn::Close(Some(Closing::TooSlow)),
                },
                _ = beat.tick() => {
                    if looked.elapsed() >= SIGNED_IN {
                        looked = Instant::now();
                        self.still_signed_in().await
                    } else if heard.elapsed() >= LOST || !ping(socket).await {
                        Turn::Close(None)
                    } else {
                        Turn::On
                    }
                }
            };
            // a place that cut this desk off is shown by no other either: the desk is told, and may come back
            let is_cut_off = self.seat.as_ref().is_some_and(|seat| !seat.is_shown_by(&self.line)) && told.is_empty();
            match turn {
                Turn::On if is_cut_off => {
                    send(socket, &Event::Closed { reason: Closing::TooSlow }).await;
                    return heard;
                }
                Turn::On => (),
                Turn::Close(reason) => {
                    if let Some(reason) = reason {
                        send(socket, &Event::Closed { reason }).await;
                    }
                    return heard;
                }
            }
        }
    }

    async fn heard(&mut self, message: Option<Result<Message, axum::Error>>, socket: &mut WebSocket) -> Turn {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return self.bucket.take(Instant::now()),
            Some(Ok(Message::Binary(_))) => return Turn::Close(Some(Closing::Refused)),
            // also what is too big
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Turn::Close(None),
        };
        if let Turn::Close(reason) = self.bucket.take(Instant::now()) {
            return Turn::Close(reason);
        }
        let answer = match read(&text) {
            Err((id, detail)) => Event::Error { id, code: "bad_message", detail },
            Ok((id, Command::Ping {})) => Event::Pong { id },
            Ok((id, command)) => answer(id, self.obey(command).await),
        };
        if send(socket, &answer).await { Turn::On } else { Turn::Close(None) }
    }

    async fn obey(&mut self, command: Command) -> Result<(), Failed> {
        match command {
            Command::Login { phone } => return self.log_in(phone).await,
            Command::Resume { token } => return Ok(self.resume(token)?),
            _ => (),
        }
        let seat = self.seat.as_ref().ok_or(LOG_IN_FIRST)?;
        match command {
            Command::Ready {} => seat.ready_by_agent()?,
            Command::NotReady { reason } => {
                self.choices = Choices::of(&self.app, self.principal.tenant).await?;
                seat.not_ready(self.choices.reason(reason)?);
            }
            Command::Logout {} => seat.log_out(Closing::LoggedOut),
            Command::Disposition { code, note } => said::dispose(&self.app, seat, code, note).await?,
            Command::Reschedule { at, personal } => said::reschedule(seat, &at, personal, self.app.now())?,
            Command::Preview {} => seat.ask_to_look(self.app.now())?,
            Command::Accept { position } => seat.accept(position)?,
            Command::Reject {} => seat.reject()?,
            Command::Cancel {} => seat.cancel()?,
            Command::DoNotCall {} => said::do_not_call(&self.app, seat).await?,
            Command::HangUp {} => seat.hang_up()?,
            Command::Dial { position, number } => dialing::dial(&self.app, seat, position, number).await?,
            Command::Login { .. } | Command::Resume { .. } | Command::Ping {} => (),
            of_talk => talking::obey(&self.app, seat, of_talk).await?,
        }
        Ok(())
    }

    /// The phone is that which was named, else that of the place that stands, else the user's own.
    async fn log_in(&mut self, named: Option<String>) -> Result<(), Failed> {
        let standing = self.hub.get(self.principal.tenant, self.principal.id).filter(|seat| !seat.is_gone());
        let uri = named.or_else(|| standing.map(|seat| seat.phone_uri())).or_else(|| self.usual_phone.clone());
        let uri = uri.ok_or(("no_phone", "name a phone, or have one set for the user"))?;
        phone::look_at(&self.app, self.principal.tenant, &uri).await?;
        if let Some(seat) = &self.seat {
            return match seat.take_phone(&uri)? {
                true => Ok(()),
                false => Err(Failed::Refused(("logged_in", "this desk is logged in already, with this phone"))),
            };
        }
        let agent = Agent { tenant: self.principal.tenant, user: self.principal.id, name: self.principal.name.clone() };
        let seat = self.hub.seat(&agent, &uri);
        seat.take_phone(&uri)?;
        let now = self.app.now();
        seat.attach(self.line.clone(), None, self.app.ids.next(), now)?;
        self.seat = Some(seat);
        Ok(())
    }

    fn resume(&mut self, token: uuid::Uuid) -> Result<(), Refused> {
        let no_place =
            ("no_place", "there is no such place any more: it was left, or the dialer was started anew; log in again");
        let seat = self.hub.get(self.principal.tenant, self.principal.id).filter(|seat| !seat.is_gone());
        let seat = seat.ok_or(no_place)?;
        seat.attach(self.line.clone(), Some(token), token, self.app.now())?;
        self.seat = Some(seat);
        Ok(())
    }

    /// Who signed out, was disabled, lost the password or may not work as an agent any more works no more. What can't be
    /// looked up holds.
    async fn still_signed_in(&self) -> Turn {
        let Some(hash) = self.principal.session else { return Turn::On };
        let now = self.app.now();
        let look = async {
            let mut tx = self.app.db.begin().await?;
            let row = tx.session_get(&hash).await?;
            let holds = row.is_some_and(|row| {
                row.tenant_enabled && row.expires_at > now && row.user_body.get("enabled") != Some(&Value::Bool(false))
            });
            let may = scopes_of_user(&mut tx, self.principal.tenant, self.principal.id).await?.has(Scope::AgentsWork);
            if holds && may {
                tx.session_touch(&hash, now).await?;
            }
            tx.commit().await?;
            Ok::<_, ApiError>(holds && may)
        };
        match look.await {
            Ok(false) => {
                if let Some(seat) = &self.seat {
                    seat.log_out(Closing::SignedOut);
                }
                Turn::Close(Some(Closing::SignedOut))
            }
            _ => Turn::On,
        }
    }
}

/// A session, and what it is told.
pub type Opened = (Session, Receiver<Event>);

fn answer(id: Option<Value>, done: Result<(), Failed>) -> Event {
    match done {
        Ok(()) => Event::Ok { id },
        Err(Failed::Refused((code, detail))) => Event::Error { id, code, detail: detail.into() },
        Err(Failed::Error(error)) => {
            tracing::error!(%error, "what an agent said could not be written");
            Event::Error { id, code: "internal", detail: "it could not be written: say it again".into() }
        }
    }
}

async fn send(socket: &mut WebSocket, event: &Event) -> bool {
    let Ok(text) = serde_json::to_string(event) else { return false };
    matches!(timeout(PATIENCE, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

async fn ping(socket: &mut WebSocket) -> bool {
    matches!(timeout(PATIENCE, socket.send(Message::Ping(Bytes::new()))).await, Ok(Ok(())))
}

/// How much a desk may still send.
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> Turn {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * RATE).min(BURST) - 1.0;
        self.at = now;
        if self.tokens < 0.0 { Turn::Close(Some(Closing::Refused)) } else { Turn::On }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_that_sends_without_end_is_closed() {
        let now = Instant::now();
        let mut bucket = Bucket { tokens: BURST, at: now };
        let taken = (0..1_000).take_while(|_| matches!(bucket.take(now), Turn::On)).count();
        assert_eq!(taken, 40);
        assert!(matches!(bucket.take(now + Duration::from_secs(2)), Turn::On), "and may come back later");
    }
}
