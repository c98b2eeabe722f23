//! The kill switch before the run has taken it in: of the process, which a signal sets, and of one run, which a person sets.
//!
//! From the step that takes it in the gate approves nothing more. What it approved before may still be on its way, behind the
//! disk or another process; so the order engine looks here once more before an order leaves.

use std::sync::atomic::{AtomicBool, Ordering};

static SET: AtomicBool = AtomicBool::new(false);

/// Sets it, for every live run of the process and for good. Does nothing else, so that a signal's handler may call it.
pub fn set() {
    SET.store(true, Ordering::Release);
}

/// Whether it is set.
#[must_use]
pub fn is_set() -> bool {
    SET.load(Ordering::Acquire)
}

/// The switch of one run.
#[derive(Debug, Default)]
pub(crate) struct KillSwitch(AtomicBool);

impl KillSwitch {
    /// A person threw it; the run has yet to hear of it.
    pub(super) fn throw(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// A person lets the run trade again.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether it, or that of the process, has been thrown.
    pub(super) fn is_thrown(&self) -> bool {
        self.0.load(Ordering::Acquire) || is_set()
    }
}
