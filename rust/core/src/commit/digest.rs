//! The digest: one fingerprint of all that a run decided, the same for every number of threads, lane and driver.

use blake3::Hasher;

use crate::domain::{HalfUnits, Lots, decimal_string};
use crate::order::OrderKind;

use super::Writer;

impl Writer {
    /// BLAKE3 over orders, fills, quarantines, cash and positions, in commit order, numbers as normalised decimals.
    ///
    /// `names` are those of the traders, `pairs` those of the markets.
    #[must_use]
    pub fn digest(&self, names: &[&str], pairs: &[&str]) -> String {
        let mut lines = Lines(Hasher::new());
        self.digest_orders(names, pairs, &mut lines);
        self.digest_fills(names, pairs, &mut lines);
        for stopped in &self.records.quarantined {
            lines.add(&[
                "quarantine",
                names[stopped.trader as usize],
                &stopped.ts.to_string(),
                stopped.fault.kind.name(),
            ]);
        }
        lines.add(&["cash", &decimal_string(self.account.cash())]);
        for (trader, name) in (0_u32..).zip(names) {
            let lots = self.account.row(trader).position;
            lines.add(&["position", name, &self.quantity(trader, lots)]);
        }
        lines.0.finalize().to_hex().to_string()
    }

    fn digest_orders(&self, names: &[&str], pairs: &[&str], lines: &mut Lines) {
        for order in &self.records.orders {
            let limit = match order.kind {
                OrderKind::Market => String::new(),
                OrderKind::Limit(units) => self.price(order.trader, units.saturating_mul(2)),
            };
            lines.add(&[
                "order",
                &order.ts.to_string(),
                names[order.trader as usize],
                pairs[self.market_of(order.trader) as usize],
                order.side.name(),
                order.kind.name(),
                &self.quantity(order.trader, order.lots),
                &limit,
                order.status.name(),
                order.reason,
            ]);
        }
    }

    fn digest_fills(&self, names: &[&str], pairs: &[&str], lines: &mut Lines) {
        for fill in &self.records.fills {
            lines.add(&[
                "fill",
                &fill.ts.to_string(),
                names[fill.trader as usize],
                pairs[self.market_of(fill.trader) as usize],
                fill.side.name(),
                &self.quantity(fill.trader, fill.lots),
                &self.price(fill.trader, fill.price),
                &decimal_string(fill.fee),
                &fill.order.to_string(),
                fill.liquidity.name(),
            ]);
        }
    }

    /// A quantity on a trader's market as a decimal; as lots where that does not fit.
    fn quantity(&self, trader: u32, lots: Lots) -> String {
        let instrument = &self.account.market(self.market_of(trader)).instrument;
        let quantity = instrument.quantity(lots);
        quantity.map_or_else(|| lots.to_string(), decimal_string)
    }

    /// A price on a trader's market as a decimal; in half units where that does not fit.
    fn price(&self, trader: u32, half: HalfUnits) -> String {
        let instrument = &self.account.market(self.market_of(trader)).instrument;
        let price = instrument.price(half);
        price.map_or_else(|| half.to_string(), decimal_string)
    }
}

/// Fields apart and lines apart, so that no two different lists of lines look the same.
struct Lines(Hasher);

impl Lines {
    fn add(&mut self, fields: &[&str]) {
        for field in fields {
            self.0.update(field.as_bytes());
            self.0.update(b"\x1f");
        }
        self.0.update(b"\n");
    }
}
