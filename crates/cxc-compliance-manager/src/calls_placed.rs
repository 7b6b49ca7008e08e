//! Counts the calls of our own dialer by result, from what it has written: it may be another process.
use std::time::Duration;

use cxc_server::App;
use tokio_util::sync::CancellationToken;

use crate::metrics::ComplianceMetrics;

const LOOK: Duration = Duration::from_secs(2);
/// A result is written this long after its call ended at the latest; what comes later is not counted.
const WRITTEN: i64 = 2_000_000;

/// Counts until it is told to stop. What ended before the start is not counted: a counter begins with its process.
pub async fn count(app: App, metrics: ComplianceMetrics, stop: CancellationToken) {
    let mut from = app.now();
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let until = app.now() - WRITTEN;
        if until <= from {
            continue;
        }
        let read = async { app.db.read().await?.voice_results(from, until).await };
        match read.await {
            Ok(results) => {
                results.iter().for_each(|found| metrics.placed_by_result(found.result, found.n.unsigned_abs()));
                from = until;
            }
            // the same time is looked at again
            Err(error) => tracing::debug!(%error, "calls can't be counted now"),
        }
    }
}
