//! `cxc agent`: the desk of an agent in a terminal. It only shows and asks; the voice is that of the agent's phone.
mod connect;
mod line;
mod show;

use std::collections::VecDeque;
use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use cxc_server::{Clock as _, SystemClock};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use self::connect::{Server, Socket};
use self::line::Typed;
use crate::cli::Agent;
use crate::failure::Failure;
use crate::terminal;

/// The dialer sends something every five seconds: after so long without anything it is gone.
const SILENCE: Duration = Duration::from_secs(15);
/// How often a lost connection is made anew, and for how long.
const RETRY: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(60);

/// How a connection ended.
enum End {
    /// For good.
    Closed(String),
    /// It may be made anew.
    Lost,
}

/// The server knows nothing of the place that the desk had.
const FORGOTTEN: &str = "the server has no place for you any more: it was started anew, or you were logged out there. A call that \
                         was up is lost. You are logged in again: type r to take calls";
/// Commands whose answers are waited for, at the most.
const OPEN: usize = 64;

/// Runs a desk until its agent leaves.
pub async fn run(asked: &Agent) -> Result<(), Failure> {
    let server = Server::parse(&asked.server)?;
    let mut lines = typed()?;
    let password = password(&mut lines).await?;
    let cookie = server.sign_in(&asked.user, &password).await?;
    let mut desk = Desk {
        lines,
        token: None,
        phone: asked.phone.clone(),
        leaving: false,
        is_input_over: false,
        is_forgotten: false,
        open: VecDeque::new(),
        last: 0,
    };
    let mut lost: Option<Instant> = None;
    loop {
        match server.open(&cookie).await {
            Ok(socket) => {
                lost = None;
                if let End::Closed(reason) = desk.talk(socket).await? {
                    terminal::say(&format!("closed: {reason}"))?;
                    return match reason.as_str() {
                        "logged_out" => Ok(()),
                        _ => Err(Failure::refused(format!("the desk was closed: {reason}"))),
                    };
                }
                terminal::say("the connection is lost; it is made anew")?;
            }
            Err(error) if lost.is_none() && desk.token.is_none() => return Err(error),
            Err(_) => (),
        }
        if lost.get_or_insert_with(Instant::now).elapsed() >= GIVE_UP {
            return Err(Failure::refused("the server can't be reached any more"));
        }
        tokio::time::sleep(RETRY).await;
    }
}

struct Desk {
    lines: Receiver<String>,
    token: Option<String>,
    phone: Option<String>,
    leaving: bool,
    /// Nothing more is typed.
    is_input_over: bool,
    /// The place is to be asked for anew.
    is_forgotten: bool,
    /// What is to be said when commands were carried out, by their ids.
    open: VecDeque<(u64, String)>,
    /// The id of the last command.
    last: u64,
}

