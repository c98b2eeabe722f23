//! What the tests of whole runs share: small random markets and strategies that do anything they may.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod live;
pub mod way_out;

use std::sync::Arc;

use pairloom_core::commit::OnError;
use pairloom_core::domain::{Amount, FeeRates, Money, Rate, Side};
use pairloom_core::engine::{
    Account, Config, Outcome, RunOptions, TraderConfig, Unattended, backtest,
};
use pairloom_core::market::{
    CandleSeries, CloseTimes, Market, MarketData, PriceScale, QuoteSeries, TradeSeries,
};
use pairloom_core::signal::{SizeSpec, TimeInForce, TradeSignal};
use pairloom_core::strategy::{
    Hook, Hooks, Outcome as Call, SetupCtx, Strategy, StrategyFault, SystemCtx,
};
use pairloom_core::venue::{FillModel, VenueConfig};
use rust_decimal::Decimal;

pub const MINUTE: i64 = 60_000_000_000;
pub const UNIT: Money = 1_000_000_000_000_000_000;

/// A small generator of random numbers (xorshift64*, Vigna 2016), so that a seed tells the whole case.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn base(text: &str) -> SizeSpec {
    SizeSpec::Base(Amount::Exact(decimal(text)))
}

/// Candles of one market; one in `gap` is missing.
pub fn candles(random: &mut Random, rows: usize, gap: u64) -> CandleSeries {
    let mut price = 10_000 + random.below(90_000) as i64;
    let (mut ts, mut columns) = (Vec::new(), [(); 4].map(|()| Vec::new()));
    for minute in 0..rows as i64 {
        let open = price;
        price = (price + random.below(401) as i64 - 200).max(100);
        let high = open.max(price) + random.below(50) as i64;
        let low = (open.min(price) - random.below(50) as i64).max(1);
        if gap > 0 && random.one_in(gap) && minute > 0 {
            continue;
        }
        ts.push(minute * MINUTE);
        for (column, units) in columns.iter_mut().zip([open, high, low, price]) {
            column.push(units as f64 / 100.0);
        }
    }
    let [open, high, low, close] = columns.map(Arc::from);
    CandleSeries {
        open_ts: ts.into(),
        open,
        high,
        low,
        close,
        volume: None,
        closes: CloseTimes::Interval(MINUTE),
        extra: Vec::new(),
    }
}

pub fn quotes(random: &mut Random, rows: usize) -> QuoteSeries {
    let (mut ts, mut bid, mut ask) = (Vec::new(), Vec::new(), Vec::new());
    let (mut now, mut price) = (0, 50_000_i64);
    for _ in 0..rows {
        now += random.below(3) as i64 * MINUTE / 4;
        price = (price + random.below(21) as i64 - 10).max(10);
        ts.push(now);
        bid.push(price as f64 / 100.0);
        ask.push((price + 1 + random.below(3) as i64) as f64 / 100.0);
    }
    QuoteSeries {
        ts: ts.into(),
        bid: bid.into(),
        ask: ask.into(),
        bid_size: None,
        ask_size: None,
        extra: Vec::new(),
    }
}

pub fn trades(random: &mut Random, rows: usize) -> TradeSeries {
    let (mut ts, mut price) = (Vec::new(), Vec::new());
    let (mut now, mut units) = (0, 70_000_i64);
    for _ in 0..rows {
        now += random.below(4) as i64 * MINUTE / 3;
        units = (units + random.below(41) as i64 - 20).max(10);
        ts.push(now);
        price.push(units as f64 / 100.0);
    }
    TradeSeries {
        quantity: vec![1.0; ts.len()].into(),
        ts: ts.into(),
        price: price.into(),
        side: None,
        extra: Vec::new(),
    }
}

pub fn market(name: &str, fill: impl FnOnce(&mut Market)) -> Market {
    let mut market = Market::without_rows(
        name,
        PriceScale {
            digits: 0,
            exact: true,
        },
    );
    fill(&mut market);
    market.scale = market.detect_scale();
    market
}

/// Markets of every kind of data, told apart by their position.
pub fn markets(random: &mut Random, count: usize, rows: usize) -> Arc<MarketData> {
    let markets = (0..count)
        .map(|index| {
            market(&format!("M{index}/USD"), |market| match index % 5 {
                3 => market.quotes = Some(quotes(random, rows)),
                4 => market.trades = Some(trades(random, rows)),
                kind => market.candles = Some(candles(random, rows, kind as u64 * 7)),
            })
        })
        .collect();
    Arc::new(MarketData { markets })
}

pub fn config(account: Account, cash: Money) -> Config {
    let fee = Rate::from_decimal(decimal("0.001"));
    Config {
        currency: "USD".to_owned(),
        cash: vec![("USD".to_owned(), cash)],
        account,
        leverage: Rate::from_decimal(decimal(if account == Account::Spot { "1" } else { "3" })),
        fees: FeeRates {
            maker: Rate::from_decimal(decimal("0.0005")),
            taker: fee,
        },
        venue: VenueConfig {
            fill: FillModel::NextOpen,
            slippage: Rate::ZERO,
            latency: 0,
        },
        instruments: Vec::new(),
        threads: Some(1),
        block: None,
        on_error: OnError::Keep,
        risk: None,
    }
}

