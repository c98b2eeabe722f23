//! What reconciliation with the venue does to the writer: pairs are halted, orders taken back or taken in again.

use std::collections::BTreeSet;

use crate::domain::Liquidity;
use crate::order::{Order, OrderId, OrderKind, OrderStatus, Origin, Reason, reason};
use crate::signal::TimeInForce;

use super::{Command, RiskChange, Writer};

/// Markets that are halted while the run goes on.
pub type Halts = BTreeSet<u32>;

impl Writer {
    /// Halts a market until a person lets it go on, and records why.
    pub fn halt(&mut self, market: u32, change: RiskChange) {
        self.halts.insert(market);
        self.records.risk_changes.push(change);
    }

    /// Lets a halted market go on. Whether it was halted.
    pub fn lift(&mut self, market: u32) -> bool {
        self.halts.remove(&market)
    }

    /// Takes back all orders that work, at any rate.
    pub fn take_all_back(&mut self, reason: Reason, out: &mut Vec<Command>) {
        for trader in 0..u32::try_from(self.traders.len()).unwrap_or(u32::MAX) {
            self.cancel_where(trader, reason, out, |_| true);
        }
    }

    /// Takes in an order that had ended here and works at the venue: it works again, with its cash set aside. Whose it
    /// is; none where it never was one of this run.
    pub fn adopt(&mut self, id: OrderId) -> Option<u32> {
        let row = self.records.order(id)?;
        let trader = row.trader;
        if matches!(row.status, OrderStatus::Working | OrderStatus::Refused) {
            return None;
        }
        let market = self.market_of(trader);
        let mut order = Order {
            id,
            trader,
            market,
            client_id: None,
            side: row.side,
            lots: row.lots,
            kind: row.kind,
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Strategy,
            reserved: 0,
            decided: row.ts,
            tag: None,
        };
        order.reserved = self.to_reserve(&order);
        self.records.reopen(id);
        self.account.open(order.clone());
        self.gate.opened(&order, &self.account);
        // It is on no tape: whoever follows this account begins anew.
        self.tell_anew();
        self.tell_order(&order, OrderStatus::Working, reason::NONE);
        Some(trader)
    }

    /// What a purchase on a spot account may cost, beyond what its trader has to buy back.
    fn to_reserve(&self, order: &Order) -> i128 {
        let book = self.account.market(order.market);
        let price = match order.kind {
            OrderKind::Limit(units) => units.checked_mul(2),
            OrderKind::Market => book.ask.or(book.mark),
        };
        let buys = order.side.sign() > 0 && self.account.is_spot();
        let cost = |price| book.instrument.cost(price, order.lots, Liquidity::Taker);
        price.filter(|_| buys).and_then(cost).unwrap_or(0)
    }
}
