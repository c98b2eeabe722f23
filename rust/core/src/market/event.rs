//! One thing that happened on a market, by value or as a row of the columns it was read from.

use crate::domain::{HalfUnits, Nanos, Side, Units};
use crate::indicator::Sample;

use super::Field;
use super::scale::PriceScale;
use super::series::{CandleSeries, QuoteSeries, Series, TradeSeries};

/// The kinds of market event, in the order in which rows of one market at one time come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Open, high, low, close and volume over an interval.
    Candle,
    /// Best bid and ask.
    Quote,
    /// One trade between others.
    Trade,
}

impl EventKind {
    /// All kinds, in feed order.
    pub const ALL: [Self; 3] = [Self::Candle, Self::Quote, Self::Trade];

    /// `candle`, `quote` or `trade`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candle => "candle",
            Self::Quote => "quote",
            Self::Trade => "trade",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The field an indicator reads when it names none.
    #[must_use]
    pub const fn default_field(self) -> Field {
        match self {
            Self::Candle => Field::Close,
            Self::Quote => Field::Mid,
            Self::Trade => Field::Price,
        }
    }
}

/// Prices of one interval, known whole at `close_ts`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Start of the interval.
    pub open_ts: Nanos,
    /// End of the interval: when the candle is known.
    pub close_ts: Nanos,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded quantity in the base currency; NaN when the data have none.
    pub volume: f64,
}

/// Best bid and ask at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// When it was seen.
    pub ts: Nanos,
    /// Best price to sell at.
    pub bid: f64,
    /// Best price to buy at.
    pub ask: f64,
    /// Quantity at the bid; NaN when the data have none.
    pub bid_size: f64,
    /// Quantity at the ask; NaN when the data have none.
    pub ask_size: f64,
}

/// One trade between others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// When it happened.
    pub ts: Nanos,
    /// Its price.
    pub price: f64,
    /// Its quantity in the base currency.
    pub quantity: f64,
    /// Who took, where the data tell.
    pub side: Option<Side>,
}

/// One thing that happened on a market, by value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarketEvent {
    /// An interval closed.
    Candle(Candle),
    /// The best prices changed.
    Quote(Quote),
    /// Others traded.
    Trade(Trade),
}

