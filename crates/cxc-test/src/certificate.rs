//! Certificates, made by openssl.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::find_program;

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// The files of a certificate, of its key, and of the authority that signed it, PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificate of who signed it: itself, or an authority of its own.
    pub authority: PathBuf,
}

impl Certificate {
    /// One that signs itself, in a folder, for names as openssl writes them: `DNS:localhost,IP:127.0.0.1`.
    pub fn self_signed(home: &Path, names: &str) -> Result<Self> {
        let own = format!("-subj /CN=localhost -addext subjectAltName={names} -keyout key.pem -out certificate.pem");
        openssl(home, &format!("req -x509 {KEY} -days 30 {own}"))?;
        let certificate = home.join("certificate.pem");
        Ok(Self { authority: certificate.clone(), certificate, key: home.join("key.pem") })
    }

    /// One that an authority of its own has signed.
    pub fn signed(home: &Path, names: &str) -> Result<Self> {
        openssl(home, &format!("req -x509 {KEY} -days 30 -subj /CN=authority -keyout ca.key -out ca.pem"))?;
        let own = format!("-subj /CN=peer -addext subjectAltName={names} -keyout key.pem -out request.pem");
        openssl(home, &format!("req {KEY} {own}"))?;
        let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -copy_extensions copy -out certificate.pem";
        openssl(home, &format!("x509 -req -in request.pem {by}"))?;
        let [certificate, key, authority] = ["certificate.pem", "key.pem", "ca.pem"].map(|name| home.join(name));
        Ok(Self { certificate, key, authority })
    }

    /// The text of the authority's certificate, by which this one is trusted.
    pub fn authority_pem(&self) -> Result<String> {
        std::fs::read_to_string(&self.authority).context("a certificate can be read")
    }
}

fn openssl(home: &Path, arguments: &str) -> Result<()> {
    let mut command = Command::new(find_program("openssl")?);
    let done = command.current_dir(home).args(arguments.split(' ')).output().context("openssl can be started")?;
    if !done.status.success() {
        bail!("openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
