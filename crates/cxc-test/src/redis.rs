//! A real Redis server on loopback, nothing saved.
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::ports::Port;
use crate::process::{Process, Signal};
use crate::tools::find_program;

/// A server. Dropping it ends it.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    port: Port,
    home: TempDir,
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub fn start() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-redis-").tempdir().context("a temporary folder can be made")?;
        let mut server = Self { process: None, port: Port::free()?, home };
        server.start_again()?;
        Ok(server)
    }

    /// Starts the stopped server on its port, empty.
    pub fn start_again(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the server is stopped before it starts again");
        }
        let mut command = Command::new(find_program("redis-server")?);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.number().to_string(), "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(self.home.path());
        let log = self.home.path().join("server.log");
        let mut process = Process::spawn("redis", command, &log, Signal::Term, Some(self.home.path()))?;
        process.wait_for_port(self.port.number())?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.end_with(Signal::Term, Duration::from_secs(20))?;
        }
        Ok(())
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://{}", self.port.address())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn ask(server: &Redis, command: &str) -> String {
        let mut stream = TcpStream::connect(server.port.address()).unwrap();
        write!(stream, "{command}\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_redis_server_answers_and_comes_back_empty() {
        let mut server = Redis::start().unwrap();
        assert_eq!(ask(&server, "SET a 1"), "+OK\r\n+OK\r\n");
        server.stop().unwrap();
        server.start_again().unwrap();
        assert_eq!(ask(&server, "GET a"), "$-1\r\n+OK\r\n");
    }
}
