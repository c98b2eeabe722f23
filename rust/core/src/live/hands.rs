//! Who handles ready traders: as many tasks as the pool has threads, each of which takes one after the other, and none while
//! nobody is ready.
//!
//! `tests/interleavings` plays every interleaving of this file's protocol; so it knows nothing but atomics.

use super::wakeup::Wakeup;

/// The tasks that may be at work, one for each thread.
#[derive(Debug)]
pub struct Hands(Vec<Wakeup>);

impl Hands {
    /// None of so many is at work.
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Wakeup::new()).collect())
    }

    /// So many traders have become ready: the hands that the caller has to set to work. Where all are at work, each of them
    /// looks once more before it leaves.
    pub fn called(&self, ready: usize) -> impl Iterator<Item = usize> + '_ {
        let idle = (0..).zip(&self.0).filter(|(_, hand)| hand.wake());
        idle.map(|(hand, _)| hand).take(ready)
    }

    /// A hand has seen that nobody was ready. Whether it has to go on, since there `is_more`.
    pub fn leave(&self, hand: usize, is_more: impl FnOnce() -> bool) -> bool {
        self.0.get(hand).is_some_and(|wakeup| wakeup.leave(is_more))
    }
}
