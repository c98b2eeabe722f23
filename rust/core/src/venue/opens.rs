//! Market orders on candles with `fill="next_open"`: the open of the first candle that opens after the decision.
//!
//! Not modelled: the spread, and what the order does to the opening price; `slippage_bps` stands for both.

use crate::domain::{Liquidity, Nanos, Side};
use crate::order::OrderKind;

use super::{Execution, Outcome, SimVenue};

pub(super) fn fill(
    venue: &mut SimVenue,
    now: Nanos,
    open_price: impl Fn(u32, Nanos) -> Option<f64>,
    out: &mut Vec<Execution>,
) {
    let config = venue.config;
    let mut found: Vec<(Side, Execution)> = Vec::new();
    while let Some(&(ts, market, id)) = venue.wakes.first() {
        if ts > now {
            break;
        }
        venue.wakes.pop_first();
        let book = &mut venue.books[market as usize];
        let Some(price) = open_price(market, ts) else {
            continue;
        };
        let units = book.scale.units(price);
        let Some(position) = book
            .orders
            .iter()
            .position(|order| order.id == id && order.kind == OrderKind::Market)
        else {
            continue;
        };
        let order = book.orders.remove(position);
        found.push((
            order.side,
            Execution {
                order: id,
                trader: order.trader,
                ts,
                outcome: Outcome::Filled {
                    price: config.slipped(units, order.side, book.grid),
                    liquidity: Liquidity::Taker,
                },
            },
        ));
    }
    // Sales come first: what they free pays for purchases at the same open.
    found.sort_by_key(|(side, fill)| (*side == Side::Buy, fill.trader, fill.order));
    out.extend(found.into_iter().map(|(_, fill)| fill));
}
