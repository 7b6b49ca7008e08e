//! Asterisk on loopback: its REST interface, and SIP to one peer that plays the carrier.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::ports::Port;
use crate::process::{Process, READY_TIMEOUT, Signal};

/// Who may use its REST interface.
pub const ASTERISK_USER: &str = "cxc";
/// With which password.
pub const ASTERISK_PASSWORD: &str = "only for tests";

/// What is loaded, in the order in which one needs the other.
const MODULES: &str = "res_timing_timerfd res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_pjsip \
    res_pjsip_session res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_header_funcs res_pjsip_rfc3326 res_pjsip_pubsub \
    res_rtp_asterisk res_rtp_multicast chan_pjsip chan_rtp bridge_simple bridge_softmix codec_ulaw codec_alaw \
    func_callerid res_http_websocket res_stasis res_stasis_answer res_stasis_recording res_stasis_playback \
    res_stasis_snoop app_stasis res_ari res_ari_model res_ari_applications res_ari_asterisk res_ari_bridges \
    res_ari_channels res_ari_events";
/// Files that it looks for; what is not said in them is as usual.
const EMPTY: &str = "acl ccss cdr cel codecs dnsmgr dsp extensions features indications manager stasis udptl";

/// An Asterisk.
#[derive(Debug)]
pub struct Asterisk {
    process: Process,
    http: Port,
    tls: Port,
    certificate: Certificate,
    home: TempDir,
    // taken while this lives
    _sip: Port,
}

impl Asterisk {
    /// Starts one whose endpoint `carrier` is a peer, called by UDP: `PJSIP/{number}@carrier`. Another peer is called by
    /// `PJSIP/carrier/sip:{number}@HOST:PORT`.
    pub fn before(peer: SocketAddr) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("cxc-asterisk-").tempdir()?;
        let certificate = Certificate::signed(home.path(), "DNS:localhost,IP:127.0.0.1")?;
        let (http, tls, sip) = (Port::free()?, Port::free()?, Port::free()?);
        for folder in ["etc", "lib", "db", "spool", "run", "logs"] {
            std::fs::create_dir(home.path().join(folder))?;
        }
        let write = |name: &str, text: String| std::fs::write(home.path().join("etc").join(name), text);
        for name in EMPTY.split_whitespace() {
            write(&format!("{name}.conf"), String::new())?;
        }
        write("asterisk.conf", folders(home.path(), &installed()?))?;
        let load = MODULES.split_whitespace().map(|module| format!("load = {module}.so\n")).collect::<String>();
        write("modules.conf", format!("[modules]\nautoload = no\n{load}"))?;
        write("http.conf", server(&http, &tls, &certificate))?;
        let user = format!("[{ASTERISK_USER}]\ntype = user\npassword = {ASTERISK_PASSWORD}\npassword_format = plain\n");
        write("ari.conf", format!("[general]\nenabled = yes\n{user}"))?;
        // the keys of people come from other ports than their voices
        write("rtp.conf", "[general]\nrtpstart = 5000\nrtpend = 9998\nstrictrtp = no\nicesupport = no\n".into())?;
        write("logger.conf", "[logfiles]\nconsole => notice,warning,error,verbose\n".into())?;
        write("pjsip.conf", carrier(&sip, peer))?;
        let process = spawn(home.path(), &http)?;
        Ok(Self { process, http, tls, certificate, home, _sip: sip })
    }

    /// Ends it without a warning; calls that are up are lost.
    pub fn kill(&mut self) -> Result<()> {
        self.process.end_with(Signal::Kill, Duration::from_secs(20)).map(|_| ())
    }

    /// Starts it anew at its ports.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = spawn(self.home.path(), &self.http)?;
        Ok(())
    }

    /// Stands still, its connections open; or goes on.
    pub fn stands_still(&self, still: bool) -> Result<()> {
        self.process.signal(if still { Signal::Stop } else { Signal::Cont })
    }

    /// Its HTTP server.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.http.number()))
    }

    /// Its HTTPS server.
    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls.number()))
    }

    /// The certificate of its HTTPS server.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The ids of its channels and of its bridges.
    pub async fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for of in ["channels", "bridges"] {
            let list = self.ask(reqwest::Method::GET, of).await?;
            let named = list.as_array().context("a list")?.iter();
            ids.extend(named.filter_map(|named| named["id"].as_str().map(ToOwned::to_owned)));
        }
        Ok(ids)
    }

    /// Waits until nothing of any call is left in it.
    pub async fn is_empty(&self) -> Result<()> {
        for _ in 0..2_000 {
            if self.ids().await?.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("channels and bridges are left: {:?}", self.ids().await?)
    }

    /// Asks its REST interface for something; a path with its query.
    pub async fn ask(&self, method: reqwest::Method, path: &str) -> Result<Value> {
        // without a provider a client can't be built, though these connections are plain
        let _again = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://{}/ari/{path}", self.address());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.request(method, url).basic_auth(ASTERISK_USER, Some(ASTERISK_PASSWORD)).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}

/// Where `scripts/asterisk` puts it.
fn installed() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    let tools = std::env::var_os("CXC_TEST_TOOLS").map_or_else(|| home.join(".cache/cxc-ci/tools"), PathBuf::from);
    let folder = tools.join("asterisk");
    ensure!(
        folder.join("usr/sbin/asterisk").is_file(),
        "Asterisk is missing: scripts/setup installs what the tests need"
    );
    Ok(folder)
}

/// Its own libraries, which this machine may have in other versions.
fn libraries(installed: &Path) -> Result<String> {
    let mut folders = vec![installed.join("usr/lib")];
    for of in ["usr/lib", "lib"] {
        for entry in std::fs::read_dir(installed.join(of))? {
            let path = entry?.path();
            if path.to_string_lossy().contains("-linux-gnu") {
                folders.push(path);
            }
        }
    }
    Ok(folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":"))
}

