//! What travels through the live driver: market events in batches, and one trader's part of a step.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Stopwatch;
use crate::domain::{HalfUnits, Nanos};
use crate::market::{
    EventKind, EventRef, Market, MarketData, MarketEvent, PriceScale, Row, Series,
};
use crate::portfolio::AccountView;
use crate::strategy::Hook;

/// One market event: a row of the shared columns, or an event by value.
#[derive(Clone, Copy, Debug)]
pub enum FeedEvent {
    /// A row of a recorded feed.
    Row(Row),
    /// An event of a feed in real time.
    Value {
        /// Its market, by position among the traded ones.
        market: u32,
        /// What happened.
        event: MarketEvent,
    },
}

/// Market events that arrive together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The time of the newest.
    pub now: Nanos,
    /// In feed order.
    pub events: Vec<FeedEvent>,
    /// Whether all of them lie before the run's start.
    pub warm_up: bool,
    /// Running since they arrived.
    pub arrived: Stopwatch,
    /// How much of a recorded feed this batch ends.
    pub done: f64,
}

/// One trader's part of a step.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The step's number.
    pub step: u64,
    /// The step's time.
    pub now: Nanos,
    /// The account at the step's snapshot.
    pub account: AccountView,
    /// The market's last price at the step's snapshot.
    pub mark: Option<HalfUnits>,
    /// The market event; none where only notices wait.
    pub event: Option<FeedEvent>,
    /// Running since the event arrived.
    pub arrived: Stopwatch,
    /// Whether what the strategy wants is taken now: in a warm-up it waits for the first step.
    pub collect: bool,
}

/// What a trader is told besides market events. Notices wait beside the inbox, so that no overflow policy loses one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// Its strategy is called for this.
    Hook(Hook),
    /// Its strategy is not called until it is resumed.
    Pause,
    /// Its strategy is called again.
    Resume,
    /// Its strategy is made anew.
    Restart,
    /// The run is over: the last call of its strategy, when that wants one.
    Stop,
}

/// The markets traded, as everybody in the live driver looks at them.
#[derive(Clone, Debug)]
pub struct Markets {
    /// The data; without rows where the feed is in real time.
    pub data: Arc<MarketData>,
    /// For each traded market its position in the data.
    pub sources: Vec<usize>,
    /// Price scales by traded market.
    pub scales: Vec<PriceScale>,
    /// Whether events are rows of the data.
    pub recorded: bool,
}

impl Markets {
    /// A traded market.
    #[must_use]
    pub fn market(&self, market: u32) -> &Market {
        &self.data.markets[self.sources[market as usize]]
    }

    /// The columns a trader's window looks into; none in real time, where it keeps its own events.
    #[must_use]
    pub fn window_series(&self, market: u32, kind: EventKind) -> Option<Series<'_>> {
        if self.recorded {
            self.market(market).series(kind)
        } else {
            None
        }
    }

    /// The market of an event, and a view of it.
    #[must_use]
    pub fn view<'a>(&'a self, event: &'a FeedEvent) -> Option<(u32, EventRef<'a>)> {
        match event {
            FeedEvent::Row(row) => {
                let market = u32::try_from(row.entry.market()).ok()?;
                let series = self.market(market).series(row.entry.kind())?;
                Some((market, series.event(row.row as usize)))
            }
            FeedEvent::Value { market, event } => Some((*market, event.view())),
        }
    }
}
