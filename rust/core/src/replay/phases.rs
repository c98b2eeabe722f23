//! The phases of a step that meet the market: venue, marks, immediate fills, opens.

use crate::domain::Nanos;
use crate::market::{EventKind, EventRef};
use crate::trader::{Input, View};

use super::{Cast, Flow, Replay};

impl Replay<'_> {
    /// Phase 1: resting orders meet the events of this time; fills in the order of fill time, trader and order.
    pub(super) fn meet_venue(&mut self, now: Nanos, arrivals: bool) {
        for row in &self.rows {
            let market = row.entry.market();
            let Some(series) = self.cast.series(market, row.entry.kind()) else {
                continue;
            };
            let event = series.event(row.row as usize);
            let market = market as u32;
            self.venue
                .on_event(market, &event, now, &mut self.executions);
        }
        if arrivals {
            self.venue.on_arrivals(now, &mut self.executions);
        }
        if self.executions.is_empty() {
            return;
        }
        self.executions
            .sort_by_key(|execution| (execution.ts, execution.trader, execution.order));
        self.apply_executions();
        self.deliver();
    }

    pub(super) fn apply_executions(&mut self) {
        for execution in self.executions.drain(..) {
            self.writer.on_execution(&execution);
        }
    }

    /// Phase 2: last prices, liquidation, and the snapshot of this step.
    pub(super) fn take_marks(&mut self, now: Nanos) {
        self.mark_rows();
        if self.writer.liquidate_if_needed(now, &mut self.commands) {
            self.send_commands();
            self.deliver();
        }
        self.writer.snapshot(now);
    }

    fn mark_rows(&mut self) {
        for row in &self.rows {
            let market = row.entry.market();
            let Some(series) = self.cast.series(market, row.entry.kind()) else {
                continue;
            };
            let scale = self.cast.scales[market];
            let event = series.event(row.row as usize);
            let ask = match event {
                EventRef::Quote(quotes, row) => Some(2 * scale.units(quotes.ask[row])),
                _ => None,
            };
            self.writer
                .account
                .mark(market as u32, event.mark(scale), ask);
        }
    }

    /// A time before `start`: prices, indicators and windows follow, and nothing else happens.
    pub(super) fn warm_up(&mut self, now: Nanos) {
        self.meet_venue(now, false);
        self.mark_rows();
        self.quarantine_failed_setups(now);
        for index in 0..self.rows.len() {
            let row = self.rows[index];
            let market = row.entry.market();
            for slot in 0..self.cast.slots.of(market).len() {
                let trader = self.cast.slots.of(market)[slot];
                evaluate_one(&mut self.cast, &self.writer, trader, row, now);
            }
        }
    }

    /// An error in `setup` counts at the first step, even where that one only warms up.
    fn quarantine_failed_setups(&mut self, now: Nanos) {
        let traders = &mut self.cast.traders;
        let failed: Vec<u32> = self
            .acting
            .extract_if(.., |index| {
                traders[*index as usize].get_mut().failure.is_some()
            })
            .collect();
        if !failed.is_empty() {
            self.report.last_ts = Some(now);
            self.commit_of(now, &failed);
        }
    }

    /// Phase 3: every trader its own events. Whether the user ended the run in it.
    pub(super) fn evaluate(&mut self, now: Nanos) -> Flow {
        let interrupted = self.evaluator.evaluate(
            &mut self.cast,
            &self.writer,
            super::pool::StepWork {
                now,
                rows: &self.rows,
                due: &mut self.due,
                acting: &mut self.acting,
            },
            self.host,
        );
        if interrupted {
            Flow::Interrupted
        } else {
            Flow::Go
        }
    }

    /// Phase 5: orders of this step meet the close or the quote of this time.
    pub(super) fn immediate_fills(&mut self, now: Nanos) {
        self.venue.immediate(now, &mut self.executions);
        self.apply_executions();
    }

    /// Phase 6: market orders that wait for a candle opening now.
    pub(super) fn opens(&mut self, now: Nanos) {
        if self.venue.next_wake().is_none_or(|ts| ts > now) {
            return;
        }
        let (cast, cursors) = (&self.cast, &self.cursors);
        let open_price = |market: u32, ts: Nanos| {
            let market = market as usize;
            let candles = cast.markets[market].candles.as_ref()?;
            let hint = cursors[market][EventKind::Candle as usize] as usize;
            let row = candles.next_open(ts, hint)?;
            (candles.open_ts[row] == ts).then(|| candles.open[row])
        };
        self.venue.on_opens(now, open_price, &mut self.executions);
        self.apply_executions();
    }
}

/// What a trader's strategy may look at in this step.
#[inline]
pub(super) fn view<'a>(
    cast: &Cast<'a>,
    writer: &'a crate::commit::Writer,
    trader: u32,
    now: Nanos,
) -> View<'a> {
    let market = cast.market_of[trader as usize];
    let book = writer.account.market(market);
    View {
        now,
        row: writer.account.row(trader),
        account: writer.account.view(),
        mark: book.mark,
        instrument: &book.instrument,
        pair: &cast.markets[market as usize].name,
        series: cast.series(market as usize, cast.mains[trader as usize]),
    }
}

/// One event for one trader on the driver's own thread.
#[inline]
pub(super) fn evaluate_one(
    cast: &mut Cast<'_>,
    writer: &crate::commit::Writer,
    index: u32,
    row: super::Row,
    now: Nanos,
) -> bool {
    let Some(series) = cast.series(row.entry.market(), row.entry.kind()) else {
        return false;
    };
    let view = view(cast, writer, index, now);
    let trader = cast.traders[index as usize].get_mut();
    if !trader.listens(row.entry.kind()) {
        return false;
    }
    let input = Input {
        event: series.event(row.row as usize),
        row: row.row as usize,
        warm_up: row.warm_up,
    };
    trader.on_event(&input, &view);
    trader.has_acted()
}
