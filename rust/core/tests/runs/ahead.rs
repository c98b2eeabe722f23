//! Evaluating ahead changes nothing: blocks of any length give what going event by event gives.

use crate::support::{
    Anything, InLane, MINUTE, Random, UNIT, base, candles, config, market, markets, run, trader,
};
use pairloom_core::domain::Rate;
use pairloom_core::engine::{
    Account, Config, Handover, Outcome, RunOptions, Sweep, Swept, TraderConfig, Unattended,
};
use pairloom_core::indicator::{IndicatorId, Kind, Spec};
use pairloom_core::market::{CandleSeries, Field, MarketData};
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Hook, Hooks, Lane, Outcome as Call, ParameterValue, SetupCtx, Strategy, SystemCtx, builtin,
};
use pairloom_core::venue::FillModel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SEED: u64 = 20_261_123;
const CASES: u64 = 120;

/// A strategy whose every decision hangs on all that it has seen, and which errs in every way at random.
#[derive(Clone)]
struct Attentive {
    inner: Anything,
    averages: Vec<IndicatorId>,
    hooks: Hooks,
    errs: bool,
    /// Whether it looks away from its orders, so that it may be evaluated past them.
    passes: bool,
}

impl Attentive {
    fn new(random: &mut Random) -> Self {
        let eager = 2 + random.below(60);
        let passes = random.one_in(2);
        Self {
            passes,
            inner: Anything::new(random.next(), eager),
            averages: Vec::new(),
            // A trader that goes past its orders may hear of the start all the same.
            hooks: if passes || random.one_in(2) {
                [Hooks::NONE, Hooks::START][random.below(2) as usize]
            } else {
                Hooks::FILL.with(Hooks::ORDER).with(Hooks::REFUSED)
            },
            errs: random.one_in(3),
        }
    }

    fn look(&mut self, ctx: &SystemCtx<'_>) {
        let position = ctx.position();
        let mut seen = [
            position.size,
            position.entry_price,
            position.unrealized_pnl,
            ctx.event().map_or(0.0, |event| event.field(Field::Close)),
        ]
        .map(f64::to_bits)
        .iter()
        .fold(ctx.ts().cast_unsigned(), |sum, bits| {
            sum.rotate_left(7) ^ bits
        });
        for &average in &self.averages {
            seen = seen.rotate_left(9) ^ ctx.value(average, 0).to_bits();
        }
        if !self.passes {
            seen ^= ctx.orders().len() as u64;
            let exit = ctx.last_exit().map_or(0.0, |exit| exit.pnl);
            seen = seen.rotate_left(5) ^ exit.to_bits();
        }
        self.inner.stir(seen);
    }
}

impl Strategy for Attentive {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Call<()> {
        for kind in [Kind::Sma { period: 4 }, Kind::Ema { period: 3 }] {
            self.averages.push(ctx.indicator(Spec::new(kind)).unwrap());
        }
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        self.look(ctx);
        assert!(!(self.errs && self.inner.chance(150)), "as the seed tells");
        self.inner.generate_signal(ctx)
    }

    fn on_hook(&mut self, ctx: &mut SystemCtx<'_>, hook: &Hook) -> Call<Option<TradeSignal>> {
        self.look(ctx);
        self.inner.on_hook(ctx, hook)
    }

    fn hooks(&self) -> Hooks {
        self.hooks
    }

    fn is_market_local(&self) -> bool {
        true
    }

    fn may_pass_orders(&self) -> bool {
        self.passes
    }

