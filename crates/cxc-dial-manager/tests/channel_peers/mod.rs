//! What the channel tests share: accounts, messages, an SMS centre as a process.
#![expect(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value, reason = "part of tests")]
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cxc_dial_manager::channel::{
    Body, Carrier, CarrierStatus, ChannelAccount, EmailBody, Inbound, InboundEvent, Now, OutMessage, SmsBody,
    inbound_channel, open,
};
use cxc_server::outbound::{Network, Reach};
use cxc_test::tools::{find_program, project_root};
use cxc_test::{Port, Process, Signal};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

pub fn now() -> Now {
    Arc::new(|| 1_700_000_000_000_000)
}

pub fn account(value: serde_json::Value) -> ChannelAccount {
    let account: ChannelAccount = serde_json::from_value(value).unwrap();
    assert_eq!(account.validate(), []);
    account
}

pub fn carrier(value: serde_json::Value) -> (Arc<dyn Carrier>, Receiver<InboundEvent>) {
    let (sender, receiver) = inbound_channel(1000);
    (open(&account(value), sender, now(), &loopback()).unwrap(), receiver)
}

pub fn sms(attempt: i64, text: &str) -> OutMessage {
    OutMessage {
        attempt,
        reference: format!("r{attempt}"),
        from: "44555".into(),
        to: format!("+1202555{:04}", attempt % 10_000),
        body: Body::Sms(SmsBody { text: text.into(), parts: 1 }),
    }
}

pub fn email(attempt: i64, to: &str) -> OutMessage {
    let body = EmailBody {
        from_name: "Acme".into(),
        subject: format!("Message {attempt}"),
        text: "Hello\n.dot\n".into(),
        html: "<p>Hello</p>".into(),
        ..EmailBody::default()
    };
    OutMessage {
        attempt,
        reference: format!("r{attempt}"),
        from: "campaign@example.com".into(),
        to: to.into(),
        body: Body::Email(Box::new(body)),
    }
}

pub async fn until_connected(carrier: &dyn Carrier) {
    for _ in 0..1000 {
        if carrier.status() == CarrierStatus::Connected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not connected: {:?}", carrier.status());
}

pub async fn next(events: &mut Receiver<InboundEvent>) -> InboundEvent {
    tokio::time::timeout(Duration::from_secs(20), events.recv()).await.unwrap().unwrap()
}

pub async fn next_done(events: &mut Receiver<InboundEvent>) -> Inbound {
    let InboundEvent { event, ack } = next(events).await;
    ack.done();
    event
}

/// What the SMS centre took.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submitted {
    pub id: String,
    pub from: String,
    pub to: String,
    pub text: String,
    pub udh: Vec<String>,
    pub data_coding: u8,
    pub registered: u8,
    pub reference: Option<u16>,
    pub payload: bool,
}

/// node-smpp as an SMS centre. Dropping it ends it.
pub struct Smsc {
    process: Process,
    port: Port,
    control: Port,
    home: TempDir,
}

impl Smsc {
    pub fn start(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (port, control) = (Port::free().unwrap(), Port::free().unwrap());
        let folder = project_root().join("tests/peers/smsc");
        assert!(folder.join("node_modules/smpp").is_dir(), "tests/peers/smsc is installed with npm ci");
        let mut command = Command::new(find_program("node").unwrap());
        command.arg(folder.join("smsc.js")).args(["--port", &port.number().to_string()]);
        command.args(["--control", &control.number().to_string(), "--log"]).arg(home.path().join("submits.jsonl"));
        command.args(options);
        let log = home.path().join("smsc.log");
        let mut process = Process::spawn("smsc", command, &log, Signal::Term, Some(home.path())).unwrap();
        process.wait_for_port(control.number()).unwrap();
        Self { process, port, control, home }
    }

    pub fn account(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "smpp", "host": "127.0.0.1", "port": self.port.number(), "connections": 1, "window": 10,
            "credential": {"username": "cxc", "password": "secret"}, "sender": "44555",
        })
    }

    pub fn command(&self, command: serde_json::Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.control.number())).unwrap();
        writeln!(stream, "{command}").unwrap();
    }

    pub fn said(&self) -> String {
        self.process.log()
    }

    pub async fn until_said(&self, words: &str) {
        for _ in 0..500 {
            if self.said().contains(words) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the SMS centre never said {words}: {}", self.said());
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("submits.jsonl")
    }

    pub fn submits(&self) -> Vec<Submitted> {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Peers of tests are on this machine.
pub fn loopback() -> Reach {
    Reach::new(&Network::loopback())
}
