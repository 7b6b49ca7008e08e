//! Whose word is taken for who somebody is.
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_rustls::TlsConnector;

/// A TLS configuration that checks who is called by their certificate. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    connector: TlsConnector,
    /// Tells it from others: what was checked by one is not known to another.
    number: u64,
}

impl Trust {
    /// As a configuration has it.
    pub fn new(connector: TlsConnector) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { connector, number: LAST.fetch_add(1, Ordering::Relaxed) }
    }

    pub(crate) fn connector(&self) -> &TlsConnector {
        &self.connector
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({})", self.number)
    }
}
