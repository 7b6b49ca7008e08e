//! A real PostgreSQL server on loopback: its own data folder, port and process.
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::ports::Port;
use crate::process::{Process, READY_TIMEOUT, Signal};
use crate::tools::{User, find_program, unprivileged};

/// The superuser of the test servers; no password.
const ROLE: &str = "cxc";

/// A server. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    // ends before the folder goes
    process: Option<Process>,
    port: Port,
    user: Option<User>,
    settings: Vec<String>,
    home: TempDir,
}

impl Postgres {
    /// A server as in production: a commit is on the disk before it is answered.
    pub fn start() -> Result<Self> {
        Self::with_settings(&[])
    }

    /// A server that leaves writing to the operating system: for suites that do not cut its power.
    pub fn start_fast() -> Result<Self> {
        Self::with_settings(&["fsync=off", "full_page_writes=off", "autovacuum_naptime=10s"])
    }

    /// A durable server with settings of its own, each `name=value`.
    pub fn with_settings(settings: &[&str]) -> Result<Self> {
        let user = unprivileged()?;
        let home =
            tempfile::Builder::new().prefix("cxc-postgres-").tempdir().context("a temporary folder can be made")?;
        if let Some(user) = user {
            chown(home.path(), Some(user.uid), Some(user.gid))?;
        }
        let mut server = Self {
            process: None,
            port: Port::free()?,
            user,
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            home,
        };
        server.create_cluster()?;
        server.start_again()?;
        Ok(server)
    }

    fn create_cluster(&self) -> Result<()> {
        let mut initdb = self.command("initdb")?;
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]);
        initdb.args(["-U", ROLE, "-D"]).arg(self.data());
        let done = initdb.output().context("initdb can be started")?;
        if !done.status.success() {
            bail!("initdb makes a cluster: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    /// A program of PostgreSQL that runs as a user that it accepts.
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(find_program(program)?);
        command.current_dir(self.home.path());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        Ok(command)
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts the stopped server on the port and with the data that it had, and waits until it answers.
    pub fn start_again(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the server is stopped before it starts again");
        }
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data()).arg("-k").arg(self.home.path());
        command.args(["-h", "127.0.0.1", "-p", &self.port.number().to_string()]);
        for setting in ["max_connections=300", "shared_buffers=128MB", "timezone=UTC"] {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = self.home.path().join("server.log");
        let mut process = Process::spawn("postgres", command, &log, Signal::Quit, Some(self.home.path()))?;
        let ready = find_program("pg_isready")?;
        process.wait_until(READY_TIMEOUT, || {
            let mut ask = Command::new(&ready);
            ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.number().to_string(), "-d", "postgres", "-U", ROLE]);
            ask.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it as an administrator would: sessions are cut, data is checkpointed.
    pub fn stop(&mut self) -> Result<()> {
        self.end_with(Signal::Int)
    }

    /// Ends it as a crash would: it recovers from its log when it starts again.
    pub fn crash(&mut self) -> Result<()> {
        self.end_with(Signal::Quit)
    }

    fn end_with(&mut self, signal: Signal) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.end_with(signal, Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// The process id of the server, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The port, which it keeps while it is stopped.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port.number())
    }

    /// Makes an empty database and returns its address.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// Makes a database as a copy of another, to which nobody is connected.
    pub fn copy_database(&self, from: &str, name: &str) -> Result<String> {
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {from}"))?;
        Ok(self.url(name))
    }

    /// Removes a database, whoever is connected.
    pub fn drop_database(&self, name: &str) -> Result<()> {
        self.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).map(drop)
    }

    /// Runs SQL and returns what psql prints: a line per row, cells separated by `|`.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(find_program("psql")?);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        let done = psql.stdin(Stdio::null()).output().context("psql can be started")?;
        if !done.status.success() {
            bail!("psql runs {sql}: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_outlives_a_crash_and_a_stop_on_the_same_port() {
        let mut server = Postgres::start().unwrap();
        let (port, first) = (server.port(), server.pid().unwrap());
        assert_eq!(server.psql("postgres", "SHOW fsync").unwrap(), "on");
        server.create_database("one").unwrap();
        server.psql("one", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
        server.crash().unwrap();
        assert!(server.psql("one", "SELECT n FROM t").is_err());
        server.start_again().unwrap();
        server.psql("one", "INSERT INTO t VALUES (2)").unwrap();
        server.stop().unwrap();
        server.start_again().unwrap();
        assert_eq!(server.psql("one", "SELECT n FROM t ORDER BY n").unwrap(), "1\n2");
        assert_eq!(server.port(), port);
        assert_ne!(server.pid(), Some(first));
    }

    #[test]
    fn a_copied_database_has_the_rows_of_its_template_and_can_be_dropped() {
        let server = Postgres::start_fast().unwrap();
        server.create_database("a").unwrap();
        server.psql("a", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
        server.copy_database("a", "b").unwrap();
        assert_eq!(server.psql("b", "SELECT n FROM t").unwrap(), "7");
        server.drop_database("b").unwrap();
        assert!(server.psql("b", "SELECT 1").is_err());
    }

    #[test]
    fn a_dropped_server_leaves_no_process_and_no_folder() {
        let server = Postgres::start_fast().unwrap();
        let (pid, home) = (server.pid().unwrap(), server.home.path().to_owned());
        drop(server);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        assert!(!home.exists());
    }
}
