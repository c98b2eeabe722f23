//! Orders on trades: a limit order is filled when others trade at its limit or through it; where a market has trades
//! only, a market order is filled at the next later trade.
//!
//! Not modelled: the quantity traded, and the queue before the order at its limit.

use crate::domain::{Liquidity, Nanos};
use crate::market::{EventKind, EventRef};
use crate::order::OrderKind;

use super::{Book, Execution, FillModel, Outcome, VenueConfig, through};

pub(super) fn on_trade(
    book: &mut Book,
    event: &EventRef<'_>,
    now: Nanos,
    config: &VenueConfig,
    out: &mut Vec<Execution>,
) {
    if book.orders.is_empty() {
        return;
    }
    let Some(trade) = event.trade() else { return };
    let price = book.scale.units(trade.price);
    let alone = !book.has(EventKind::Candle) && !book.has(EventKind::Quote);
    // Where orders first meet a quote or a close, a trade before that does not reach them.
    let after_arrival = book.has(EventKind::Quote)
        || (book.has(EventKind::Candle) && config.fill == FillModel::Close);
    let (grid, late) = (book.grid, book.latency(config) > 0);
    book.sweep(out, |order| {
        if (late && now <= order.arrives) || (after_arrival && !order.arrived) {
            return None;
        }
        match order.kind {
            OrderKind::Market if alone => Some((
                now,
                Outcome::Filled {
                    price: config.slipped(price, order.side, grid),
                    liquidity: Liquidity::Taker,
                },
            )),
            OrderKind::Limit(limit) if through(order.side, limit, price) => Some((
                now,
                Outcome::Filled {
                    price: limit.saturating_mul(2),
                    liquidity: Liquidity::Maker,
                },
            )),
            OrderKind::Limit(_) if order.tif.is_immediate() => Some((now, Outcome::Missed)),
            OrderKind::Market | OrderKind::Limit(_) => None,
        }
    });
}
