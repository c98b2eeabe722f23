//! The side of an order or of a position, and who made the market in a fill.

use serde::{Deserialize, Serialize};

/// Which way an order trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// `+1` for a buy, `-1` for a sale.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// Whether a position is on this side. Which side it is differs from trader to trader, so it is told without a branch.
    #[must_use]
    #[inline]
    pub const fn is_of(self, position: i64) -> bool {
        let (long, short) = (position > 0, position < 0);
        (long & matches!(self, Self::Buy)) | (short & matches!(self, Self::Sell))
    }

    /// The side that moves a position by an amount of this sign; zero counts as a buy.
    #[must_use]
    pub const fn of(delta: i64) -> Self {
        if delta < 0 { Self::Sell } else { Self::Buy }
    }

    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `buy` or `sell`, as in every table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// Whether a fill took liquidity or gave it, which decides the fee rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Liquidity {
    /// The order was resting when the market came to it.
    Maker,
    /// The order met what was already there.
    Taker,
}

impl Liquidity {
    /// `maker` or `taker`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Taker => "taker",
        }
    }
}
