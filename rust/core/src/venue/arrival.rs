//! The first meeting of an order with the market: at once, or after its latency.

use crate::domain::Nanos;
use crate::market::EventKind;

use super::{Execution, SimVenue, candles, quotes};

/// Orders that have come since this was asked last meet the quote or the close of this time, in commit order; or the last
/// one that is `standing`, whenever that was told.
pub(super) fn immediate(
    venue: &mut SimVenue,
    now: Nanos,
    standing: bool,
    out: &mut Vec<Execution>,
) {
    let config = venue.config;
    for (market, id) in venue.fresh.drain(..) {
        let book = &mut venue.books[market as usize];
        if book.latency(&config) > 0 || !(standing || book.met_ts == Some(now)) {
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

#[cfg(test)]
mod tests {
    use crate::domain::Rate;
    use crate::market::{EventKind, EventRef, MarketEvent, PriceScale, Quote};
    use crate::order::{Order, OrderKind};
    use crate::venue::{BookConfig, Execution, FillModel, Outcome, SimVenue, VenueConfig};

    fn venue(latency: i64) -> SimVenue {
        let config = VenueConfig {
            fill: FillModel::NextOpen,
            slippage: Rate::ZERO,
            latency,
        };
        let book = BookConfig {
            scale: PriceScale {
                digits: 0,
                exact: true,
            },
            grid: 1,
            kinds: vec![EventKind::Quote],
        };
        SimVenue::new(config, &[book])
    }

    fn quote(venue: &mut SimVenue, ts: i64, ask: f64, out: &mut Vec<Execution>) {
        let event = MarketEvent::Quote(Quote {
            ts,
            bid: ask - 1.0,
            ask,
            bid_size: 1.0,
            ask_size: 1.0,
        });
        venue.on_event(0, &EventRef::Value(&event), ts, out);
    }

    fn order(id: u64, decided: i64, kind: OrderKind) -> Order {
        Order {
            kind,
            decided,
            ..Order::for_test(id)
        }
    }

    fn filled(out: &[Execution]) -> Vec<(u64, i64, i64)> {
        let price = |outcome| match outcome {
            Outcome::Filled { price, .. } => price / 2,
            other => panic!("{other:?}"),
        };
        out.iter()
            .map(|e| (e.order, e.ts, price(e.outcome)))
            .collect()
    }

    #[test]
    fn in_real_time_an_order_that_comes_between_events_meets_the_quote_that_stands() {
        let (mut venue, mut out) = (venue(0), Vec::new());
        quote(&mut venue, 10, 100.0, &mut out);
        venue.submit(&order(1, 12, OrderKind::Market), None);
        venue.submit(&order(2, 12, OrderKind::Limit(99)), None);
        venue.standing(15, &mut out);
        assert_eq!(filled(&out), [(1, 15, 100)]);
        // The limit was not reached, and makes from now on.
        quote(&mut venue, 20, 98.0, &mut out);
        assert_eq!(filled(&out), [(1, 15, 100), (2, 20, 99)]);
        assert!(!venue.waits());
    }

    #[test]
    fn in_real_time_latency_is_waited_for_and_a_first_quote_too() {
        let (mut venue, mut out) = (venue(10), Vec::new());
        quote(&mut venue, 10, 100.0, &mut out);
        venue.submit(&order(1, 12, OrderKind::Market), None);
        assert_eq!(venue.next_wake(), Some(22));
        venue.standing(21, &mut out);
        assert!(out.is_empty());
        quote(&mut venue, 21, 103.0, &mut out);
        venue.standing(22, &mut out);
        assert_eq!(filled(&out), [(1, 22, 103)]);
        let (mut unquoted, mut out) = (self::venue(0), Vec::new());
        unquoted.submit(&order(1, 12, OrderKind::Market), None);
        unquoted.standing(15, &mut out);
        quote(&mut unquoted, 20, 104.0, &mut out);
        assert_eq!(filled(&out), [(1, 20, 104)]);
    }
}