/// An event wherever it lives. Reading a field of a row costs one load; nothing is assembled that is not asked for.
#[derive(Clone, Copy, Debug)]
pub enum EventRef<'a> {
    /// A row of candle columns.
    Candle(&'a CandleSeries, usize),
    /// A row of quote columns.
    Quote(&'a QuoteSeries, usize),
    /// A row of trade columns.
    Trade(&'a TradeSeries, usize),
    /// An event by value, as a live feed delivers it.
    Value(&'a MarketEvent),
}

impl EventRef<'_> {
    /// What kind of event it is.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Candle(..) | Self::Value(MarketEvent::Candle(_)) => EventKind::Candle,
            Self::Quote(..) | Self::Value(MarketEvent::Quote(_)) => EventKind::Quote,
            Self::Trade(..) | Self::Value(MarketEvent::Trade(_)) => EventKind::Trade,
        }
    }

    /// The columns that the event is a row of; `None` for an event by value.
    #[must_use]
    pub const fn series(&self) -> Option<Series<'_>> {
        match self {
            Self::Candle(series, _) => Some(Series::Candle(series)),
            Self::Quote(series, _) => Some(Series::Quote(series)),
            Self::Trade(series, _) => Some(Series::Trade(series)),
            Self::Value(_) => None,
        }
    }

    /// When the event is known: a candle's close, a quote's or trade's time.
    #[must_use]
    pub fn ts(&self) -> Nanos {
        match self {
            Self::Candle(series, row) => series.close_ts(*row),
            Self::Quote(series, row) => series.ts[*row],
            Self::Trade(series, row) => series.ts[*row],
            Self::Value(MarketEvent::Candle(candle)) => candle.close_ts,
            Self::Value(MarketEvent::Quote(quote)) => quote.ts,
            Self::Value(MarketEvent::Trade(trade)) => trade.ts,
        }
    }

    /// When the event began: a candle's opening, else its time.
    #[must_use]
    pub fn opening_ts(&self) -> Nanos {
        match self {
            Self::Candle(series, row) => series.open_ts[*row],
            Self::Value(MarketEvent::Candle(candle)) => candle.open_ts,
            _ => self.ts(),
        }
    }

    /// The candle, when it is one.
    #[must_use]
    pub fn candle(&self) -> Option<Candle> {
        match self {
            Self::Candle(series, row) => Some(series.candle(*row)),
            Self::Value(MarketEvent::Candle(candle)) => Some(*candle),
            _ => None,
        }
    }

    /// The quote, when it is one.
    #[must_use]
    pub fn quote(&self) -> Option<Quote> {
        match self {
            Self::Quote(series, row) => Some(series.quote(*row)),
            Self::Value(MarketEvent::Quote(quote)) => Some(*quote),
            _ => None,
        }
    }

    /// The trade, when it is one.
    #[must_use]
    pub fn trade(&self) -> Option<Trade> {
        match self {
            Self::Trade(series, row) => Some(series.trade(*row)),
            Self::Value(MarketEvent::Trade(trade)) => Some(*trade),
            _ => None,
        }
    }

    /// The event by value.
    #[must_use]
    pub fn value(&self) -> MarketEvent {
        match self {
            Self::Candle(series, row) => MarketEvent::Candle(series.candle(*row)),
            Self::Quote(series, row) => MarketEvent::Quote(series.quote(*row)),
            Self::Trade(series, row) => MarketEvent::Trade(series.trade(*row)),
            Self::Value(event) => **event,
        }
    }

    /// One number of the event; NaN for a field that this kind of event has not.
    #[must_use]
    #[inline]
    pub fn field(&self, field: Field) -> f64 {
        match self {
            Self::Candle(series, row) => series.field(field, *row),
            Self::Quote(series, row) => series.field(field, *row),
            Self::Trade(series, row) => series.field(field, *row),
            Self::Value(event) => event.field(field),
        }
    }

    /// The last price this event tells, in half units: a close, a mid or a trade's price.
    #[must_use]
    #[inline]
    pub fn mark(&self, scale: PriceScale) -> HalfUnits {
        match self {
            Self::Candle(series, row) => 2 * scale.units(series.close[*row]),
            Self::Quote(series, row) => {
                scale.units(series.bid[*row]) + scale.units(series.ask[*row])
            }
            Self::Trade(series, row) => 2 * scale.units(series.price[*row]),
            Self::Value(MarketEvent::Candle(candle)) => 2 * scale.units(candle.close),
            Self::Value(MarketEvent::Quote(quote)) => {
                scale.units(quote.bid) + scale.units(quote.ask)
            }
            Self::Value(MarketEvent::Trade(trade)) => 2 * scale.units(trade.price),
        }
    }

    /// The best ask that a quote tells, in half units: what a purchase is reserved at.
    #[must_use]
    #[inline]
    pub fn ask(&self, scale: PriceScale) -> Option<HalfUnits> {
        let ask = match self {
            Self::Quote(quotes, row) => quotes.ask[*row],
            Self::Value(MarketEvent::Quote(quote)) => quote.ask,
            _ => return None,
        };
        Some(2 * scale.units(ask))
    }
}

impl MarketEvent {
    /// A view of the event, as the code that also reads rows takes it.
    #[must_use]
    pub const fn view(&self) -> EventRef<'_> {
        EventRef::Value(self)
    }

    fn field(&self, field: Field) -> f64 {
        match (self, field) {
            (Self::Candle(c), Field::Open) => c.open,
            (Self::Candle(c), Field::High) => c.high,
            (Self::Candle(c), Field::Low) => c.low,
            (Self::Candle(c), Field::Close | Field::Price) => c.close,
            (Self::Candle(c), Field::Volume | Field::Quantity) => c.volume,
            (Self::Quote(q), Field::Bid) => q.bid,
            (Self::Quote(q), Field::Ask) => q.ask,
            (Self::Quote(q), Field::BidSize) => q.bid_size,
            (Self::Quote(q), Field::AskSize) => q.ask_size,
            (
                Self::Quote(q),
                Field::Mid | Field::Open | Field::High | Field::Low | Field::Close | Field::Price,
            ) => f64::midpoint(q.bid, q.ask),
            (
                Self::Trade(t),
                Field::Price | Field::Open | Field::High | Field::Low | Field::Close,
            ) => t.price,
            (Self::Trade(t), Field::Quantity | Field::Volume) => t.quantity,
            _ => f64::NAN,
        }
    }
}

/// An event together with its market's price scale: what indicators are fed with.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// The event.
    pub event: EventRef<'a>,
    /// The scale that turns its prices into whole units.
    pub scale: PriceScale,
    /// Its mark, which most indicators read.
    pub mark: HalfUnits,
}

impl Sample for Sampled<'_> {
    #[inline]
    fn value(&self, field: Field) -> f64 {
        self.event.field(field)
    }

    #[inline]
    fn units(&self, field: Field) -> Units {
        match field {
            Field::Mid => self.mark,
            // A close or a price is half its mark; it need not be converted again.
            Field::Close if self.event.kind() == EventKind::Candle => self.mark / 2,
            Field::Price if self.event.kind() == EventKind::Trade => self.mark / 2,
            _ => self.scale.units(self.event.field(field)),
        }
    }
}
