//! Markets that do not exist: seeded random walks, correlated through one common factor.
//!
//! A market's log price moves, row by row, by `volatility` times a standard normal number, of which the square root
//! of `correlation` is shared with all other markets and the rest is its own; so any two markets' returns have that
//! correlation. Every market draws from streams of its own, so a market's rows depend on the seed and on its index,
//! not on how many others there are, nor on how many rows are taken, nor on which are left out.
//!
//! Prices walk in whole ticks and are the doubles nearest to their decimals, as if read from a file. The generator and
//! the logarithm are compiled in: the same seed gives the same bits on every platform.
//!
//! Not modelled: drift, gaps between candles, clustering of volatility, an order book behind the quotes.

mod random;

use crate::domain::{Nanos, Side};
use crate::error::Error;
use crate::market::{Candle, EventKind, MarketEvent, Quote, Trade};

use self::random::Random;

/// The purposes for which a market draws, each from a stream of its own.
const COMMON_FACTOR: u64 = 1;
const OWN_MOVES: u64 = 2;
const DETAILS: u64 = 3;
const LEFT_OUT: u64 = 4;

/// A walk goes no higher than this many ticks, where an `f64` still holds every tick with three digits to spare.
const HIGHEST_TICKS: f64 = 9_007_199_254_740.0;

/// A walk goes no lower than this many ticks, so that a bid three ticks below the mid is still a price.
const LOWEST_TICKS: f64 = 4.0;

/// Digits after the point that a price may have, as many as a price scale can hold.
const FINEST_DIGITS: u32 = 12;

/// What all markets of a feed have in common.
#[derive(Clone, Debug)]
pub struct SyntheticFeedSpec {
    /// The same seed gives the same rows.
    pub seed: u64,
    /// What the rows are.
    pub kind: EventKind,
    /// Opening time of the first candle; quotes and trades begin shortly after it.
    pub start: Nanos,
    /// Length of a candle, or the mean time between two quotes or trades.
    pub interval: Nanos,
    /// Correlation of any two markets' returns, row by row, from 0 to 1.
    pub correlation: f64,
    /// The share of rows left out at random, from 0 to less than 1. The first row is always there.
    pub missing: f64,
}

/// What is one market's own.
#[derive(Clone, Debug)]
pub struct SyntheticMarketSpec {
    /// Where its walk begins.
    pub price: f64,
    /// Digits after the point of its prices: a tick is `10^-digits`.
    pub digits: u32,
    /// Standard deviation of the log return from one row to the next.
    pub volatility: f64,
}

/// Candles as columns; `ts` are opening times.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "the columns of a candle have no other meaning here"
)]
pub struct CandleColumns {
    pub ts: Vec<Nanos>,
    pub open: Vec<f64>,
    pub high: Vec<f64>,
    pub low: Vec<f64>,
    pub close: Vec<f64>,
    pub volume: Vec<f64>,
}

/// Quotes as columns.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "the columns of a quote have no other meaning here"
)]
pub struct QuoteColumns {
    pub ts: Vec<Nanos>,
    pub bid: Vec<f64>,
    pub ask: Vec<f64>,
    pub bid_size: Vec<f64>,
    pub ask_size: Vec<f64>,
}

/// Trades as columns; `side` is 1 for a buyer who took, -1 for a seller.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "the columns of a trade have no other meaning here"
)]
pub struct TradeColumns {
    pub ts: Vec<Nanos>,
    pub price: Vec<f64>,
    pub quantity: Vec<f64>,
    pub side: Vec<i8>,
}

/// One market's rows, of the kind asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum SyntheticColumns {
    /// Rows of candles.
    Candles(CandleColumns),
    /// Rows of quotes.
    Quotes(QuoteColumns),
    /// Rows of trades.
    Trades(TradeColumns),
}

/// Many markets, each of which gives its next row when asked.
#[derive(Clone, Debug)]
pub struct SyntheticFeed {
    spec: SyntheticFeedSpec,
    walks: Vec<Walk>,
}

impl SyntheticFeed {
    /// A feed over these markets, all at their first row.
    ///
    /// # Errors
    /// When a number is out of its range; the error names the argument.
    pub fn new(spec: SyntheticFeedSpec, markets: &[SyntheticMarketSpec]) -> Result<Self, Error> {
        check_feed(&spec)?;
        let mut walks = Vec::with_capacity(markets.len());
        for (index, market) in (0_u64..).zip(markets) {
            check_market(market)?;
            walks.push(Walk::new(&spec, market, index));
        }
        Ok(Self { spec, walks })
    }

