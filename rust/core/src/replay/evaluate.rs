//! One trader's part of a step, on the driver's own thread.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::market::{PriceScale, Row, Series};
use crate::trader::{Input, Trader, View};

use super::Cast;
use super::ahead::Ahead;

/// What a trader's strategy may look at in this step.
#[inline]
pub(super) fn view<'a>(cast: &Cast<'a>, writer: &'a Writer, trader: u32, now: Nanos) -> View<'a> {
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

/// One event for one trader on the driver's own thread, and where it may those that follow. Whether it acted in this
/// step.
#[inline]
pub(super) fn evaluate_one(
    cast: &mut Cast<'_>,
    ahead: &mut Ahead,
    writer: &Writer,
    index: u32,
    row: Row,
    now: Nanos,
) -> bool {
    let lead = ahead.leads[index as usize];
    if row.row < lead.until {
        return lead.acts_at(row);
    }
    let Some(series) = cast.series(row.entry.market(), row.entry.kind()) else {
        return false;
    };
    let mut view = view(cast, writer, index, now);
    let stretch = ahead.reach.stretch(cast, index, row, series);
    let scale = cast.scales[row.entry.market()];
    let trader = cast.traders[index as usize].get_mut();
    if !trader.listens(row.entry.kind()) {
        return false;
    }
    if let Some(stretch) = stretch
        && let Some(block) = stretch.begin(trader, &mut view, row.row)
    {
        let acts = block.lead.acts_at(row);
        ahead.note(index, block);
        ahead.look_at_clock();
        return acts;
    }
    take_in(trader, (series, scale), row, &view);
    trader.has_acted()
}

/// One event for one trader, and no other.
#[inline]
pub(super) fn take_in(
    trader: &mut Trader,
    (series, scale): (Series<'_>, PriceScale),
    row: Row,
    view: &View<'_>,
) {
    let event = series.event(row.row as usize);
    let input = Input {
        event,
        row: row.row as usize,
        mark: event.mark(scale),
        warm_up: row.warm_up,
    };
    trader.on_event(&input, view);
}
