//! The limits of the account's working orders on one market.

use std::collections::BTreeMap;

use crate::domain::{Side, Units};
use crate::order::{Order, OrderKind};

/// How many orders work at each limit.
#[derive(Clone, Debug, Default)]
pub(in crate::risk) struct Quoted {
    bids: BTreeMap<Units, u32>,
    asks: BTreeMap<Units, u32>,
}

impl Quoted {
    const fn of(&mut self, side: Side) -> &mut BTreeMap<Units, u32> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    pub(in crate::risk) fn add(&mut self, order: &Order) {
        if let OrderKind::Limit(price) = order.kind {
            *self.of(order.side).entry(price).or_default() += 1;
        }
    }

    pub(in crate::risk) fn remove(&mut self, order: &Order) {
        if let OrderKind::Limit(price) = order.kind {
            let orders = self.of(order.side);
            match orders.get_mut(&price) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(orders.remove(&price)),
            }
        }
    }

    /// The price at which an order of this side would meet one of them first.
    pub(in crate::risk) fn best_against(&self, side: Side) -> Option<Units> {
        match side {
            Side::Buy => self.asks.keys().next().copied(),
            Side::Sell => self.bids.keys().next_back().copied(),
        }
    }
}
