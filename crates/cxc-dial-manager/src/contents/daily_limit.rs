//! How many test messages a tenant may send a day: a test has no pace and passes no caps, so it must stay one.
use cxc_server::resources::settings::settings;
use cxc_server::{ApiError, App, Code};
use cxc_store::Tx;

/// The seconds of a day; days are those of UTC.
const DAY: i64 = 86_400;

/// Takes so many test messages of the day's allowance, or refuses all of them (429).
pub(super) async fn take(app: &App, tx: &mut Tx, tenant: i64, count: usize) -> Result<(), ApiError> {
    if count == 0 {
        return Ok(());
    }
    let (now, most) = (app.now(), i64::from(settings(tx, tenant).await?.test_messages_per_day));
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if tx.test_send_take(tenant, count, most, now).await? {
        return Ok(());
    }
    let left = (most - tx.test_send_count(tenant, now).await?).max(0);
    let text = format!(
        "a tenant sends at most {most} test messages a day, and {left} are left until midnight UTC, not {count}: send to \
         fewer addresses, wait, or raise testMessagesPerDay in the settings"
    );
    let midnight = DAY - now.div_euclid(1_000_000).rem_euclid(DAY);
    Err(ApiError::new(Code::RateLimited, text).retry_after(u64::try_from(midnight).unwrap_or(0)))
}
