//! Attempts that need not be kept go: those older than the tenant's setting that no cap counts any more.
use std::time::Duration;

use cxc_core::channel::Channel;
use cxc_core::compliance::{RuleSet, Zones};
use cxc_server::App;
use cxc_server::resources::settings::Settings;
use cxc_store::attempt::month_of;
use cxc_store::attempt_retain::Removal;
use cxc_store::{Db, StoreError};
use tokio_util::sync::CancellationToken;

use super::sweep::settings;

const DAY: i64 = 86_400 * 1_000_000;
/// Beyond what rules count: a day begins at another moment in each zone.
const MARGIN: i64 = 2 * DAY;
/// Attempts of one transaction.
const SLICE: i64 = 1_000;
/// Between two slices others have the database.
const PAUSE: Duration = Duration::from_millis(10);

/// Removes what need not be kept, tenant by tenant. One whose rules can't be read keeps everything.
pub(super) async fn expire(app: &App, zones: &Zones, stop: &CancellationToken) -> Result<(), StoreError> {
    let now = app.now();
    let mut befores = Vec::new();
    for tenant in app.db.read().await?.tenant_all().await? {
        match before(app, zones, tenant.no, now).await {
            Ok(Before { kept, counted }) => {
                befores.push((tenant.no, kept));
                let mut tx = app.db.begin_relaxed().await?;
                tx.attempt_forget_erased(tenant.no, counted).await?;
                tx.commit().await?;
            }
            Err(error) => {
                tracing::warn!("the attempts of a tenant are all kept: {error}");
                befores.push((tenant.no, i64::MIN));
            }
        }
    }
    let whole = befores.iter().map(|(_, before)| month_before(*before)).min().unwrap_or(0);
    let months = app.db.attempt_months(whole).await?;
    for (tenant, before) in befores {
        of_tenant(&app.db, tenant, before, &months, stop).await?;
    }
    for month in months {
        if stop.is_cancelled() {
            break;
        }
        if app.db.attempt_month_drop(month).await? {
            tracing::info!(month, "the attempts of a month are gone");
        }
    }
    Ok(())
}

/// The month of an instant; every attempt of an earlier one is older.
fn month_before(before: i64) -> i64 {
    if before < 0 { 0 } else { month_of(before) }
}

/// The instants before which a tenant's attempts are not needed.
struct Before {
    /// Neither by its setting nor by a rule.
    kept: i64,
    /// By no rule of its own or of the law that counts attempts, whether a campaign names it now or not.
    counted: i64,
}

async fn before(app: &App, zones: &Zones, tenant: i64, now: i64) -> Result<Before, StoreError> {
    let Settings { history_retention_days, .. } = settings(app, tenant).await?;
    let mut tx = app.db.read().await?;
    let documents = app.rules.documents(&mut tx, tenant).await?;
    let capped = documents.attempt_rules.iter().map(|rule| rule.rule.id.to_string());
    let custom = documents.custom_rules.iter().map(|rule| rule.rule.id.to_string());
    let named: Vec<String> = capped.chain(custom).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let rules = RuleSet::compile(&documents, &named, zones);
    if !rules.is_readable() {
        return Err(StoreError::Corrupt("what its rules count is not known, because one of them can't be read".into()));
    }
    let counted = Channel::ALL.into_iter().filter_map(|channel| rules.history_reach(channel)).max().unwrap_or(0);
    let counted = counted.saturating_add(MARGIN);
    let kept = (i64::from(history_retention_days) * DAY).max(counted);
    Ok(Before { kept: now.saturating_sub(kept), counted: now.saturating_sub(counted) })
}

async fn of_tenant(
    db: &Db,
    tenant: i64,
    before: i64,
    whole: &[i64],
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let mut from = 0;
    loop {
        let month = db.read().await?.attempt_oldest_month(tenant, from).await?;
        let Some(month) = month.filter(|month| *month <= month_before(before)) else { return Ok(()) };
        let removal = if whole.contains(&month) { Removal::Besides } else { Removal::Rows };
        let mut after = Some(i64::MIN);
        while let Some(id) = after {
            if stop.is_cancelled() {
                return Ok(());
            }
            // what a power cut brings back goes with the next look
            let mut tx = db.begin_relaxed().await?;
            let slice = tx.attempt_expire(tenant, month, (before, id), SLICE, removal).await?;
            tx.commit().await?;
            after = slice.last;
            tokio::time::sleep(PAUSE).await;
        }
        from = month + 1;
    }
}
