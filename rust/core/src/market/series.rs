//! The columns of a market: read once, shared by all who look at them, never changed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{HalfUnits, InstrumentSpec, Nanos, Side};

use super::Field;
use super::event::{Candle, EventKind, EventRef, Quote, Trade};
use super::scale::PriceScale;

/// A column of numbers.
pub type Column = Arc<[f64]>;

/// A column of times.
pub type Times = Arc<[Nanos]>;

/// A numeric column beyond those the engine knows, for `ctx.column`.
#[derive(Clone, Debug)]
pub struct ExtraColumn {
    /// Its name in the data.
    pub name: String,
    /// Its numbers; NaN where the data have none.
    pub values: Column,
}

/// When the candles of a series are known.
#[derive(Clone, Debug)]
pub enum CloseTimes {
    /// So many nanoseconds after they open.
    Interval(Nanos),
    /// At the times of a column.
    Column(Times),
}

/// Candles of one market in the order of time.
#[derive(Clone, Debug)]
pub struct CandleSeries {
    /// Opening times, rising.
    pub open_ts: Times,
    /// When each is known.
    pub close: Column,
    /// First prices.
    pub open: Column,
    /// Highest prices.
    pub high: Column,
    /// Lowest prices.
    pub low: Column,
    /// Volumes, where the data have them.
    pub volume: Option<Column>,
    /// When each candle closes.
    pub closes: CloseTimes,
    /// Further numeric columns.
    pub extra: Vec<ExtraColumn>,
}

/// Quotes of one market in the order of time.
#[derive(Clone, Debug)]
pub struct QuoteSeries {
    /// Times, never falling.
    pub ts: Times,
    /// Best prices to sell at.
    pub bid: Column,
    /// Best prices to buy at.
    pub ask: Column,
    /// Quantities at the bid.
    pub bid_size: Option<Column>,
    /// Quantities at the ask.
    pub ask_size: Option<Column>,
    /// Further numeric columns.
    pub extra: Vec<ExtraColumn>,
}

/// Trades of one market in the order of time.
#[derive(Clone, Debug)]
pub struct TradeSeries {
    /// Times, never falling.
    pub ts: Times,
    /// Prices.
    pub price: Column,
    /// Quantities in the base currency.
    pub quantity: Column,
    /// `1` where the taker bought, `-1` where it sold, `0` where it is unknown.
    pub side: Option<Arc<[i8]>>,
    /// Further numeric columns.
    pub extra: Vec<ExtraColumn>,
}

fn optional(column: Option<&Column>, row: usize) -> f64 {
    column.map_or(f64::NAN, |values| values[row])
}

fn extra(columns: &[ExtraColumn], index: u16, row: usize) -> f64 {
    columns
        .get(usize::from(index))
        .map_or(f64::NAN, |column| column.values[row])
}

impl CandleSeries {
    /// When a candle is known.
    #[must_use]
    #[inline]
    pub fn close_ts(&self, row: usize) -> Nanos {
        match &self.closes {
            CloseTimes::Interval(interval) => self.open_ts[row].saturating_add(*interval),
            CloseTimes::Column(times) => times[row],
        }
    }

    /// The first candle that opens at `from` or later, from row `hint` on when that is known to be no later.
    #[must_use]
    pub fn next_open(&self, from: Nanos, hint: usize) -> Option<usize> {
        let hint = hint.min(self.open_ts.len());
        let start = if hint > 0 && self.open_ts[hint - 1] >= from {
            0
        } else {
            hint
        };
        // The next open is nearly always at or just behind the cursor, so a look beats a search.
        for row in start..self.open_ts.len().min(start + 4) {
            if self.open_ts[row] >= from {
                return Some(row);
            }
        }
        let rest = &self.open_ts[start..];
        let row = start + rest.partition_point(|&ts| ts < from);
        (row < self.open_ts.len()).then_some(row)
    }

    pub(crate) fn candle(&self, row: usize) -> Candle {
        Candle {
            open_ts: self.open_ts[row],
            close_ts: self.close_ts(row),
            open: self.open[row],
            high: self.high[row],
            low: self.low[row],
            close: self.close[row],
            volume: optional(self.volume.as_ref(), row),
        }
    }

    #[inline]
    pub(crate) fn field(&self, field: Field, row: usize) -> f64 {
        match field {
            Field::Close | Field::Price => self.close[row],
            Field::Open => self.open[row],
            Field::High => self.high[row],
            Field::Low => self.low[row],
            Field::Volume | Field::Quantity => optional(self.volume.as_ref(), row),
            Field::Extra(index) => extra(&self.extra, index, row),
            Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid => f64::NAN,
        }
    }
}

impl QuoteSeries {
    pub(crate) fn quote(&self, row: usize) -> Quote {
        Quote {
            ts: self.ts[row],
            bid: self.bid[row],
            ask: self.ask[row],
            bid_size: optional(self.bid_size.as_ref(), row),
            ask_size: optional(self.ask_size.as_ref(), row),
        }
    }

