//! `cxc group`: steering a campaign group, and where its people stand.
use std::time::{Duration, Instant};

use cxc_campaign_manager::accounting::{self, Accounting};
use cxc_campaign_manager::actions::{Acted, act};
use cxc_campaign_manager::groups::{CampaignGroup, GroupStanding};
use cxc_campaign_manager::legal_gate::ConcernedRule;
use cxc_campaign_manager::suppressed;
use cxc_core::group_state::{GroupAction, GroupState};
use cxc_server::{Principal, document};
use cxc_store::tenant::Tenant;
use serde_json::json;
use uuid::Uuid;

use super::desk::Desk;
use super::tenant::refused;
use crate::cli::{Group, GroupCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::terminal;

/// How long a start waits for a stop, and how often it looks.
const STOPS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// Runs a command about a campaign group.
pub async fn run(config: &Config, command: &GroupCommand) -> Result<(), Failure> {
    let (asked, action) = match command {
        GroupCommand::Start(start) => (&start.group, Some(GroupAction::Start)),
        GroupCommand::Pause(group) => (group, Some(GroupAction::Pause)),
        GroupCommand::Resume(group) => (group, Some(GroupAction::Resume)),
        GroupCommand::Stop(group) => (group, Some(GroupAction::Stop)),
        GroupCommand::Status(group) => (group, None),
    };
    let desk = Desk::open(config).await?;
    let tenant = desk.tenant(asked.tenant.as_deref()).await?;
    let id = find(&desk, &tenant, &asked.name).await?;
    if let GroupCommand::Start(start) = command
        && !start.no_wait
    {
        stopped(&desk, tenant.no, id, &asked.name).await?;
    }
    match action {
        Some(action) => {
            let acted = act(&desk.app, &Principal::system(tenant.no), id, action).await.map_err(refused)?;
            told(asked, &acted)?;
        }
        None => status(&desk, &tenant, id, asked).await?,
    }
    desk.close().await;
    Ok(())
}

/// The id of a campaign group by its name.
async fn find(desk: &Desk, tenant: &Tenant, name: &str) -> Result<Uuid, Failure> {
    let mut tx = desk.app.db.read().await?;
    let found = document::find::<CampaignGroup>(&mut tx, tenant.no, name).await.map_err(refused)?;
    let missing = || Failure::refused(format!("there is no campaign group {name} in {}", tenant.short_name));
    Ok(found.ok_or_else(missing)?.id)
}

/// Waits until a group that is stopping has stopped.
async fn stopped(desk: &Desk, tenant: i64, id: Uuid, name: &str) -> Result<(), Failure> {
    let since = Instant::now();
    let mut is_told = false;
    loop {
        let mut tx = desk.app.db.read().await?;
        let row = tx.group_get(tenant, id, false).await?;
        let state = row.as_ref().and_then(|row| GroupState::parse(&row.state));
        let (Some(GroupState::WaitingUnload | GroupState::UnloadInProgress), Some(row)) = (state, row) else {
            return Ok(());
        };
        if since.elapsed() >= STOPS_WITHIN {
            let accounting = Accounting::of(&tx.record_counters(row.number).await?, desk.app.now());
            let sending = accounting.in_progress - accounting.awaiting_receipt;
            return Err(Failure::refused(format!(
                "{name} is still stopping after {} s, {sending} of its messages are being sent: is a server running, \
                 which ends them? Try again later",
                STOPS_WITHIN.as_secs()
            )));
        }
        drop(tx);
        if !std::mem::replace(&mut is_told, true) {
            terminal::note(&format!("{name} is stopping: waiting until it has stopped (--no-wait refuses instead)"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn told(asked: &Group, acted: &Acted) -> Result<(), Failure> {
    if asked.json {
        return terminal::say(&serde_json::to_string(acted)?);
    }
    let state = shown(acted.state);
    let how = if acted.changed { "" } else { " already" };
    let job = acted.job.filter(|_| acted.changed).map_or("", |_| "; a running server takes up the load");
    terminal::say(&format!("{} is {state}{how}{job}", asked.name))?;
    narrower(&acted.disabled_rules).iter().try_for_each(|line| terminal::say(line))
}

/// A state in words that say what is done in it.
fn shown(state: GroupState) -> &'static str {
    match state {
        GroupState::NotLoaded => "not loaded",
        GroupState::PreLoading => "being loaded",
        GroupState::Active => "paused",
        GroupState::Running => "running",
        GroupState::WaitingUnload | GroupState::UnloadInProgress => "stopping",
    }
}

/// The legal rules that are off and would have narrowed a group, for people: the one about most of them first.
fn narrower(rules: &[ConcernedRule]) -> Vec<String> {
    if rules.is_empty() {
        return Vec::new();
    }
    let mut rules: Vec<&ConcernedRule> = rules.iter().collect();
    rules.sort_by(|a, b| b.contacts.cmp(&a.contacts).then_with(|| a.rule.cmp(&b.rule)));
    let mut lines =
        vec!["legal rules that are off or waived and would have narrowed it, with the contacts concerned:".into()];
    let line = |r: &&ConcernedRule| {
        let kind = r.kind.replace('_', " ");
        format!("  {:<22}{:>12}  {:<8}{kind:<18} {}", r.rule, r.contacts, r.area, r.citation)
    };
    lines.extend(rules.iter().map(line));
    lines
}

async fn status(desk: &Desk, tenant: &Tenant, id: Uuid, asked: &Group) -> Result<(), Failure> {
    // without a server nobody else shows what was suppressed meanwhile
    suppressed::catch_up(&desk.app, desk.zones.clone()).await?;
    let row = desk.app.db.read().await?.group_get(tenant.no, id, false).await?;
    let standing = row.as_ref().map(GroupStanding::of).unwrap_or_default();
    let accounting = accounting::of_group(&desk.app, tenant.no, id).await.map_err(refused)?;
    if asked.json {
        let mut object = json!({ "name": asked.name, "accounting": accounting });
        if let (Some(object), serde_json::Value::Object(standing)) =
            (object.as_object_mut(), serde_json::to_value(&standing)?)
        {
            object.extend(standing);
        }
        return terminal::say(&object.to_string());
    }
    lines(&asked.name, &standing, &accounting).iter().try_for_each(|line| terminal::say(line))
}

/// The status for people.
fn lines(name: &str, standing: &GroupStanding, accounting: &Accounting) -> Vec<String> {
    let state = standing.state.map_or("unknown", shown);
    let mut lines = vec![format!("{name}: {state}")];
    let mut why = |label: &str, text: &Option<String>| {
        if let Some(text) = text {
            lines.push(format!("  {label}: {text}"));
        }
    };
    why("limited by", &standing.limited_by);
    why("last error", &standing.last_error);
    let mut row = |label: &str, count: i64, more: &str| lines.push(format!("  {label:<28}{count:>10}{more}"));
    row("audience", accounting.audience, "");
    row("ready", accounting.ready, "");
    for waiting in &accounting.waiting {
        let label = format!("waiting: {}", accounting::reason_name(waiting.reason).replace('_', " "));
        row(&label, waiting.count, &format!("  next {}", waiting.next));
    }
    let receipts =
        if accounting.sending_finished { "  sending is finished: these wait for delivery receipts" } else { "" };
    row("in progress", accounting.in_progress, receipts);
    for (result, count) in &accounting.done {
        row(&format!("done: {result}"), *count, "");
    }
    for (cause, count) in &accounting.excluded {
        row(&format!("excluded: {}", cause.replace('_', " ")), *count, "");
    }
    row("in doubt", accounting.in_doubt, "");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_names_the_rules_that_are_off_with_their_counts() {
        let rule = |rule: &str, contacts| ConcernedRule {
            rule: rule.into(),
            kind: "attempt_cap",
            area: "US-TX".into(),
            citation: "Bus. & Com. Code 301.051".into(),
            note: String::new(),
            contacts,
        };
        let lines = narrower(&[rule("US-SD-HOURS", 7), rule("US-TX-HOURS", 120_000)]);
        assert!(lines[1].contains("US-TX-HOURS") && lines[1].contains("120000") && lines[1].contains("attempt cap"));
        assert!(lines[2].contains("US-SD-HOURS") && lines.len() == 3, "{lines:?}");
        assert!(narrower(&[]).is_empty());
    }

    #[test]
    fn the_status_names_every_part_of_the_audience() {
        let accounting = Accounting {
            audience: 10,
            ready: 3,
            done: [("Ok".to_owned(), 5)].into(),
            excluded: [("opted_out".to_owned(), 2)].into(),
            ..Accounting::default()
        };
        let standing = GroupStanding { state: Some(GroupState::Active), ..GroupStanding::default() };
        let text = lines("Spring", &standing, &accounting).join("\n");
        for part in ["Spring: paused", "audience", "ready", "done: Ok", "excluded: opted out", "in doubt"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
