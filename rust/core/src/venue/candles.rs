//! Orders on candles: a resting limit order is filled at the open when that is through it already, else at its limit
//! when the range touches it. With `fill="close"` market orders are filled at closes.
//!
//! Not modelled: the way of the price within the candle (so an order that the range touches is filled, whatever came
//! first), and volume.

use crate::domain::{Liquidity, Nanos, Side};
use crate::market::{Candle, EventKind, EventRef};
use crate::order::OrderKind;

use super::{Book, Execution, FillModel, Outcome, Resting, VenueConfig, through};

pub(super) fn on_candle(
    book: &mut Book,
    event: &EventRef<'_>,
    now: Nanos,
    config: &VenueConfig,
    out: &mut Vec<Execution>,
) {
    if book.has(EventKind::Quote) {
        return;
    }
    if config.fill == FillModel::Close {
        book.close = Some(book.scale.units(event.field(crate::market::Field::Close)));
        book.met_ts = Some(now);
    }
    if book.orders.is_empty() {
        return;
    }
    let Some(candle) = event.candle() else { return };
    let (scale, grid) = (book.scale, book.grid);
    book.sweep(out, |order| {
        let limit = match order.kind {
            OrderKind::Market => return market(order, &candle, (scale, grid), now, config),
            OrderKind::Limit(limit) => limit,
        };
        if config.fill == FillModel::Close && !order.arrived {
            return meet_close(order, scale.units(candle.close), now, config, grid);
        }
        if candle.open_ts < order.decided {
            return None;
        }
        // An order that will not wait has the open as its one chance.
        let reach = if order.tif.is_immediate() {
            Reach::Open
        } else {
            Reach::Range
        };
        match rest(order.side, limit, &candle, scale, reach) {
            Some((ts, price)) => Some((
                ts,
                Outcome::Filled {
                    price: price.saturating_mul(2),
                    liquidity: Liquidity::Maker,
                },
            )),
            None if order.tif.is_immediate() => Some((now, Outcome::Missed)),
            None => None,
        }
    });
}

/// A market order that waits: for a close, or, where no data tell opens beforehand, for the first candle that opens
/// after it was decided.
fn market(
    order: &mut Resting,
    candle: &Candle,
    (scale, grid): (crate::market::PriceScale, i64),
    now: Nanos,
    config: &VenueConfig,
) -> Option<(Nanos, Outcome)> {
    if config.fill == FillModel::Close {
        return meet_close(order, scale.units(candle.close), now, config, grid);
    }
    if candle.open_ts < order.decided {
        return None;
    }
    Some((
        candle.open_ts,
        Outcome::Filled {
            price: config.slipped(scale.units(candle.open), order.side, grid),
            liquidity: Liquidity::Taker,
        },
    ))
}

/// An order that meets its first close takes it, when its limit allows.
pub(super) fn meet_close(
    order: &mut Resting,
    close: i64,
    now: Nanos,
    config: &VenueConfig,
    grid: i64,
) -> Option<(Nanos, Outcome)> {
    order.arrived = true;
    let price = match order.kind {
        OrderKind::Market => config.slipped(close, order.side, grid),
        OrderKind::Limit(limit) if through(order.side, limit, close) => close.saturating_mul(2),
        OrderKind::Limit(_) if order.tif.is_immediate() => return Some((now, Outcome::Missed)),
        OrderKind::Limit(_) => return None,
    };
    Some((
        now,
        Outcome::Filled {
            price,
            liquidity: Liquidity::Taker,
        },
    ))
}

/// What of a candle an order meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Open,
    Range,
}

/// When and at what price a candle fills a resting limit order.
fn rest(
    side: Side,
    limit: i64,
    candle: &Candle,
    scale: crate::market::PriceScale,
    reach: Reach,
) -> Option<(Nanos, i64)> {
    let open = scale.units(candle.open);
    if through(side, limit, open) {
        return Some((candle.open_ts, open));
    }
    let extreme = match side {
        Side::Buy => scale.units(candle.low),
        Side::Sell => scale.units(candle.high),
    };
    (reach == Reach::Range && through(side, limit, extreme)).then_some((candle.close_ts, limit))
}
