//! The first meeting of an order with the market: at once, or after its latency.

use crate::domain::Nanos;
use crate::market::EventKind;

use super::{Execution, SimVenue, candles, quotes};

/// Orders sent in this step meet the quote or the close of this time, in commit order.
pub(super) fn immediate(venue: &mut SimVenue, now: Nanos, out: &mut Vec<Execution>) {
    let config = venue.config;
    for (market, id) in venue.fresh.drain(..) {
        let book = &mut venue.books[market as usize];
        if config.latency > 0 || book.met_ts != Some(now) {
            continue;
        }
        let (quote, close, grid) = (book.quote, book.close, book.grid);
        let on_quotes = book.has(EventKind::Quote);
        if book.waits_for_open(config.fill) {
            continue;
        }
        book.sweep(out, |order| {
            if order.id != id || order.arrived {
                return None;
            }
            match (on_quotes, quote, close) {
                (true, Some(best), _) => quotes::meet(order, best, now, &config, grid),
                (false, _, Some(close)) => candles::meet_close(order, close, now, &config, grid),
                _ => None,
            }
        });
    }
}

/// Orders whose latency ends now meet the last quote known.
pub(super) fn arrivals(venue: &mut SimVenue, now: Nanos, out: &mut Vec<Execution>) {
    let config = venue.config;
    if config.latency == 0 {
        return;
    }
    while let Some(&(ts, market, id)) = venue.wakes.first() {
        if ts > now {
            return;
        }
        let book = &mut venue.books[market as usize];
        if !book.has(EventKind::Quote) {
            // The earliest wake is an open, which has a phase of its own; arrivals exist on quotes alone.
            return arrivals_behind_opens(venue, now, out);
        }
        venue.wakes.pop_first();
        arrive(venue, market, id, now, out);
    }
}

fn arrivals_behind_opens(venue: &mut SimVenue, now: Nanos, out: &mut Vec<Execution>) {
    let due: Vec<_> = venue
        .wakes
        .range(..=(now, u32::MAX, u64::MAX))
        .filter(|&&(_, market, _)| venue.books[market as usize].has(EventKind::Quote))
        .copied()
        .collect();
    for (ts, market, id) in due {
        venue.wakes.remove(&(ts, market, id));
        arrive(venue, market, id, now, out);
    }
}

fn arrive(venue: &mut SimVenue, market: u32, id: u64, now: Nanos, out: &mut Vec<Execution>) {
    let config = venue.config;
    let book = &mut venue.books[market as usize];
    let Some(best) = book.quote else { return };
    let grid = book.grid;
    book.sweep(out, |order| {
        if order.id == id && !order.arrived {
            quotes::meet(order, best, now, &config, grid)
        } else {
            None
        }
    });
}
