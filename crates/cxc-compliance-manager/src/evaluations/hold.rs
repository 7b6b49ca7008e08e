//! What holds everybody, whatever the rules say: a clock that was set back. Who asks about now, or about a moment until
//! then, is answered as a sender would be; of other moments the answer only tells it.
use cxc_core::compliance::DataFault;
use cxc_core::record::Reason;
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use cxc_store::judge::clock_behind;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What holds everybody now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvaluationHold)]
pub struct Hold {
    /// By what code records that wait for it are shown.
    pub code: Reason,
    /// Why, and how it ends.
    pub detail: String,
    /// Until when, by the same clock, unless an operator ends it.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    #[serde(skip)]
    fault: DataFault,
}

impl Hold {
    /// What holds everybody by the clock of this machine.
    pub(super) async fn of(app: &App, tx: &mut Tx) -> Result<Option<Self>, ApiError> {
        // a clock that tests move is no clock of a machine
        if !app.clock.is_of_machine() {
            return Ok(None);
        }
        let Some(floor) = tx.clock_floor().await? else { return Ok(None) };
        let held = |fault: DataFault| Self {
            code: fault.code,
            detail: fault.detail.clone(),
            until: Timestamp::from_microsecond(floor).unwrap_or(Timestamp::MAX),
            fault,
        };
        Ok(clock_behind(floor, app.now()).map(held))
    }

    /// What is wrong with a decision at a moment: nothing before now, and nothing once the clock is past it.
    pub(super) fn fault(&self, now: Timestamp, at: Timestamp) -> Option<DataFault> {
        (now <= at && at < self.until).then(|| self.fault.clone())
    }
}