    /// How many markets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.walks.len()
    }

    /// Whether there is no market.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.walks.is_empty()
    }

    /// The next row of a market at its own time; `None` when there is no such market.
    ///
    /// The fields of the event are public: a live feed stamps it anew with the time at which it is sent.
    pub fn next(&mut self, market: usize) -> Option<MarketEvent> {
        let walk = self.walks.get_mut(market)?;
        Some(walk.next_kept(&self.spec))
    }

    /// All the rows of every market that lie among its first `rows`, those left out not counted anew.
    ///
    /// # Errors
    /// When the rows would pass the end of the times that can be represented (in the year 2262).
    pub fn columns(mut self, rows: usize) -> Result<Vec<SyntheticColumns>, Error> {
        // An irregular gap is shorter than two intervals, so this bounds every time of the feed.
        let longest = i64::try_from(rows)
            .ok()
            .and_then(|rows| rows.checked_mul(self.spec.interval)?.checked_mul(2));
        if longest
            .and_then(|longest| self.spec.start.checked_add(longest))
            .is_none()
        {
            let interval = self.spec.interval;
            return refuse(format!(
                "rows={rows} of {interval} ns each end after the year 2262; ask for fewer"
            ));
        }
        let spec = &self.spec;
        Ok(self
            .walks
            .iter_mut()
            .map(|walk| walk.columns(spec, rows))
            .collect())
    }
}

/// Refuses an argument; the message begins with its name.
fn refuse<T>(message: String) -> Result<T, Error> {
    Err(Error::config("config.range", message))
}

fn check_feed(spec: &SyntheticFeedSpec) -> Result<(), Error> {
    let SyntheticFeedSpec {
        interval,
        correlation,
        missing,
        ..
    } = *spec;
    if interval < 1 {
        return refuse(format!(
            "interval={interval} ns must be at least a nanosecond"
        ));
    }
    if !(0.0..=1.0).contains(&correlation) {
        return refuse(format!(
            "correlation={correlation} must lie between 0 and 1"
        ));
    }
    if !(0.0..1.0).contains(&missing) {
        return refuse(format!(
            "missing={missing} must be at least 0 and less than 1: it is a share of the rows"
        ));
    }
    Ok(())
}

fn check_market(market: &SyntheticMarketSpec) -> Result<(), Error> {
    let SyntheticMarketSpec {
        price,
        digits,
        volatility,
    } = *market;
    if digits > FINEST_DIGITS {
        return refuse(format!("digits={digits} must be at most {FINEST_DIGITS}"));
    }
    if !(0.0..=1.0).contains(&volatility) {
        let rule = "must lie between 0 and 1: it is the deviation of one row's log return";
        return refuse(format!("volatility={volatility} {rule}"));
    }
    let ticks = price * scale_of(digits);
    if !(LOWEST_TICKS..=HIGHEST_TICKS).contains(&ticks) {
        let rule = format!(
            "with {digits} digits must lie between {} and {}; change it or digits",
            LOWEST_TICKS / scale_of(digits),
            HIGHEST_TICKS / scale_of(digits)
        );
        return refuse(format!("price={price} {rule}"));
    }
    Ok(())
}

/// Ticks in one unit of price. Powers of ten up to 10^22 are exact in an `f64`, however they are multiplied.
fn scale_of(digits: u32) -> f64 {
    (0..digits).fold(1.0, |scale, _| scale * 10.0)
}

/// One market on its way.
#[derive(Clone, Debug)]
struct Walk {
    factor: Random,
    own: Random,
    details: Random,
    left_out: Random,
    /// Weight of the common factor and of the market's own move, each times the volatility.
    common_weight: f64,
    own_weight: f64,
    volatility: f64,
    scale: f64,
    /// Logarithm of the price in ticks, not rounded: rounding may not change where the walk goes.
    log_ticks: f64,
    /// The last price in whole ticks.
    ticks: f64,
    /// Opening time of the next candle; time of the last quote or trade.
    ts: Nanos,
    row: u64,
}

impl Walk {
    fn new(feed: &SyntheticFeedSpec, market: &SyntheticMarketSpec, index: u64) -> Self {
        let scale = scale_of(market.digits);
        Self {
            // Each market draws the common factor again instead of sharing it: markets need not go in step.
            factor: Random::stream(feed.seed, COMMON_FACTOR, 0),
            own: Random::stream(feed.seed, OWN_MOVES, index),
            details: Random::stream(feed.seed, DETAILS, index),
            left_out: Random::stream(feed.seed, LEFT_OUT, index),
            common_weight: market.volatility * libm::sqrt(feed.correlation),
            own_weight: market.volatility * libm::sqrt(1.0 - feed.correlation),
            volatility: market.volatility,
            scale,
            log_ticks: libm::log(market.price * scale),
            ticks: libm::round(market.price * scale),
            ts: feed.start,
            row: 0,
        }
    }

    /// The next row that is not left out.
    fn next_kept(&mut self, feed: &SyntheticFeedSpec) -> MarketEvent {
        loop {
            let (event, kept) = self.next_row(feed);
            if kept {
                return event;
            }
        }
    }

    /// The next row, and whether it stays: one that is left out has still moved the price.
    fn next_row(&mut self, feed: &SyntheticFeedSpec) -> (MarketEvent, bool) {
        let before = self.ticks;
        self.step();
        let event = match feed.kind {
            EventKind::Candle => MarketEvent::Candle(self.candle(before, feed.interval)),
            EventKind::Quote => MarketEvent::Quote(self.quote(feed.interval)),
            EventKind::Trade => MarketEvent::Trade(self.trade(feed.interval)),
        };
        // Drawn even where nothing is left out, so that `missing` removes rows and changes none.
        let kept = self.left_out.unit() >= feed.missing || self.row == 0;
        self.row = self.row.saturating_add(1);
        (event, kept)
    }

