//! Kamailio on loopback: a proxy in front of one peer that stays on the way of the calls it carries.
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::ports::Port;
use crate::process::{Process, Signal};
use crate::tools::find_program;

/// A proxy by UDP, TCP and TLS. Requests within a call that do not name it as their way are refused.
#[derive(Debug)]
pub struct Kamailio {
    process: Process,
    plain: Port,
    tls: Port,
    certificate: Certificate,
    home: TempDir,
}

impl Kamailio {
    /// Starts a proxy that hands calls to a peer by UDP. Its certificate is for 127.0.0.1 and localhost.
    pub fn before(peer: SocketAddr) -> Result<Self> {
        Self::with_names(peer, "DNS:localhost,IP:127.0.0.1")
    }

    /// The same with a certificate for other names.
    pub fn with_names(peer: SocketAddr, names: &str) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-kamailio-").tempdir()?;
        let certificate = Certificate::signed(home.path(), names)?;
        let (plain, tls) = (Port::free()?, Port::free()?);
        std::fs::write(home.path().join("kamailio.cfg"), configuration(peer, &plain, &tls, &certificate))?;
        let process = spawn(&home, &plain, &tls)?;
        Ok(Self { process, plain, tls, certificate, home })
    }

    /// Ends it and starts it anew at its ports: connections break, and it has forgotten everything.
    pub fn start_again(&mut self) -> Result<()> {
        self.process.end_with(Signal::Term, Duration::from_secs(20))?;
        self.process = spawn(&self.home, &self.plain, &self.tls)?;
        Ok(())
    }

    /// Where it takes calls by UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.plain.number()))
    }

    /// Where it takes calls by TLS.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls.number()))
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The requests that it carried so far, in order, with the transport by which they came: `udp INVITE`.
    pub fn carried(&self) -> Vec<String> {
        let log = self.process.log();
        let carried = log.lines().filter_map(|line| line.split_once("carried ")?.1.split_once(" from "));
        carried.map(|(what, _)| what.to_owned()).collect()
    }

    /// Connections by which TLS calls have come so far.
    pub fn connections(&self) -> usize {
        let log = self.process.log();
        let ports =
            log.lines().filter_map(|line| line.split_once("carried tls INVITE from ").map(|(_, port)| port.trim()));
        ports.collect::<BTreeSet<_>>().len()
    }

    /// Waits until it has carried a request.
    pub async fn carries(&self, what: &str) -> Result<()> {
        let start = Instant::now();
        while !self.carried().iter().any(|carried| carried == what) {
            if start.elapsed() > Duration::from_secs(20) {
                bail!("{what} should be carried; that was {:?}; it says:\n{}", self.carried(), self.process.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

fn spawn(home: &TempDir, plain: &Port, tls: &Port) -> Result<Process> {
    let home = home.path();
    let mut command = Command::new(find_program("kamailio")?);
    // in the foreground, with its log at hand, and with little memory
    command.args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"]).arg(home).arg("-f").arg(home.join("kamailio.cfg"));
    let mut process = Process::spawn("kamailio", command, &home.join("log"), Signal::Term, Some(home))?;
    for port in [plain, tls] {
        process.wait_for_port(port.number())?;
    }
    Ok(process)
}

fn configuration(peer: SocketAddr, plain: &Port, tls: &Port, certificate: &Certificate) -> String {
    let (plain, tls) = (plain.number(), tls.number());
    let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
    format!(
        r#"#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
listen=udp:127.0.0.1:{plain}
listen=tcp:127.0.0.1:{plain}
listen=tls:127.0.0.1:{tls}
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    xlog("L_NOTICE", "carried $proto $rm from $sp\n");
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        xlog("L_NOTICE", "refused $rm\n");
        if (!is_method("ACK")) sl_send_reply("404", "Not here");
        else if (t_check_trans()) t_relay();
        exit;
    }}
    t_check_trans();
    record_route();
    $du = "sip:{peer}";
    t_relay();
}}
"#
    )
}