    fn fork(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}

fn portfolio(random: &mut Random, markets: u64) -> Vec<TraderConfig> {
    let python = random.one_in(2);
    (0..markets * 3 / 2)
        .map(|index| {
            let pair = format!("M{}/USD", index % markets);
            let name = format!("trader {index}");
            let size = Some(base(["1", "7", "40"][random.below(3) as usize]));
            let mut config = trader(&name, &pair, size, Attentive::new(random));
            if random.one_in(3) {
                let periods = ["fast", "slow"].map(str::to_owned);
                let periods = periods
                    .into_iter()
                    .zip([2.0, 5.0].map(ParameterValue::Number));
                let (name, parameters) = [
                    ("simple", Vec::new()),
                    ("rsi", Vec::new()),
                    ("sma_cross", periods.collect()),
                ][random.below(3) as usize]
                    .clone();
                config.strategy = builtin(name, &parameters).unwrap();
            }
            if python && random.one_in(4) {
                config.strategy = Box::new(InLane(config.strategy, Lane::Python));
            }
            config
        })
        .collect()
}

fn case(random: &mut Random) -> (Config, Arc<MarketData>) {
    let account = if random.one_in(2) {
        Account::Spot
    } else {
        Account::Margin
    };
    let cash = match account {
        Account::Spot => 2_000 + random.below(60_000),
        Account::Margin => 100 + random.below(1_500),
    };
    let mut config = config(account, i128::from(cash) * UNIT);
    if account == Account::Margin {
        // So much borrowed that accounts are liquidated.
        config.leverage = Rate::from_decimal(crate::support::decimal("200"));
    }
    if random.one_in(3) {
        config.venue.fill = FillModel::Close;
    }
    config.threads = Some(1 + random.below(3) as usize);
    let data = markets(random, 6, 120);
    (config, data)
}

fn same(one: &Outcome, other: &Outcome) {
    assert_eq!(one.digest, other.digest);
    let told = |outcome: &Outcome| {
        let records = &outcome.records;
        format!(
            "{:?} {:?} {:?}",
            records.refusals, records.curve, records.quarantined
        )
    };
    assert_eq!(told(one), told(other));
    assert_eq!(one.counters["evaluations"], other.counters["evaluations"]);
}

#[test]
fn blocks_of_any_length_give_what_single_events_give() {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut blocks, mut roll_backs, mut quarantined, mut liquidated) = (0, 0, 0, 0);
    let (mut passed, mut at_once, mut strides) = (0, 0, 0);
    let (mut beside, mut taken_back) = (0, 0);
    for number in 0..CASES {
        let seed = SEED * 1_000 + number;
        println!("case {number}, seed {seed}");
        let mut random = Random::new(seed);
        let (config, data) = case(&mut random);
        let options = RunOptions {
            start: random.one_in(3).then_some(15 * MINUTE),
            end: random.one_in(3).then_some(100 * MINUTE),
            ..RunOptions::default()
        };
        let traders = random.clone();
        let run_with = |block, options: &RunOptions| {
            let config = Config {
                block,
                ..config.clone()
            };
            run(&config, portfolio(&mut traders.clone(), 6), &data, options)
        };
        let reference = run_with(Some(0), &options);
        quarantined += reference.records.quarantined.len();
        let orders = reference.records.orders.iter();
        liquidated += orders.filter(|order| order.reason == "liquidation").count();
        assert_eq!(reference.counters["blocks"], 0);
        for block in [None, Some(1), Some(2), Some(7), Some(128)] {
            let outcome = run_with(block, &options);
            same(&outcome, &reference);
            let handed_over = RunOptions {
                handover: Handover::Always,
                shuffle_seed: Some(seed),
                ..options.clone()
            };
            let shuffled = run_with(block, &handed_over);
            same(&shuffled, &reference);
            beside += shuffled.counters["blocks_beside"];
            taken_back += shuffled.counters["taken_back"];
            blocks += outcome.counters["blocks"];
            roll_backs += outcome.counters["roll_backs"];
            passed += outcome.counters["passed_orders"];
            at_once += outcome.counters["settled_at_once"];
            strides += outcome.counters["strides"];
        }
        // The second run reads the values of indicators that the first computed.
        let sweep = Sweep::new(config.clone(), &data, options);
        for _ in 0..2 {
            let swept = sweep.run(portfolio(&mut traders.clone(), 6), &Unattended);
            let Swept::Done(found) = swept else {
                panic!("the run ends: {swept:?}")
            };
            assert_eq!(found.digest, reference.digest);
        }
    }
    println!(
        "{blocks} blocks, {beside} more beside the run, {taken_back} of which were taken back, {passed} orders passed, \
         {at_once} settled at once, {strides} strides, {roll_backs} roll-backs, {quarantined} quarantines, {liquidated} \
         liquidations"
    );
    assert!(beside > 1_000 && taken_back > 20, "{beside} {taken_back}");
    assert!(strides > 100, "{strides} strides");
    assert!(blocks > 1_000 && passed > 1_000 && roll_backs > 20 && quarantined > 20);
    assert!(at_once > 1_000, "{at_once} orders were settled at once");
}