    fn step(&mut self) {
        let moved = self.common_weight * self.factor.normal() + self.own_weight * self.own.normal();
        self.log_ticks += moved;
        let ticks = libm::exp(self.log_ticks);
        if (LOWEST_TICKS..=HIGHEST_TICKS).contains(&ticks) {
            self.ticks = libm::round(ticks);
        } else {
            // At the end of what can be represented the walk waits for a move that leads back.
            self.ticks = if ticks < LOWEST_TICKS {
                LOWEST_TICKS
            } else {
                HIGHEST_TICKS
            };
            self.log_ticks = libm::log(self.ticks);
        }
    }

    fn candle(&mut self, before: f64, interval: Nanos) -> Candle {
        let open_ts = self.ts;
        self.ts = self.ts.saturating_add(interval);
        let wick = self.volatility * 0.5;
        let above = 1.0 + (self.details.normal() * wick).abs();
        let below = 1.0 - (self.details.normal() * wick).abs();
        // Rounding keeps order, so the high is not below the body and the low not above it.
        let high = libm::round(before.max(self.ticks) * above);
        let low = libm::round(before.min(self.ticks) * below).max(1.0);
        Candle {
            open_ts,
            close_ts: self.ts,
            open: before / self.scale,
            high: high / self.scale,
            low: low / self.scale,
            close: self.ticks / self.scale,
            volume: self.quantity(100_000),
        }
    }

    fn quote(&mut self, interval: Nanos) -> Quote {
        self.advance(interval);
        let below = self.ticks_from_one_to_three();
        let above = self.ticks_from_one_to_three();
        Quote {
            ts: self.ts,
            bid: (self.ticks - below) / self.scale,
            ask: (self.ticks + above) / self.scale,
            bid_size: self.quantity(10_000),
            ask_size: self.quantity(10_000),
        }
    }

    fn trade(&mut self, interval: Nanos) -> Trade {
        self.advance(interval);
        let side = if self.details.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        Trade {
            ts: self.ts,
            price: self.ticks / self.scale,
            quantity: self.quantity(10_000),
            side: Some(side),
        }
    }

    /// Quotes and trades come irregularly: after a tenth of the interval to nineteen tenths of it.
    fn advance(&mut self, interval: Nanos) {
        let shortest = interval / 10;
        let spread = u64::try_from((interval - shortest).saturating_mul(2)).unwrap_or(0);
        let extra = i64::try_from(self.details.below(spread)).unwrap_or(0);
        self.ts = self
            .ts
            .saturating_add(shortest.saturating_add(extra).max(1));
    }

    #[expect(clippy::cast_precision_loss, reason = "at most three")]
    fn ticks_from_one_to_three(&mut self) -> f64 {
        (1 + self.details.below(3)) as f64
    }

    /// From a hundredth to that many hundredths.
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred thousand")]
    fn quantity(&mut self, hundredths: u64) -> f64 {
        (1 + self.details.below(hundredths)) as f64 / 100.0
    }

    fn columns(&mut self, feed: &SyntheticFeedSpec, rows: usize) -> SyntheticColumns {
        let mut candles = CandleColumns::default();
        let mut quotes = QuoteColumns::default();
        let mut trades = TradeColumns::default();
        for _ in 0..rows {
            match self.next_row(feed) {
                (_, false) => {}
                (MarketEvent::Candle(candle), true) => candles.push(&candle),
                (MarketEvent::Quote(quote), true) => quotes.push(&quote),
                (MarketEvent::Trade(trade), true) => trades.push(&trade),
            }
        }
        match feed.kind {
            EventKind::Candle => SyntheticColumns::Candles(candles),
            EventKind::Quote => SyntheticColumns::Quotes(quotes),
            EventKind::Trade => SyntheticColumns::Trades(trades),
        }
    }
}

impl CandleColumns {
    fn push(&mut self, candle: &Candle) {
        self.ts.push(candle.open_ts);
        self.open.push(candle.open);
        self.high.push(candle.high);
        self.low.push(candle.low);
        self.close.push(candle.close);
        self.volume.push(candle.volume);
    }
}

impl QuoteColumns {
    fn push(&mut self, quote: &Quote) {
        self.ts.push(quote.ts);
        self.bid.push(quote.bid);
        self.ask.push(quote.ask);
        self.bid_size.push(quote.bid_size);
        self.ask_size.push(quote.ask_size);
    }
}

impl TradeColumns {
    fn push(&mut self, trade: &Trade) {
        self.ts.push(trade.ts);
        self.price.push(trade.price);
        self.quantity.push(trade.quantity);
        self.side.push(match trade.side {
            Some(Side::Buy) => 1,
            Some(Side::Sell) => -1,
            None => 0,
        });
    }
}

#[cfg(test)]
#[path = "synthetic_tests.rs"]
mod tests;
