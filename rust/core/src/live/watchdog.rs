//! Development builds: a thread that looks for threads waiting for each other, and reports them with their stacks.

use std::sync::Once;

use parking_lot::deadlock::check_deadlock;

use crate::limits::WATCHDOG_INTERVAL;

static STARTED: Once = Once::new();

/// Starts the watchdog, once in a process.
pub fn start() {
    STARTED.call_once(|| {
        let spawned = std::thread::Builder::new()
            .name("pairloom-watchdog".to_owned())
            .spawn(|| {
                loop {
                    std::thread::sleep(WATCHDOG_INTERVAL);
                    for report in cycles() {
                        tracing::error!("{report}");
                        eprintln!("{report}");
                    }
                }
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "there is no watchdog");
        }
    });
}

/// One text for each cycle of threads that wait for each other, with their stacks.
#[must_use]
pub fn cycles() -> Vec<String> {
    check_deadlock()
        .iter()
        .map(|threads| {
            let stacks: Vec<String> = threads
                .iter()
                .map(|thread| format!("{:?}\n{:?}", thread.thread_id(), thread.backtrace()))
                .collect();
            format!(
                "{} threads wait for each other's locks:\n{}",
                threads.len(),
                stacks.join("\n")
            )
        })
        .collect()
}
