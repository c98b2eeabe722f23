//! A trader: one strategy on one market, with its indicators and its window.
//!
//! An evaluation is a function of the trader's own state, its events and the step's snapshot, and of nothing else.
//! That is why evaluations of one step may run in any order, on any thread.

mod alone;
mod block;
mod evaluate;
mod foresight;
mod memory;
mod remote;
mod saved;

pub use alone::Rows as LoneRows;
pub use block::Stretch;
pub use evaluate::{Input, panicked};
pub use foresight::{Fills, Foreseen, Foresight, Pace};
pub use memory::TraderMemory;
pub use remote::{Answer, Glance, Remote, SentRow, Waited};
pub use saved::Saved;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::HalfUnits;
use crate::indicator::{Graph, SharedValues};
use crate::market::{EventKind, ExtraColumn, MarketEvent, PriceScale, Ring, Series};
use crate::signal::SizeSpec;
use crate::strategy::{Hook, Hooks, Lane, Orders, Outcome, SetupCtx, Stop, Strategy};

/// Whether a trader is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraderState {
    /// It is called for its events.
    Active,
    /// Its indicators follow, but its strategy is not called until it is resumed.
    Paused,
    /// Its strategy erred and is not called again.
    Quarantined,
}

/// What is fixed about a trader when the engine starts.
#[derive(Clone, Debug)]
pub struct TraderSpec {
    /// Unique name.
    pub name: String,
    /// What people call the strategy.
    pub label: String,
    /// The version of the strategy.
    pub version: String,
    /// The trader's market, by position among the traded ones.
    pub market: u32,
    /// The size of a signal that names none.
    pub size: Option<SizeSpec>,
    /// The kinds of event that wake the strategy.
    pub events: Vec<EventKind>,
    /// How many events the arrays hold.
    pub window: usize,
    /// Whether its data have volumes, for the indicators that need them.
    pub has_volume: bool,
}

/// One strategy on one market.
pub struct Trader {
    /// What is fixed about it.
    pub spec: TraderSpec,
    /// Its number: the order of `engine.trade` calls, then of pairs.
    pub index: u32,
    /// Whether it is called.
    pub state: TraderState,
    /// What it asked for in this step.
    pub orders: Orders,
    /// Whether something it asked for in this step was taken out already, as a live driver does event by event.
    pub asked: bool,
    /// Hooks that are due before its next event.
    pub due: Vec<Hook>,
    /// Why its evaluation of this step failed.
    pub failure: Option<Stop>,
    /// How often its strategy was called.
    pub evaluations: u64,
    strategy: Box<dyn Strategy>,
    hooks: Hooks,
    lane: Lane,
    graph: Graph,
    scale: PriceScale,
    /// The kind of event that fills window and indicators.
    main: EventKind,
    wakes: [bool; 3],
    /// Whether events of the main kind wake it.
    wakes_main: bool,
    /// Events of the main kind seen so far.
    seen: usize,
    ready: bool,
    ring: Ring,
    extra: Arc<[ExtraColumn]>,
    /// The newest row of the main kind, in a recorded run.
    last_row: Option<usize>,
    /// The newest event of the main kind, where a feed delivers events by value.
    last_value: Option<MarketEvent>,
}

impl Trader {
    /// Lets its indicators read values that several runs over the same data share. `market` is the place of its market in
    /// the data, and `series` what it follows there.
    pub fn share_indicators(&mut self, shared: &SharedValues, market: usize, series: Series<'_>) {
        let scale = self.scale;
        let marks = |first: usize, out: &mut [HalfUnits]| series.marks(first, scale, out);
        self.graph.share(shared, (market, series.len()), marks);
    }

    /// Makes a trader and sets its strategy up. An error in `setup` counts at the first step.
    #[must_use]
    pub fn new(
        index: u32,
        spec: TraderSpec,
        mut strategy: Box<dyn Strategy>,
        pair: &str,
        scale: PriceScale,
        extra: Arc<[ExtraColumn]>,
    ) -> Self {
        let main = spec
            .events
            .iter()
            .copied()
            .min()
            .unwrap_or(EventKind::Candle);
        let mut wakes = [false; 3];
        for &kind in &spec.events {
            wakes[kind as usize] = true;
        }
        let mut graph = Graph::new(scale.digits, main.default_field());
        if !spec.has_volume {
            graph = graph.without_volume();
        }
        let mut orders = Orders::default();
        let mut ctx = SetupCtx {
            pair,
            kind: main,
            extra: &extra,
            graph: &mut graph,
            orders: &mut orders,
        };
        let failure = evaluate::guard(|| strategy.setup(&mut ctx)).err();
        let hooks = strategy.hooks();
        // `on_start` waits with the other hooks that are due before the trader's first event.
        let due = if hooks.has(Hooks::START) {
            vec![Hook::Start]
        } else {
            Vec::new()
        };
        // Without indicators and window there is nothing to wait for.
        let ready = graph.ready() && spec.window == 0;
        Self {
            index,
            state: TraderState::Active,
            orders,
            asked: false,
            due,
            failure,
            evaluations: 0,
            hooks,
            lane: strategy.lane(),
            strategy,
            graph,
            scale,
            main,
            wakes_main: wakes[main as usize],
            wakes,
            seen: 0,
            ready,
            ring: Ring::new(spec.window),
            extra,
            last_row: None,
            last_value: None,
            spec,
        }
    }

    /// Where its strategy runs.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The hooks its strategy wants to be called for.
    #[must_use]
    pub const fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// Whether events of this kind reach it.
    #[must_use]
    #[inline]
    pub fn listens(&self, kind: EventKind) -> bool {
        self.wakes[kind as usize] || kind == self.main
    }

    /// Keeps a hook for its next evaluation, when its strategy wants it.
    pub fn tell(&mut self, hook: Hook) {
        if self.hooks.has(hook.kind()) && self.state == TraderState::Active {
            self.due.push(hook);
        }
    }

    /// Starts over with a fresh strategy: indicators and window begin empty, orders keep counting. When none can be
    /// made, or its `setup` fails, that counts as a failure of the next evaluation.
    pub fn restart(&mut self, make: impl FnOnce() -> Outcome<Box<dyn Strategy>>, pair: &str) {
        match evaluate::guard(make) {
            Ok(strategy) => {
                let fresh = Self::new(
                    self.index,
                    self.spec.clone(),
                    strategy,
                    pair,
                    self.scale,
                    Arc::clone(&self.extra),
                );
                let before = std::mem::replace(self, fresh);
                self.evaluations = before.evaluations;
                self.orders.count_on(&before.orders);
            }
            Err(stop) => self.failure = Some(stop),
        }
    }

    /// Reads what its next evaluation will need. With many traders each of these reads waits for memory; done for some
    /// traders in a row, before they are evaluated, the waits overlap.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> i64 {
        self.graph.touch().wrapping_add(i64::from(self.ready))
    }

    /// How many events of the kind that fills its window and indicators it has taken in.
    #[must_use]
    pub const fn rows_seen(&self) -> usize {
        self.seen
    }

    /// Whether its strategy asked for something, or failed, in this step.
    #[must_use]
    #[inline]
    pub fn has_acted(&self) -> bool {
        !self.orders.intents.is_empty() || self.failure.is_some()
    }
}
