//! Orders and their life: working until filled, cancelled, refused or expired.

use serde::{Deserialize, Serialize};

mod record;

pub use record::{OrderRecord, RefusalRecord};

use crate::domain::{Lots, Money, Nanos, Side, Units};
use crate::signal::TimeInForce;

/// The engine's number of an order: counts from 1 in commit order.
pub type OrderId = u64;

/// Whether an order names a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderKind {
    /// At whatever the market gives.
    Market,
    /// At this price or a better one.
    Limit(Units),
}

impl OrderKind {
    /// `market` or `limit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Limit(_) => "limit",
        }
    }
}

/// What an order came from, which decides what a later signal does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A signal that leads the trader's position to `target`.
    Signal {
        /// The position once the order is filled.
        target: Lots,
    },
    /// `ctx.buy` or `ctx.sell`.
    Strategy,
    /// The account fell below its maintenance margin.
    Liquidation,
    /// A quarantined trader with `on_error="close"`.
    Quarantine,
    /// A person's command.
    Command,
}

impl Origin {
    /// What `trades.exit_reason` says of a position that this order closed.
    #[must_use]
    pub const fn exit_reason(self) -> &'static str {
        match self {
            Self::Signal { .. } => "signal",
            Self::Strategy => "order",
            Self::Liquidation => "liquidation",
            Self::Quarantine => "quarantine",
            Self::Command => "command",
        }
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// At the venue, or on its way.
    Working,
    /// Filled.
    Filled,
    /// Cancelled before it was filled.
    Cancelled,
    /// Never sent: the gate refused it.
    Refused,
    /// Still waiting when the data ended.
    Expired,
}

impl OrderStatus {
    /// The status as tables and strategies see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }
}

/// Why an order ended as it did, where that needs saying.
pub type Reason = &'static str;

/// The reasons that are not names of checks.
pub mod reason {
    use super::Reason;

    /// Nothing to say.
    pub const NONE: Reason = "";
    /// A new order took its place.
    pub const REPLACED: Reason = "replaced";
    /// `CLOSE` cancelled it.
    pub const CLOSE: Reason = "close";
    /// Its trader was quarantined.
    pub const QUARANTINE: Reason = "quarantine";
    /// The account was liquidated.
    pub const LIQUIDATION: Reason = "liquidation";
    /// The venue did not take it.
    pub const REJECTED: Reason = "rejected";
    /// The venue could not be reached: it never left.
    pub const NOT_SENT: Reason = "not_sent";
    /// The venue has none such, though it was sent: it never arrived.
    pub const LOST: Reason = "lost";
    /// The connection to the venue was lost, and such orders are taken back.
    pub const DISCONNECTED: Reason = "disconnected";
    /// A person's command.
    pub const COMMAND: Reason = "command";
}

/// An order that the gate has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The engine's number.
    pub id: OrderId,
    /// Whose it is.
    pub trader: u32,
    /// On which market.
    pub market: u32,
    /// The strategy's own number, for orders made with `buy` and `sell`.
    pub client_id: Option<u64>,
    /// Which way.
    pub side: Side,
    /// How much.
    pub lots: Lots,
    /// Market or limit.
    pub kind: OrderKind,
    /// How long it may wait.
    pub tif: TimeInForce,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// What it came from.
    pub origin: Origin,
    /// Cash set aside for it.
    pub reserved: Money,
    /// The time of the step that decided it.
    pub decided: Nanos,
    /// The strategy's word for it.
    pub tag: Option<String>,
}

impl Order {
    /// A market order to buy five lots on the first market, for tests.
    #[cfg(test)]
    pub(crate) fn for_test(id: OrderId) -> Self {
        Self {
            id,
            trader: 0,
            market: 0,
            client_id: None,
            side: Side::Buy,
            lots: 5,
            kind: OrderKind::Market,
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Strategy,
            reserved: 0,
            decided: 0,
            tag: None,
        }
    }

    /// The number by which its strategy knows it; none of those that a signal or a person asked for.
    #[must_use]
    pub fn own_number(&self) -> Option<u64> {
        self.client_id.filter(|_| self.origin != Origin::Command)
    }
}

impl Order {
    /// The change of position when it is filled.
    #[must_use]
    pub const fn delta(&self) -> Lots {
        self.side.sign() * self.lots
    }
}
