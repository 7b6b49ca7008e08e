//! Forgetting what has ended: sessions, tokens, counts of bad passwords, idempotency keys, old audit events.
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::App;
use crate::error::ApiError;

const EVERY: Duration = Duration::from_secs(300);
const DAY: i64 = 24 * 3600 * 1_000_000;
const AUDIT_YEARS: i64 = 2;

/// Sweeps every five minutes until told to stop. Safe to run in several processes.
pub async fn sweep(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = once(&app).await {
            tracing::warn!("access data could not be swept: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn once(app: &App) -> Result<(), ApiError> {
    let now = app.now();
    let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX / 2);
    let mut tx = app.db.begin().await?;
    tx.session_sweep(now, now - micros(app.config.session_idle)).await?;
    tx.access_token_sweep(now - DAY).await?;
    tx.login_failure_sweep(now - micros(app.config.login_window)).await?;
    tx.idempotency_sweep(now - DAY).await?;
    tx.audit_forget(now - AUDIT_YEARS * 366 * DAY, 10_000).await?;
    tx.commit().await?;
    Ok(())
}
