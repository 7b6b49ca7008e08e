//! SMTP servers on loopback: one that records and answers by rules, one that only swallows, fast.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::ports::Port;
use crate::process::{Process, Signal};
use crate::smtp_rules::{Received, SmtpOptions};
use crate::tools::{find_program, is_root, project_root, python};

/// A recording server. Dropping it ends it.
#[derive(Debug)]
pub struct SmtpSink {
    process: Option<Process>,
    port: Port,
    options: SmtpOptions,
    home: TempDir,
}

impl SmtpSink {
    /// A server that takes everything.
    pub fn start() -> Result<Self> {
        Self::with(SmtpOptions::default())
    }

    /// A server that behaves as told.
    pub fn with(options: SmtpOptions) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-smtp-").tempdir().context("a temporary folder can be made")?;
        std::fs::write(home.path().join("rules.json"), serde_json::to_vec(&options.rules)?)?;
        let mut sink = Self { process: None, port: Port::free()?, options, home };
        if sink.options.starttls {
            Certificate::self_signed(sink.home.path(), "DNS:localhost,IP:127.0.0.1")?;
        }
        sink.start_again()?;
        Ok(sink)
    }

    /// Starts the stopped server on its port; what it has recorded stays, its rules count from the start.
    pub fn start_again(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the server is stopped before it starts again");
        }
        let home = self.home.path();
        let mut command = Command::new(python()?);
        command.arg(project_root().join("tests/peers/smtp/sink.py"));
        command.args(["--port", &self.port.number().to_string(), "--log"]).arg(self.recording());
        command.arg("--rules").arg(home.join("rules.json"));
        command.args(["--delay-ms", &self.options.delay.as_millis().to_string()]);
        if self.options.keep_bodies {
            command.arg("--keep-bodies");
        }
        if self.options.starttls {
            command.arg("--certificate").arg(home.join("certificate.pem")).arg("--key").arg(home.join("key.pem"));
        }
        if let Some((name, password)) = &self.options.login {
            command.arg("--login").arg(format!("{name}:{password}"));
        }
        let mut process = Process::spawn("smtp sink", command, &home.join("server.log"), Signal::Term, Some(home))?;
        process.wait_for_port(self.port.number())?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it: connections are refused from now on.
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

    /// The certificate (PEM) that signs itself, if STARTTLS is on.
    pub fn certificate(&self) -> PathBuf {
        self.home.path().join("certificate.pem")
    }

    fn recording(&self) -> PathBuf {
        self.home.path().join("messages.jsonl")
    }

    /// Every message so far, in the order of arrival.
    pub fn messages(&self) -> Result<Vec<Received>> {
        complete_lines(&self.recording())?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// How many messages so far.
    pub fn count(&self) -> Result<usize> {
        Ok(complete_lines(&self.recording())?.lines().count())
    }

    /// How often each recipient got a message.
    pub fn counts_by_recipient(&self) -> Result<BTreeMap<String, usize>> {
        let mut counts = BTreeMap::new();
        for recipient in self.messages()?.into_iter().flat_map(|message| message.rcpt) {
            *counts.entry(recipient).or_insert(0) += 1;
        }
        Ok(counts)
    }

    /// Waits until at least `count` messages have come and returns all.
    pub async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<Received>> {
        let start = Instant::now();
        while self.count()? < count {
            if start.elapsed() > timeout {
                bail!("{count} messages come within {timeout:?}: {} did", self.count()?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.messages()
    }
}

/// The text of a log that is being written, up to its last line end.
pub(crate) fn complete_lines(path: &Path) -> Result<String> {
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).context("a peer's recording can be read"),
    };
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    Ok(text)
}

/// Postfix's smtp-sink: takes everything, keeps nothing, many times faster than [`SmtpSink`].
#[derive(Debug)]
pub struct FastSmtpSink {
    _process: Process,
    port: Port,
    _home: TempDir,
}

impl FastSmtpSink {
    /// Starts it and waits until it answers.
    pub fn start() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-smtp-").tempdir().context("a temporary folder can be made")?;
        let port = Port::free()?;
        let mut command = Command::new(find_program("smtp-sink")?);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg(port.address()).arg("1000");
        let log = home.path().join("server.log");
        let mut process = Process::spawn("smtp-sink", command, &log, Signal::Term, Some(home.path()))?;
        process.wait_for_port(port.number())?;
        Ok(Self { _process: process, port, _home: home })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::smtp_rules::{Rule, Stage};

    /// Says lines, one answer each, and returns the answers; `EOF` where the server hung up.
    fn talk(port: u16, lines: &[&str]) -> Vec<String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut answer = || {
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap_or(0) > 0 && line.lines().last().is_some_and(|l| l[3..4] == *"-") {
            }
            if line.is_empty() { "EOF".to_owned() } else { line.lines().last().unwrap_or_default().to_owned() }
        };
        let mut answers = vec![answer()];
        for line in lines {
            let _hung_up = write!(&stream, "{line}\r\n");
            answers.push(answer());
        }
        answers
    }

    fn send(port: u16, recipient: &str, id: &str) -> Vec<String> {
        let rcpt = format!("RCPT TO:<{recipient}>");
        let message = format!("Message-ID: <{id}>\r\nSubject: Hi =?utf-8?q?=C3=A9?=\r\n\r\nBody {id}\r\n.");
        talk(port, &["EHLO me", "MAIL FROM:<a@example.com>", &rcpt, "DATA", &message])[3..].to_vec()
    }

    #[tokio::test]
    async fn the_sink_records_what_it_took_before_it_answers() {
        let sink = SmtpSink::with(SmtpOptions { keep_bodies: true, ..SmtpOptions::default() }).unwrap();
        assert!(send(sink.port(), "b@example.com", "1@x")[2].starts_with("250"));
        assert_eq!(sink.count().unwrap(), 1);
        let all = sink.wait_for(1, Duration::from_secs(1)).await.unwrap();
        assert_eq!(all[0].message_id.as_deref(), Some("<1@x>"));
        assert_eq!(all[0].rcpt, ["b@example.com"]);
        assert_eq!(all[0].header("subject"), Some("Hi é"));
        assert!(all[0].source.as_ref().unwrap().contains("Body 1@x"));
        assert!(sink.wait_for(2, Duration::from_millis(50)).await.is_err());
    }

    #[test]
    fn rules_answer_by_recipient_and_run_out() {
        let rules = vec![
            Rule::answer(Stage::Rcpt, "*@no.example", "550 5.1.1 unknown"),
            Rule::answer(Stage::Data, "*@later.example", "451 4.7.1 later").times(1),
            Rule::hang_up(Stage::Recorded, "*@doubt.example"),
            Rule::hang_up(Stage::Data, "*@lost.example"),
        ];
        let sink = SmtpSink::with(SmtpOptions { rules, ..SmtpOptions::default() }).unwrap();
        assert_eq!(send(sink.port(), "a@no.example", "1@x")[0], "550 5.1.1 unknown");
        assert_eq!(send(sink.port(), "A@Later.Example", "2@x")[2], "451 4.7.1 later");
        assert!(send(sink.port(), "a@later.example", "3@x")[2].starts_with("250"));
        assert_eq!(send(sink.port(), "a@doubt.example", "4@x")[2], "EOF");
        assert_eq!(send(sink.port(), "a@lost.example", "5@x")[2], "EOF");
        let ids: Vec<_> = sink.messages().unwrap().into_iter().filter_map(|message| message.message_id).collect();
        assert_eq!(ids, ["<3@x>", "<4@x>"]);
    }

    #[test]
    fn the_sink_keeps_its_record_over_a_stop() {
        let mut sink = SmtpSink::start().unwrap();
        send(sink.port(), "b@example.com", "1@x");
        sink.stop().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", sink.port())).is_err());
        sink.start_again().unwrap();
        send(sink.port(), "b@example.com", "2@x");
        assert_eq!(sink.counts_by_recipient().unwrap().get("b@example.com"), Some(&2));
    }

    #[test]
    fn starttls_and_signing_in_are_required_when_asked_for() {
        let login = Some(("cxc".to_owned(), "secret".to_owned()));
        let sink = SmtpSink::with(SmtpOptions { starttls: true, login, ..SmtpOptions::default() }).unwrap();
        let answers = talk(sink.port(), &["EHLO me", "MAIL FROM:<a@example.com>"]);
        assert!(answers[2].starts_with("530"), "{answers:?}");
        assert!(sink.certificate().is_file());
        let plain = SmtpOptions { login: Some(("cxc".to_owned(), "secret".to_owned())), ..SmtpOptions::default() };
        let sink = SmtpSink::with(plain).unwrap();
        // \0cxc\0secret and \0cxc\0wrong
        assert!(talk(sink.port(), &["EHLO me", "AUTH PLAIN AGN4YwBzZWNyZXQ="])[2].starts_with("235"));
        assert!(talk(sink.port(), &["EHLO me", "AUTH PLAIN AGN4YwB3cm9uZw=="])[2].starts_with("535"));
    }

    #[test]
    fn the_fast_sink_takes_messages() {
        let sink = FastSmtpSink::start().unwrap();
        assert!(send(sink.port(), "b@example.com", "1@x")[2].starts_with("250"));
    }
}
