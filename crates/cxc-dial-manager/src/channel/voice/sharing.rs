//! Tells all processes of the installation what goes on in the groups of this one, through the store: see decision 32.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::group_live::LiveGroup;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::live::{LiveBoard, Placed, Sight};

/// How often it is looked for something new. Each group is seen, and so written, once a second at most.
const LOOK: Duration = Duration::from_millis(250);
/// Talks go on so long at most when the process stops: what goes on is told until their end.
const FAREWELL: Duration = Duration::from_secs(20);

/// Writes what is seen until told to stop, and the groups are over.
pub async fn share(app: App, board: Arc<LiveBoard>, stop: CancellationToken) {
    let (mut written, mut is_well, mut stopped) = (HashMap::new(), true, None::<Instant>);
    loop {
        tokio::time::sleep(LOOK).await;
        match write(&app, &board, &mut written).await {
            Ok(()) => is_well = true,
            Err(error) if is_well => {
                tracing::warn!(%error, "what goes on in groups of calls can't be told to other processes");
                is_well = false;
            }
            Err(_) => (),
        }
        if stop.is_cancelled() {
            let since = *stopped.get_or_insert_with(Instant::now);
            if written.is_empty() || since.elapsed() > FAREWELL {
                return;
            }
        }
    }
}

/// Writes what was seen since the last time, all groups together, and takes away those that are over.
async fn write(
    app: &App,
    board: &LiveBoard,
    written: &mut HashMap<i64, (Placed, Timestamp)>,
) -> Result<(), StoreError> {
    let all = board.all();
    let is_new = |placed: &Placed, sight: &Sight| {
        written.get(&placed.group).is_none_or(|(before, at)| before != placed || *at != sight.figures.at)
    };
    let seen: Vec<(Placed, Arc<Sight>)> =
        all.iter().filter_map(|(placed, sight)| Some((*placed, sight.clone()?))).collect();
    let new: Vec<_> = seen.into_iter().filter(|(placed, sight)| is_new(placed, sight)).collect();
    let is_there = |number: i64| all.iter().any(|(placed, _)| placed.group == number);
    let over: Vec<Placed> = written.values().map(|(placed, _)| *placed).filter(|p| !is_there(p.group)).collect();
    if new.is_empty() && over.is_empty() {
        return Ok(());
    }
    let rows = new.iter().map(|(placed, sight)| row(placed, sight)).collect::<Result<Vec<_>, _>>()?;
    let mut tx = app.db.begin_relaxed().await?;
    tx.group_live_put(&rows).await?;
    for placed in &over {
        tx.group_live_over(placed.group, placed.account, placed.token).await?;
    }
    tx.commit().await?;
    written.retain(|group, _| !over.iter().any(|placed| placed.group == *group));
    written.extend(new.into_iter().map(|(placed, sight)| (placed.group, (placed, sight.figures.at))));
    Ok(())
}

fn row(placed: &Placed, sight: &Sight) -> Result<LiveGroup, serde_json::Error> {
    Ok(LiveGroup {
        grp: placed.group,
        account: placed.account,
        token: placed.token,
        calls: i64::try_from(sight.calls).unwrap_or(i64::MAX),
        stopping: sight.stopping,
        figures: serde_json::to_string(&sight.figures)?,
    })
}
