//! Why a running group moves no faster: written where the API and the metrics find it.
use cxc_store::StoreError;
use cxc_store::group::state;

use super::SenderContext;
use super::limits::Limits;
use super::plan::Plans;
use crate::channel::{Carrier, CarrierStatus};

/// A word for how a carrier holds its groups back.
pub fn label(status: &CarrierStatus) -> &'static str {
    match status {
        CarrierStatus::Connected => "none",
        CarrierStatus::Connecting => "carrier_connecting",
        CarrierStatus::Throttled { .. } => "carrier_throttled",
        CarrierStatus::Down { .. } => "carrier_down",
        CarrierStatus::Closed => "carrier_closed",
    }
}

/// Writes for each running group what held it back since the last report.
pub async fn report(
    context: &SenderContext,
    plans: &Plans,
    limits: &mut Limits,
    carrier: &dyn Carrier,
) -> Result<(), StoreError> {
    let (mut changed, status) = (Vec::new(), carrier.status());
    for plan in plans.groups.iter().filter(|p| p.state == state::RUNNING) {
        let held = limits.held_by(plan.number);
        let why = match (&plan.content, &status, carrier.limited_by(plan.number).or(held)) {
            (Err(why), ..) => Some(format!("content: {why}")),
            (_, CarrierStatus::Down { reason }, _) => Some(format!("carrier_down: {reason}")),
            (.., Some(why)) => Some(why.to_owned()),
            (.., None) => None,
        };
        if why != plan.limited_by {
            changed.push((plan.number, why));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let mut tx = context.app.db.begin_relaxed().await?;
    for (number, why) in &changed {
        tx.group_set_limited_by(*number, why.as_deref()).await?;
    }
    tx.commit().await
}
