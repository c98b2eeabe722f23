//! The digest: one fingerprint of all that a run decided, the same for every number of threads, lane and driver.

use blake3::Hasher;

use crate::domain::{HalfUnits, Lots, Nanos, write_decimal, write_whole};
use crate::limits::DIGESTED_TOGETHER;
use crate::order::OrderKind;

use super::Writer;

impl Writer {
    /// BLAKE3 over orders, fills, quarantines, cash and positions, in commit order, numbers as normalised decimals.
    ///
    /// `names` are those of the traders, `pairs` those of the markets.
    #[must_use]
    pub fn digest(&self, names: &[&str], pairs: &[&str]) -> String {
        let mut lines = Lines::default();
        self.digest_orders(names, pairs, &mut lines);
        self.digest_fills(names, pairs, &mut lines);
        for stopped in &self.records.quarantined {
            lines.word("quarantine");
            lines.word(names[stopped.trader as usize]);
            lines.time(stopped.ts);
            lines.word(stopped.fault.kind.name());
            lines.end();
        }
        lines.word("cash");
        lines.decimal(self.account.cash());
        lines.end();
        for (trader, name) in (0_u32..).zip(names) {
            lines.word("position");
            lines.word(name);
            self.quantity(trader, self.account.row(trader).position, &mut lines);
            lines.end();
        }
        lines.finish()
    }

    fn digest_orders(&self, names: &[&str], pairs: &[&str], lines: &mut Lines) {
        for order in &self.records.orders {
            lines.word("order");
            lines.time(order.ts);
            lines.word(names[order.trader as usize]);
            lines.word(pairs[self.market_of(order.trader) as usize]);
            lines.word(order.side.name());
            lines.word(order.kind.name());
            self.quantity(order.trader, order.lots, lines);
            match order.kind {
                OrderKind::Market => lines.word(""),
                OrderKind::Limit(units) => self.price(order.trader, units.saturating_mul(2), lines),
            }
            lines.word(order.status.name());
            lines.word(order.reason);
            lines.end();
        }
    }

    fn digest_fills(&self, names: &[&str], pairs: &[&str], lines: &mut Lines) {
        for fill in &self.records.fills {
            lines.word("fill");
            lines.time(fill.ts);
            lines.word(names[fill.trader as usize]);
            lines.word(pairs[self.market_of(fill.trader) as usize]);
            lines.word(fill.side.name());
            self.quantity(fill.trader, fill.lots, lines);
            self.price(fill.trader, fill.price, lines);
            lines.decimal(fill.fee);
            lines.count(fill.order);
            lines.word(fill.liquidity.name());
            lines.end();
        }
    }

    /// A quantity on a trader's market as a decimal; as lots where that does not fit.
    fn quantity(&self, trader: u32, lots: Lots, lines: &mut Lines) {
        let market = self.market_of(trader);
        // Many orders in a row are of one size.
        if lines.repeat((market, lots)) {
            return;
        }
        let start = lines.text.len();
        let instrument = &self.account.market(market).instrument;
        match instrument.quantity(lots) {
            Some(quantity) => lines.decimal(quantity),
            None => lines.word(&lots.to_string()),
        }
        lines.remember((market, lots), start);
    }

    /// A price on a trader's market as a decimal; in half units where that does not fit.
    fn price(&self, trader: u32, half: HalfUnits, lines: &mut Lines) {
        let instrument = &self.account.market(self.market_of(trader)).instrument;
        match instrument.price(half) {
            Some(price) => lines.decimal(price),
            None => lines.word(&half.to_string()),
        }
    }
}

/// Fields apart and lines apart, so that no two different lists of lines look the same. They are gathered before they
/// are hashed, because many bytes at once are hashed several times faster than a few.
#[derive(Default)]
struct Lines {
    hasher: Hasher,
    text: Vec<u8>,
    /// The last quantities that were written, and how.
    quantities: [Written; 2],
}

/// A quantity on a market, and how it was written.
#[derive(Default)]
struct Written {
    what: Option<(u32, Lots)>,
    text: Vec<u8>,
}

impl Lines {
    fn word(&mut self, word: &str) {
        self.text.extend_from_slice(word.as_bytes());
        self.text.push(b'\x1f');
    }

    /// Writes a quantity again, if it is one of the last two: a trader that turns around trades one size, and twice it.
    fn repeat(&mut self, quantity: (u32, Lots)) -> bool {
        let found = self.quantities.iter().find(|of| of.what == Some(quantity));
        if let Some(written) = found {
            self.text.extend_from_slice(&written.text);
        }
        found.is_some()
    }

    /// Remembers how a quantity was written, from here in the text on.
    fn remember(&mut self, quantity: (u32, Lots), start: usize) {
        self.quantities.swap(0, 1);
        let newest = &mut self.quantities[0];
        newest.what = Some(quantity);
        newest.text.clear();
        newest.text.extend_from_slice(&self.text[start..]);
    }

    fn time(&mut self, ts: Nanos) {
        if ts < 0 {
            self.text.push(b'-');
        }
        self.count(ts.unsigned_abs());
    }

    fn count(&mut self, number: u64) {
        write_whole(number, &mut self.text);
        self.text.push(b'\x1f');
    }

    fn decimal(&mut self, value: i128) {
        write_decimal(value, &mut self.text);
        self.text.push(b'\x1f');
    }

    fn end(&mut self) {
        self.text.push(b'\n');
        if self.text.len() >= DIGESTED_TOGETHER {
            self.hasher.update(&self.text);
            self.text.clear();
        }
    }

    fn finish(mut self) -> String {
        self.hasher.update(&self.text);
        self.hasher.finalize().to_hex().to_string()
    }
}
