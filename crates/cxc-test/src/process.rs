//! A peer as a process: started with its output in a file, waited for, ended by its pid, and never left behind,
//! not even by a test process that is killed.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a peer may take to become ready. Generous: the machine may be busy with other tests.
pub const READY_TIMEOUT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(10);
/// The end of a log that an error message shows, in bytes.
const LOG_TAIL: u64 = 4_000;

/// Ends the process in `$2` with signal `$1` once our end of the pipe closes, then removes the folder `$3`.
const GUARD: &str = r#"
read -r _
kill -s "$1" "$2" 2>/dev/null
i=0
while kill -0 "$2" 2>/dev/null && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
[ -z "$3" ] || rm -rf -- "$3"
"#;

/// The signals that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// What Ctrl-C sends.
    Int,
    /// What a service manager sends.
    Term,
    /// PostgreSQL's immediate shutdown.
    Quit,
    /// The end without a warning.
    Kill,
    /// Stands still, keeps its connections.
    Stop,
    /// Goes on after [`Signal::Stop`].
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Signal::Int => "INT",
            Signal::Term => "TERM",
            Signal::Quit => "QUIT",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Cont => "CONT",
        }
    }
}

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    guard: Child,
    log: PathBuf,
    end: Signal,
}

impl Process {
    /// Starts `command`; both its outputs are appended to `log`. `end` is how it is told to end. `folder` is removed
    /// if this process dies without dropping the value.
    pub fn spawn(name: &str, mut command: Command, log: &Path, end: Signal, folder: Option<&Path>) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log).context("a peer's log can be written")?;
        let program = command.get_program().to_string_lossy().into_owned();
        // groups of their own: a Ctrl-C of the terminal ends the test, and the guard then ends the peer
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{name}: {program} can be started"))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", end.name(), &child.id().to_string()])
            .arg(folder.unwrap_or(Path::new("")))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sh can be started")?;
        Ok(Self { name: name.to_owned(), child, guard, log: log.to_owned(), end })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `ready` says so; a process that ends before, or a timeout, is an error that shows the log.
    pub fn wait_until(&mut self, timeout: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it was ready ({status}); its log:\n{}", self.name, self.log_tail());
            }
            if start.elapsed() > timeout {
                bail!("{} was not ready within {timeout:?}; its log:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(STEP);
        }
        Ok(())
    }

    /// Waits until something accepts connections on a port of loopback.
    pub fn wait_for_port(&mut self, port: u16) -> Result<()> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.wait_until(READY_TIMEOUT, || TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // the shell's own `kill`: the program of that name is not on every machine
        let pid = self.pid().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "kill", signal.name(), &pid]).status()?;
        if !status.success() {
            bail!("{} takes the signal {}", self.name, signal.name());
        }
        Ok(())
    }

    /// Waits for its end; killed, with an error, if that takes longer.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > timeout {
                self.child.kill()?;
                self.child.wait()?;
                bail!("{} did not end within {timeout:?}; its log:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(STEP);
        }
    }

    /// Sends a signal and waits for the end.
    pub fn end_with(&mut self, signal: Signal, timeout: Duration) -> Result<ExitStatus> {
        if self.is_running() {
            self.signal(signal)?;
        }
        self.wait(timeout)
    }

    /// All that it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last lines that it has printed.
    pub fn log_tail(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            let from = file.metadata()?.len().saturating_sub(LOG_TAIL);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            Ok(tail)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // the guard first: after the child is gone its pid may be another's
        let _gone = self.guard.kill();
        let _reaped = self.guard.wait();
        if self.end_with(self.end, Duration::from_secs(10)).is_err() {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("-- {} (pid {}) said last:\n{}", self.name, self.pid(), self.log_tail());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("sh", command, log, Signal::Term, None).unwrap()
    }

    fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn dropping_a_process_ends_it_and_its_guard() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("exec sleep 60", &folder.path().join("log"));
        let (pid, guard) = (process.pid(), process.guard.id());
        assert!(exists(pid) && exists(guard));
        drop(process);
        assert!(!exists(pid) && !exists(guard));
    }

    #[test]
    fn a_process_that_ends_early_is_an_error_that_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo no such flag; exit 3", &folder.path().join("log"));
        let error = process.wait_until(READY_TIMEOUT, || false).unwrap_err().to_string();
        assert!(error.contains("no such flag") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_process_that_ignores_the_polite_signal_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("trap '' TERM; echo set; while :; do sleep 0.1; done", &folder.path().join("log"));
        let log = folder.path().join("log");
        process
            .wait_until(READY_TIMEOUT, || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("set")))
            .unwrap();
        assert!(process.end_with(Signal::Term, Duration::from_millis(200)).is_err());
        assert!(!process.is_running());
    }

    #[test]
    fn the_guard_ends_an_orphan_and_removes_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("data");
        std::fs::create_dir(&mine).unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let mut process =
            Process::spawn("sleep", command, &folder.path().join("log"), Signal::Term, Some(&mine)).unwrap();
        // what the kernel does when a test process dies: its end of the pipe closes
        drop(process.guard.stdin.take());
        let status = process.wait(Duration::from_secs(10)).unwrap();
        assert!(!status.success());
        process.guard.wait().unwrap();
        assert!(!mine.exists());
    }
}
