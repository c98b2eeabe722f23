//! What a strategy returns.

use crate::abi;

/// How much a signal is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// A quantity of the base currency.
    Base(f64),
    /// An amount of the quote currency, at the last price.
    Quote(f64),
    /// A part of the account's equity, fee included, at the last price.
    Equity(f64),
}

/// What a strategy wants to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signal {
    /// Be long, at this size or the trader's own, with a limit price if one is named.
    Long {
        /// The quantity to hold.
        size: Option<Size>,
        /// Limit price of the order this leads to.
        limit: Option<f64>,
    },
    /// Be short, likewise.
    Short {
        /// The quantity to hold.
        size: Option<Size>,
        /// Limit price of the order this leads to.
        limit: Option<f64>,
    },
    /// Be flat.
    Close,
    /// Be on the other side of the position held.
    Reverse,
    /// Hold exactly this signed size.
    Target(Size),
}

impl Signal {
    /// Be long, at the trader's own size, at the market.
    pub const LONG: Self = Self::Long {
        size: None,
        limit: None,
    };
    /// Be short, at the trader's own size, at the market.
    pub const SHORT: Self = Self::Short {
        size: None,
        limit: None,
    };

    /// Whether it asks, at the trader's own size and at the market, for the side that is held: 1 long, -1 short, 0 flat.
    #[inline]
    pub(crate) const fn is_held(&self, held: i32) -> bool {
        match self {
            Self::Long {
                size: None,
                limit: None,
            } => held == 1,
            Self::Short {
                size: None,
                limit: None,
            } => held == -1,
            Self::Close => held == 0,
            _ => false,
        }
    }

    pub(crate) fn write(self, answer: &mut abi::Answer) {
        let (code, size, limit) = match self {
            Self::Long { size, limit } => (abi::SIGNAL_LONG, size, limit),
            Self::Short { size, limit } => (abi::SIGNAL_SHORT, size, limit),
            Self::Close => (abi::SIGNAL_CLOSE, None, None),
            Self::Reverse => (abi::SIGNAL_REVERSE, None, None),
            Self::Target(size) => (abi::SIGNAL_TARGET, Some(size), None),
        };
        answer.signal = code;
        if let Some(size) = size {
            (answer.size_unit, answer.signal_size) = match size {
                Size::Base(amount) => (abi::SIZE_BASE, amount),
                Size::Quote(amount) => (abi::SIZE_QUOTE, amount),
                Size::Equity(amount) => (abi::SIZE_EQUITY, amount),
            };
        }
        if let Some(limit) = limit {
            answer.has_limit = 1;
            answer.signal_limit = limit;
        }
    }
}
