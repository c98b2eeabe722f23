//! Who makes a trader ready, so that none is forgotten and none runs twice at once.
//!
//! `tests/interleavings` plays every interleaving of this file's protocol; so it knows nothing but atomics.

use super::atomic::{AtomicBool, Ordering};

/// Whether somebody is on the way to a trader, or with it.
#[derive(Debug)]
pub struct Wakeup(AtomicBool);

impl Wakeup {
    /// Nobody is.
    pub fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Something was left for the trader. Whether the caller has to make it ready: nobody else does.
    pub fn wake(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    /// Whoever was with the trader leaves it. Whether it has to make it ready again, since there `is_more`.
    ///
    /// What is left for a trader is there before [`Wakeup::wake`] looks at the flag, and here the flag is cleared before
    /// the last look at what is there. So one of the two sees the other. Every change of the flag is an exchange, so that
    /// they all stand in one chain, and none is made on top of one that is over.
    pub fn leave(&self, is_more: impl FnOnce() -> bool) -> bool {
        self.0.swap(false, Ordering::SeqCst);
        is_more() && self.wake()
    }
}
