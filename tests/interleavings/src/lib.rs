//! The engine's own files, with a model's atomics in place of the processor's: `loom` runs each test once for every order
//! in which its threads can come, and for every value that a thread may still see.
//!
//! What has no part here needs none: the account, its reservations and the commit are owned by one thread, which nothing
//! but messages reaches.
#![cfg(test)]

/// What the engine's files ask for by `super::atomic`.
mod atomic {
    pub use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

#[path = "../../../rust/core/src/live/lead.rs"]
mod lead;
#[path = "../../../rust/core/src/live/wakeup.rs"]
mod wakeup;

mod leading;
mod waking;
