//! The kill switch before the run has taken it in: of the process, which a signal sets, and of one run, which a person sets.
//!
//! From the step that takes it in the gate approves nothing more. What it approved before may still be on its way, behind the
//! disk or another process; so the order engine looks here once more before an order leaves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
pub(crate) struct KillSwitch {
    /// How often it was thrown.
    thrown: AtomicU64,
    /// How many of these throws the run has taken in.
    taken: AtomicU64,
    /// How many were taken back.
    cleared: AtomicU64,
}

impl KillSwitch {
    /// Somebody threw it; the run has yet to hear of it.
    pub(crate) fn throw(&self) {
        self.thrown.fetch_add(1, Ordering::Release);
    }

    /// The run takes in a throw: of somebody who called [`Self::throw`], or one of its own.
    pub(super) fn take_in(&self) {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        self.thrown.fetch_max(taken, Ordering::Release);
    }

    /// A person lets the run trade again: what it has taken in is over, and nothing that was thrown since.
    pub(super) fn clear(&self) {
        let taken = self.taken.load(Ordering::Relaxed);
        self.cleared.store(taken, Ordering::Release);
    }

    /// Whether it, or that of the process, has been thrown.
    pub(super) fn is_thrown(&self) -> bool {
        let cleared = self.cleared.load(Ordering::Acquire);
        self.thrown.load(Ordering::Acquire) > cleared || is_set()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_clears_it_takes_back_what_the_run_has_heard_of_and_no_later_throw() {
        let switch = KillSwitch::default();
        assert!(!switch.is_thrown());
        switch.throw();
        switch.take_in();
        // Somebody throws it again while the first throw is being taken back.
        switch.throw();
        switch.clear();
        assert!(switch.is_thrown());
        switch.take_in();
        switch.clear();
        assert!(!switch.is_thrown());
        // One that nobody threw, as the run itself may set it.
        switch.take_in();
        assert!(switch.is_thrown());
    }
}
