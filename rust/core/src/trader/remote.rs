//! Traders whose strategies live in other processes: what the driver says to them, and what comes back.

use std::time::Duration;

use crate::domain::{HalfUnits, Nanos};
use crate::error::Error;
use crate::market::EventKind;
use crate::portfolio::{AccountView, TraderRow};
use crate::signal::Intent;
use crate::strategy::{Hook, Stop};

/// What a driver knows of a trader's part of a step.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    /// The trader's own part of the account.
    pub row: &'a TraderRow,
    /// The market's last price.
    pub mark: Option<HalfUnits>,
}

/// A row for a trader to take in.
#[derive(Clone, Copy, Debug)]
pub struct SentRow {
    /// What kind of event it is.
    pub kind: EventKind,
    /// Its number in the series.
    pub row: u32,
    /// What it would mark its market with.
    pub mark: HalfUnits,
    /// Whether it only warms indicators and windows up.
    pub warm_up: bool,
}

/// What one trader asked for in a step, or how it failed.
#[derive(Debug)]
pub struct Answer {
    /// Whose it is.
    pub trader: u32,
    /// In the order in which it was asked.
    pub intents: Vec<Intent>,
    /// Why its evaluation failed.
    pub failure: Option<Stop>,
}

/// Whether answers are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// All that was sent is answered.
    Done,
    /// Not yet: wait again.
    NotYet,
}

/// Strategies in other processes, as a recorded run speaks with them: step by step, first all that a step brings, then
/// its answers. What they answer is what the same strategies would have answered here.
pub trait Remote: Send {
    /// Begins a step.
    fn begin(&mut self, now: Nanos, account: AccountView);

    /// Lets a trader hear what is due.
    fn hooks(&mut self, trader: u32, hooks: &[Hook], glance: Glance<'_>);

    /// Lets a trader take in a row.
    fn row(&mut self, trader: u32, row: SentRow, glance: Glance<'_>);

    /// Ends the step: what was said goes out.
    fn send(&mut self);

    /// Waits at most so long for what is not answered yet; before the first step, for strategies to be set up.
    fn wait(&mut self, most: Duration) -> Waited;

    /// Gives what came back. Whoever asked for nothing is not among it.
    ///
    /// # Errors
    /// When the strategies could not be started at all.
    fn answers(&mut self, into: &mut Vec<Answer>) -> Result<(), Error>;

    /// How many times strategies were called, as far as answered.
    fn evaluations(&self) -> u64;

    /// Counters by name, for the result.
    fn counters(&self) -> Vec<(&'static str, u64)>;
}
