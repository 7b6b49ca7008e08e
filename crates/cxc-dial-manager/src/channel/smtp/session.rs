//! One connection to a mail server: greeting, TLS, sign-in, and messages one after the other.
use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cxc_server::outbound::Reach;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::reply::{Reply, ReplyReader};
use super::verdict::{Phase, Verdict};
use crate::channel::account::{ChannelAccount, Credential, Security};
use crate::channel::net::{self, NetError, Stream};
use crate::channel::smtp::SmtpTimeouts;
use crate::channel::tls;

/// What a connection needs to know.
pub(super) struct Target {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credential: Option<Credential>,
    pub helo: String,
    pub tls: TlsConnector,
    pub timeouts: SmtpTimeouts,
    pub reach: Reach,
}

impl Target {
    pub fn new(account: &ChannelAccount, timeouts: SmtpTimeouts, reach: &Reach) -> Result<Self, NetError> {
        let tls = match account.security {
            Security::StarttlsOptional => tls::unverified_connector()?,
            _ => tls::connector(account.ca_certificate.as_deref())?,
        };
        let helo = account
            .helo_name
            .clone()
            .unwrap_or_else(|| lettre::transport::smtp::extension::ClientId::default().to_string());
        Ok(Self {
            host: account.host.clone().unwrap_or_default(),
            port: account.effective_port(),
            security: account.security,
            credential: account.credential.clone(),
            helo,
            tls,
            timeouts,
            reach: reach.clone(),
        })
    }
}

/// What the server said it can do.
#[derive(Debug, Clone, Default)]
pub(super) struct Abilities {
    pub pipelining: bool,
    pub eight_bit: bool,
    pub utf8: bool,
    pub size: Option<u64>,
    starttls: bool,
    plain: bool,
    login: bool,
}

/// A message ready for the wire.
pub(super) struct Wire<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// Dots doubled, ended by the final dot.
    pub data: &'a [u8],
}

/// An open, signed-in connection.
pub(super) struct Session {
    stream: Stream,
    reader: ReplyReader,
    pub abilities: Abilities,
    timeouts: SmtpTimeouts,
    pub born: Instant,
    pub used: Instant,
    pub messages: u32,
}