    #[inline]
    pub(crate) fn field(&self, field: Field, row: usize) -> f64 {
        match field {
            Field::Bid => self.bid[row],
            Field::Ask => self.ask[row],
            Field::BidSize => optional(self.bid_size.as_ref(), row),
            Field::AskSize => optional(self.ask_size.as_ref(), row),
            Field::Mid | Field::Open | Field::High | Field::Low | Field::Close | Field::Price => {
                f64::midpoint(self.bid[row], self.ask[row])
            }
            Field::Extra(index) => extra(&self.extra, index, row),
            Field::Volume | Field::Quantity => f64::NAN,
        }
    }
}

impl TradeSeries {
    pub(crate) fn trade(&self, row: usize) -> Trade {
        let side = match self.side.as_ref().map_or(0, |sides| sides[row]) {
            0 => None,
            sign => Some(Side::of(i64::from(sign))),
        };
        Trade {
            ts: self.ts[row],
            price: self.price[row],
            quantity: self.quantity[row],
            side,
        }
    }

    #[inline]
    pub(crate) fn field(&self, field: Field, row: usize) -> f64 {
        match field {
            Field::Price | Field::Open | Field::High | Field::Low | Field::Close => self.price[row],
            Field::Quantity | Field::Volume => self.quantity[row],
            Field::Extra(index) => extra(&self.extra, index, row),
            Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid => f64::NAN,
        }
    }
}

/// One series of one market.
#[derive(Clone, Copy, Debug)]
pub enum Series<'a> {
    /// Candles.
    Candle(&'a CandleSeries),
    /// Quotes.
    Quote(&'a QuoteSeries),
    /// Trades.
    Trade(&'a TradeSeries),
}

impl<'a> Series<'a> {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Candle(series) => series.open_ts.len(),
            Self::Quote(series) => series.ts.len(),
            Self::Trade(series) => series.ts.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When a row is known.
    #[must_use]
    #[inline]
    pub fn ts(&self, row: usize) -> Nanos {
        match self {
            Self::Candle(series) => series.close_ts(row),
            Self::Quote(series) => series.ts[row],
            Self::Trade(series) => series.ts[row],
        }
    }

    /// The times at which rows begin: openings of candles, else the times themselves.
    #[must_use]
    pub fn opening_times(&self) -> &'a Times {
        match self {
            Self::Candle(series) => &series.open_ts,
            Self::Quote(series) => &series.ts,
            Self::Trade(series) => &series.ts,
        }
    }

    /// The event at a row.
    #[must_use]
    #[inline]
    pub const fn event(&self, row: usize) -> EventRef<'a> {
        match self {
            Self::Candle(series) => EventRef::Candle(series, row),
            Self::Quote(series) => EventRef::Quote(series, row),
            Self::Trade(series) => EventRef::Trade(series, row),
        }
    }

    /// The marks of rows from `first` on, as many as `out` has.
    pub fn marks(&self, first: usize, scale: PriceScale, out: &mut [HalfUnits]) {
        let rows = first..first + out.len();
        match self {
            Self::Candle(series) => scale.half_units(&series.close[rows], out),
            Self::Trade(series) => scale.half_units(&series.price[rows], out),
            Self::Quote(series) => {
                scale.mids(&series.bid[rows.clone()], &series.ask[rows], out);
            }
        }
    }

    /// The columns beyond those the engine knows.
    #[must_use]
    pub fn extra(&self) -> &'a [ExtraColumn] {
        match self {
            Self::Candle(series) => &series.extra,
            Self::Quote(series) => &series.extra,
            Self::Trade(series) => &series.extra,
        }
    }

    /// A whole column by field; `None` where this series has none or where it would have to be computed.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&'a Column> {
        match (self, field) {
            (Self::Candle(s), Field::Open) => Some(&s.open),
            (Self::Candle(s), Field::High) => Some(&s.high),
            (Self::Candle(s), Field::Low) => Some(&s.low),
            (Self::Candle(s), Field::Close) => Some(&s.close),
            (Self::Candle(s), Field::Volume) => s.volume.as_ref(),
            (Self::Quote(s), Field::Bid) => Some(&s.bid),
            (Self::Quote(s), Field::Ask) => Some(&s.ask),
            (Self::Quote(s), Field::BidSize) => s.bid_size.as_ref(),
            (Self::Quote(s), Field::AskSize) => s.ask_size.as_ref(),
            (Self::Trade(s), Field::Price) => Some(&s.price),
            (Self::Trade(s), Field::Quantity) => Some(&s.quantity),
            (_, Field::Extra(index)) => self
                .extra()
                .get(usize::from(index))
                .map(|column| &column.values),
            _ => None,
        }
    }
}

