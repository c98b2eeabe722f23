//! What the gate remembers. All of it follows from the steps of the run, so that every driver and every number of threads
//! refuses the same orders.

mod bucket;
mod equity;
mod quoted;
mod reach;
mod seen;
mod sent;

pub(super) use bucket::Bucket;
pub(super) use equity::EquityWatch;
pub(super) use quoted::Quoted;
pub(super) use reach::{Own, Reach};
pub(super) use seen::Seen;
pub use sent::Intent;
pub(super) use sent::Sent;
