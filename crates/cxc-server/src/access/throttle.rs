//! Counting bad passwords, per user name and per address, in SQL: all processes count together.
use std::time::Duration;

use crate::App;
use crate::error::{ApiError, Code};

/// What a sign-in is counted under. Hashed, so that the table names nobody.
pub(crate) struct Counted {
    user: i64,
    address: i64,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Counts a sign-in as failed before its password is looked at, so that guesses side by side are all
/// counted. 429 while the user name or the address is locked, also for users who do not exist.
pub(crate) async fn count(app: &App, user: &str, address: &str) -> Result<Counted, ApiError> {
    let counted =
        Counted { user: app.hash_key.hash(-1, &user.to_lowercase()), address: app.hash_key.hash(-2, address) };
    let (now, window) = (app.now(), micros(app.config.login_window));
    let mut tx = app.db.begin().await?;
    for (who, limit) in
        [(counted.user, app.config.login_failures_per_user), (counted.address, app.config.login_failures_per_address)]
    {
        if let Some(until) = tx.login_failure_count(who, limit, window, now).await? {
            let seconds = u64::try_from((until - now) / 1_000_000 + 1).unwrap_or(1);
            // by the hash: the same one again is the same name or address
            tracing::info!(locked = who, seconds, "too many bad passwords: sign-in is locked");
            return Err(
                ApiError::new(Code::RateLimited, "too many bad passwords: wait, then try again").retry_after(seconds)
            );
        }
    }
    tx.commit().await?;
    Ok(counted)
}

impl Counted {
    /// The password was right: the user starts anew, the address loses this one failure.
    pub async fn forgive(&self, tx: &mut cxc_store::Tx) -> Result<(), ApiError> {
        tx.login_failure_clear(self.user).await?;
        Ok(tx.login_failure_undo(self.address).await?)
    }
}
