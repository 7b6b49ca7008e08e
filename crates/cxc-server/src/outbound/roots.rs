//! Authorities of the operator's own whose certificates services may show.
use reqwest::Certificate;

/// Certificates of authorities. Cheap enough to clone at start.
#[derive(Debug, Clone, Default)]
pub struct Roots(Vec<Certificate>);

/// A text that holds no certificates.
#[derive(Debug, thiserror::Error)]
#[error("certificates are in PEM form: -----BEGIN CERTIFICATE----- and so on")]
pub struct BadRoots;

impl Roots {
    /// Reads a PEM text with one certificate or several.
    pub fn read(pem: &[u8]) -> Result<Self, BadRoots> {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| BadRoots)?;
        if certificates.is_empty() { Err(BadRoots) } else { Ok(Self(certificates)) }
    }

    pub(super) fn certificates(&self) -> Vec<Certificate> {
        self.0.clone()
    }
}
