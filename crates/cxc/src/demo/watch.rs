//! What the demonstration shows: the addresses, and where its people stand.
use std::time::Duration;

use cxc_campaign_manager::accounting::{self, Accounting};
use cxc_campaign_manager::actions::act;
use cxc_campaign_manager::groups::CampaignGroup;
use cxc_core::channel::Channel;
use cxc_core::enumerations::CallResult;
use cxc_core::group_state::{GroupAction, GroupState};
use cxc_server::principal::Principal;
use cxc_server::{App, BASE, document};
use cxc_store::StoreError;
use cxc_store::group::GroupRow;
use cxc_store::suppression::opt_out_role;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::make::LOOK;
use super::{GROUPS, TENANT, USER, phones};
use crate::terminal;

/// In a pipe a line is written at most so often, and only when something changed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Starts the campaign groups that were never loaded and shows how they do, until told to stop.
pub async fn run(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let tenant = app.db.read().await?.tenant_by_domain(TENANT).await?;
    let Some(tenant) = tenant else { return Ok(()) };
    greet(&app);
    if let Err(error) = phones::live(&app, tenant.no, stop.clone()).await {
        let _ = terminal::say(&format!("The made-up people can't be called: {error}"));
    }
    let mut groups = Vec::new();
    for name in GROUPS {
        let mut tx = app.db.read().await?;
        let found = document::find::<CampaignGroup>(&mut tx, tenant.no, name).await?;
        let Some(group) = found else { continue };
        let row = tx.group_get(tenant.no, group.id, false).await?;
        drop(tx);
        let never_loaded = row.is_some_and(|r| r.loads == 0 && r.state == GroupState::NotLoaded.as_str());
        if never_loaded {
            act(&app, &Principal::system(tenant.no), group.id, GroupAction::Start).await?;
        }
        groups.push((name, group.id));
    }
    let mut board = Board::new(groups.len());
    while !stop.is_cancelled() {
        for (n, (name, id)) in groups.iter().enumerate() {
            // a database that is away for a moment comes back
            match look(&app, tenant.no, *id).await {
                Ok(Some(seen)) => board.show(n, lines(name, &seen)),
                Ok(None) => board.show(n, vec![format!("{name}: deleted")]),
                Err(error) => board.show(n, vec![format!("{name}: {error}")]),
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(board.pause()) => {}
        }
    }
    board.end();
    let _ = terminal::say("\nFinishing what is under way (again to end at once)");
    Ok(())
}

fn greet(app: &App) {
    let base = &app.config.public_base_url;
    let text = format!(
        "\nAPI explorer  {base}{BASE}/explore\nSign in       {TENANT}\\{USER} (POST {base}{BASE}/auth/login)\nCtrl-C ends it; starting again goes on where it stood.\n"
    );
    let _ = terminal::say(&text);
}

/// A group as it is seen at one moment.
struct Seen {
    row: GroupRow,
    accounting: Accounting,
    /// People who opted out of its channel.
    opted_out: i64,
}

async fn look(app: &App, tenant: i64, id: uuid::Uuid) -> Result<Option<Seen>, StoreError> {
    let mut tx = app.db.read().await?;
    let Some(row) = tx.group_get(tenant, id, false).await? else { return Ok(None) };
    let accounting = Accounting::of(&tx.record_counters(row.number).await?, app.now());
    let role = Channel::from_bit(row.channel).map(opt_out_role);
    let lists = tx.suppression_lists(tenant).await?;
    let opted_out = lists.iter().filter(|list| list.role.as_deref() == role).map(|list| list.size).sum();
    Ok(Some(Seen { row, accounting, opted_out }))
}

/// Lines that a group has on a terminal at most.
const LINES: usize = 5;
/// Characters of a line there: those of a narrow window, less what continues a line.
const WIDTH: usize = 76;

/// How a group does, what holds it up, what it waits for.
fn lines(name: &str, seen: &Seen) -> Vec<String> {
    let Seen { row, accounting, opted_out } = seen;
    let delivered = accounting.done.get("Ok").copied().unwrap_or(0);
    let finished: i64 = accounting.done.values().sum();
    let sent = finished + accounting.awaiting_receipt;
    let mut first = format!("{name}: {}, ready {}", row.state.replace('_', " "), accounting.ready);
    for (label, count) in [("excluded", accounting.excluded.values().sum()), ("in doubt", accounting.in_doubt)] {
        if count > 0 {
            first += &format!(", {label} {count}");
        }
    }
    let second = if row.channel == Channel::Voice.bit() {
        let of = |result: CallResult| accounting.done.get(result.name()).copied().unwrap_or(0);
        let (talked, abandoned) = (of(CallResult::Answer), of(CallResult::Abandoned));
        format!("calling {}, talked {talked}, abandoned {abandoned}, opted out {opted_out}", accounting.in_progress)
    } else {
        let failed = finished - delivered;
        format!("sent {sent}, delivered {delivered}, failed {failed}, opted out {opted_out}")
    };
    let waiting = accounting.waiting.iter().map(|waiting| {
        let reason = accounting::reason_name(waiting.reason).replace('_', " ");
        // the minute is enough, and the day where it is not today is in the accounting
        let next = waiting.next.get(11..16).unwrap_or(&waiting.next);
        format!("{} {reason} ({next})", waiting.count)
    });
    let waiting = waiting.collect::<Vec<_>>().join(", ");
    // its own pace is what was asked for
    let limit = row.limited_by.as_ref().filter(|why| row.state == GroupState::Running.as_str() && *why != "group_pace");
    let held: Vec<String> =
        [limit, row.last_error.as_ref()].into_iter().flatten().map(|w| w.replace('_', " ")).collect();
    let mut lines = vec![first, second];
    if !held.is_empty() {
        lines.push(held.join(", "));
    }
    if !waiting.is_empty() {
        lines.push(format!("waiting until (UTC): {waiting}"));
    }
    lines
}

/// The lines as a narrow window takes them, broken between words; those after the first stand further in.
fn wrapped(lines: &[String]) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut row = if at == 0 { String::new() } else { "  ".to_owned() };
        for word in line.split_inclusive(' ') {
            if row.chars().count() + word.trim_end().chars().count() > WIDTH && !row.trim().is_empty() {
                rows.push(std::mem::replace(&mut row, "    ".to_owned()));
            }
            row += word;
        }
        rows.push(row);
    }
    if rows.len() > LINES {
        rows.truncate(LINES);
        if let Some(last) = rows.last_mut() {
            *last = format!("{}...", last.trim_end());
        }
    }
    rows
}

