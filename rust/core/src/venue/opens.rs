//! Market orders on candles with `fill="next_open"`: the open of the first candle that opens after the decision. With
//! `fill="close"`, those whose close was known when they came; `candles` has all others.
//!
//! Not modelled: the spread, and what the order does to the opening price; `slippage_bps` stands for both.

use crate::domain::{Liquidity, Nanos, Side};
use crate::order::{OrderId, OrderKind};

use super::{Execution, Opening, Outcome, SimVenue, VenueConfig};

pub(super) fn fill(
    venue: &mut SimVenue,
    now: Nanos,
    open_price: impl Fn(u32, Nanos) -> Option<f64>,
    out: &mut Vec<Execution>,
) {
    let config = venue.config;
    let mut found = std::mem::take(&mut venue.opened);
    for opening in venue.opening.drain(..) {
        let grid = venue.books[opening.market as usize].grid;
        found.push(filled(&config, &opening, grid));
    }
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
        venue.resting -= 1;
        let opening = Opening {
            ts,
            market,
            order: id,
            trader: order.trader,
            side: order.side,
            units,
        };
        found.push(filled(&config, &opening, book.grid));
    }
    if found.len() > 1 {
        found.sort_by_key(|(side, fill)| SimVenue::turn(*side, fill.trader, fill.order));
    }
    out.extend(found.drain(..).map(|(_, fill)| fill));
    venue.opened = found;
}

impl SimVenue {
    /// By what orders that fill at one open come in turn. Sales come first: what they free pays for purchases.
    #[must_use]
    pub fn turn(side: Side, trader: u32, order: OrderId) -> (bool, u32, OrderId) {
        (side == Side::Buy, trader, order)
    }
}

/// With fills at closes: the orders whose close was known when they came.
pub(super) fn fill_known(venue: &mut SimVenue, out: &mut Vec<Execution>) {
    let config = venue.config;
    for closing in venue.opening.drain(..) {
        let grid = venue.books[closing.market as usize].grid;
        out.push(filled(&config, &closing, grid).1);
    }
}

fn filled(config: &VenueConfig, opening: &Opening, grid: i64) -> (Side, Execution) {
    let execution = Execution {
        order: opening.order,
        trader: opening.trader,
        ts: opening.ts,
        outcome: Outcome::Filled {
            price: config.slipped(opening.units, opening.side, grid),
            liquidity: Liquidity::Taker,
        },
    };
    (opening.side, execution)
}
