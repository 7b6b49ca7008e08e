//! What people who call in ask for: no more calls, or a call. Written before the script goes on.
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::group_state::GroupState;
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::App;
use cxc_store::attempt::Attempt;
use cxc_store::counter::Deltas;
use cxc_store::record::RecordChange;
use cxc_store::{StoreError, Tx};

use crate::opt_out::{DO_NOT_CALL_SAID, forbid_calls, write_said};

/// The counters that these changes are added to: those of no sender.
pub(super) const SHARD: i64 = -3;
/// Attempts on a device that are looked through for the call that is answered.
const NEWEST: i64 = 50;

/// Who calls, and by what it is known.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Whose number was called.
    pub tenant: i64,
    /// That number.
    pub called: String,
    /// By which account's trunk.
    pub account: i64,
    /// The Call-ID.
    pub call_id: String,
    /// The caller's number; none where it is withheld.
    pub caller: Option<String>,
}

impl Visit {
    /// Notes in the history that the person called, or what they asked for.
    pub async fn note(&self, app: &App, kind: &str) -> Result<(), StoreError> {
        let mut tx = app.db.begin().await?;
        self.note_in(app, &mut tx, kind).await?;
        tx.commit().await
    }

    async fn note_in(&self, app: &App, tx: &mut Tx, kind: &str) -> Result<(), StoreError> {
        // who does not want to be known is not
        let device = self.caller.as_deref().map_or(0, |caller| app.hash_key.hash(self.tenant, caller));
        let id = format!("{} {kind}", self.call_id);
        tx.inbound_insert(self.account, self.tenant, Channel::Voice, &id, device, kind, app.now()).await?;
        Ok(())
    }

    /// The newest call of a campaign to the person.
    pub(super) async fn last_call(&self, app: &App, tx: &mut Tx, caller: &str) -> Result<Option<Attempt>, StoreError> {
        let device = app.hash_key.hash(self.tenant, caller);
        let attempts = tx.attempt_of_device(self.tenant, device, NEWEST).await?;
        let is_ours = |a: &Attempt| a.grp > 0 && a.channel == Channel::Voice.bit() && a.contact > 0;
        Ok(attempts.into_iter().find(is_ours))
    }

    /// Ends calls to the person; it is tried until it is written, for ten minutes.
    pub async fn opt_out(&self, app: &App) -> bool {
        let Some(caller) = &self.caller else { return false };
        write_said(DO_NOT_CALL_SAID, &self.call_id, || self.write_opt_out(app, caller)).await
    }

    async fn write_opt_out(&self, app: &App, caller: &str) -> Result<(), StoreError> {
        let last = self.last_call(app, &mut app.db.read().await?, caller).await?;
        let evidence = last.map_or_else(|| format!("call {}", self.call_id), |attempt| attempt.id.to_string());
        forbid_calls(app, self.tenant, &evidence, caller.to_owned()).await?;
        self.note(app, "opt_out").await
    }

    /// Makes the record of the last call to the person ready now. False where there is none, or its group is not at work:
    /// nobody would call. Whether the call may be made is checked before it, as for any other.
    pub async fn call_back(&self, app: &App) -> Result<bool, StoreError> {
        let Some(caller) = &self.caller else { return Ok(false) };
        let mut tx = app.db.begin().await?;
        let Some(last) = self.last_call(app, &mut tx, caller).await? else { return Ok(false) };
        let group = tx.group_by_number(last.grp, false).await?;
        let state = group.as_ref().and_then(|row| GroupState::parse(&row.state));
        if !matches!(state, Some(GroupState::Running | GroupState::Active)) {
            return Ok(false);
        }
        let Some(record) = tx.record_get(last.grp, last.record).await? else { return Ok(false) };
        let movable = [RecordStatus::Ready.code(), RecordStatus::Done.code()];
        // who is being called this moment, or may have been, is not called by this
        if !movable.contains(&record.status) || last.state == AttemptState::InDoubt.code() {
            return Ok(false);
        }
        let change = RecordChange {
            retries: 0,
            device: last.position,
            ..RecordChange::of(&record, RecordStatus::Ready, Reason::Rescheduled, app.now())
        };
        let mut deltas = Deltas::default();
        let moved = tx.record_apply(&[change], 0, app.now(), &mut deltas).await?;
        tx.record_counters_add(SHARD, &deltas).await?;
        self.note_in(app, &mut tx, "call_back").await?;
        tx.commit().await?;
        Ok(!moved.is_empty())
    }
}