/// Some lines a group, redrawn in place on a terminal; one line, written when it changed, in a pipe.
struct Board {
    bars: Vec<ProgressBar>,
    shown: Vec<Vec<String>>,
    _all: MultiProgress,
}

impl Board {
    fn new(groups: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let count = if terminal::is_watched() { groups * LINES } else { 0 };
        let bars = (0..count).map(|_| all.add(ProgressBar::no_length().with_style(style.clone()))).collect();
        Self { bars, shown: vec![Vec::new(); groups], _all: all }
    }

    fn pause(&self) -> Duration {
        if self.bars.is_empty() { LINE_EVERY } else { LOOK }
    }

    fn show(&mut self, n: usize, lines: Vec<String>) {
        if self.shown[n] == lines {
            return;
        }
        if self.bars.is_empty() {
            let _ = terminal::say(&lines.join(" | "));
        }
        let mut rows = if self.bars.is_empty() { Vec::new() } else { wrapped(&lines) }.into_iter();
        for bar in self.bars.iter().skip(n * LINES).take(LINES) {
            bar.set_message(rows.next().unwrap_or_default());
        }
        self.shown[n] = lines;
    }

    fn end(&self) {
        self.bars.iter().for_each(ProgressBar::abandon);
    }
}

#[cfg(test)]
mod tests {
    use cxc_campaign_manager::accounting::Waiting;
    use cxc_core::record::Reason;

    use super::*;

    fn row() -> GroupRow {
        GroupRow {
            ends_talks: false,
            number: 1,
            tenant: 2,
            id: uuid::Uuid::nil(),
            channel: 2,
            account: 1,
            state: "running".into(),
            target: None,
            last_error: None,
            limited_by: Some("group_pace".into()),
            job: None,
            loads: 1,
            changed_at: 0,
        }
    }

    #[test]
    fn the_lines_tell_what_was_sent_and_what_is_waited_for() {
        let row = row();
        let accounting = Accounting {
            audience: 100,
            ready: 4,
            in_progress: 3,
            awaiting_receipt: 3,
            done: [("Ok".to_owned(), 50), ("WrongNumber".to_owned(), 2)].into(),
            waiting: vec![Waiting { reason: Reason::ContactTimes, count: 40, next: "2026-11-22T21:00:00Z".into() }],
            ..Accounting::default()
        };
        let seen = Seen { row, accounting, opted_out: 1 };
        let told = [
            "SMS: running, ready 4",
            "sent 55, delivered 50, failed 2, opted out 1",
            "waiting until (UTC): 40 contact times (21:00)",
        ];
        assert_eq!(lines("SMS", &seen), told);
    }

    #[test]
    fn every_reason_is_seen_in_a_narrow_window() {
        let waiting = |reason, next: &str| Waiting { reason, count: 5_000, next: next.into() };
        let accounting = Accounting {
            ready: 5_000,
            in_doubt: 5_000,
            awaiting_receipt: 5_000,
            excluded: [("suppressed".to_owned(), 5_000)].into(),
            done: [("Ok".to_owned(), 5_000), ("WrongNumber".to_owned(), 5_000)].into(),
            waiting: vec![
                waiting(Reason::ContactTimes, "2026-11-22T21:00:00Z"),
                waiting(Reason::Retry, "2026-11-22T21:00:00Z"),
                waiting(Reason::CarrierRefused, "2026-11-22T21:00:00Z"),
            ],
            ..Accounting::default()
        };
        let row = GroupRow { limited_by: Some("account_rate".into()), ..row() };
        let told = lines(GROUPS[1], &Seen { row, accounting, opted_out: 5_000 });
        let rows = wrapped(&told);
        assert_eq!(rows.len(), LINES, "{rows:#?}");
        assert!(rows.iter().all(|row| row.trim_end().len() < 80), "{rows:#?}");
        let words = |texts: &[String]| texts.join(" ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&rows), words(&told));
        let endless = wrapped(&["word ".repeat(1_000)]);
        assert_eq!(endless.len(), LINES);
        assert!(endless.iter().all(|row| row.trim_end().len() < 80) && endless[LINES - 1].ends_with("word..."));
    }
}
