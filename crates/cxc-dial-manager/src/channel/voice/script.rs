//! What the scripts of a group leave to be known: wishes for no more calls, and dispositions.
use std::time::Duration;

use cxc_dialer::call::CallId;
use cxc_server::App;
use cxc_sip::run::Command;
use tokio::sync::mpsc::UnboundedSender;

use crate::opt_out::forbid_calls;

/// A wish that can't be written is tried again so often ...
const TRIES: u32 = 300;
/// ... and after this time.
const AGAIN: Duration = Duration::from_secs(2);

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
            for _ in 0..TRIES {
                match forbid_calls(&app, tenant, &attempt.to_string(), number.clone()).await {
                    Ok(()) => {
                        // a group that is over needs no word
                        let _over = tell.send(Command::OptedOut(call));
                        return;
                    }
                    Err(error) => tracing::warn!(attempt, %error, "a do-not-call can't be written yet"),
                }
                tokio::time::sleep(AGAIN).await;
            }
            tracing::error!(attempt, "a do-not-call was lost: the person of this attempt wants no more calls");
        });
    }
}
