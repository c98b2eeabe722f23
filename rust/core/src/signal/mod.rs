//! What a strategy wants: signals about a side or a quantity, and explicit orders.

use serde::{Deserialize, Serialize};

mod size;

pub use size::{SizeError, SizeSpec, Sizing};

use crate::domain::{Amount, Side};

/// How long an order may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until it is filled or cancelled.
    #[default]
    GoodTillCancelled,
    /// What is not filled at the first opportunity is cancelled.
    ImmediateOrCancel,
    /// Filled whole at the first opportunity, or cancelled.
    FillOrKill,
}

impl TimeInForce {
    /// The time in force of that name: `GTC`, `IOC` or `FOK`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "GTC" => Some(Self::GoodTillCancelled),
            "IOC" => Some(Self::ImmediateOrCancel),
            "FOK" => Some(Self::FillOrKill),
            _ => None,
        }
    }

    /// `GTC`, `IOC` or `FOK`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GoodTillCancelled => "GTC",
            Self::ImmediateOrCancel => "IOC",
            Self::FillOrKill => "FOK",
        }
    }

    /// Whether the order goes when its first opportunity passes.
    #[must_use]
    pub const fn is_immediate(self) -> bool {
        !matches!(self, Self::GoodTillCancelled)
    }
}

/// What a strategy returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TradeSignal {
    /// Be on this side. Met by any position on it, unless a size is named.
    Side {
        /// Long is a buy, short is a sale.
        side: Side,
        /// The quantity to hold; the trader's own size when not named.
        size: Option<SizeSpec>,
        /// Limit price of the order this leads to.
        limit: Option<Amount>,
    },
    /// Be flat.
    Close,
    /// Be on the other side of the position held.
    Reverse,
    /// Hold exactly this signed quantity.
    Target(SizeSpec),
}

impl TradeSignal {
    /// Be long, at the trader's own size.
    pub const LONG: Self = Self::Side {
        side: Side::Buy,
        size: None,
        limit: None,
    };
    /// Be short, at the trader's own size.
    pub const SHORT: Self = Self::Side {
        side: Side::Sell,
        size: None,
        limit: None,
    };
}

/// An order as a strategy asks for it. What its numbers mean is decided when it is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderRequest {
    /// The strategy's own number for the order.
    pub client_id: u64,
    /// Which way.
    pub side: Side,
    /// How much, in the base currency.
    pub quantity: Amount,
    /// Limit price; a market order without.
    pub limit: Option<Amount>,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// How long it may wait.
    pub tif: TimeInForce,
    /// The strategy's word for it.
    pub tag: Option<String>,
}

/// One thing that an evaluation asked for, in the order in which it was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// A returned signal.
    Signal(TradeSignal),
    /// `ctx.buy` or `ctx.sell`.
    Order(OrderRequest),
    /// Cancels an order and sends it anew with another quantity or limit.
    Replace {
        /// The strategy's own number of the order.
        client_id: u64,
        /// The new quantity, if it changes.
        quantity: Option<Amount>,
        /// The new limit, if it changes.
        limit: Option<Amount>,
    },
    /// Cancels one working order, or all.
    Cancel(Option<u64>),
}
