//! An account and its gate as bytes: how they stand, whole. Both sides write them; where both come to the same bytes, both
//! believe the same.

use crate::domain::{FeeRates, Instrument, InstrumentParts, Rate};
use crate::limits::{MAX_TRADERS, RISK_STATE};
use crate::order::Order;
use crate::portfolio::{Holding, Portfolio, Standing};
use crate::risk::{Margin, Memory, RiskGate, RiskSpec, Roster, SeenMemory};

use super::bytes::{In, Malformed, Out, Read};
use super::message::read_price;
use super::order::{
    MOST_LOTS, read_kind, read_order, read_side, write_kind, write_order, write_side,
};

/// An account and its gate.
pub(crate) struct State {
    pub account: Portfolio,
    pub gate: RiskGate,
    /// Whether the engine's kill switch is set.
    pub killed: bool,
}

/// Writes how they stand.
pub(crate) fn write_state(account: &Portfolio, gate: &RiskGate, killed: bool) -> Vec<u8> {
    let mut out = Out::default();
    out.flag(killed);
    write_rate(&mut out, gate.margin.leverage);
    write_roster(&mut out, gate.roster());
    let markets = account.markets().iter();
    for book in markets {
        write_instrument(&mut out, &book.instrument.parts());
    }
    write_standing(&mut out, &account.standing());
    out.option(gate.spec(), |out, spec| out.text(&spec.text()));
    out.option(gate.memory(), |out, memory| write_memory(out, &memory));
    // What follows from all that, so that two sides agree on it, too.
    let readings = [
        account.equity(),
        account.exposure(),
        account.held_exposure(),
        account.reserved(),
    ];
    readings.into_iter().for_each(|reading| out.i128(reading));
    out.0
}

/// Reads how they stand. The readings are not believed: they follow.
pub(crate) fn read_state(bytes: &[u8]) -> Read<State> {
    let from = &mut In(bytes);
    let killed = from.flag("the kill switch")?;
    let leverage = read_rate(from)?;
    let roster = read_roster(from)?;
    let instruments = (0..roster.pairs.len()).map(|_| read_instrument(from));
    let instruments: Vec<Instrument> = instruments.collect::<Read<_>>()?;
    let standing = read_standing(from, &roster)?;
    let market_of: Vec<u32> = roster.traders.iter().map(|trader| trader.2).collect();
    let account = Portfolio::restored(standing, instruments, &market_of);
    let account = account.ok_or(Malformed("an account"))?;
    let mut gate = RiskGate::new(Margin { leverage }, roster);
    let spec = from.option("limits", |from| {
        let text = from.long_text("limits", RISK_STATE)?;
        RiskSpec::parse(&text).ok_or(Malformed("limits"))
    })?;
    gate.set_limits(spec.as_ref(), &account)
        .map_err(|_| Malformed("limits of a trader that there is not"))?;
    let memory = from.option("what a gate remembers", read_memory)?;
    if let Some(memory) = memory
        && !gate.recall(memory)
    {
        return Err(Malformed("what a gate remembers"));
    }
    for _ in 0..4 {
        from.i128("a reading")?;
    }
    from.end("an account")?;
    Ok(State {
        account,
        gate,
        killed,
    })
}

fn write_rate(out: &mut Out, rate: Rate) {
    out.i128(rate.mantissa);
    out.i128(rate.denominator);
}

fn read_rate(from: &mut In<'_>) -> Read<Rate> {
    let rate = Rate {
        mantissa: from.i128("a rate")?,
        denominator: from.i128("a rate")?,
    };
    if rate.mantissa < 0 || rate.denominator < 1 {
        return Err(Malformed("a rate"));
    }
    Ok(rate)
}

fn write_roster(out: &mut Out, roster: &Roster) {
    out.count(roster.pairs.len());
    for (pair, known) in &roster.pairs {
        out.text(pair);
        out.flag(*known);
    }
    out.count(roster.traders.len());
    for (name, label, market) in &roster.traders {
        out.text(name);
        out.text(label);
        out.u32(*market);
    }
}

fn read_roster(from: &mut In<'_>) -> Read<Roster> {
    let pairs = from.list("pairs", |from| {
        Ok((from.text("a pair")?, from.flag("a pair")?))
    })?;
    let traders = from.list("traders", |from| {
        let (name, label) = (from.text("a trader")?, from.text("a strategy")?);
        Ok((name, label, from.u32("a trader's market")?))
    })?;
    let strange = |trader: &(String, String, u32)| trader.2 as usize >= pairs.len();
    if traders.len() > MAX_TRADERS || traders.iter().any(strange) {
        return Err(Malformed("traders"));
    }
    Ok(Roster { pairs, traders })
}

fn write_instrument(out: &mut Out, parts: &InstrumentParts) {
    out.u8(parts.scale.cast_unsigned());
    out.i64(parts.tick);
    out.option(parts.min_notional, Out::i128);
    write_rate(out, parts.fees.maker);
    write_rate(out, parts.fees.taker);
    out.i128(parts.lot.0);
    out.u32(parts.lot.1);
}

