//! The kill switch of the process: what a signal sets, for whoever can do no more than that.

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