pub fn trader(
    name: &str,
    pair: &str,
    size: Option<SizeSpec>,
    strategy: impl Strategy + 'static,
) -> TraderConfig {
    TraderConfig {
        name: name.to_owned(),
        label: name.to_owned(),
        version: "1".to_owned(),
        pair: pair.to_owned(),
        size,
        events: None,
        window: 0,
        schedule: Vec::new(),
        strategy: Box::new(strategy),
    }
}

pub fn run(
    config: &Config,
    traders: Vec<TraderConfig>,
    data: &Arc<MarketData>,
    options: &RunOptions,
) -> Outcome {
    backtest(config, traders, data, options, &Unattended).unwrap()
}

/// A strategy that asks for anything, as a seed tells.
#[derive(Clone, Debug)]
pub struct Anything {
    random: Random,
    eager: u64,
    ids: Vec<u64>,
    extremes: bool,
}

impl Anything {
    pub fn new(seed: u64, eager: u64) -> Self {
        Self {
            random: Random::new(seed),
            eager,
            ids: Vec::new(),
            extremes: false,
        }
    }

    /// Lets what the strategy sees decide what it does from now on, so that a difference in the one shows in the other.
    pub fn stir(&mut self, seen: u64) {
        self.random = Random::new(self.random.next() ^ seen);
    }

    /// Whether an event of this chance, one in `n`, has come.
    pub fn chance(&mut self, n: u64) -> bool {
        self.random.one_in(n)
    }

    /// One that also asks for numbers at the limits of what can be represented.
    pub fn extreme(seed: u64) -> Self {
        Self {
            extremes: true,
            ..Self::new(seed, 2)
        }
    }

    fn amount(&mut self) -> Amount {
        if self.extremes && self.random.one_in(2) {
            let wild = [
                f64::NAN,
                f64::INFINITY,
                -1.0,
                0.0,
                1e-300,
                1e-9,
                9.2e10,
                1e18,
                1e27,
                1e300,
                -1e300,
                f64::MAX,
                f64::MIN_POSITIVE,
            ];
            return Amount::from_f64(wild[self.random.below(wild.len() as u64) as usize]);
        }
        Amount::from_f64((1 + self.random.below(400)) as f64 / 100.0)
    }

    fn size(&mut self) -> SizeSpec {
        let amount = self.amount();
        match self.random.below(3) {
            0 => SizeSpec::Base(amount),
            1 => SizeSpec::Quote(amount),
            _ => SizeSpec::Equity(amount),
        }
    }

    fn act(&mut self, ctx: &mut SystemCtx<'_>) -> Option<TradeSignal> {
        let near = ctx.event().map_or(100.0, |event| {
            let price = event.field(event.kind().default_field());
            price * (1.0 + (self.random.below(21) as f64 - 10.0) / 1000.0)
        });
        let side = if self.random.one_in(2) {
            Side::Buy
        } else {
            Side::Sell
        };
        match self.random.below(9) {
            0 => Some(TradeSignal::LONG),
            1 => Some(TradeSignal::SHORT),
            2 => Some(TradeSignal::Close),
            3 => Some(TradeSignal::Reverse),
            4 => Some(TradeSignal::Target(self.size())),
            5 => Some(TradeSignal::Side {
                side,
                size: Some(self.size()),
                limit: Some(Amount::from_f64(near)),
            }),
            6 => {
                let quantity = self.amount();
                let limit = self.random.one_in(2).then(|| Amount::from_f64(near));
                let tif = [
                    TimeInForce::GoodTillCancelled,
                    TimeInForce::ImmediateOrCancel,
                    TimeInForce::FillOrKill,
                ][self.random.below(3) as usize];
                let reduce = self.random.one_in(4);
                self.ids
                    .push(ctx.order(side, quantity, limit, reduce, tif, None));
                None
            }
            7 => {
                let id = self.ids.last().copied().unwrap_or(1);
                let quantity = self.amount();
                ctx.replace(id, Some(quantity), None);
                None
            }
            _ => {
                ctx.cancel(None);
                None
            }
        }
    }
}

impl Strategy for Anything {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        if !self.random.one_in(self.eager) {
            return Ok(None);
        }
        if self.eager == 1 && self.random.one_in(500) {
            return Err(StrategyFault::raised("as the seed tells").into());
        }
        Ok(self.act(ctx))
    }

    fn on_hook(&mut self, ctx: &mut SystemCtx<'_>, hook: &Hook) -> Call<Option<TradeSignal>> {
        match hook {
            Hook::Fill(_) if self.random.one_in(4) => Ok(self.act(ctx)),
            _ => Ok(None),
        }
    }

    fn hooks(&self) -> Hooks {
        Hooks::FILL.with(Hooks::ORDER)
    }
}

/// A strategy that says it runs in another lane.
pub struct InLane(pub Box<dyn Strategy>, pub pairloom_core::strategy::Lane);

impl Strategy for InLane {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Call<()> {
        self.0.setup(ctx)
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        self.0.generate_signal(ctx)
    }

    fn on_hook(&mut self, ctx: &mut SystemCtx<'_>, hook: &Hook) -> Call<Option<TradeSignal>> {
        self.0.on_hook(ctx, hook)
    }

    fn hooks(&self) -> Hooks {
        self.0.hooks()
    }

    fn lane(&self) -> pairloom_core::strategy::Lane {
        self.1
    }
}
