//! Light steps of a single trader: its rows are handed to it in a row, and nothing is looked for between them.

use std::ops::Range;

use crate::commit::Writer;
use crate::market::{EventKind, Places, Steps};
use crate::portfolio::AccountView;
use crate::step::{Loaded, Quiet};
use crate::strategy::Mark;
use crate::trader::LoneRows;

use super::Direct;
use super::evaluate::view;
use super::light::Begun;

/// The only trader that goes event by event, in steps each of which has one row for it.
pub(super) struct Alone {
    trader: u32,
    market: u32,
    kind: EventKind,
    steps: Range<usize>,
    /// The row in the first of these steps.
    row: usize,
}

impl Direct<'_> {
    /// Whether one trader alone goes event by event, and has one row in each of these steps.
    pub(super) fn alone(&self, steps: Range<usize>) -> Option<Alone> {
        let &[market] = self.timeline.always() else {
            return None;
        };
        let index = market as usize;
        let ([seat], &[kind]) = (self.cast.slots.of(index), &self.cast.kinds[index][..]) else {
            return None;
        };
        let trader = seat.trader;
        let Places::Straight { first, rows } = self.timeline.steps().places(index, kind) else {
            return None;
        };
        let row = steps.start.checked_sub(first as usize)?;
        let whole = row + steps.len() <= rows as usize;
        let main = self.cast.mains[trader as usize] == kind;
        (whole && main && !steps.is_empty()).then_some(Alone {
            trader,
            market,
            kind,
            steps,
            row,
        })
    }

    /// Calls the trader for these steps, up to the first in which it asks for something, which is begun; the step that is still
    /// to be made.
    pub(super) fn call_until_asked(
        &mut self,
        writer: &Writer,
        alone: Alone,
        steps: &Steps,
        quiet: &mut Quiet,
    ) -> usize {
        let Alone {
            trader,
            market,
            kind,
            steps: range,
            row: first,
        } = alone;
        let index = market as usize;
        let Some(series) = self.cast.series(index, kind) else {
            return range.start;
        };
        let times = &steps.times()[range.clone()];
        let worths = self.valuation.between(range.start, range.end);
        let account = &writer.account;
        let free = account.view().free;
        let at = |row: usize| {
            let place = row - first;
            let equity = account.equity_with(worths.at(place));
            (times[place], AccountView { equity, free })
        };
        let mut view = view(&self.cast, writer, trader, times[0]);
        view.mark = Mark::Known(None);
        let rows = LoneRows {
            series,
            end: first + range.len(),
            live: self.timeline.first_live(index, kind) as usize,
        };
        let slot = self.cast.traders[trader as usize].get_mut();
        let next = slot.on_events(rows, first, &mut view, at);
        let asked = slot.has_acted();
        let made = range.start + (next - first) - usize::from(asked);
        quiet.events += self.timeline.pass_to(made);
        self.has_rows = true;
        if asked {
            self.acting.push(trader);
            let (events, warm_up) = self.timeline.load(&self.cast, |_| false, &mut self.rows);
            let loaded = Loaded { events, warm_up };
            let now = steps.times()[made];
            self.begun = Some(Begun { now, loaded });
            self.evaluated = true;
        }
        made
    }
}
