//! How things stand in a live run, for people.

use std::sync::Arc;

use crate::commit::Difference;
use crate::domain::{Money, Nanos};
use crate::trader::TraderState;

use super::metrics::LiveCounts;

/// One trader.
#[derive(Clone, Debug)]
pub struct TraderStatus {
    /// Its name.
    pub name: Arc<str>,
    /// `BASE/QUOTE`.
    pub pair: Arc<str>,
    /// Whether it is called.
    pub state: TraderState,
    /// What it holds, in the base currency.
    pub position: f64,
    /// The average price of what it holds; NaN when flat.
    pub entry_price: f64,
    /// What its position has gained at the last price, without fees.
    pub unrealized_pnl: f64,
    /// What its round trips have brought so far, fees taken off.
    pub realized_pnl: f64,
    /// The market's last price; NaN before the first.
    pub last_price: f64,
    /// The last signal that asked for a change.
    pub last_signal: Option<&'static str>,
    /// How often its strategy was called.
    pub evaluations: u64,
    /// How many deliveries wait in its inbox.
    pub inbox: usize,
    /// Whether it is still at work on an earlier step.
    pub late: bool,
    /// How many orders it has working.
    pub working_orders: usize,
}

/// The whole engine.
#[derive(Clone, Debug)]
pub struct Status {
    /// The time of the last step.
    pub now: Option<Nanos>,
    /// Seconds since the run began.
    pub elapsed: f64,
    /// The traders, by index.
    pub traders: Vec<TraderStatus>,
    /// Cash plus positions at the last prices.
    pub equity: Money,
    /// Cash, reserved or not.
    pub cash: Money,
    /// Orders working in all.
    pub working_orders: usize,
    /// Whether the kill switch is set.
    pub killed: bool,
    /// Whether the venue can be reached.
    pub connected: bool,
    /// Whether orders may leave, because what the engine believes agreed with the venue's word.
    pub reconciled: bool,
    /// Pairs that are halted because the engine and the venue differ about them.
    pub halted: Vec<Arc<str>>,
    /// What the engine and the venue differed in so far, each with its pair where it is of one.
    pub differences: Vec<(Option<Arc<str>>, Difference)>,
    /// Where there is a risk process: why it cannot be asked, or nothing where it can.
    pub risk_process: Option<Result<(), String>>,
    /// Counts by stage.
    pub counts: LiveCounts,
}