fn read_instrument(from: &mut In<'_>) -> Read<Instrument> {
    let parts = InstrumentParts {
        scale: from.u8("an instrument")?.cast_signed(),
        tick: from.i64("a tick")?,
        min_notional: from.option("a notional", |from| from.i128("a notional"))?,
        fees: FeeRates {
            maker: read_rate(from)?,
            taker: read_rate(from)?,
        },
        lot: (from.i128("a lot")?, from.u32("a lot")?),
    };
    Instrument::of(parts).ok_or(Malformed("an instrument"))
}

fn write_standing(out: &mut Out, standing: &Standing) {
    out.flag(standing.spot);
    out.i128(standing.start);
    out.i128(standing.cash);
    for (mark, ask) in &standing.marks {
        out.option(*mark, Out::i64);
        out.option(*ask, Out::i64);
    }
    for holding in &standing.holdings {
        out.i64(holding.position);
        out.count(holding.working.len());
        for order in &holding.working {
            write_order(out, order);
        }
        out.count(holding.leaving.len());
        for &order in &holding.leaving {
            out.u64(order);
        }
    }
}

fn read_standing(from: &mut In<'_>, roster: &Roster) -> Read<Standing> {
    let spot = from.flag("an account")?;
    let (start, cash) = (from.i128("cash")?, from.i128("cash")?);
    let marks = roster.pairs.iter().map(|_| {
        let mark = from.option("a mark", read_price)?;
        Ok((mark, from.option("an ask", read_price)?))
    });
    let marks = marks.collect::<Read<_>>()?;
    let holdings = roster.traders.iter().map(|_| read_holding(from));
    Ok(Standing {
        spot,
        start,
        cash,
        marks,
        holdings: holdings.collect::<Read<_>>()?,
    })
}

fn read_holding(from: &mut In<'_>) -> Read<Holding> {
    let position = from.i64("a position")?;
    if !(-MOST_LOTS..=MOST_LOTS).contains(&position) {
        return Err(Malformed("a position"));
    }
    let working: Vec<Order> = from.list("working orders", read_order)?;
    let leaving = from.list("orders on their way out", |from| from.u64("an order"))?;
    Ok(Holding {
        position,
        working,
        leaving,
    })
}

fn write_memory(out: &mut Out, memory: &Memory) {
    out.count(memory.buckets.len());
    for &(parts, at) in &memory.buckets {
        out.u128(parts);
        out.i64(at);
    }
    out.count(memory.seen.len());
    for seen in &memory.seen {
        out.option(seen.ts, Out::i64);
        out.option(seen.mark, Out::i64);
        out.option(seen.before, Out::i64);
        out.option(seen.quote, |out, (bid, ask)| {
            out.i64(bid);
            out.i64(ask);
        });
    }
    out.i64(memory.equity.0);
    memory
        .equity
        .1
        .into_iter()
        .for_each(|money| out.i128(money));
    out.count(memory.times.len());
    for (trader, side, times) in &memory.times {
        out.u32(*trader);
        write_side(out, *side);
        out.count(times.len());
        times.iter().for_each(|&ts| out.i64(ts));
    }
    out.count(memory.intents.len());
    for &(ts, (trader, side, lots, kind)) in &memory.intents {
        out.i64(ts);
        out.u32(trader);
        write_side(out, side);
        out.i64(lots);
        write_kind(out, kind);
    }
    out.count(memory.stopped.len());
    memory.stopped.iter().for_each(|&trader| out.u32(trader));
}

fn read_memory(from: &mut In<'_>) -> Read<Memory> {
    let time = |from: &mut In<'_>| from.i64("a time");
    Ok(Memory {
        buckets: from.list("throttles", |from| {
            Ok((from.u128("a throttle")?, from.i64("a throttle")?))
        })?,
        seen: from.list("markets", |from| {
            Ok(SeenMemory {
                ts: from.option("a time", time)?,
                mark: from.option("a price", read_price)?,
                before: from.option("a price", read_price)?,
                quote: from.option("a quote", |from| Ok((read_price(from)?, read_price(from)?)))?,
            })
        })?,
        equity: (
            from.i64("a day")?,
            [
                from.i128("equity")?,
                from.i128("equity")?,
                from.i128("equity")?,
            ],
        ),
        times: from.list("times of orders", |from| {
            let (trader, side) = (from.u32("a trader")?, read_side(from)?);
            Ok((trader, side, from.list("times of orders", time)?))
        })?,
        intents: from.list("orders of before", |from| {
            let (ts, trader) = (from.i64("a time")?, from.u32("a trader")?);
            let (side, lots) = (read_side(from)?, from.i64("a quantity")?);
            Ok((ts, (trader, side, lots, read_kind(from)?)))
        })?,
        stopped: from.list("stopped traders", |from| from.u32("a trader"))?,
    })
}