fn spawn(home: &Path, http: &Port) -> Result<Process> {
    let installed = installed()?;
    let mut command = Command::new(installed.join("usr/sbin/asterisk"));
    command.env("LD_LIBRARY_PATH", libraries(&installed)?);
    // in the foreground, without colours
    command.arg("-f").arg("-n").arg("-C").arg(home.join("etc/asterisk.conf"));
    let mut process = Process::spawn("asterisk", command, &home.join("log"), Signal::Kill, Some(home))?;
    process.wait_for_port(http.number())?;
    // its parts come one after the other
    let mut log = String::new();
    process.wait_until(READY_TIMEOUT, || {
        log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
        log.matches("Asterisk Ready.").count() == log.matches("Asterisk Dynamic Loader Starting").count()
    })?;
    ensure!(!log.contains("Error loading module"), "all modules are there: {log}");
    Ok(process)
}

fn folders(home: &Path, installed: &Path) -> String {
    let (home, installed) = (home.display(), installed.display());
    format!(
        "[directories]\nastetcdir => {home}/etc\nastmoddir => {installed}/usr/lib/asterisk/modules\n\
         astvarlibdir => {home}/lib\nastdbdir => {home}/db\nastkeydir => {home}/lib\n\
         astdatadir => {installed}/usr/share/asterisk\nastagidir => {home}/lib\nastspooldir => {home}/spool\n\
         astrundir => {home}/run\nastlogdir => {home}/logs\nastsbindir => {installed}/usr/sbin\n\
         [options]\nverbose = 3\nnocolor = yes\n"
    )
}

fn server(http: &Port, tls: &Port, certificate: &Certificate) -> String {
    let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
    let plain = format!("enabled = yes\nbindaddr = 127.0.0.1\nbindport = {}\n", http.number());
    let secure = format!("tlsenable = yes\ntlsbindaddr = {}\n", tls.address());
    format!("[general]\n{plain}{secure}tlscertfile = {certificate}\ntlsprivatekey = {key}\n")
}

fn carrier(sip: &Port, peer: SocketAddr) -> String {
    format!(
        "[transport-udp]\ntype = transport\nprotocol = udp\nbind = {}\n\
         [carrier]\ntype = endpoint\ntransport = transport-udp\ncontext = none\ndisallow = all\nallow = ulaw\n\
         aors = carrier\ndirect_media = no\nrtp_symmetric = yes\nsend_pai = yes\n\
         trust_id_outbound = yes\nsend_connected_line = no\n\
         [carrier]\ntype = aor\ncontact = sip:{peer}\n",
        sip.address()
    )
}
