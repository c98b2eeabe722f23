//! One trader's part of the account.

use serde::{Deserialize, Serialize};

use crate::domain::word::Word;
use crate::domain::{Instrument, Lots, Money, Nanos, Side};
use crate::order::{Order, OrderId, OrderKind, Origin, Reason};
use crate::strategy::{ExitView, FillView, OrderView};

use super::settle::Settled;

/// What one trader holds and has working. It is small, so that a live trader can copy it out under the lock.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TraderRow {
    /// Its position in lots, negative when short.
    pub position: Lots,
    /// Average price of what it holds, by average cost; meaningless when flat.
    pub entry_price: f64,
    /// Its working orders, oldest first.
    pub working: Vec<Order>,
    /// Working orders whose cancellation was asked for and not yet confirmed, with the reason.
    #[serde(with = "leaving")]
    pub leaving: Vec<(OrderId, Reason)>,
    /// How its last position ended.
    pub last_exit: Option<Exit>,
    /// Where its open round trip stands in the table of trades.
    pub(super) open_trade: Option<usize>,
}

/// How a trader's last position ended, as the account counts; what a strategy sees of it is made when it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// When it ended.
    pub ts: Nanos,
    /// The side it was: long is a buy.
    pub side: Side,
    /// Price in half units times lots, of all exits.
    pub sum: i128,
    /// All that was left.
    pub lots: i128,
    /// What it brought, fees taken off.
    pub pnl: Money,
    /// Why, as in the table of trades.
    #[serde(with = "crate::domain::word")]
    pub reason: Word,
}

impl Exit {
    /// The end as a strategy sees it.
    #[must_use]
    pub fn view(&self, instrument: &Instrument) -> ExitView {
        let price = instrument.price_sum(self.sum, self.lots);
        ExitView {
            ts: self.ts,
            side: self.side,
            price: price.map_or(f64::NAN, crate::strategy::money_f64),
            pnl: crate::strategy::money_f64(self.pnl),
            reason: self.reason,
        }
    }
}

impl TraderRow {
    /// The working order that came from a signal, and the position it leads to.
    #[must_use]
    #[inline]
    pub fn signal_order(&self) -> Option<(&Order, Lots)> {
        self.working.iter().find_map(|order| match order.origin {
            Origin::Signal { target } if !self.is_leaving(order.id) => Some((order, target)),
            _ => None,
        })
    }

    /// Whether an order's cancellation was asked for and not yet confirmed.
    #[must_use]
    #[inline]
    pub fn is_leaving(&self, id: OrderId) -> bool {
        self.leaving.iter().any(|&(leaving, _)| leaving == id)
    }

    /// How much of an order on `side` would only make the position smaller, working orders of that side counted.
    #[must_use]
    pub fn reducible(&self, side: Side) -> Lots {
        if self.position.signum() != -side.sign() {
            return 0;
        }
        let working: Lots = self
            .working
            .iter()
            .filter(|order| order.side == side)
            .fold(0, |sum, order| sum.saturating_add(order.lots));
        self.position
            .saturating_abs()
            .saturating_sub(working)
            .max(0)
    }
}

/// An order as its strategy sees it.
#[must_use]
pub fn order_view(
    order: &Order,
    instrument: &Instrument,
    status: &'static str,
    reason: &'static str,
) -> OrderView {
    OrderView {
        order_id: order.id,
        client_id: order.own_number(),
        side: order.side,
        quantity: instrument.quantity_f64(order.lots),
        limit: match order.kind {
            OrderKind::Market => None,
            OrderKind::Limit(price) => Some(instrument.price_f64(price.saturating_mul(2))),
        },
        status,
        reason,
        tag: order.tag.clone(),
    }
}

/// A fill as its strategy sees it.
#[must_use]
pub fn fill_view(order: &Order, instrument: &Instrument, fill: &Settled) -> FillView {
    FillView {
        ts: fill.ts,
        order_id: order.id,
        client_id: order.own_number(),
        side: order.side,
        quantity: instrument.quantity_f64(fill.lots),
        price: instrument.price_f64(fill.price),
        fee: crate::strategy::money_f64(fill.fee),
        liquidity: fill.liquidity,
        tag: order.tag.clone(),
    }
}

/// Orders that are being taken back, with words that last.
mod leaving {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::word::word_of;
    use crate::order::{OrderId, Reason};

    pub fn serialize<S: Serializer>(all: &[(OrderId, Reason)], to: S) -> Result<S::Ok, S::Error> {
        all.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(OrderId, Reason)>, D::Error> {
        let all = Vec::<(OrderId, String)>::deserialize(from)?;
        Ok(all
            .into_iter()
            .map(|(id, why)| (id, word_of(why)))
            .collect())
    }
}
