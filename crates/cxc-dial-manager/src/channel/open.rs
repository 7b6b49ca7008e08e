//! From an account to its carrier.
use std::sync::Arc;

use cxc_server::outbound::Reach;

use super::account::{AccountKind, ChannelAccount};
use super::simulator::SimulatorCarrier;
use super::smpp::SmppCarrier;
use super::smtp::{SmtpCarrier, SmtpTimeouts};
use super::{Carrier, ConnectError, InboundSender, Now};

/// The carrier of an account; it connects in the background. Call within a tokio runtime, after
/// [`ChannelAccount::validate`] found nothing. Receipts and messages of people go to `inbound`; hosts out of reach are
/// never connected to.
pub fn open(
    account: &ChannelAccount,
    inbound: InboundSender,
    now: Now,
    reach: &Reach,
) -> Result<Arc<dyn Carrier>, ConnectError> {
    if let Some(error) = account.validate().into_iter().next() {
        return Err(ConnectError(format!("{}: {}", error.pointer, error.detail)));
    }
    Ok(match account.kind {
        AccountKind::Smtp => Arc::new(SmtpCarrier::start(account, now, SmtpTimeouts::default(), reach)?),
        AccountKind::Smpp => Arc::new(SmppCarrier::start(account, inbound, now, reach)?),
        AccountKind::Simulator => Arc::new(SimulatorCarrier::start(account, inbound, now)),
        AccountKind::Sip | AccountKind::Ari => return Err(ConnectError("calls are placed by the dialer".into())),
        AccountKind::Http => return Err(ConnectError("web gateways are not available yet".into())),
    })
}
