//! The engine as a whole: its settings, its wiring and what comes out of a run.

mod config;
mod host;
mod instruments;
mod kept;
mod outcome;
mod patience;
mod statistics;
mod sweep;
mod wiring;

pub use config::{Account, Config, Handover, RunOptions, TimeMark, TraderConfig};
pub use host::{Host, Unattended};
pub use outcome::{Done, Outcome, Timings, TradeRow};
pub use patience::Patience;
pub use statistics::{STATISTICS, statistics};
pub use sweep::{Combination, Summary, Sweep, SweepHost, Swept};
pub use wiring::{Core, backtest, wire};

pub(crate) use wiring::join_live;
