//! One trader's part of a step, on the driver's own thread.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::market::Row;
use crate::trader::{Input, View};

use super::Cast;

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

/// One event for one trader on the driver's own thread.
#[inline]
pub(super) fn evaluate_one(
    cast: &mut Cast<'_>,
    writer: &Writer,
    index: u32,
    row: Row,
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
