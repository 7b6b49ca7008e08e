//! `cxc`: an outbound campaign system in one program.
mod cli;
mod commands;
mod component;
mod config;
mod demo;
mod failure;
mod server_config;
mod services;
mod store;
mod terminal;
mod tzdb;
mod up;

use std::num::NonZero;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, ConfigCommand};
use config::Config;
use failure::Failure;

// freed memory goes back to the system within a second, also while the program idles; see .cargo/config.toml
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::note(&format!("cxc: {failure}"));
            ExitCode::from(failure.code)
        }
    }
}

fn start(cli: &Cli) -> Result<(), Failure> {
    let (config, origin) = config::load(&cli.flags(), std::env::vars()).map_err(Failure::start)?;
    if let Command::Config(ConfigCommand::Check) = cli.command {
        return terminal::write(&config::check(&config, &origin));
    }
    // TLS of the database, of mail and of the proxy; it can only be said once, and is said here
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workers = std::thread::available_parallelism().map_or(2, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    let done = runtime.block_on(run(cli, &config));
    // a blocking task that is left over must not hold the process
    runtime.shutdown_background();
    done
}

async fn run(cli: &Cli, config: &Config) -> Result<(), Failure> {
    match &cli.command {
        Command::Up(asked) => commands::up::run(config, asked).await,
        Command::Migrate => commands::migrate::run(config).await,
        Command::Config(ConfigCommand::Check) => Ok(()),
        Command::Tenant(command) => commands::tenant::run(config, command).await,
        Command::User(command) => commands::user::run(config, command).await,
        Command::Import(asked) => commands::import::run(config, asked).await,
        Command::Group(command) => commands::group::run(config, command).await,
        Command::Relocate(asked) => commands::relocate::run(config, asked).await,
        Command::Suppress(asked) => commands::suppress::run(config, asked).await,
        Command::Numbers(command) => commands::numbers::run(config, command).await,
        Command::Export(asked) => commands::export::run(config, asked).await,
        Command::Consent(command) => commands::consent::run(config, command).await,
        Command::Erase(asked) => commands::person::erase(config, asked).await,
        Command::Compliance(command) => commands::compliance::run(config, command).await,
        Command::Backup(backup) => commands::backup::run(config, &backup.file).await,
        Command::Restore(restore) => commands::restore::run(config, restore).await,
        Command::ComplianceData(command) => commands::compliance_data::run(config, command).await,
        Command::Agent(asked) => commands::agent::run(asked).await,
        Command::Dialer(command) => commands::dialer::run(command),
        Command::Openapi => commands::openapi::run(config).await,
    }
}
