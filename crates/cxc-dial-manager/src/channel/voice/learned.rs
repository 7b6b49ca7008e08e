//! What a group's pace has learned of the people it calls, kept for the next time that the group is loaded, also after a
//! crash.
use std::sync::{Arc, Weak};
use std::time::Duration;

use cxc_dialer::pacing::Learned;
use cxc_server::App;
use cxc_store::{Db, StoreError};

use super::desk::Desk;

/// How often it is written: so much is learned anew after a crash.
const EVERY: Duration = Duration::from_secs(60);

/// What was learned before. What can't be read is learned anew.
pub async fn read(db: &Db, group: i64) -> Option<Learned> {
    let text = async { db.read().await?.group_learned(group).await };
    let text =
        text.await.inspect_err(|error| tracing::warn!(group, %error, "what was learned can't be read")).ok()??;
    serde_json::from_str(&text)
        .inspect_err(|error| tracing::warn!(group, %error, "what was learned is of another version"))
        .ok()
}

/// Writes it as long as the desk is there, where it has changed.
async fn keep(app: App, group: i64, desk: Weak<Desk>) {
    let mut written = None;
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(now) = desk.upgrade().map(|desk| desk.learned()) else { return };
        if now.is_some() && now != written {
            if let Some(learned) = &now {
                write(&app.db, group, learned).await;
            }
            written = now;
        }
    }
}

/// Writes it. A failure costs what was learned since the last time.
pub async fn write(db: &Db, group: i64, learned: &Learned) {
    let written = async {
        let text = serde_json::to_string(learned)?;
        let mut tx = db.begin().await?;
        tx.group_learn(group, &text).await?;
        tx.commit().await
    };
    if let Err(error) = written.await as Result<(), StoreError> {
        tracing::warn!(group, %error, "what the pace has learned can't be written");
    }
}

/// Begins to write what is learned at a desk.
pub fn start(app: &App, group: i64, desk: &Arc<Desk>) {
    tokio::spawn(keep(app.clone(), group, Arc::downgrade(desk)));
}
