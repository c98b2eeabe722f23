//! What a trader was, kept while it is evaluated ahead of the run.
//!
//! Its indicators are a function of its market's rows alone, so they are not kept: they are computed again in the rare
//! case that the trader must go back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::indicator::Graph;
use crate::market::Ring;
use crate::portfolio::TraderRow;
use crate::signal::TradeSignal;
use crate::strategy::{Hooks, Orders, Outcome, SetupCtx, Strategy, SystemCtx};

use super::{Input, Trader, TraderSpec, TraderState};

/// All of a trader that an evaluation changes, but what follows from its market's rows.
pub struct Saved {
    strategy: Box<dyn Strategy>,
    orders: Orders,
    evaluations: u64,
    /// Its part of the account.
    pub row: TraderRow,
}

/// The strategy of an empty place.
struct Nobody;

impl Strategy for Nobody {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        Ok(())
    }

    fn generate_signal(&mut self, _ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        Ok(None)
    }
}

impl Trader {
    /// Whether it may ever be evaluated ahead: its strategy reads nothing but its own market, position and orders,
    /// and can be copied.
    #[must_use]
    pub fn can_run_ahead(&self) -> bool {
        self.lane.is_pooled() && self.strategy.is_market_local() && self.fork().is_some()
    }

    /// A copy of its strategy. One that panics when it is to be copied cannot be.
    fn fork(&self) -> Option<Box<dyn Strategy>> {
        catch_unwind(AssertUnwindSafe(|| self.strategy.fork())).unwrap_or_default()
    }

    /// Whether its next event is a plain one: it is called for it, and nothing comes before that.
    #[must_use]
    #[inline]
    pub const fn is_clear(&self) -> bool {
        matches!(self.state, TraderState::Active)
            && self.due.is_empty()
            && self.failure.is_none()
            && self.orders.intents.is_empty()
    }

    /// What stands in its place while it is elsewhere: it hears of nothing, and nothing is expected of it.
    #[must_use]
    pub fn vacant(&self) -> Self {
        Self {
            spec: TraderSpec {
                name: String::new(),
                label: String::new(),
                version: String::new(),
                market: self.spec.market,
                size: None,
                events: Vec::new(),
                window: 0,
                has_volume: false,
            },
            index: self.index,
            state: self.state,
            orders: Orders::default(),
            asked: false,
            due: Vec::new(),
            failure: None,
            evaluations: 0,
            strategy: Box::new(Nobody),
            hooks: Hooks::NONE,
            lane: self.lane,
            graph: Graph::new(self.scale.digits, self.main.default_field()),
            scale: self.scale,
            main: self.main,
            wakes: [false; 3],
            wakes_main: false,
            seen: 0,
            ready: false,
            ring: Ring::new(0),
            extra: Arc::clone(&self.extra),
            last_row: None,
            last_value: None,
        }
    }

    /// What it is now, with this part of the account; `None` where its strategy cannot be copied.
    #[must_use]
    pub fn save(&self, row: &TraderRow) -> Option<Saved> {
        Some(Saved {
            strategy: self.fork()?,
            orders: self.orders.clone(),
            evaluations: self.evaluations,
            row: row.clone(),
        })
    }

    /// Whether it may besides be evaluated past an order of its own: its strategy looks at nothing but the position that
    /// this leads to, and hears nothing of what became of the order.
    #[must_use]
    pub fn can_pass_orders(&self) -> bool {
        let told = [Hooks::FILL, Hooks::ORDER, Hooks::REFUSED];
        self.strategy.may_pass_orders() && !told.iter().any(|&told| self.hooks.has(told))
    }

    /// Becomes again what it was; `rows` are all that it had taken in by then. What it asked for since is forgotten. Gives
    /// back its part of the account at that time.
    pub fn restore<'a>(
        &mut self,
        saved: Saved,
        rows: impl Iterator<Item = Input<'a>>,
    ) -> TraderRow {
        self.strategy = saved.strategy;
        self.orders = saved.orders;
        self.evaluations = saved.evaluations;
        self.failure = None;
        self.graph = self.graph.blank();
        self.seen = 0;
        self.last_row = None;
        self.ready = self.graph.ready() && self.spec.window == 0;
        for row in rows {
            self.feed(&row);
        }
        saved.row
    }
}