/// All that is known of one market.
#[derive(Clone, Debug)]
pub struct Market {
    /// `BASE/QUOTE`.
    pub name: String,
    /// What its price digits are.
    pub scale: PriceScale,
    /// Candles, if there are any.
    pub candles: Option<CandleSeries>,
    /// Quotes, if there are any.
    pub quotes: Option<QuoteSeries>,
    /// Trades, if there are any.
    pub trades: Option<TradeSeries>,
}

impl Market {
    /// A market without rows, which a live feed fills.
    #[must_use]
    pub fn without_rows(name: &str, scale: PriceScale) -> Self {
        Self {
            name: name.to_owned(),
            scale,
            candles: None,
            quotes: None,
            trades: None,
        }
    }

    /// A market without rows, to which a live feed brings events of one kind, with prices of so many digits.
    #[must_use]
    pub fn of_kind(name: &str, digits: u32, kind: EventKind) -> Self {
        let scale = PriceScale {
            digits: i8::try_from(digits).unwrap_or(i8::MAX),
            exact: true,
        };
        let mut market = Self::without_rows(name, scale);
        let empty = || Column::from([]);
        match kind {
            EventKind::Candle => {
                market.candles = Some(CandleSeries {
                    open_ts: Arc::from([]),
                    close: empty(),
                    open: empty(),
                    high: empty(),
                    low: empty(),
                    volume: None,
                    closes: CloseTimes::Column(Arc::from([])),
                    extra: Vec::new(),
                });
            }
            EventKind::Quote => {
                market.quotes = Some(QuoteSeries {
                    ts: Arc::from([]),
                    bid: empty(),
                    ask: empty(),
                    bid_size: None,
                    ask_size: None,
                    extra: Vec::new(),
                });
            }
            EventKind::Trade => {
                market.trades = Some(TradeSeries {
                    ts: Arc::from([]),
                    price: empty(),
                    quantity: empty(),
                    side: None,
                    extra: Vec::new(),
                });
            }
        }
        market
    }

    /// The series of one kind.
    #[must_use]
    pub fn series(&self, kind: EventKind) -> Option<Series<'_>> {
        match kind {
            EventKind::Candle => self.candles.as_ref().map(Series::Candle),
            EventKind::Quote => self.quotes.as_ref().map(Series::Quote),
            EventKind::Trade => self.trades.as_ref().map(Series::Trade),
        }
    }

    /// The kinds this market has, in feed order.
    pub fn kinds(&self) -> impl Iterator<Item = EventKind> + '_ {
        EventKind::ALL
            .into_iter()
            .filter(|&kind| self.series(kind).is_some())
    }

    /// When and where the first candle opens that does so at `from` or later, and before `end`; `hint` as for
    /// [`CandleSeries::next_open`].
    #[must_use]
    pub fn next_open(&self, from: Nanos, hint: usize, end: Option<Nanos>) -> Option<(Nanos, f64)> {
        let candles = self.candles.as_ref()?;
        let row = candles.next_open(from, hint)?;
        let open = (candles.open_ts[row], candles.open[row]);
        end.is_none_or(|end| open.0 < end).then_some(open)
    }

    /// The open of the candle that opens at `ts`.
    #[must_use]
    pub fn open_at(&self, ts: Nanos, hint: usize) -> Option<f64> {
        let candles = self.candles.as_ref()?;
        let row = candles.next_open(ts, hint)?;
        (candles.open_ts[row] == ts).then(|| candles.open[row])
    }

    /// Whether events of this kind come with volumes. Of a market without rows nothing is known, so they may.
    #[must_use]
    pub fn has_volume(&self, kind: EventKind) -> bool {
        match kind {
            EventKind::Candle => self
                .candles
                .as_ref()
                .is_none_or(|candles| candles.volume.is_some()),
            EventKind::Quote => false,
            EventKind::Trade => true,
        }
    }

    /// The currency in which the market's prices are.
    #[must_use]
    pub fn quote_currency(&self) -> &str {
        self.name.split_once('/').map_or("", |(_, quote)| quote)
    }
}

/// The input of a recorded run.
#[derive(Clone, Debug, Default)]
pub struct MarketData {
    /// Markets in the order in which they were given.
    pub markets: Vec<Market>,
}

impl MarketData {
    /// The positions of all pairs, for who looks up many.
    #[must_use]
    pub fn positions(&self) -> HashMap<&str, usize> {
        let names = self.markets.iter().map(|market| market.name.as_str());
        names.zip(0..).collect()
    }

    /// How many rows all series have together.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.markets
            .iter()
            .flat_map(|market| market.kinds().filter_map(|kind| market.series(kind)))
            .map(|series| series.len())
            .sum()
    }
}

/// What a user said of a market's instrument, or the default.
#[must_use]
pub fn spec_of(specs: &[(String, InstrumentSpec)], pair: &str) -> InstrumentSpec {
    specs
        .iter()
        .find(|(name, _)| name == pair)
        .map(|(_, spec)| *spec)
        .unwrap_or_default()
}
