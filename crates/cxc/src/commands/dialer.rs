//! `cxc dialer`: the pace of the voice dialer, simulated.
use anyhow::Context;
use cxc_dialer::pacing::Tables;
use cxc_dialer::sim::{Settings, simulate, svg};

use crate::cli::{DialerCommand, Simulate};
use crate::failure::Failure;
use crate::terminal;

/// Runs the command. It asks no database.
pub fn run(command: &DialerCommand) -> Result<(), Failure> {
    let DialerCommand::Simulate(asked) = command;
    if asked.warm_up >= asked.hours {
        return Err(Failure::usage(format!(
            "a warm-up of {} h must be shorter than the run of {} h",
            asked.warm_up, asked.hours
        )));
    }
    let report = simulate(&settings(asked), &mut Tables::default());
    if let Some(file) = &asked.svg {
        std::fs::write(file, svg(&report)).with_context(|| file.display().to_string())?;
    }
    if asked.json {
        return terminal::say(&serde_json::to_string_pretty(&report)?);
    }
    terminal::write(&report.text())
}

fn settings(asked: &Simulate) -> Settings {
    Settings {
        agents: asked.agents,
        answer_rate: asked.answer_rate,
        handle_mean: asked.handle_mean,
        handle_cv: asked.handle_cv,
        target: asked.target,
        hours: asked.hours,
        warm_up: asked.warm_up,
        seed: asked.seed,
        policy: asked.policy,
        scenario: asked.scenario,
    }
}
