//! The digest: one fingerprint of all that a run decided, the same for every number of threads, lane and driver.

use blake3::Hasher;

use crate::domain::{Lots, decimal_string};
use crate::order::OrderKind;

use super::Writer;

impl Writer {
    /// BLAKE3 over orders, fills, quarantines, cash and positions, in commit order, numbers as normalised decimals.
    ///
    /// `names` are those of the traders, `pairs` those of the markets.
    #[must_use]
    pub fn digest(&self, names: &[&str], pairs: &[&str]) -> String {
        let mut hasher = Hasher::new();
        let mut line = |fields: &[&str]| {
            for field in fields {
                hasher.update(field.as_bytes());
                hasher.update(b"\x1f");
            }
            hasher.update(b"\n");
        };
        let quantity = |market: u32, lots: Lots| {
            let instrument = &self.account.market(market).instrument;
            instrument
                .quantity(lots)
                .map_or_else(|| lots.to_string(), decimal_string)
        };
        let price = |market: u32, half: i64| {
            let instrument = &self.account.market(market).instrument;
            instrument
                .price(half)
                .map_or_else(|| half.to_string(), decimal_string)
        };
        for order in &self.records.orders {
            let market = self.market_of(order.trader);
            let limit = match order.kind {
                OrderKind::Market => String::new(),
                OrderKind::Limit(units) => price(market, units.saturating_mul(2)),
            };
            line(&[
                "order",
                &order.ts.to_string(),
                names[order.trader as usize],
                pairs[market as usize],
                order.side.name(),
                order.kind.name(),
                &quantity(market, order.lots),
                &limit,
                order.status.name(),
                order.reason,
            ]);
        }
        for fill in &self.records.fills {
            let market = self.market_of(fill.trader);
            line(&[
                "fill",
                &fill.ts.to_string(),
                names[fill.trader as usize],
                pairs[market as usize],
                fill.side.name(),
                &quantity(market, fill.lots),
                &price(market, fill.price),
                &decimal_string(fill.fee),
                &fill.order.to_string(),
                fill.liquidity.name(),
            ]);
        }
        for stopped in &self.records.quarantined {
            line(&[
                "quarantine",
                names[stopped.trader as usize],
                &stopped.ts.to_string(),
                stopped.fault.kind.name(),
            ]);
        }
        line(&["cash", &decimal_string(self.account.cash())]);
        for (trader, name) in names.iter().enumerate() {
            let trader = u32::try_from(trader).unwrap_or(u32::MAX);
            let lots = self.account.row(trader).position;
            line(&["position", name, &quantity(self.market_of(trader), lots)]);
        }
        hasher.finalize().to_hex().to_string()
    }
}
