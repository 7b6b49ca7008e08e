//! The phone that an agent names: looked at before it is taken, so that they hear at once what is wrong with it.
use std::time::Duration;

use cxc_core::phone_address::is_extension;
use cxc_server::App;
use cxc_server::document::get_all;

use super::said::Failed;
use super::talking::no_phone;
use crate::accounts::ChannelAccount;
use crate::channel::voice::{NoPhone, Phones};

/// A name that is not found within this time is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a phone may be called, as far as it is known before a campaign group calls it.
pub async fn look_at(app: &App, tenant: i64, uri: &str) -> Result<(), Failed> {
    let mut phones = Phones::default();
    if is_extension(uri) {
        let accounts = get_all::<ChannelAccount>(&mut app.db.read().await?, tenant).await?;
        let trunks = accounts.into_iter().map(|account| account.body.0).filter(|body| body.trunk_terms().is_some());
        phones.set_trunks(trunks.filter_map(|body| body.host).collect());
    }
    let found = tokio::time::timeout(PATIENCE, phones.look(&app.channel_reach, uri)).await;
    match found.unwrap_or_else(|_| Err(NoPhone::OutOfReach("its name is not found in time".into()))) {
        Ok(_) => Ok(()),
        Err(reason) => Err(Failed::Refused(no_phone(&reason))),
    }
}
