//! External rules over TLS, with an authority that the test makes itself.
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cxc_core::compliance::{ExternalOutcome, ExternalRule};
use cxc_store::judge::Question;
use cxc_test::tools::find_program;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Map, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::external::ask;
use super::*;

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new(find_program("openssl").unwrap());
    let done = command.current_dir(folder).args(arguments.split(' ')).output().unwrap();
    assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// An authority, and a service's certificate from it.
struct Authority(TempDir);

impl Authority {
    fn new(service: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        openssl(at, &format!("req -x509 {KEY} -days 30 -subj /CN=authority -keyout ca.key -out ca.pem"));
        let names = format!("-subj /CN=service -addext subjectAltName={service}");
        openssl(at, &format!("req {KEY} {names} -keyout key.pem -out request.pem"));
        let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -copy_extensions copy";
        openssl(at, &format!("x509 -req -in request.pem {by} -out service.pem"));
        Self(folder)
    }

    fn roots(&self) -> Roots {
        Roots::read(&std::fs::read(self.0.path().join("ca.pem")).unwrap()).unwrap()
    }

    /// A service that says yes to everything.
    async fn serve(&self) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_file(self.0.path().join("service.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.0.path().join("key.pem")).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // a client that does not believe us hangs up
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let yes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _gone = stream.write_all(yes).await;
                let _gone = stream.shutdown().await;
            }
        });
        format!("https://{at}/")
    }
}

async fn asked(url: &str, roots: Roots) -> ExternalOutcome {
    let outbound = Outbound::new(&["127.0.0.0/8".parse().unwrap()]).trusting(roots);
    let rule: ExternalRule = serde_json::from_value(json!({ "url": url, "timeoutSeconds": 5 })).unwrap();
    ask(&outbound, &Question { rule: &rule, handle: "1".into(), properties: Map::new() }).await.outcome
}

#[tokio::test]
async fn only_a_service_whose_certificate_is_believed_says_yes() {
    let authority = Authority::new("IP:127.0.0.1");
    let url = authority.serve().await;
    assert_eq!(asked(&url, authority.roots()).await, ExternalOutcome::Pass);
    let no = |outcome| matches!(outcome, ExternalOutcome::Unavailable(_));
    assert!(no(asked(&url, Roots::default()).await), "an authority that nobody knows");
    assert!(no(asked(&url, Authority::new("IP:127.0.0.1").roots()).await), "another authority");
    assert!(no(asked(&url.replace("https:", "http:"), authority.roots()).await), "no TLS");
    assert_eq!(asked(&url, authority.roots()).await, ExternalOutcome::Pass, "the service still answers");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_believed() {
    let authority = Authority::new("DNS:elsewhere.example.com");
    let url = authority.serve().await;
    assert!(matches!(asked(&url, authority.roots()).await, ExternalOutcome::Unavailable(_)));
}

#[test]
fn a_file_without_certificates_is_refused() {
    assert!(Roots::read(b"").is_err());
    assert!(Roots::read(b"hello").is_err());
}
