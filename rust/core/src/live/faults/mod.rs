//! Faults between the engine and the paper broker, by a schedule that a seed makes: requests and replies that are lost,
//! delayed, doubled or out of order, refusals, connections that drop, fills during a cancellation.
//!
//! The venue behind them keeps its own truth. All times are the run's own, so that on recorded data the same seed gives
//! the same run.

mod account;
mod broker;
mod schedule;

pub(super) use broker::FaultyBroker;
pub use schedule::{Fault, FaultSpec};