/// Why there is no session. Text only: nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("the mail server refused us: {0}")]
    Refused(String),
    #[error("the mail server refused the user name or password: {0}")]
    SignIn(String),
    #[error("the mail server offers no {0}")]
    Missing(&'static str),
    #[error("the mail server is not understood: {0}")]
    Lost(#[from] io::Error),
}

impl Session {
    /// Connects, secures, signs in.
    pub async fn open(target: &Target) -> Result<Self, OpenError> {
        let limits = target.timeouts;
        let tcp = net::connect(&target.reach, &target.host, target.port, limits.connect).await?;
        let mut session = match target.security {
            Security::Tls => {
                let stream = net::secure(tcp, &target.host, &target.tls, limits.connect).await?;
                Self::on(stream, limits)
            }
            _ => Self::on(Stream::Plain(tcp), limits),
        };
        session.expect_greeting().await?;
        session.ehlo(&target.helo).await?;
        let wanted = matches!(target.security, Security::Starttls | Security::StarttlsOptional);
        if wanted && session.abilities.starttls {
            session = session.start_tls(target).await?;
        } else if target.security == Security::Starttls {
            return Err(OpenError::Missing("STARTTLS"));
        }
        if let Some(credential) = &target.credential {
            session.sign_in(credential).await?;
        }
        Ok(session)
    }

    fn on(stream: Stream, timeouts: SmtpTimeouts) -> Self {
        let now = Instant::now();
        Self {
            stream,
            reader: ReplyReader::default(),
            abilities: Abilities::default(),
            timeouts,
            born: now,
            used: now,
            messages: 0,
        }
    }

    async fn expect_greeting(&mut self) -> Result<(), OpenError> {
        let greeting = self.reader.read(&mut self.stream, self.timeouts.command).await?;
        if greeting.code == 220 { Ok(()) } else { Err(OpenError::Refused(greeting.summary())) }
    }

    async fn ehlo(&mut self, name: &str) -> Result<(), OpenError> {
        let reply = self.command(&format!("EHLO {name}\r\n")).await?;
        if reply.is_good() {
            self.abilities = abilities(&reply);
            return Ok(());
        }
        if !reply.is_permanent() {
            return Err(OpenError::Refused(reply.summary()));
        }
        // a server of before 1995
        let reply = self.command(&format!("HELO {name}\r\n")).await?;
        if reply.is_good() { Ok(()) } else { Err(OpenError::Refused(reply.summary())) }
    }

    async fn start_tls(mut self, target: &Target) -> Result<Self, OpenError> {
        let reply = self.command("STARTTLS\r\n").await?;
        if reply.code != 220 {
            return Err(OpenError::Refused(reply.summary()));
        }
        if self.reader.has_leftover() {
            // someone on the way put plain commands before the safe ones
            return Err(OpenError::Refused("plain text after STARTTLS".into()));
        }
        let Stream::Plain(tcp) = self.stream else { return Err(OpenError::Missing("STARTTLS")) };
        let stream = net::secure(tcp, &target.host, &target.tls, self.timeouts.connect).await?;
        let mut session = Self::on(stream, self.timeouts);
        session.ehlo(&target.helo).await?;
        Ok(session)
    }

    async fn sign_in(&mut self, credential: &Credential) -> Result<(), OpenError> {
        let user = &credential.username;
        let password = credential.password.as_ref().map_or("", |p| p.expose_secret());
        let reply = if self.abilities.plain {
            let token = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command(&format!("AUTH PLAIN {token}\r\n")).await?
        } else if self.abilities.login {
            let mut reply = self.command("AUTH LOGIN\r\n").await?;
            for answer in [user.as_str(), password] {
                if reply.code == 334 {
                    reply = self.command(&format!("{}\r\n", STANDARD.encode(answer))).await?;
                }
            }
            reply
        } else {
            return Err(OpenError::Missing("AUTH PLAIN or LOGIN"));
        };
        match reply.code {
            235 => Ok(()),
            500.. => Err(OpenError::SignIn(reply.summary())),
            _ => Err(OpenError::Refused(reply.summary())),
        }
    }

    async fn command(&mut self, text: &str) -> io::Result<Reply> {
        self.write(text.as_bytes(), &mut 0).await?;
        self.reader.read(&mut self.stream, self.timeouts.command).await
    }

    // `written` tells after a failure how much the network took
    async fn write(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        let all = async {
            while *written < bytes.len() {
                match self.stream.write(&bytes[*written..]).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    n => *written += n,
                }
            }
            self.stream.flush().await
        };
        timeout(self.timeouts.command, all).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends one message. A verdict that is not reusable means: close the connection.
    pub async fn send(&mut self, message: &Wire<'_>) -> Verdict {
        self.messages += 1;
        let verdict = match self.envelope(message).await {
            Ok(None) => self.data(message.data).await,
            Ok(Some(verdict)) => verdict,
            Err(error) => Verdict::lost(Phase::Envelope, &error),
        };
        self.used = Instant::now();
        verdict
    }

    // None: the server waits for the message
    async fn envelope(&mut self, message: &Wire<'_>) -> io::Result<Option<Verdict>> {
        let mut mail = format!("MAIL FROM:<{}>", message.from);
        if self.abilities.size.is_some() {
            mail.push_str(&format!(" SIZE={}", message.data.len()));
        }
        if self.abilities.eight_bit && !message.data.is_ascii() {
            mail.push_str(" BODY=8BITMIME");
        }
        if self.abilities.utf8 && !(message.from.is_ascii() && message.to.is_ascii()) {
            mail.push_str(" SMTPUTF8");
        }
        let rcpt = format!("RCPT TO:<{}>", message.to);
        if self.abilities.pipelining {
            return self.envelope_at_once(&mail, &rcpt).await;
        }
        for (phase, line) in [(Phase::Mail, mail.as_str()), (Phase::Recipient, &rcpt), (Phase::Data, "DATA")] {
            let reply = self.command(&format!("{line}\r\n")).await?;
            if !expected(phase, &reply) {
                return Ok(Some(self.refused(phase, &reply, phase != Phase::Mail).await));
            }
        }
        Ok(None)
    }

    // MAIL, RCPT and DATA in one packet: a round trip instead of three
    async fn envelope_at_once(&mut self, mail: &str, rcpt: &str) -> io::Result<Option<Verdict>> {
        self.write(format!("{mail}\r\n{rcpt}\r\nDATA\r\n").as_bytes(), &mut 0).await?;
        let mut refusal = None;
        for phase in [Phase::Mail, Phase::Recipient, Phase::Data] {
            let reply = self.reader.read(&mut self.stream, self.timeouts.command).await?;
            if reply.code == 421 {
                return Ok(Some(Verdict::of(refusal.map_or(phase, |(p, _)| p), &reply)));
            }
            match (&refusal, expected(phase, &reply)) {
                (None, false) => refusal = Some((phase, reply)),
                // it wants the message of a refused envelope: only hanging up sends nothing for sure
                (Some((refused, first)), true) if phase == Phase::Data => {
                    return Ok(Some(Verdict::of(*refused, first).closing()));
                }
                _ => {}
            }
        }
        match refusal {
            None => Ok(None),
            Some((phase, reply)) => Ok(Some(self.refused(phase, &reply, true).await)),
        }
    }

    // clears what the server still holds of a refused message
    async fn refused(&mut self, phase: Phase, reply: &Reply, reset: bool) -> Verdict {
        let verdict = Verdict::of(phase, reply);
        if !reset || !verdict.reusable {
            return verdict;
        }
        match self.command("RSET\r\n").await {
            Ok(reply) if reply.is_good() => verdict,
            _ => verdict.closing(),
        }
    }

    async fn data(&mut self, data: &[u8]) -> Verdict {
        let mut written = 0;
        if let Err(error) = self.write(data, &mut written).await {
            // without the last byte of the final dot the server has no message
            let phase = if written < data.len() { Phase::Content } else { Phase::Answer };
            return Verdict::lost(phase, &error);
        }
        match self.reader.read(&mut self.stream, self.timeouts.answer).await {
            Ok(reply) => Verdict::of(Phase::Answer, &reply),
            Err(error) => Verdict::lost(Phase::Answer, &error),
        }
    }

    /// Whether an idle connection still looks usable: nothing was said and nobody hung up.
    pub fn is_quiet(&self) -> bool {
        let tcp: &TcpStream = match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        };
        let mut byte = [0_u8; 1];
        let silent = matches!(tcp.try_read(&mut byte), Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        silent && !self.reader.has_leftover()
    }

    /// Says goodbye, without waiting long.
    pub async fn quit(mut self) {
        let goodbye = async {
            if self.command("QUIT\r\n").await.is_ok() {
                let _ = self.stream.shutdown().await;
            }
        };
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}

fn expected(phase: Phase, reply: &Reply) -> bool {
    match phase {
        Phase::Data => reply.code == 354,
        _ => (200..300).contains(&reply.code),
    }
}

fn abilities(reply: &Reply) -> Abilities {
    let mut found = Abilities::default();
    for line in reply.lines.iter().skip(1) {
        let upper = line.to_ascii_uppercase();
        // some write AUTH=PLAIN
        let mut words = upper.split([' ', '=']);
        match words.next().unwrap_or_default() {
            "PIPELINING" => found.pipelining = true,
            "8BITMIME" => found.eight_bit = true,
            "SMTPUTF8" => found.utf8 = true,
            "STARTTLS" => found.starttls = true,
            "SIZE" => found.size = Some(words.next().and_then(|w| w.parse().ok()).unwrap_or(0)),
            "AUTH" => {
                for word in words {
                    found.plain |= word == "PLAIN";
                    found.login |= word == "LOGIN";
                }
            }
            _ => {}
        }
    }
    found
}
