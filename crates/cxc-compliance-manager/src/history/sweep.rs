//! Attempts that nobody reports to their end harden; evidence, what it was made with and attempts go when they need not be
//! kept any longer. What a day's evidence comes to is told when it is over.
use std::time::Duration;

use cxc_core::compliance::Zones;
use cxc_server::App;
use cxc_server::document::Document as _;
use cxc_server::resources::settings::Settings;
use tokio_util::sync::CancellationToken;

use super::retention;
use crate::evidence::Telling;

const LOOK: Duration = Duration::from_secs(5);
/// Evidence and old attempts are looked through once in so many looks: an hour.
const SELDOM: u32 = 720;
const BATCH: i64 = 500;

/// Sweeps until told to stop. What fails is tried again: until then those attempts count all the same.
pub(crate) async fn sweep(app: App, zones: Zones, stop: CancellationToken) -> anyhow::Result<()> {
    let (mut looks, mut telling) = (0_u32, Telling::default());
    while !stop.is_cancelled() {
        if let Err(error) = harden(&app).await {
            tracing::warn!("open attempts could not be swept: {error}");
        }
        if looks.is_multiple_of(SELDOM) {
            if let Err(error) = expire(&app).await {
                tracing::warn!("old evidence could not be swept: {error}");
            }
            if let Err(error) = telling.tell(&app).await {
                tracing::warn!("the evidence of a day could not be told: {error}");
            }
            if let Err(error) = retention::expire(&app, &zones, &stop).await {
                tracing::warn!("old attempts could not be swept: {error}");
            }
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

async fn harden(app: &App) -> Result<(), cxc_store::StoreError> {
    loop {
        let mut tx = app.db.begin().await?;
        let hardened = tx.reservation_harden(app.now(), BATCH).await?;
        tx.commit().await?;
        if hardened > 0 {
            tracing::info!(hardened, "attempts that nobody reported are in doubt");
        }
        if (hardened as i64) < BATCH {
            return Ok(());
        }
    }
}

async fn expire(app: &App) -> Result<(), cxc_store::StoreError> {
    let tenants = app.db.read().await?.tenant_all().await?;
    for tenant in tenants {
        let wanted = Some(i64::from(settings(app, tenant.no).await?.evidence_retention_days));
        loop {
            let mut tx = app.db.begin().await?;
            let gone = tx.evidence_expire(tenant.no, wanted, app.now(), BATCH).await?;
            tx.commit().await?;
            if gone < BATCH as u64 {
                break;
            }
        }
    }
    app.rules.keep(&app.db, app.now()).await?;
    let mut tx = app.db.begin().await?;
    let gone = tx.snapshots_expire(app.now()).await?;
    tx.commit().await?;
    if gone > 0 {
        tracing::info!(gone, "data and rules that no kept decision names are gone");
    }
    Ok(())
}

/// A tenant's settings. Those that can't be read leave everything where it is.
pub(super) async fn settings(app: &App, tenant: i64) -> Result<Settings, cxc_store::StoreError> {
    let stored = app.db.read().await?.object_all(tenant, Settings::KIND).await?.into_iter().next();
    Ok(stored.map(|s| serde_json::from_value::<Settings>(s.body.0)).transpose()?.unwrap_or_default())
}