impl Desk {
    async fn talk(&mut self, mut socket: Socket) -> Result<End, Failure> {
        let first = match &self.token {
            Some(token) => json!({"type": "resume", "token": token}),
            None => json!({"type": "login", "phone": self.phone}),
        };
        if send(&mut socket, &first).await.is_err() {
            return Ok(End::Lost);
        }
        // that we leave may have been lost with the connection of before
        if self.leaving && send(&mut socket, &json!({"type": "logout"})).await.is_err() {
            return Ok(End::Lost);
        }
        loop {
            tokio::select! {
                message = tokio::time::timeout(SILENCE, socket.next()) => match message {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        if let Some(end) = self.told(&text)? {
                            return Ok(end);
                        }
                        if self.is_forgotten {
                            self.is_forgotten = false;
                            let login = json!({"type": "login", "phone": self.phone});
                            if send(&mut socket, &login).await.is_err() {
                                return Ok(End::Lost);
                            }
                        }
                    }
                    // the library answers pings by itself
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)))) => (),
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return Ok(End::Lost),
                },
                // who leaves in a call still ends it and says what it came to
                line = self.lines.recv(), if !self.is_input_over => {
                    self.is_input_over = line.is_none();
                    let typed = match line {
                        Some(line) => line::read(&line, SystemClock.now()),
                        // nobody types any more
                        None => Ok(Typed::Command(json!({"type": "logout"}))),
                    };
                    match typed {
                        Ok(Typed::Nothing) => (),
                        Ok(Typed::Help) => terminal::write(line::HELP)?,
                        Ok(Typed::Command(command)) => {
                            match command["type"].as_str() {
                                Some("logout") => self.leaving = true,
                                // they have thought better of it
                                Some("ready" | "not_ready") => self.leaving = false,
                                _ => (),
                            }
                            let command = self.numbered(command);
                            if send(&mut socket, &command).await.is_err() {
                                return Ok(End::Lost);
                            }
                        }
                        Err(error) => terminal::say(&format!("? {error}"))?,
                    }
                }
            }
        }
    }

    /// A command with an id of its own; what is to be said when it was carried out is kept.
    fn numbered(&mut self, mut command: Value) -> Value {
        self.last += 1;
        if let Some(said) = line::taken(&command) {
            self.open.push_back((self.last, said));
            self.open.truncate(OPEN);
        }
        command["id"] = json!(self.last);
        command
    }

    /// What is to be said of the command that is answered.
    fn answered(&mut self, id: &Value) -> Option<String> {
        let at = self.open.iter().position(|(open, _)| *id == json!(open))?;
        self.open.remove(at).map(|(_, said)| said)
    }

    fn told(&mut self, text: &str) -> Result<Option<End>, Failure> {
        let Ok(event) = serde_json::from_str::<Value>(text) else { return Ok(None) };
        match event["type"].as_str().unwrap_or_default() {
            "session" => self.token = event["token"].as_str().map(str::to_owned),
            "closed" => return Ok(Some(End::Closed(event["reason"].as_str().unwrap_or("unknown").to_owned()))),
            "error" if event["code"] == "no_place" && self.leaving => {
                return Ok(Some(End::Closed("logged_out".into())));
            }
            "error" if event["code"] == "no_place" => {
                (self.token, self.is_forgotten) = (None, true);
                self.open.clear();
                terminal::say(FORGOTTEN)?;
                return Ok(None);
            }
            "error" if event["code"] == "resume_refused" => {
                return Ok(Some(End::Closed("another desk took the place over".into())));
            }
            // without a place there is nothing that could be typed; what was typed before it was known is lost
            "error" if self.token.is_none() && event["code"] != "not_logged_in" => {
                return Ok(Some(End::Closed(show::harmless(event["detail"].as_str().unwrap_or("refused")))));
            }
            "ok" | "error" => {
                let said = self.answered(&event["id"]).filter(|_| event["type"] == "ok");
                if let Some(said) = said {
                    terminal::say(&said)?;
                }
            }
            _ => (),
        }
        for line in show::lines(&event) {
            terminal::say(&line)?;
        }
        Ok(None)
    }
}

async fn send(socket: &mut Socket, command: &Value) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    socket.send(Message::text(command.to_string())).await
}

/// What is typed, line by line. Standard input is read by a thread of its own: it can't be waited for otherwise.
fn typed() -> Result<Receiver<String>, Failure> {
    let (tell, lines) = channel(16);
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("typed".into()).spawn(read)?;
    Ok(lines)
}

/// From the environment, else the first line of standard input.
async fn password(lines: &mut Receiver<String>) -> Result<String, Failure> {
    if let Ok(password) = std::env::var("CXC_AGENT_PASSWORD") {
        return Ok(password);
    }
    if std::io::stdin().is_terminal() {
        terminal::note("password (it is shown; CXC_AGENT_PASSWORD is not):");
    }
    let first = lines.recv().await;
    first.ok_or_else(|| Failure::usage("give the password as CXC_AGENT_PASSWORD, or as the first line"))
}
