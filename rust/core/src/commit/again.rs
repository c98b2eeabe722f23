//! What a trader decided before, while its run is made again and it is not believed any more: taken from the journal, put
//! through the same gate, in the same places of the sequence.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use crate::domain::{Amount, Nanos, Side};
use crate::order::{OrderId, OrderKind, Origin, Reason};
use crate::risk::Refused;
use crate::signal::TimeInForce;

use super::plan::{Planned, Turn, limit_kind};
use super::{Command, Writer};

/// An order of before.
#[derive(Clone, Debug)]
pub struct AgainOrder {
    /// Its number, which says when its turn is.
    pub id: OrderId,
    /// Whose it was.
    pub trader: u32,
    /// Which way.
    pub side: Side,
    /// How much; zero where none could be computed.
    pub quantity: Decimal,
    /// At which limit.
    pub limit: Option<Decimal>,
    /// How long it might wait.
    pub tif: TimeInForce,
    /// Whether it might only make the position smaller.
    pub reduce_only: bool,
    /// Whether a signal led to it.
    pub from_signal: bool,
    /// The strategy's own number.
    pub client_id: Option<u64>,
    /// The strategy's word for it.
    pub tag: Option<String>,
    /// Why it, or a part of it, was refused.
    pub refused: Option<Refused>,
}

/// What is to be decided again in a step.
#[derive(Debug, Default)]
pub struct Again {
    /// Cancellations, by trader: trader, order, reason.
    pub cancels: VecDeque<(u32, OrderId, Reason)>,
    /// Orders, by number.
    pub orders: VecDeque<AgainOrder>,
}

/// Takes the first of a queue, where it is one of these.
pub fn next_where<T>(queue: &mut VecDeque<T>, is: impl FnOnce(&T) -> bool) -> Option<T> {
    if queue.front().is_some_and(is) {
        queue.pop_front()
    } else {
        None
    }
}

impl Again {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cancels.is_empty() && self.orders.is_empty()
    }
}

impl Writer {
    /// Cancels again what traders before this one cancelled.
    pub(super) fn cancel_again(&mut self, before: u32, out: &mut Vec<Command>) {
        while let Some((trader, id, reason)) =
            next_where(&mut self.again.cancels, |cancel| cancel.0 < before)
        {
            self.cancel_where(trader, reason, out, |order| order.id == id);
        }
    }

    /// Sends again the orders whose numbers are next.
    pub(super) fn send_again(&mut self, now: Nanos, out: &mut Vec<Command>) {
        let next = |writer: &mut Self| {
            let id = writer.records.next_id();
            next_where(&mut writer.again.orders, |order| order.id == id)
        };
        while let Some(order) = next(self) {
            let mut planned = self.planned_again(order);
            self.send(now, &mut planned, out);
        }
    }

    fn planned_again(&self, order: AgainOrder) -> Planned {
        let instrument = &self.account.market(self.market_of(order.trader)).instrument;
        let kind = match order.limit {
            None => Ok(OrderKind::Market),
            Some(limit) if limit.is_zero() => Ok(OrderKind::Limit(0)),
            Some(limit) => limit_kind(Amount::Exact(limit), order.side, instrument),
        };
        let lots = instrument.lots_of(order.quantity).unwrap_or(0);
        let (lots, said) = match order.refused {
            Some(refused) if lots == 0 => (Err(refused), None),
            refused => (Ok(lots), refused),
        };
        let position = self.account.row(order.trader).position;
        let delta = order.side.sign() * lots.as_ref().copied().unwrap_or(0);
        Planned {
            trader: order.trader,
            client_id: order.client_id,
            side: order.side,
            lots,
            kind,
            reduce_only: order.reduce_only,
            tif: order.tif,
            origin: if order.from_signal {
                Origin::Signal {
                    target: position.saturating_add(delta),
                }
            } else {
                Origin::Strategy
            },
            tag: order.tag,
            dropped: false,
            turn: Turn::Later,
            said,
        }
    }
}
