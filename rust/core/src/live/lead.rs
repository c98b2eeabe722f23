//! Who leads the python lane: the thread that is in a call, until the call ends or a spare one takes the lane over.
//!
//! `tests/interleavings` plays every interleaving of this file's protocol; so it knows nothing but atomics.

use super::atomic::{AtomicU64, Ordering};

/// The number of the leader's call: odd while it is in one.
#[derive(Debug)]
pub struct Lead(AtomicU64);

impl Lead {
    /// Nobody is in a call.
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The leader begins a call; gives the call's number.
    pub fn begin(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The number of the call that the leader is in, if it is in one.
    pub fn call(&self) -> Option<u64> {
        let number = self.0.load(Ordering::SeqCst);
        (number % 2 == 1).then_some(number)
    }

    /// Ends a call, for the leader when it comes back and for a spare that takes over. Whether the caller leads now: the
    /// first of them does.
    pub fn end(&self, call: u64) -> bool {
        self.0
            .compare_exchange(call, call + 1, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}
