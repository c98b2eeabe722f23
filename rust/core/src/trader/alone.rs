//! Rows for one trader, each in a step of its own, while nobody else is called: what is fixed between them is looked at once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::Nanos;
use crate::market::Series;
use crate::portfolio::AccountView;
use crate::signal::{Intent, TradeSignal};
use crate::strategy::{Mark, Outcome, SystemCtx, View};

use super::evaluate::{Input, is_met, panicked, window};
use super::{Trader, TraderState};

/// Rows of the columns that a trader follows, one in each step.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The columns.
    pub series: Series<'a>,
    /// The row behind the last one.
    pub end: usize,
    /// The first row that does not only warm up.
    pub live: usize,
}

impl Trader {
    /// Takes in rows from `from` on, until it asks for something or fails; the row after the last one it took in. `at` tells
    /// the time of a row's step and what the account is then; of `view` all else holds in each of these steps.
    ///
    /// What happens is what [`Trader::on_event`] does, row after row.
    pub fn on_events<'a>(
        &mut self,
        rows: Rows<'a>,
        from: usize,
        view: &mut View<'a>,
        mut at: impl FnMut(usize) -> (Nanos, AccountView),
    ) -> usize {
        let mut row = from;
        while row < rows.end {
            if self.is_plain() && row >= rows.live {
                let called = AssertUnwindSafe(|| self.until_asked(rows, &mut row, view, &mut at));
                match catch_unwind(called) {
                    Ok(Ok(None)) => {}
                    Ok(Ok(Some(signal))) => self.orders.intents.push(Intent::Signal(signal)),
                    Ok(Err(stop)) => self.failure = Some(stop),
                    Err(payload) => self.failure = Some(panicked(payload.as_ref())),
                }
                return row;
            }
            let event = rows.series.event(row);
            (view.now, view.account) = at(row);
            view.mark = Mark::Of(event, self.scale);
            let input = Input {
                event,
                row,
                warm_up: row < rows.live,
            };
            self.on_event(&input, view);
            row += 1;
            if self.has_acted() {
                break;
            }
        }
        row
    }

    /// Whether a row of the main kind leads to nothing but a call of the strategy.
    fn is_plain(&self) -> bool {
        self.ready
            && self.wakes_main
            && !self.asked
            && self.due.is_empty()
            && self.state == TraderState::Active
            && self.failure.is_none()
            && self.orders.intents.is_empty()
    }

    /// `row` is always the row after the last one taken in.
    fn until_asked<'a>(
        &mut self,
        rows: Rows<'a>,
        row: &mut usize,
        view: &mut View<'a>,
        at: &mut impl FnMut(usize) -> (Nanos, AccountView),
    ) -> Outcome<Option<TradeSignal>> {
        while *row < rows.end {
            let here = *row;
            *row += 1;
            let event = rows.series.event(here);
            if !self.graph.show(here) {
                self.update(&Input {
                    event,
                    row: here,
                    warm_up: false,
                });
            }
            self.seen += 1;
            self.last_row = Some(here);
            self.evaluations += 1;
            (view.now, view.account) = at(here);
            view.mark = Mark::Of(event, self.scale);
            let own = (&self.ring, self.spec.window);
            let mut ctx = SystemCtx {
                event: Some(event),
                view,
                graph: &self.graph,
                window: window(own, Some(rows.series), Some(here)),
                extra: &self.extra,
                orders: &mut self.orders,
            };
            // Looked at where it lies: a signal is large, and nearly always asks for what is there already.
            match self.strategy.generate_signal(&mut ctx) {
                Ok(None) => {}
                Ok(Some(signal)) if is_met(&signal, view.row) && !self.has_asked() => {}
                asked => return asked,
            }
            if self.has_asked() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    #[inline]
    fn has_asked(&self) -> bool {
        !self.orders.intents.is_empty()
    }
}
