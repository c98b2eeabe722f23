//! Whole runs, from data to a result, by replay and live. They are one program: to build and link one for each file took
//! longer than all of them run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod ahead;
mod away;
mod conservation;
mod determinism;
mod free_threaded;
mod live_digest;
mod live_orders;
mod live_reconcile;
mod live_risk;
mod live_traders;
mod plugin;
mod scale;
mod support;
mod sweep;