/// Long from its first event on, event by event.
struct Holder;

impl Strategy for Holder {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, _ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        Ok(Some(TradeSignal::LONG))
    }
}

/// Who hears of the start takes its first row in by itself. A liquidation at its second one must find it as it was.
#[test]
fn a_liquidation_just_behind_a_trader_s_first_row_finds_it_there() {
    let mut random = Random::new(SEED);
    let mut config = config(Account::Margin, 300 * UNIT);
    config.leverage = Rate::from_decimal(crate::support::decimal("200"));
    config.threads = Some(2);
    let any = candles(&mut random, 60, 0);
    let prices: Vec<f64> = (0..=60).map(|row| 500.0 - f64::from(row) / 4.0).collect();
    let falling = CandleSeries {
        open: prices[..60].into(),
        high: prices[..60].into(),
        low: prices[1..].into(),
        close: prices[1..].into(),
        ..any.clone()
    };
    let mut late_by = Vec::new();
    for late in 0..50 {
        let market_of = |name: &str, candles: &CandleSeries| {
            market(name, |market| market.candles = Some(candles.clone()))
        };
        let starts = any.open_ts.iter().map(|ts| ts + late * MINUTE);
        let shifted = CandleSeries {
            open_ts: starts.collect(),
            ..any.clone()
        };
        let markets = vec![market_of("A/USD", &falling), market_of("B/USD", &shifted)];
        let data = Arc::new(MarketData { markets });
        let run_with = |block| {
            let mut attentive = Attentive::new(&mut Random::new(SEED));
            attentive.passes = true;
            attentive.hooks = Hooks::START;
            attentive.errs = false;
            let config = Config {
                block,
                ..config.clone()
            };
            let traders = vec![
                trader("holder", "A/USD", Some(base("40")), Holder),
                trader("late", "B/USD", Some(base("1")), attentive),
            ];
            let options = RunOptions {
                handover: Handover::Always,
                ..RunOptions::default()
            };
            run(&config, traders, &data, &options)
        };
        let (ahead, reference) = (run_with(Some(16)), run_with(Some(0)));
        same(&ahead, &reference);
        let mut orders = reference.records.orders.iter();
        let liquidated = orders.find(|order| order.reason == "liquidation");
        late_by.extend(liquidated.map(|order| order.ts / MINUTE - late));
    }
    // The first row closes a minute after it opens, so the second one two.
    assert!(late_by.contains(&2), "{late_by:?}");
}

/// Panics when it is copied, but for the first time.
struct Uncopied(Anything, AtomicU32);

impl Strategy for Uncopied {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        self.0.generate_signal(ctx)
    }

    fn is_market_local(&self) -> bool {
        true
    }

    fn may_pass_orders(&self) -> bool {
        true
    }

    fn fork(&self) -> Option<Box<dyn Strategy>> {
        assert_eq!(self.1.fetch_add(1, Ordering::Relaxed), 0, "no further copy");
        Some(Box::new(Self(self.0.clone(), AtomicU32::new(1))))
    }
}

#[test]
fn a_strategy_that_panics_when_it_is_copied_goes_event_by_event() {
    std::panic::set_hook(Box::new(|_| {}));
    let data = markets(&mut Random::new(SEED), 1, 120);
    let run_with = |block, handover, threads| {
        let config = Config {
            block,
            threads: Some(threads),
            ..config(Account::Margin, 100_000 * UNIT)
        };
        let strategy = Uncopied(Anything::new(SEED, 3), AtomicU32::new(0));
        let traders = vec![trader("uncopied", "M0/USD", Some(base("1")), strategy)];
        let options = RunOptions {
            handover,
            ..RunOptions::default()
        };
        run(&config, traders, &data, &options)
    };
    let reference = run_with(Some(0), Handover::Never, 1);
    assert!(reference.records.fills.len() > 10);
    for (handover, threads) in [(Handover::Never, 1), (Handover::Always, 2)] {
        let outcome = run_with(Some(16), handover, threads);
        same(&outcome, &reference);
        assert_eq!(outcome.counters["blocks"], 0);
        assert_eq!(outcome.records.quarantined.len(), 0);
    }
}
