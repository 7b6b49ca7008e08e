//! Desks of agents: `cxc agent` in a pipe, as a person uses it in a terminal; and the bare WebSocket.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cxc_test::Cxc;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::world::{binary, until};

pub const PASSWORD: &str = "a good password";
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk in a pipe.
pub struct Desk {
    child: Child,
    typed: ChildStdin,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    /// Starts one; the password is its first line.
    pub fn start(cxc: &Cxc, user: &str, phone: &str) -> Self {
        let mut child = Command::new(binary())
            .args(["agent", "--server", &cxc.url(""), "--user", user, "--phone", phone])
            .env_remove("CXC_AGENT_PASSWORD")
            .current_dir(cxc.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (typed, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&shown);
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut desk = Self { child, typed, shown };
        desk.types(PASSWORD);
        desk
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        writeln!(self.typed, "{line}").unwrap();
    }

    /// What was shown so far.
    pub fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    /// How many lines begin so.
    pub fn count(&self, start: &str) -> usize {
        self.shown().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Waits until so many lines begin so.
    pub async fn sees(&self, start: &str, times: usize) {
        let begin = Instant::now();
        while self.count(start) < times {
            let shown = self.shown();
            assert!(begin.elapsed() < PATIENCE, "{times} lines should begin with {start:?}: {shown:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for the end and answers whether it was a good one.
    pub async fn ended(&mut self) -> bool {
        let mut status = None;
        until("the desk ends", PATIENCE, async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap().success()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A desk without a program.
pub struct Bare(WebSocketStream<TcpStream>);

impl Bare {
    /// Opens the WebSocket of a user; or the status that refused it.
    pub async fn open(cxc: &Cxc, user: &str, more: &[(&'static str, &str)]) -> Result<Self, u16> {
        let login = json!({"username": user, "password": PASSWORD});
        let session = cxc.stranger().unwrap().post("/auth/login").json(&login).await;
        let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let address = cxc.url("").trim_start_matches("http://").to_owned();
        let mut request = format!("ws://{address}/cx-contact/v3/agent-session").into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        for (name, value) in more {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(&address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send(&mut self, command: &Value) {
        self.text(&command.to_string()).await;
    }

    pub async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends without end, and whatever becomes of it.
    pub async fn flood(&mut self, text: &str) {
        for _ in 0..100 {
            let _gone = self.0.send(Message::text(text)).await;
        }
    }

    /// The next event of a type; none at the end of the connection.
    pub async fn next(&mut self, kind: &str) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.look(kind)).await.expect("it comes in time")
    }

    async fn look(&mut self, kind: &str) -> Option<Value> {
        loop {
            let Some(Ok(message)) = self.0.next().await else { return None };
            let Message::Text(text) = message else { continue };
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["type"] == kind {
                return Some(event);
            }
        }
    }

    /// Goes without a word.
    pub fn vanish(self) {
        drop(self.0);
    }
}
