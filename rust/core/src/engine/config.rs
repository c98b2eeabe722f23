//! The settings of an engine and of one run.

use crate::commit::OnError;
use crate::domain::{FeeRates, InstrumentSpec, Money, Nanos, Rate};
use crate::journal::JournalSpec;
use crate::market::EventKind;
use crate::risk::RiskSpec;
use crate::signal::SizeSpec;
use crate::strategy::Strategy;
use crate::venue::VenueConfig;

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// What is bought is paid for, nothing is sold short.
    Spot,
    /// Exposure up to leverage times equity, both ways.
    Margin,
}

/// The settings of an engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// The account's currency.
    pub currency: String,
    /// Cash by currency; the account's own included.
    pub cash: Vec<(String, Money)>,
    /// What kind of account it is.
    pub account: Account,
    /// How many times equity the exposure may be.
    pub leverage: Rate,
    /// Fee rates.
    pub fees: FeeRates,
    /// How the simulated venue fills.
    pub venue: VenueConfig,
    /// Instruments by pair; other pairs have defaults.
    pub instruments: Vec<(String, InstrumentSpec)>,
    /// Threads of the engine's own pool; all cores when not given.
    pub threads: Option<usize>,
    /// How many events a trader that can be evaluated ahead takes in at once at most: zero forbids it, and a number
    /// given makes it happen wherever it can. It never changes a result.
    pub block: Option<u32>,
    /// What becomes of the position of a trader that errs.
    pub on_error: OnError,
    /// The limits of the gate, beyond those that need no number.
    pub risk: Option<RiskSpec>,
}

/// A boundary of time that a trader waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeMark {
    /// When.
    pub ts: Nanos,
    /// What it is.
    pub name: String,
}

/// One trader.
pub struct TraderConfig {
    /// Unique name.
    pub name: String,
    /// What people call the strategy.
    pub label: String,
    /// The version of the strategy: what each of its orders can be traced back to.
    pub version: String,
    /// `BASE/QUOTE`.
    pub pair: String,
    /// The size of a signal that names none.
    pub size: Option<SizeSpec>,
    /// The kinds of event that wake it; the market's first kind when not given.
    pub events: Option<Vec<EventKind>>,
    /// How many events its arrays hold.
    pub window: usize,
    /// The boundaries of time it waits for, rising.
    pub schedule: Vec<TimeMark>,
    /// Its strategy.
    pub strategy: Box<dyn Strategy>,
}

/// When evaluations are handed to the pool. It never changes a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handover {
    /// When a step is large enough to pay for it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The settings of one run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Rows that open before it only warm up.
    pub start: Option<Nanos>,
    /// Rows that open at or after it are not seen.
    pub end: Option<Nanos>,
    /// When evaluations are handed to the pool.
    pub handover: Handover,
    /// Shuffles the order in which evaluations complete, for tests.
    pub shuffle_seed: Option<u64>,
    /// The journal of the run, where it has one.
    pub journal: Option<JournalSpec>,
}
