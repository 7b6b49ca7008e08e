//! The real binary as a process, on free ports, with a data folder of its own.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::app::{ADMINISTRATOR, PASSWORD};
use crate::caller::Caller;
use crate::ports::{MediaPorts, Port};
use crate::process::{Process, READY_TIMEOUT, Signal};

/// The components of the binary, by the names that the configuration and `--component` take.
pub const COMPONENTS: [&str; 7] = [
    "api-aggregator",
    "list-builder",
    "list-manager",
    "campaign-manager",
    "compliance-manager",
    "dial-manager",
    "dialer",
];

/// The binary with its configuration: commands can be run, the server started, killed and started again.
#[derive(Debug)]
pub struct Cxc {
    process: Option<Process>,
    binary: PathBuf,
    public: Port,
    internal: Port,
    metrics: BTreeMap<&'static str, Port>,
    _media: MediaPorts,
    home: TempDir,
}

impl Cxc {
    /// With the embedded store. `binary` is `env!("CARGO_BIN_EXE_cxc")` in tests of the binary's crate.
    pub fn embedded(binary: impl Into<PathBuf>) -> Result<Self> {
        Self::with_settings(binary, "")
    }

    /// With a database, by its address.
    pub fn on_database(binary: impl Into<PathBuf>, url: &str) -> Result<Self> {
        Self::with_settings(binary, &format!("database.url = \"{url}\"\n"))
    }

    /// With lines of `cxc.toml`, whose keys are dotted: `log.level = "debug"`. Ports, log and limits are set already.
    pub fn with_settings(binary: impl Into<PathBuf>, settings: &str) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-up-").tempdir().context("a temporary folder can be made")?;
        let (public, internal) = (Port::free()?, Port::free()?);
        let metrics: BTreeMap<_, _> =
            COMPONENTS.iter().map(|name| Ok((*name, Port::free()?))).collect::<Result<_>>()?;
        let mut text = format!("http.port = {}\nhttp.internal_port = {}\n", public.number(), internal.number());
        // one client of a test asks more than a person may
        text.push_str("limits.requests_per_second = 0\n");
        for (name, port) in &metrics {
            writeln!(text, "component.{name}.metrics_port = {}", port.number())?;
        }
        let media = MediaPorts::free()?;
        writeln!(text, "voice.media_ports = \"{}\"", media.range())?;
        std::fs::write(home.path().join("cxc.toml"), text + settings)?;
        Ok(Self { process: None, binary: binary.into(), public, internal, metrics, _media: media, home })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.home.path());
        command.arg("--config").arg(self.home.path().join("cxc.toml")).arg("--data").arg(self.data());
        command
    }

    /// Runs a command to its end, beside the server or without it.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.command().args(arguments).output().context("cxc can be started")
    }

    /// Runs a command to its end with a text on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cxc can be started")?;
        child.stdin.take().context("standard input is a pipe")?.write_all(input.as_bytes())?;
        Ok(child.wait_with_output()?)
    }

    /// Runs a command that succeeds and returns what it prints.
    pub fn run_ok(&self, arguments: &[&str]) -> Result<String> {
        let done = self.run(arguments)?;
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        if !done.status.success() {
            bail!("cxc {} ended with {}:\n{out}{err}", arguments.join(" "), done.status);
        }
        Ok(out.into_owned())
    }

    /// Starts `cxc up` and waits until it is ready. What an earlier start has logged stays before the new log.
    pub fn up(&mut self) -> Result<()> {
        self.up_with(&[])
    }

    /// Starts `cxc up` with further arguments and waits until it is ready.
    pub fn up_with(&mut self, arguments: &[&str]) -> Result<()> {
        if self.process.as_mut().is_some_and(Process::is_running) {
            bail!("the server is stopped before it starts again");
        }
        let mut command = self.command();
        command.arg("up").args(arguments);
        let log = self.home.path().join("server.log");
        let mut process = Process::spawn("cxc up", command, &log, Signal::Term, Some(self.home.path()))?;
        let port = self.public.number();
        process.wait_until(READY_TIMEOUT, || get(port, "/health/ready").is_ok_and(|answer| answer.0 == 200))?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends the server without a warning.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::Kill, Duration::from_secs(10)).map(drop)
    }

    /// Sends a signal and waits for the end.
    pub fn end(&mut self, signal: Signal, timeout: Duration) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the server runs")?;
        process.end_with(signal, timeout)
    }

    /// The running process.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("the server runs")
    }

    /// What the server has logged, in all its starts.
    pub fn log(&self) -> String {
        std::fs::read(self.home.path().join("server.log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A folder for files of the test, removed with the value.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Who asks the public API and is not signed in.
    pub fn stranger(&self) -> Result<Caller> {
        Caller::of_server(self.url(""))
    }

    /// Makes a tenant with an administrator, unless they are there, and asks for it with an API client that may do
    /// all that the administrator may. The server runs.
    pub async fn tenant(&self, domain: &str) -> Result<Caller> {
        self.run_ok(&["tenant", "add", domain, "--domain", domain])?;
        let user = format!("{domain}\\{ADMINISTRATOR}");
        let made =
            self.run_with_input(&["user", "add", &user, "--role", "administrator", "--password-stdin"], PASSWORD)?;
        if !made.status.success() {
            bail!("an administrator is made: {}", String::from_utf8_lossy(&made.stderr));
        }
        let name = format!("client {}", std::process::id());
        self.stranger()?.as_api_client(&user, PASSWORD, &name, &[]).await
    }

    /// The address of a path of the public API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public.address())
    }

    /// The address of a path of the internal backend.
    pub fn internal_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.internal.address())
    }

    /// A component's metrics in the text format.
    pub fn metrics(&self, component: &str) -> Result<String> {
        let port = self.metrics.get(component).context("a component of COMPONENTS")?;
        let (status, body) = get(port.number(), "/metrics")?;
        if status != 200 {
            bail!("{component} serves its metrics: {status} {body}");
        }
        Ok(body)
    }

    /// The memory of the server in bytes: resident now, and at its highest.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()?.pid()))?;
        Ok((kilobytes(&status, "VmRSS:")? * 1024, kilobytes(&status, "VmHWM:")? * 1024))
    }
}

fn kilobytes(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the kernel tells the memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A request of the simplest kind to a port of loopback: the status and the body.
pub fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("an HTTP answer has a head and a body")?;
    let status = head.split(' ').nth(1).context("an HTTP answer has a status")?;
    Ok((status.parse()?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_read_from_the_kernel() {
        let status = "Name:\tcxc\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:").unwrap(), 1024);
        assert_eq!(kilobytes(status, "VmHWM:").unwrap(), 2048);
        assert!(kilobytes("", "VmRSS:").is_err());
    }

    #[test]
    fn every_port_of_the_configuration_is_another() {
        let cxc = Cxc::with_settings("cxc", "log.level = \"debug\"\n").unwrap();
        let text = std::fs::read_to_string(cxc.home().join("cxc.toml")).unwrap();
        let ports: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("port = ")).map(|(_, port)| port).collect();
        let mut different = ports.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!((ports.len(), different.len()), (9, 9));
        assert!(text.ends_with("log.level = \"debug\"\n"));
    }

    #[test]
    fn a_binary_that_cannot_start_is_told_with_its_log() {
        let mut cxc = Cxc::embedded("/bin/false").unwrap();
        let error = cxc.up().unwrap_err().to_string();
        assert!(error.contains("cxc up ended before it was ready"), "{error}");
    }
}
