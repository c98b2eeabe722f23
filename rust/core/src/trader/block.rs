//! Many rows for one trader at once: what an evaluation ahead of the run is made of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::limits::{CLOSES_PER_LINE, LOOKED_AHEAD};
use crate::market::{CandleSeries, Places, PriceScale, Sampled, Series};
use crate::portfolio::TraderRow;
use crate::signal::{Intent, TradeSignal};
use crate::strategy::{Coming, Mark, Outcome, SystemCtx, Taken, View};

use super::Trader;
use super::evaluate::{is_met, panicked, window};
use super::foresight::{Foreseen, Foresight};

/// Rows of the columns that a trader follows.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    /// The columns.
    pub series: Series<'a>,
    /// How their prices become whole numbers.
    pub scale: PriceScale,
    /// The step of each row that the run sees.
    pub places: Places<'a>,
    /// The row before which it ends.
    pub end: u32,
    /// What it takes to go on past an order; `None` where a block ends with the first one.
    pub foresight: Option<Foresight<'a>>,
}

impl Trader {
    /// Takes in rows from `from` on until the end of the stretch, or until it asks for something that cannot be foreseen,
    /// or fails; the row after the last one it took in. What could be foreseen is added to `foreseen`. Nothing may be due,
    /// and no order of its may work.
    pub fn take_in_rows(
        &mut self,
        stretch: &Stretch<'_>,
        view: &View<'_>,
        from: u32,
        foreseen: &mut Vec<Foreseen>,
    ) -> u32 {
        let mut at = from as usize;
        let mut own: Option<TraderRow> = None;
        loop {
            let present = own.as_ref().unwrap_or(view.row);
            let rows = AssertUnwindSafe(|| {
                let mut view = View {
                    row: present,
                    ..*view
                };
                self.until_it_acts(stretch, &mut view, &mut at)
            });
            match catch_unwind(rows) {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(signal))) => {
                    if self.orders.intents.is_empty()
                        && let Some(next) = foresee(stretch, &signal, present, at - 1)
                    {
                        foreseen.push(next);
                        let row = own.get_or_insert_with(|| view.row.clone());
                        row.position = next.position;
                        row.entry_price = next.entry_price;
                        continue;
                    }
                    // Mostly it is the only one; room for more would lie about in memory for each of many traders.
                    self.orders.intents.reserve_exact(1);
                    self.orders.intents.push(Intent::Signal(signal));
                }
                Ok(Err(stop)) => self.failure = Some(stop),
                Err(payload) => self.failure = Some(panicked(payload.as_ref())),
            }
            return u32::try_from(at).unwrap_or(u32::MAX);
        }
    }

    /// `at` is always the row after the last one taken in.
    fn until_it_acts<'a>(
        &mut self,
        stretch: &Stretch<'a>,
        view: &mut View<'a>,
        at: &mut usize,
    ) -> Outcome<Option<TradeSignal>> {
        let Stretch {
            series,
            scale,
            places,
            ..
        } = *stretch;
        let alone = matches!(series, Series::Candle(_));
        while *at < stretch.end as usize {
            if let Some(taken) = self.take_many(stretch, *at, view) {
                *at += taken.rows;
                if let Some(signal) = taken.last?
                    && (!self.orders.intents.is_empty() || !is_met(&signal, view.row))
                {
                    return Ok(Some(signal));
                }
                if !self.orders.intents.is_empty() {
                    return Ok(None);
                }
                continue;
            }
            let row = *at;
            *at += 1;
            self.show(stretch, row);
            self.seen += 1;
            self.last_row = Some(row);
            if !self.ready {
                self.ready = self.graph.ready() && self.seen >= self.spec.window;
                if !self.ready {
                    continue;
                }
            }
            if !self.wakes_main {
                continue;
            }
            self.evaluations += 1;
            // The snapshot of a step holds the mark of the last row of its time.
            let mut last = row;
            while !alone && places.get(last + 1) == places.get(row) {
                last += 1;
            }
            let window = window((&self.ring, self.spec.window), Some(series), Some(row));
            view.now = series.ts(row);
            view.mark = Mark::Of(series.event(last), scale);
            let mut ctx = SystemCtx {
                event: Some(series.event(row)),
                view,
                graph: &self.graph,
                window,
                extra: &self.extra,
                orders: &mut self.orders,
            };
            if let Some(signal) = self.strategy.generate_signal(&mut ctx)? {
                let first = self.orders.intents.is_empty();
                if !first || !is_met(&signal, view.row) {
                    return Ok(Some(signal));
                }
            }
            if !self.orders.intents.is_empty() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Offers the strategy the rows from this one on whose indicators are computed, to take in as many as it can in one
    /// call; `None` where it takes none.
    #[inline]
    fn take_many(&mut self, stretch: &Stretch<'_>, row: usize, view: &View<'_>) -> Option<Taken> {
        let rows = self.graph.coming(row).min(stretch.end as usize - row);
        if rows == 0 || !self.ready || !self.wakes_main || self.spec.window > 0 {
            return None;
        }
        let mut coming = Coming {
            graph: &self.graph,
            view,
            orders: &mut self.orders,
            series: stretch.series,
            scale: stretch.scale,
            first: row,
            rows,
        };
        let call = AssertUnwindSafe(|| self.strategy.take_rows(&mut coming));
        // At which of the rows it panicked nobody knows, so that counts at the first.
        let taken = catch_unwind(call).unwrap_or_else(|payload| Taken {
            rows: 1,
            last: Err(panicked(payload.as_ref())),
        });
        let rows = taken.rows.min(rows);
        if rows == 0 {
            return None;
        }
        self.graph.pass(rows);
        self.seen += rows;
        self.evaluations += rows as u64;
        self.last_row = Some(row + rows - 1);
        Some(taken)
    }

    /// Brings the indicators to a row: by values that are computed already, or by computing some more.
    #[inline]
    fn show(&mut self, stretch: &Stretch<'_>, row: usize) {
        if self.graph.show(row) {
            return;
        }
        if self.graph.can_look_ahead() {
            self.look_ahead(stretch.series, stretch.places.len(), row);
            return;
        }
        let event = stretch.series.event(row);
        self.graph.update(&Sampled {
            event,
            scale: stretch.scale,
            mark: event.mark(stretch.scale),
        });
    }

    /// Computes the indicators of this row and of some that follow, before the row `end`, and shows this one's.
    #[inline(never)]
    pub(super) fn look_ahead(&mut self, series: Series<'_>, end: usize, row: usize) {
        let rest = end.saturating_sub(row);
        if self.graph.is_shared() {
            self.graph.look_along(row, rest);
            self.graph.show(row);
            return;
        }
        let mut marks = [0; LOOKED_AHEAD];
        let rest = rest.min(LOOKED_AHEAD);
        let marks = &mut marks[..rest];
        series.marks(row, self.scale, marks);
        self.graph.look_ahead(row, marks);
        self.graph.show(row);
    }
}

/// What becomes of a signal at a row, where the stretch has foresight.
fn foresee(
    stretch: &Stretch<'_>,
    signal: &TradeSignal,
    row: &TraderRow,
    at: usize,
) -> Option<Foreseen> {
    let foresight = stretch.foresight.as_ref()?;
    let step = stretch.places.get(at)?;
    touch_times(foresight.candles, at);
    let now = stretch.series.ts(at);
    let then = stretch.places.get(at + 1);
    let then = then.map(|_| stretch.series.ts(at + 1));
    let mark = stretch.series.event(at).mark(stretch.scale);
    let place = (u32::try_from(at).ok()?, step, mark);
    foresight.after(signal, row, place, (now, then))
}

/// Reads the times of the rows that follow one, line by line: the next order asks for that of its row alone, and where
/// nobody reads those between, the processor fetches none beforehand.
#[inline]
fn touch_times(candles: &CandleSeries, at: usize) {
    let rows = (at..at + LOOKED_AHEAD).step_by(CLOSES_PER_LINE);
    let times = rows.map_while(|row| candles.open_ts.get(row));
    std::hint::black_box(times.fold(0, |touched, ts| touched ^ ts));
}
