//! What the scripts of a group leave to be known: wishes for no more calls, and dispositions.
use cxc_dialer::call::CallId;
use cxc_server::App;
use cxc_sip::run::Command;
use tokio::sync::mpsc::UnboundedSender;

use crate::opt_out::{DO_NOT_CALL_SAID, forbid_calls, write_said};

/// Writes the wishes of a group's people.
pub struct OptOuts {
    app: App,
    tenant: i64,
    tell: UnboundedSender<Command>,
}

impl OptOuts {
    /// For the calls of a tenant's group. Its actor is told by the sender.
    pub fn new(app: App, tenant: i64, tell: UnboundedSender<Command>) -> Self {
        Self { app, tenant, tell }
    }

    /// Writes a wish, on a task of its own; the script is told once it is written. It holds even if the call is over.
    pub fn write(&self, call: CallId, attempt: i64, number: String) {
        let (app, tenant, tell) = (self.app.clone(), self.tenant, self.tell.clone());
        tokio::spawn(async move {
            let attempt = attempt.to_string();
            if write_said(DO_NOT_CALL_SAID, &attempt, || forbid_calls(&app, tenant, &attempt, number.clone())).await {
                // a group that is over needs no word
                let _over = tell.send(Command::OptedOut(call));
            }
        });
    }
}
