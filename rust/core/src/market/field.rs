//! The names of the numbers that a market event carries.

use super::series::ExtraColumn;

/// One number of a market event: what an indicator or a window reads.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// First price of a candle.
    Open,
    /// Highest price of a candle.
    High,
    /// Lowest price of a candle.
    Low,
    /// Last price of a candle.
    Close,
    /// Quantity traded in a candle, in the base currency.
    Volume,
    /// Best price somebody buys at.
    Bid,
    /// Best price somebody sells at.
    Ask,
    /// Quantity at the best bid.
    BidSize,
    /// Quantity at the best ask.
    AskSize,
    /// The middle between bid and ask, exact.
    Mid,
    /// Price of a trade.
    Price,
    /// Quantity of a trade.
    Quantity,
    /// A further numeric column of the data, by its place among them.
    Extra(u16),
}

impl Field {
    /// The name people write, such as `bid_size`. Further columns have their names in the data, not here.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::BidSize => "bid_size",
            Self::AskSize => "ask_size",
            Self::Mid => "mid",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::Extra(_) => "extra",
        }
    }

    /// The field of this name; `None` for any other, which may still be a further column of the data.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "open" => Self::Open,
            "high" => Self::High,
            "low" => Self::Low,
            "close" => Self::Close,
            "volume" => Self::Volume,
            "bid" => Self::Bid,
            "ask" => Self::Ask,
            "bid_size" => Self::BidSize,
            "ask_size" => Self::AskSize,
            "mid" => Self::Mid,
            "price" => Self::Price,
            "quantity" => Self::Quantity,
            _ => return None,
        })
    }

    /// The same, or that one of the further columns; names of columns are the same in small and in capital letters.
    #[must_use]
    pub fn named(name: &str, further: &[ExtraColumn]) -> Option<Self> {
        let name = name.to_lowercase();
        let mut columns = further.iter();
        match columns.position(|column| column.name.to_lowercase() == name) {
            Some(place) => u16::try_from(place).ok().map(Self::Extra),
            None => Self::parse(&name),
        }
    }

    /// Whether the field is a price, and so has an exact integer behind it.
    #[must_use]
    pub const fn is_price(self) -> bool {
        matches!(
            self,
            Self::Open
                | Self::High
                | Self::Low
                | Self::Close
                | Self::Bid
                | Self::Ask
                | Self::Mid
                | Self::Price
        )
    }
}
