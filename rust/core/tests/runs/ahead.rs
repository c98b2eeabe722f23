//! Evaluating ahead changes nothing: blocks of any length give what going event by event gives.

use crate::support::{Anything, InLane, MINUTE, Random, UNIT, base, config, markets, run, trader};
use pairloom_core::domain::Rate;
use pairloom_core::engine::{
    Account, Config, Handover, Outcome, RunOptions, Sweep, Swept, TraderConfig, Unattended,
};
use pairloom_core::indicator::{IndicatorId, Kind, Spec};
use pairloom_core::market::{Field, MarketData};
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Hook, Hooks, Lane, Outcome as Call, ParameterValue, SetupCtx, Strategy, SystemCtx, builtin,
};
use pairloom_core::venue::FillModel;
use std::sync::Arc;

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
            hooks: if passes || random.one_in(2) {
                Hooks::NONE
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
            if random.one_in(4) {
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
    let (mut passed, mut at_once, mut beside) = (0, 0, 0);
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
            blocks += outcome.counters["blocks"];
            roll_backs += outcome.counters["roll_backs"];
            passed += outcome.counters["passed_orders"];
            at_once += outcome.counters["settled_at_once"];
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
    assert!(
        beside > 1_000,
        "{beside} blocks were evaluated beside the run"
    );
    println!(
        "{blocks} blocks, {beside} more beside the run, {passed} orders passed, {at_once} settled at once, {roll_backs} roll-backs, {quarantined} \
         quarantines, {liquidated} liquidations"
    );
    assert!(blocks > 1_000 && passed > 1_000 && roll_backs > 20 && quarantined > 20);
    assert!(at_once > 1_000, "{at_once} orders were settled at once");
}
