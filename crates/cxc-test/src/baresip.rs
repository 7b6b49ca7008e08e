//! baresip on loopback: a phone that answers by itself, speaks with a tone and keeps what it hears.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::ports::Port;
use crate::process::{Process, READY_TIMEOUT, Signal};
use crate::sipp::is_bound;
use crate::tools::find_program;

/// Its media ports begin here, twenty for each phone. No other helper gives out ports of this range.
const MEDIA: u16 = 32_600;
/// How long it speaks; then it would hang up.
const SPEAKS: u32 = 120;

/// How the phone is set up.
#[derive(Debug, Clone, Default)]
pub struct BaresipOptions {
    /// The tone that it speaks with, hertz.
    pub hertz: f32,
    /// It takes calls with SRTP only.
    pub srtp: bool,
    /// Who it is; `agent` if that is empty.
    pub user: String,
}

/// A phone.
#[derive(Debug)]
pub struct Baresip {
    process: Process,
    plain: Port,
    tls: Port,
    control: Port,
    certificate: Certificate,
    home: TempDir,
}

impl Baresip {
    /// Starts a phone and waits until it can be called.
    pub fn start(options: &BaresipOptions) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-baresip-").tempdir()?;
        let certificate = Certificate::signed(home.path(), "DNS:localhost,IP:127.0.0.1")?;
        // it wants both in one file, and takes TLS at the port after that of the others
        let both = [std::fs::read(&certificate.key)?, std::fs::read(&certificate.certificate)?].concat();
        std::fs::write(home.path().join("both.pem"), both)?;
        let (plain, tls) = neighbours()?;
        let control = Port::free()?;
        std::fs::write(home.path().join("tone.wav"), tone(options.hertz))?;
        let folder = home.path().display().to_string();
        std::fs::write(home.path().join("config"), configuration(&folder, &plain, &control)?)?;
        let secure = if options.srtp { ";mediaenc=srtp-mand" } else { "" };
        let user = if options.user.is_empty() { "agent" } else { &options.user };
        let (of, how) = (plain.address(), "regint=0;answermode=auto;audio_codecs=PCMU/8000");
        let account = format!("<sip:{user}@{of}>;{how}{secure}\n");
        std::fs::write(home.path().join("accounts"), account)?;
        std::fs::write(home.path().join("contacts"), "")?;
        let mut command = Command::new(find_program("baresip")?);
        command.arg("-f").arg(home.path()).arg("-v");
        let mut process =
            Process::spawn("baresip", command, &home.path().join("log"), Signal::Term, Some(home.path()))?;
        process.wait_until(READY_TIMEOUT, || [&plain, &tls, &control].iter().all(|port| is_bound(port.number())))?;
        Ok(Self { process, plain, tls, control, certificate, home })
    }

    /// Where it is called by UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.plain.number()))
    }

    /// Where it is called by TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls.number()))
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends its call, as the person at the phone does.
    pub fn hang_up(&self) -> Result<()> {
        let command = r#"{"command":"hangup","token":"1"}"#;
        let mut control = TcpStream::connect(self.control.address()).context("the phone can be told")?;
        control.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(control, "{}:{command},", command.len())?;
        let mut answer = Vec::new();
        let mut part = [0; 1_024];
        // events of the call may come before the answer
        while !String::from_utf8_lossy(&answer).contains("\"response\":true") {
            match control.read(&mut part)? {
                0 => bail!("the phone says nothing: {}", self.log()),
                len => answer.extend_from_slice(&part[..len]),
            }
        }
        Ok(())
    }

    /// What it has heard so far, samples at 8,000 a second, of all its calls one after the other.
    pub fn heard(&self) -> Result<Vec<i16>> {
        let files: std::io::Result<Vec<_>> = std::fs::read_dir(self.home.path())?.collect();
        let mut files: Vec<_> = files?.into_iter().map(|file| file.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        files.sort();
        let mut samples = Vec::new();
        for file in files {
            let bytes = std::fs::read(file)?;
            let sound = bytes.get(44..).unwrap_or_default();
            samples.extend(sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        }
        Ok(samples)
    }

    /// Waits until the last second of what it hears is as wanted.
    pub async fn hears(&self, wanted: impl Fn(&[i16]) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let heard = self.heard()?;
            if wanted(&heard[heard.len().saturating_sub(8_000)..]) {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(20) {
                bail!("the phone does not hear what it should, {} samples: {}", heard.len(), self.process.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn configuration(folder: &str, plain: &Port, control: &Port) -> Result<String> {
    let (listen, control) = (plain.address(), control.address());
    let first = MEDIA + (plain.number() / 2 % 1_600) * 20;
    let last = first.checked_add(18).context("a range of media ports")?;
    Ok(format!(
        "net_interface 127.0.0.1\nsip_listen {listen}\nsip_certificate {folder}/both.pem\ncall_max_calls 4\nrtp_ports {first}-{last}\nrtcp_mux no\n\
         audio_player aubridge,nil\naudio_alert aubridge,nil\naudio_source aufile,{folder}/tone.wav\n\
         ausrc_srate 8000\nauplay_srate 8000\nsnd_path {folder}\nctrl_tcp_listen {control}\n\
         module_path {}\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule srtp.so\n\
         module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n",
        modules()?
    ))
}

/// Where Debian puts its modules.
fn modules() -> Result<String> {
    let folders = [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/lib/aarch64-linux-gnu/baresip/modules",
    ];
    let found = folders.into_iter().find(|folder| std::path::Path::new(folder).is_dir());
    found.map(str::to_owned).context("the modules of baresip are installed with it")
}

/// Two ports that follow each other.
fn neighbours() -> Result<(Port, Port)> {
    let mut kept = Vec::new();
    for _ in 0..50 {
        let (one, two) = (Port::free()?, Port::free()?);
        if two.number() == one.number() + 1 {
            return Ok((one, two));
        }
        kept.extend([one, two]);
    }
    bail!("two free ports follow each other")
}

/// A WAV file of a tone.
fn tone(hertz: f32) -> Vec<u8> {
    let samples = 8_000 * SPEAKS;
    let mut file = Vec::with_capacity(44 + samples as usize * 2);
    file.extend_from_slice(b"RIFF");
    file.extend((36 + samples * 2).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend((samples * 2).to_le_bytes());
    let wave =
        (0..8_000).map(|at| (f64::from(at) / 8_000.0 * f64::from(hertz) * std::f64::consts::TAU).sin() * 8_000.0);
    let second: Vec<u8> = wave.flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    (0..SPEAKS).for_each(|_| file.extend_from_slice(&second));
    file
}
