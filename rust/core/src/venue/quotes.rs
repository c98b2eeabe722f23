//! Orders on quotes: the other side of the best prices.
//!
//! Not modelled: the size at the quote (every order is filled whole), the queue at a price level, the order's own
//! effect on the market.

use crate::domain::{Liquidity, Nanos, Side};
use crate::market::EventRef;
use crate::order::OrderKind;

use super::{Book, Execution, Outcome, Resting, VenueConfig, through};

pub(super) fn on_quote(
    book: &mut Book,
    event: &EventRef<'_>,
    now: Nanos,
    config: &VenueConfig,
    out: &mut Vec<Execution>,
) {
    let Some(quote) = event.quote() else { return };
    let best = (book.scale.units(quote.bid), book.scale.units(quote.ask));
    book.quote = Some(best);
    book.met_ts = Some(now);
    if book.orders.is_empty() {
        return;
    }
    let grid = book.grid;
    book.sweep(out, |order| {
        // An order that is still on its way meets the last quote when it arrives, not this one.
        if order.arrives > now || (config.latency > 0 && !order.arrived && order.arrives == now) {
            return None;
        }
        meet(order, best, now, config, grid)
    });
}

/// What becomes of an order that the best prices `(bid, ask)` meet.
pub(super) fn meet(
    order: &mut Resting,
    best: (i64, i64),
    now: Nanos,
    config: &VenueConfig,
    grid: i64,
) -> Option<(Nanos, Outcome)> {
    let market = match order.side {
        Side::Buy => best.1,
        Side::Sell => best.0,
    };
    let first = !order.arrived;
    order.arrived = true;
    match order.kind {
        OrderKind::Market => Some((
            now,
            Outcome::Filled {
                price: config.slipped(market, order.side, grid),
                liquidity: Liquidity::Taker,
            },
        )),
        OrderKind::Limit(limit) if through(order.side, limit, market) => {
            let (price, liquidity) = if first {
                (market, Liquidity::Taker)
            } else {
                (limit, Liquidity::Maker)
            };
            Some((
                now,
                Outcome::Filled {
                    price: price.saturating_mul(2),
                    liquidity,
                },
            ))
        }
        OrderKind::Limit(_) if order.tif.is_immediate() => Some((now, Outcome::Missed)),
        OrderKind::Limit(_) => None,
    }
}
