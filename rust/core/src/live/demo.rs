//! The demo: synthetic markets, traded live on paper.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use crate::commit::OnError;
use crate::domain::{Amount, FeeRates, Money, Rate};
use crate::engine::{Account, Config, TraderConfig};
use crate::error::Error;
use crate::market::synthetic::{SyntheticFeed, SyntheticFeedSpec, SyntheticMarketSpec};
use crate::market::{EventKind, Market, MarketData};
use crate::signal::SizeSpec;
use crate::strategy::{NoInterpreter, Strategy, builtin, builtin_version};
use crate::venue::{FillModel, VenueConfig};

use super::actor::Factory;
use super::command::RunHandle;
use super::options::{Cast, Feed, LiveOptions};
use super::start::start;

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// How many markets.
    pub markets: usize,
    /// Threads of the pool.
    pub threads: usize,
    /// How long; until it is stopped when not given.
    pub duration: Option<Duration>,
    /// Events of each market in a second.
    pub rate: f64,
    /// The seed of the prices.
    pub seed: u64,
    /// How much later than it happened a fill is told.
    pub fill_delay: Duration,
}

/// The markets people watch, where they begin and by what they are traded. Others are made up and take turns.
const KNOWN: [(&str, f64, u32, &str); 3] = [
    ("BTC/USDT", 64_000.0, 2, "rsi"),
    ("SUI/USDT", 3.4, 4, "rsi"),
    ("SOL/USDT", 150.0, 3, "simple"),
];

/// What each trader buys for, and what the account has for each market, in USDT.
const SIZE: i64 = 1_000;
const CASH: i64 = 2_000;

/// Deviation of the log return from one quote to the next, and the correlation of two markets.
const VOLATILITY: f64 = 0.000_5;
const CORRELATION: f64 = 0.4;

/// Starts the demo.
///
/// # Errors
/// When the settings make no sense.
pub fn demo(options: &DemoOptions) -> Result<RunHandle, Error> {
    let described: Vec<_> = (0..options.markets).map(describe).collect();
    let specs: Vec<SyntheticMarketSpec> = described
        .iter()
        .map(|&(_, price, digits, _)| SyntheticMarketSpec {
            price,
            digits,
            volatility: VOLATILITY,
        })
        .collect();
    let spec = SyntheticFeedSpec {
        seed: options.seed,
        kind: EventKind::Quote,
        start: 0,
        interval: 1_000_000_000,
        correlation: CORRELATION,
        missing: 0.0,
    };
    let feed = SyntheticFeed::new(spec, &specs)?;
    let markets = described
        .iter()
        .map(|(pair, _, digits, _)| Market::of_kind(pair, *digits, EventKind::Quote))
        .collect();
    let mut traders = Vec::with_capacity(options.markets);
    let mut factories = Vec::with_capacity(options.markets);
    for (pair, _, _, strategy) in &described {
        traders.push(trader(pair, strategy)?);
        factories.push(Some(factory(strategy)));
    }
    start(
        config(options),
        Cast {
            traders,
            factories,
            interpreter: Arc::new(NoInterpreter),
        },
        Feed::Synthetic {
            markets: Arc::new(MarketData { markets }),
            feed,
            rate: options.rate,
        },
        LiveOptions {
            duration: options.duration,
            fill_delay: options.fill_delay,
            ..LiveOptions::default()
        },
    )
}

fn describe(index: usize) -> (String, f64, u32, &'static str) {
    let (name, price, digits, strategy) = KNOWN[index % KNOWN.len()];
    let pair = if index < KNOWN.len() {
        name.to_owned()
    } else {
        format!("M{index:05}/USDT")
    };
    (pair, price, digits, strategy)
}

fn make(strategy: &str) -> Result<Box<dyn Strategy>, Error> {
    builtin(strategy, &[]).map_err(|error| Error::config("config.parameter", error.to_string()))
}

fn factory(strategy: &'static str) -> Factory {
    Box::new(move || {
        make(strategy)
            .map_err(|error| crate::strategy::StrategyFault::raised(error.to_string()).into())
    })
}

fn trader(pair: &str, strategy: &str) -> Result<TraderConfig, Error> {
    Ok(TraderConfig {
        name: format!("{strategy} {pair}"),
        label: strategy.to_owned(),
        version: builtin_version(strategy).unwrap_or_default().to_owned(),
        pair: pair.to_owned(),
        size: Some(SizeSpec::Quote(Amount::Exact(Decimal::from(SIZE)))),
        events: None,
        window: 0,
        schedule: Vec::new(),
        strategy: make(strategy)?,
    })
}

fn config(options: &DemoOptions) -> Config {
    let fee = Rate::from_decimal(Decimal::new(1, 3));
    let markets = i64::try_from(options.markets).unwrap_or(i64::MAX / CASH);
    let cash = Money::from(CASH * markets) * 1_000_000_000_000_000_000;
    Config {
        currency: "USDT".to_owned(),
        cash: vec![("USDT".to_owned(), cash)],
        account: Account::Spot,
        leverage: Rate::from_decimal(Decimal::ONE),
        fees: FeeRates {
            maker: fee,
            taker: fee,
        },
        venue: VenueConfig {
            fill: FillModel::NextOpen,
            slippage: Rate::ZERO,
            latency: 0,
        },
        instruments: Vec::new(),
        threads: Some(options.threads),
        block: None,
        on_error: OnError::Keep,
        risk: None,
    }
}
