//! Ctrl-C at a desk, SIGTERM from Kubernetes, SIGHUP of a terminal that is closed.
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Whether this process serves: from then on the shutdown is what a signal begins.
static SERVES: AtomicBool = AtomicBool::new(false);

/// Begins the shutdown at the first signal and ends the process at the second.
pub fn watch(stop: CancellationToken) -> Result<(), Failure> {
    SERVES.store(true, Ordering::Relaxed);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::start)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::start)?;
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        tracing::info!("shutting down; a second signal ends at once");
        stop.cancel();
        let code = next(&mut interrupt, &mut terminate).await;
        std::process::exit(code);
    });
    Ok(())
}

/// Runs `first` at the first signal that would end a command, a closed terminal included, and ends the process at the second, or at
/// once where `first` answers that nothing has to end before. Who began the command so that it outlives its terminal (nohup) is
/// not asked.
pub async fn at_a_command<F: Future<Output = bool>>(first: F) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    let mut next = async || {
        let closed = async {
            match &mut hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            code = next(&mut interrupt, &mut terminate) => code,
            () = closed => 129,
        }
    };
    let code = next().await;
    if SERVES.load(Ordering::Relaxed) {
        return Ok(());
    }
    if !first.await {
        std::process::exit(code);
    }
    std::process::exit(next().await);
}

/// Whether this process was begun with SIGHUP ignored, as the kernel tells it: the mask's lowest bit.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Waits for a signal; answers the exit code of a process that it ends.
async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}
