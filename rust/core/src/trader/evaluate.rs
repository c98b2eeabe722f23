//! One evaluation: hooks that are due, indicators, the strategy.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::market::{EventRef, Ring, Sampled, Series, Window};
use crate::portfolio::TraderRow;
use crate::signal::{Intent, TradeSignal};
use crate::strategy::{FaultKind, Hook, Outcome, Stop, Strategy, StrategyFault, SystemCtx, View};

use super::{Trader, TraderState};

/// One event for one trader.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The event.
    pub event: EventRef<'a>,
    /// Its row in the columns it comes from; zero where a feed delivers events by value.
    pub row: usize,
    /// Whether it only warms indicators and windows up.
    pub warm_up: bool,
}

impl Trader {
    /// Takes in one event: due hooks, indicators, `generate_signal`.
    #[inline]
    pub fn on_event(&mut self, input: &Input<'_>, view: &View<'_>) {
        if !self.due.is_empty() && !input.warm_up {
            self.run_hooks(view);
        }
        let kind = input.event.kind();
        if kind == self.main {
            self.feed(input);
        }
        if input.warm_up
            || !self.ready
            || !self.wakes[kind as usize]
            || self.state != TraderState::Active
            || self.failure.is_some()
        {
            self.strategy.fed();
            return;
        }
        self.evaluations += 1;
        let asked = self.asked;
        let (strategy, mut ctx) = self.context(view, Some(input.event));
        let called = guard(|| {
            // Looked at where it lies: a signal is large, and nearly always asks for what is there already.
            let outcome = strategy.generate_signal(&mut ctx);
            match &outcome {
                Ok(None) => Ok(()),
                Ok(Some(signal)) => {
                    let first = !asked && ctx.orders.intents.is_empty();
                    if !first || !is_met(signal, view.row) {
                        ctx.orders.intents.push(Intent::Signal(*signal));
                    }
                    Ok(())
                }
                Err(_) => outcome.map(drop),
            }
        });
        if let Err(stop) = called {
            self.failure = Some(stop);
        }
    }

    /// Calls the strategy for what is due, in the order in which it happened.
    pub fn run_hooks(&mut self, view: &View<'_>) {
        for hook in std::mem::take(&mut self.due) {
            if self.failure.is_some() || self.state == TraderState::Quarantined {
                return;
            }
            self.run_hook(&hook, view);
        }
    }

    /// The closing pass: what is due, then `on_stop`. A trader that had no event of its own never started.
    pub fn run_last_hooks(&mut self, view: &View<'_>) {
        self.due.retain(|hook| *hook != Hook::Start);
        self.run_hooks(view);
        if self.failure.is_none() {
            self.tell(Hook::Stop);
            self.run_hooks(view);
        }
    }

    fn run_hook(&mut self, hook: &Hook, view: &View<'_>) {
        let last = self.last_value;
        let event = match (view.series, self.last_row) {
            (Some(series), Some(row)) => Some(series.event(row)),
            _ => last.as_ref().map(EventRef::Value),
        };
        let (strategy, mut ctx) = self.context(view, event);
        match guard(|| strategy.on_hook(&mut ctx, hook)) {
            Ok(None) => {}
            Ok(Some(signal)) => self.orders.intents.push(Intent::Signal(signal)),
            Err(stop) => self.failure = Some(stop),
        }
    }

    /// Takes in an event for its indicators and its window alone.
    #[inline(always)]
    pub fn feed(&mut self, input: &Input<'_>) {
        if !self.graph.show(input.row) {
            self.update(input);
        }
        self.seen += 1;
        self.last_row = Some(input.row);
        if let EventRef::Value(event) = input.event {
            self.last_value = Some(*event);
            self.ring.push(*event);
        }
        if !self.ready {
            self.ready = self.graph.ready() && self.seen >= self.spec.window;
        }
    }

    /// Brings the indicators up to date: over a few rows at once where the event is one of a column.
    #[inline(never)]
    pub(super) fn update(&mut self, input: &Input<'_>) {
        match input.event.series() {
            Some(series) if self.graph.can_look_ahead() => {
                self.look_ahead(series, series.len(), input.row);
            }
            _ => self.graph.update(&Sampled {
                event: input.event,
                scale: self.scale,
                mark: input.event.mark(self.scale),
            }),
        }
    }

    /// What the strategy sees, and the strategy: both borrowed from the trader at once.
    #[inline]
    fn context<'a>(
        &'a mut self,
        view: &'a View<'a>,
        event: Option<EventRef<'a>>,
    ) -> (&'a mut dyn Strategy, SystemCtx<'a>) {
        let window = window((&self.ring, self.spec.window), view.series, self.last_row);
        let ctx = SystemCtx {
            event,
            view,
            graph: &self.graph,
            window,
            extra: &self.extra,
            orders: &mut self.orders,
        };
        (self.strategy.as_mut(), ctx)
    }
}

/// The last events by column: rows of the market's columns, or those that the trader keeps.
#[inline]
pub(super) fn window<'a>(
    (ring, len): (&'a Ring, usize),
    series: Option<Series<'a>>,
    last_row: Option<usize>,
) -> Option<Window<'a>> {
    match (series, last_row) {
        _ if len == 0 => None,
        (Some(series), Some(row)) => Some(Window::Rows { series, row, len }),
        (Some(_), None) => None,
        (None, _) => Some(Window::Own(ring)),
    }
}

/// Whether a signal about a side asks for what is there already: then nothing needs to reach the writer, which would
/// decide the same. The exact rules are the writer's; this knows the plain cases alone.
#[inline]
pub(super) fn is_met(signal: &TradeSignal, row: &TraderRow) -> bool {
    match signal {
        TradeSignal::Side {
            side, size: None, ..
        } => match row.signal_order() {
            Some((_, target)) => target.signum() == side.sign(),
            None if side.is_of(row.position) => true,
            // What would only add to the position cannot pass while the end of an earlier order is unknown.
            None => !row.leaving.is_empty() && row.position.signum() != -side.sign(),
        },
        TradeSignal::Close => row.position == 0 && row.working.is_empty(),
        TradeSignal::Reverse => row.position == 0,
        TradeSignal::Side { .. } | TradeSignal::Target(_) => false,
    }
}

/// Calls into a strategy; a panic becomes a fault of the strategy.
#[inline]
pub(super) fn guard<T>(call: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(outcome) => outcome,
        Err(payload) => Err(panicked(payload.as_ref())),
    }
}

/// A panic of a strategy as the fault that it is.
#[must_use]
pub fn panicked(payload: &(dyn std::any::Any + Send)) -> Stop {
    Stop::Fault(StrategyFault {
        kind: FaultKind::Panic,
        message: panic_message(payload),
        origin: None,
    })
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
