//! What the messages between the engine and the paper broker's process are made of, as bytes.

use crate::domain::{Liquidity, Rate, Side};
use crate::limits::APART_DIGITS;
use crate::market::{Candle, EventKind, EventRef, MarketEvent, PriceScale, Quote, Trade};
use crate::venue::{BookConfig, Execution, FillModel, Outcome, VenueConfig};
use crate::wire::Malformed;
use crate::wire::bytes::{In, Out, Read};

use super::super::desk::Open;

/// A market and its name.
pub(super) type Listed = (String, BookConfig);

pub(super) fn write_open(out: &mut Out, open: Open) {
    out.option(open, |out, (ts, price)| {
        out.i64(ts);
        out.u64(price.to_bits());
    });
}

pub(super) fn read_open(from: &mut In<'_>) -> Read<Open> {
    from.option("an open", |from| Ok((from.i64("an open")?, price(from)?)))
}

fn number(from: &mut In<'_>) -> Read<f64> {
    from.u64("a number").map(f64::from_bits)
}

fn price(from: &mut In<'_>) -> Read<f64> {
    let price = number(from)?;
    if price.is_finite() && price > 0.0 {
        Ok(price)
    } else {
        Err(Malformed("a price"))
    }
}

pub(super) fn write_settings(out: &mut Out, settings: VenueConfig) {
    out.flag(settings.fill == FillModel::Close);
    out.i128(settings.slippage.mantissa);
    out.i128(settings.slippage.denominator);
    out.i64(settings.latency);
}

pub(super) fn read_settings(from: &mut In<'_>) -> Read<VenueConfig> {
    let fill = if from.flag("a venue")? {
        FillModel::Close
    } else {
        FillModel::NextOpen
    };
    let slippage = Rate {
        mantissa: from.i128("a slippage")?,
        denominator: from.i128("a slippage")?,
    };
    let latency = from.i64("a latency")?;
    let worth = 0..=slippage.denominator;
    if !(1..=i128::MAX / 2).contains(&slippage.denominator)
        || !worth.contains(&slippage.mantissa)
        || latency < 0
    {
        return Err(Malformed("a venue"));
    }
    Ok(VenueConfig {
        fill,
        slippage,
        latency,
    })
}

pub(super) fn write_market(out: &mut Out, (name, book): &Listed) {
    out.text(name);
    out.u8(book.scale.digits.cast_unsigned());
    out.flag(book.scale.exact);
    out.i64(book.grid);
    out.u8(book
        .kinds
        .iter()
        .fold(0, |kinds, kind| kinds | 1 << *kind as u8));
}

pub(super) fn read_market(from: &mut In<'_>) -> Read<Listed> {
    let name = from.text("a pair")?;
    let scale = PriceScale {
        digits: from.u8("a scale")?.cast_signed(),
        exact: from.flag("a scale")?,
    };
    let grid = from.i64("a grid")?;
    let kinds = from.u8("kinds of events")?;
    let sane = i8::unsigned_abs(scale.digits) <= APART_DIGITS && grid >= 1 && kinds < 1 << 3;
    if !sane {
        return Err(Malformed("a market"));
    }
    let kinds = EventKind::ALL
        .into_iter()
        .filter(|kind| kinds & 1 << *kind as u8 != 0)
        .collect();
    Ok((name, BookConfig { scale, grid, kinds }))
}

/// Writes an event of a market as the process reads it.
pub(super) fn write_event(out: &mut Out, market: u32, event: &EventRef<'_>) {
    out.u32(market);
    let numbers = |out: &mut Out, numbers: &[f64]| {
        for number in numbers {
            out.u64(number.to_bits());
        }
    };
    match event.value() {
        MarketEvent::Candle(candle) => {
            out.u8(0);
            out.i64(candle.open_ts);
            out.i64(candle.close_ts);
            let Candle {
                open,
                high,
                low,
                close,
                volume,
                ..
            } = candle;
            numbers(out, &[open, high, low, close, volume]);
        }
        MarketEvent::Quote(quote) => {
            out.u8(1);
            out.i64(quote.ts);
            numbers(out, &[quote.bid, quote.ask, quote.bid_size, quote.ask_size]);
        }
        MarketEvent::Trade(trade) => {
            out.u8(2);
            out.i64(trade.ts);
            numbers(out, &[trade.price, trade.quantity]);
            out.option(trade.side, |out, side| out.flag(side == Side::Sell));
        }
    }
}

pub(super) fn read_event(from: &mut In<'_>) -> Read<(u32, MarketEvent)> {
    let market = from.u32("a market")?;
    let event = match from.u8("an event")? {
        0 => MarketEvent::Candle(Candle {
            open_ts: from.i64("a time")?,
            close_ts: from.i64("a time")?,
            open: price(from)?,
            high: price(from)?,
            low: price(from)?,
            close: price(from)?,
            volume: number(from)?,
        }),
        1 => MarketEvent::Quote(Quote {
            ts: from.i64("a time")?,
            bid: price(from)?,
            ask: price(from)?,
            bid_size: number(from)?,
            ask_size: number(from)?,
        }),
        2 => MarketEvent::Trade(Trade {
            ts: from.i64("a time")?,
            price: price(from)?,
            quantity: number(from)?,
            side: from.option("a side", |from| {
                let sells = from.flag("a side")?;
                Ok(if sells { Side::Sell } else { Side::Buy })
            })?,
        }),
        _ => return Err(Malformed("an event")),
    };
    Ok((market, event))
}

pub(super) fn write_execution(out: &mut Out, execution: &Execution) {
    out.u64(execution.order);
    out.u32(execution.trader);
    out.i64(execution.ts);
    match execution.outcome {
        Outcome::Filled { price, liquidity } => {
            out.u8(0);
            out.i64(price);
            out.flag(liquidity == Liquidity::Maker);
        }
        Outcome::Missed => out.u8(1),
        Outcome::Cancelled => out.u8(2),
        // The simulated venue tells nothing else.
        _ => out.u8(3),
    }
}

pub(super) fn read_execution(from: &mut In<'_>) -> Read<Execution> {
    Ok(Execution {
        order: from.u64("an order's number")?,
        trader: from.u32("an order's trader")?,
        ts: from.i64("a time")?,
        outcome: match from.u8("an outcome")? {
            0 => Outcome::Filled {
                price: from.i64("a price")?,
                liquidity: if from.flag("a liquidity")? {
                    Liquidity::Maker
                } else {
                    Liquidity::Taker
                },
            },
            1 => Outcome::Missed,
            2 => Outcome::Cancelled,
            3 => Outcome::Rejected,
            _ => return Err(Malformed("an outcome")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slippage_that_cannot_be_added_to_one_is_no_setting() {
        let half = i128::MAX / 2;
        for (denominator, is_read) in [(1, true), (half, true), (half + 1, false), (0, false)] {
            let mut out = Out::default();
            let settings = VenueConfig {
                slippage: Rate {
                    mantissa: denominator,
                    denominator,
                },
                fill: FillModel::NextOpen,
                latency: 0,
            };
            write_settings(&mut out, settings);
            let read = read_settings(&mut In(&out.0));
            assert_eq!(read.is_ok(), is_read, "{denominator}");
        }
    }
}
