//! An SMS centre on loopback that records every submit before it answers it, and misbehaves on request.
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ports::Port;
use crate::process::{Process, READY_TIMEOUT, Signal};
use crate::smtp::complete_lines;
use crate::tools::{find_program, project_root};

/// What the centre took from one `submit_sm`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submit {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The message id that it was given.
    pub id: String,
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The text as the centre decoded it.
    pub text: String,
    /// The data coding.
    pub data_coding: u8,
    /// The esm class.
    pub esm_class: u8,
    /// The elements of the user data header, in hexadecimal.
    pub udh: Vec<String>,
    /// The registered delivery.
    pub registered: u8,
    /// The user message reference.
    pub reference: Option<u32>,
}

/// A centre. Dropping it ends it.
#[derive(Debug)]
pub struct Smsc {
    process: Option<Process>,
    port: Port,
    control: Port,
    arguments: Vec<String>,
    home: TempDir,
}

impl Smsc {
    /// A centre that takes everything and sends no receipts.
    pub fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// A centre with options of its script, such as `["--receipts", "50"]`: `tests/peers/smsc/smsc.js` lists them.
    pub fn with(arguments: &[&str]) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-smsc-").tempdir().context("a temporary folder can be made")?;
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut centre = Self { process: None, port: Port::free()?, control: Port::free()?, arguments, home };
        centre.start_again()?;
        Ok(centre)
    }

    /// Starts the stopped centre on its port; what it has recorded stays, its message ids begin anew.
    pub fn start_again(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the centre is stopped before it starts again");
        }
        let folder = project_root().join("tests/peers/smsc");
        if !folder.join("node_modules").is_dir() {
            bail!("the libraries of {} are missing: scripts/setup installs them", folder.display());
        }
        let mut command = Command::new(find_program("node")?);
        command.arg(folder.join("smsc.js")).args(["--port", &self.port.number().to_string()]);
        command.args(["--control", &self.control.number().to_string(), "--log"]).arg(self.recording());
        command.args(&self.arguments);
        let log = self.home.path().join("server.log");
        let mut process = Process::spawn("smsc", command, &log, Signal::Term, Some(self.home.path()))?;
        let control = self.control.address();
        // the control port opens after the other; knocking at that one would leave a session behind
        process.wait_until(READY_TIMEOUT, || TcpStream::connect(&control).is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it: connections are cut and refused from now on.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.end_with(Signal::Term, Duration::from_secs(20))?;
        }
        Ok(())
    }

    /// The running process, to pause it or read its log.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    fn recording(&self) -> PathBuf {
        self.home.path().join("submits.jsonl")
    }

    /// Gives the running centre a command of its script.
    pub fn command(&self, command: &Value) -> Result<()> {
        let mut stream = TcpStream::connect(self.control.address()).context("the centre takes commands")?;
        writeln!(stream, "{command}")?;
        Ok(())
    }

    /// Changes options, by their names in camel case: `{"throttleEvery": 10}`.
    pub fn set(&self, options: &Value) -> Result<()> {
        self.command(&json!({ "set": options }))
    }

    /// A person's message to whoever is bound.
    pub fn reply(&self, from: &str, to: &str, text: &str) -> Result<()> {
        self.command(&json!({"mo": {"from": from, "to": to, "text": text}}))
    }

    /// Every submit so far, in the order of arrival.
    pub fn submits(&self) -> Result<Vec<Submit>> {
        complete_lines(&self.recording())?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// How many submits so far.
    pub fn count(&self) -> Result<usize> {
        Ok(complete_lines(&self.recording())?.lines().count())
    }

    /// Waits until at least `count` submits have come and returns all.
    pub async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<Submit>> {
        let start = Instant::now();
        while self.count()? < count {
            if start.elapsed() > timeout {
                bail!("{count} submits come within {timeout:?}: {} did", self.count()?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.submits()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// A PDU: length, command, status 0, sequence number, body.
    fn pdu(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + body.len()).unwrap();
        let head = [length, command, 0, sequence].into_iter().flat_map(u32::to_be_bytes);
        head.chain(body.iter().copied()).collect()
    }

    /// Sends a PDU and returns the status of the answer.
    fn ask(stream: &mut TcpStream, pdu: &[u8]) -> u32 {
        stream.write_all(pdu).unwrap();
        let mut head = [0; 16];
        stream.read_exact(&mut head).unwrap();
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; number(0) as usize - 16];
        stream.read_exact(&mut body).unwrap();
        number(8)
    }

    fn bind(centre: &Smsc) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", centre.port())).unwrap();
        assert_eq!(ask(&mut stream, &pdu(9, 1, b"me\0secret\0\0\x34\x00\x00\0")), 0);
        stream
    }

    const SUBMIT: &[u8] = b"\0\x01\x01CXC\0\x01\x0112125550101\0\x00\x00\x00\0\0\x01\x00\x00\x00\x05HELLO";

    #[tokio::test]
    async fn the_centre_records_what_it_took_before_it_answers() {
        let centre = Smsc::start().unwrap();
        let mut stream = bind(&centre);
        assert_eq!(ask(&mut stream, &pdu(4, 2, SUBMIT)), 0);
        assert_eq!(centre.count().unwrap(), 1);
        let submits = centre.wait_for(1, Duration::from_secs(1)).await.unwrap();
        assert_eq!((submits[0].to.as_str(), submits[0].text.as_str()), ("12125550101", "HELLO"));
        assert_eq!((submits[0].from.as_str(), submits[0].registered), ("CXC", 1));
    }

    #[test]
    fn the_centre_throttles_when_told_and_keeps_its_record_over_a_stop() {
        let mut centre = Smsc::with(&["--throttle-every", "2"]).unwrap();
        let mut stream = bind(&centre);
        assert_eq!(ask(&mut stream, &pdu(4, 2, SUBMIT)), 0);
        assert_eq!(ask(&mut stream, &pdu(4, 3, SUBMIT)), 0x58);
        centre.stop().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", centre.port())).is_err());
        centre.start_again().unwrap();
        assert_eq!(ask(&mut bind(&centre), &pdu(4, 2, SUBMIT)), 0);
        assert_eq!(centre.count().unwrap(), 2);
    }
}
