//! Background work that one process does at a time, under a lease.
use std::time::Duration;

use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::lease::Lease;
use tokio::time::Instant;

/// How long a lease holds without its owner, in microseconds; it is renewed at a third of that.
const LEASE: i64 = 6_000_000;
const RENEW: Duration = Duration::from_secs(2);

/// Whose turn it is.
pub struct Turn {
    app: App,
    name: &'static str,
    holder: String,
    lease: Option<(Lease, Instant)>,
}

impl Turn {
    /// Nobody's yet, of the work that this name stands for.
    pub fn new(app: App, name: &'static str) -> Self {
        let holder = app.ids.next().to_string();
        Self { app, name, holder, lease: None }
    }

    /// Whether it is this process's: takes or renews the lease where that is due.
    pub async fn is_ours(&mut self) -> Result<bool, StoreError> {
        if self.lease.as_ref().is_some_and(|(_, since)| since.elapsed() < RENEW) {
            return Ok(true);
        }
        let mut tx = self.app.db.begin_relaxed().await?;
        let lease = tx.lease_acquire(self.name, &self.holder, LEASE).await?;
        tx.commit().await?;
        self.lease = lease.map(|lease| (lease, Instant::now()));
        Ok(self.lease.is_some())
    }

    /// Gives it back: another process need not wait for the lease to run out.
    pub async fn release(&mut self) {
        let Some((lease, _)) = self.lease.take() else { return };
        let release = async {
            let mut tx = self.app.db.begin_relaxed().await?;
            tx.lease_release(&lease).await?;
            tx.commit().await
        };
        if let Err(error) = release.await {
            tracing::debug!(%error, lease = self.name, "a lease is left to run out");
        }
    }
}
