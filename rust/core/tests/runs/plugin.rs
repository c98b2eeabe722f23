//! A strategy built apart does what its twin inside the engine does, and what it does wrong stays with its trader.

use std::sync::Arc;

use crate::support::{Random, UNIT, base, config, markets, run, trader};
use pairloom_core::domain::{Amount, Side};
use pairloom_core::engine::{Account, Config, Outcome, RunOptions, TraderConfig};
use pairloom_core::indicator::{IndicatorId, Kind, Spec};
use pairloom_core::market::{EventKind, Field, MarketData};
use pairloom_core::signal::{SizeSpec, TimeInForce, TradeSignal};
use pairloom_core::strategy as core;
use pairloom_core::strategy::{ParameterValue, Plugin, PluginError, builtin};
use pairloom_strategy as apart;
use pairloom_strategy::abi;

const SEED: u64 = 20_261_123;

/// What both twins decide, from a number that hangs on all they saw.
struct Decision {
    action: u64,
    quantity: f64,
    limit: f64,
}

/// The state of both twins.
#[derive(Clone)]
struct Mind {
    random: Random,
    seen: u64,
    last_id: u64,
}

impl Mind {
    fn new(seed: f64) -> Self {
        Self {
            random: Random::new(seed as u64),
            seen: 0,
            last_id: 0,
        }
    }

    fn see(&mut self, number: f64) {
        // All NaNs are one: which of them a missing number is says nothing.
        let bits = if number.is_nan() { 1 } else { number.to_bits() };
        self.seen = self.seen.rotate_left(7) ^ bits;
    }

    fn decide(&mut self, price: f64) -> Decision {
        let mixed = self.random.next() ^ self.seen.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Decision {
            action: (mixed >> 20) % 40,
            quantity: 1.0 + (mixed >> 40) as f64 % 3.0,
            limit: (price * (0.995 + (mixed >> 50) as f64 % 10.0 / 1_000.0) * 100.0).round()
                / 100.0,
        }
    }
}

/// The twin inside the engine.
#[derive(Clone)]
struct Inside {
    mind: Mind,
    kind: EventKind,
    averages: Vec<IndicatorId>,
}

/// The twin that is built apart.
#[derive(Clone)]
struct Apart {
    mind: Mind,
    averages: Vec<apart::Indicator>,
}

const WINDOW: usize = 5;

impl core::Strategy for Inside {
    fn setup(&mut self, ctx: &mut core::SetupCtx<'_>) -> core::Outcome<()> {
        self.kind = ctx.kind;
        let fast = ctx
            .indicator(Spec::new(Kind::Ema { period: 3 }).keep(4))
            .unwrap();
        let of = Spec::new(Kind::Sma { period: 4 }).of(fast, 0);
        self.averages = vec![fast, ctx.indicator(of).unwrap()];
        Ok(())
    }

    fn generate_signal(
        &mut self,
        ctx: &mut core::SystemCtx<'_>,
    ) -> core::Outcome<Option<TradeSignal>> {
        let position = ctx.position();
        for number in [position.size, position.entry_price, position.unrealized_pnl] {
            self.mind.see(number);
        }
        let field = match self.kind {
            EventKind::Candle => Field::High,
            EventKind::Quote => Field::Ask,
            EventKind::Trade => Field::Quantity,
        };
        self.mind.see(ctx.event().unwrap().field(field));
        self.mind.see(ctx.ts() as f64);
        for (id, back) in [(0, 0), (0, 1), (0, 3), (1, 0), (1, 1)] {
            self.mind
                .see(ctx.graph().history(self.averages[id], 0, back));
        }
        let column = ctx.window().unwrap().column(field);
        assert_eq!(column.values().len(), WINDOW);
        self.mind.see(column.values()[0]);
        for order in ctx.orders() {
            self.mind.see(order.quantity);
            self.mind.see(order.limit.unwrap_or(f64::NAN));
        }
        let Decision {
            action,
            quantity,
            limit,
        } = self.mind.decide(ctx.graph().value(self.averages[0], 0));
        let (amount, limit) = (Amount::from_f64(quantity), Amount::from_f64(limit));
        let gtc = TimeInForce::GoodTillCancelled;
        let mut order = |side, limit, reduce, tif, tag: Option<&str>| {
            self.mind.last_id = ctx.order(side, amount, limit, reduce, tif, tag.map(str::to_owned));
        };
        match action {
            0 => return Ok(Some(TradeSignal::LONG)),
            1 => return Ok(Some(TradeSignal::SHORT)),
            2 => return Ok(Some(TradeSignal::Close)),
            3 => return Ok(Some(TradeSignal::Reverse)),
            4 => {
                return Ok(Some(TradeSignal::Target(SizeSpec::Quote(
                    Amount::from_f64(-300.0),
                ))));
            }
            5 => {
                let size = Some(SizeSpec::Equity(Amount::from_f64(0.01)));
                return Ok(Some(TradeSignal::Side {
                    side: Side::Buy,
                    size,
                    limit: Some(limit),
                }));
            }
            6 => order(Side::Buy, Some(limit), false, gtc, Some("near")),
            7 => order(Side::Sell, None, true, TimeInForce::ImmediateOrCancel, None),
            8 => order(
                Side::Sell,
                Some(limit),
                false,
                TimeInForce::FillOrKill,
                None,
            ),
            9 => ctx.cancel(None),
            10 => ctx.cancel(Some(self.mind.last_id)),
            11 => ctx.replace(self.mind.last_id, Some(amount), None),
            _ => {}
        }
        Ok(None)
    }

    fn on_hook(
        &mut self,
        _ctx: &mut core::SystemCtx<'_>,
        hook: &core::Hook,
    ) -> core::Outcome<Option<TradeSignal>> {
        match hook {
            core::Hook::Fill(fill) => {
                self.mind.see(fill.price);
                self.mind.see(fill.fee);
                self.mind.see(fill.client_id.unwrap_or(0) as f64);
                self.mind
                    .see(fill.tag.as_ref().map_or(0, String::len) as f64);
            }
            core::Hook::Order(order) => self.mind.see(order.status.len() as f64),
            core::Hook::Refused(refusal) => self.mind.see(refusal.reason.len() as f64),
            _ => self.mind.see(2.0),
        }
        Ok(None)
    }

    fn hooks(&self) -> core::Hooks {
        let hooks = core::Hooks::FILL.with(core::Hooks::ORDER);
        hooks.with(core::Hooks::REFUSED).with(core::Hooks::START)
    }
}

impl apart::Strategy for Apart {
    const NAME: &'static str = "apart";
    const READS: apart::Reads = apart::Reads::EVENT
        .with(apart::Reads::POSITION)
        .with(apart::Reads::ORDERS);
    const HOOKS: apart::Hooks = apart::Hooks::FILL
        .with(apart::Hooks::ORDER)
        .with(apart::Hooks::REFUSED)
        .with(apart::Hooks::START);

    fn new(parameters: &mut apart::Parameters<'_>) -> Result<Self, apart::Fault> {
        Ok(Self {
            mind: Mind::new(parameters.number("seed", 0.0)?),
            averages: Vec::new(),
        })
    }

    fn window(&self) -> usize {
        WINDOW
    }

    fn setup(&mut self, setup: &mut apart::Setup<'_>) -> Result<(), apart::Fault> {
        let ema = apart::IndicatorSpec::new("ema").with("period", 3.0).keep(4);
        let fast = setup.indicator(&ema)?;
        let sma = apart::IndicatorSpec::new("sma")
            .with("period", 4.0)
            .of(fast, 0);
        self.averages = vec![fast, setup.indicator(&sma)?];
        Ok(())
    }

    fn generate_signal(
        &mut self,
        ctx: &mut apart::Ctx<'_>,
    ) -> Result<Option<apart::Signal>, apart::Fault> {
        let position = ctx.position();
        for number in [position.size, position.entry_price, position.unrealized_pnl] {
            self.mind.see(number);
        }
        let (field, number) = match ctx.event().unwrap() {
            apart::Event::Candle { high, .. } => (1, high),
            apart::Event::Quote { ask, .. } => (1, ask),
            apart::Event::Trade { quantity, .. } => (1, quantity),
        };
        self.mind.see(number);
        self.mind.see(ctx.now() as f64);
        for (id, back) in [(0, 0), (0, 1), (0, 3), (1, 0), (1, 1)] {
            self.mind.see(self.averages[id].output(ctx, 0, back));
        }
        assert_eq!(ctx.window(field).len(), WINDOW);
        self.mind.see(ctx.window(field)[0]);
        for order in ctx.orders() {
            self.mind.see(order.quantity);
            self.mind.see(order.limit.unwrap_or(f64::NAN));
        }
        let Decision {
            action,
            quantity,
            limit,
        } = self.mind.decide(self.averages[0].value(ctx));
        let mut order = |side, limit, reduce_only, tif, tag| {
            let terms = apart::OrderTerms {
                limit,
                reduce_only,
                tif,
                tag,
            };
            self.mind.last_id = ctx.order(side, quantity, &terms);
        };
        let gtc = apart::TimeInForce::GoodTillCancelled;
        match action {
            0 => return Ok(Some(apart::Signal::LONG)),
            1 => return Ok(Some(apart::Signal::SHORT)),
            2 => return Ok(Some(apart::Signal::Close)),
            3 => return Ok(Some(apart::Signal::Reverse)),
            4 => return Ok(Some(apart::Signal::Target(apart::Size::Quote(-300.0)))),
            5 => {
                let size = Some(apart::Size::Equity(0.01));
                return Ok(Some(apart::Signal::Long {
                    size,
                    limit: Some(limit),
                }));
            }
            6 => order(apart::Side::Buy, Some(limit), false, gtc, "near"),
            7 => order(
                apart::Side::Sell,
                None,
                true,
                apart::TimeInForce::ImmediateOrCancel,
                "",
            ),
            8 => order(
                apart::Side::Sell,
                Some(limit),
                false,
                apart::TimeInForce::FillOrKill,
                "",
            ),
            9 => ctx.cancel(None),
            10 => ctx.cancel(Some(self.mind.last_id)),
            11 => ctx.replace(self.mind.last_id, Some(quantity), None),
            _ => {}
        }
        Ok(None)
    }

    fn on_hook(
        &mut self,
        _ctx: &mut apart::Ctx<'_>,
        hook: &apart::Hook<'_>,
    ) -> Result<Option<apart::Signal>, apart::Fault> {
        match hook {
            apart::Hook::Fill {
                price,
                fee,
                client_id,
                tag,
                ..
            } => {
                self.mind.see(*price);
                self.mind.see(*fee);
                self.mind.see(client_id.unwrap_or(0) as f64);
                self.mind.see(tag.len() as f64);
            }
            apart::Hook::Order { status, .. } => self.mind.see(status.len() as f64),
            apart::Hook::Refused { reason, .. } => self.mind.see(reason.len() as f64),
            _ => self.mind.see(2.0),
        }
        Ok(None)
    }
}

/// The functions of a strategy, as the engine takes them.
fn load<S: apart::Strategy>() -> Plugin {
    let functions = apart::vtable::<S>();
    // SAFETY: these are functions of this program, and their name is a constant.
    unsafe { Plugin::load(&raw const functions) }.unwrap()
}

fn data(rows: usize) -> (u64, Arc<MarketData>) {
    println!("seed {SEED}");
    (SEED, markets(&mut Random::new(SEED), 10, rows))
}

fn over(
    data: &Arc<MarketData>,
    config: &Config,
    make: impl Fn(usize) -> (Box<dyn core::Strategy>, usize),
) -> Outcome {
    let traders: Vec<TraderConfig> = data
        .markets
        .iter()
        .enumerate()
        .map(|(index, market)| {
            let (strategy, window) = make(index);
            let name = format!("T{index}");
            let nobody = crate::support::Anything::new(0, 1);
            TraderConfig {
                strategy,
                window,
                ..trader(&name, &market.name, Some(base("2")), nobody)
            }
        })
        .collect();
    run(config, traders, data, &RunOptions::default())
}

fn number(name: &str, value: f64) -> (String, ParameterValue) {
    (name.to_owned(), ParameterValue::Number(value))
}

#[test]
fn a_strategy_built_apart_sees_and_does_what_its_twin_inside_does() {
    let (_, data) = data(400);
    // So short of cash that many orders are refused.
    let config = config(Account::Margin, 4_000 * UNIT);
    let inside = over(&data, &config, |index| {
        let mind = Mind::new(index as f64 + 1.0);
        (
            Box::new(Inside {
                mind,
                kind: EventKind::Candle,
                averages: Vec::new(),
            }),
            WINDOW,
        )
    });
    let plugin = load::<Apart>();
    let apart = over(&data, &config, |index| {
        let strategy = plugin
            .create(&[number("seed", index as f64 + 1.0)])
            .unwrap();
        let window = strategy.window();
        (Box::new(strategy), window)
    });
    assert!(inside.records.fills.len() > 100 && !inside.records.refusals.is_empty());
    assert_eq!(inside.digest, apart.digest);
}

/// `sma_cross`, with what it does wrong as a parameter.
#[derive(Clone)]
struct Cross {
    errs: f64,
    calls: u64,
    averages: Option<(apart::Indicator, apart::Indicator)>,
}

impl apart::Strategy for Cross {
    const NAME: &'static str = "cross";
    const READS: apart::Reads = apart::Reads::NOTHING;

    fn new(parameters: &mut apart::Parameters<'_>) -> Result<Self, apart::Fault> {
        let errs = parameters.number("errs", 0.0)?;
        assert!(errs >= 0.0, "errs must not be below zero");
        Ok(Self {
            errs,
            calls: 0,
            averages: None,
        })
    }

    fn setup(&mut self, setup: &mut apart::Setup<'_>) -> Result<(), apart::Fault> {
        let mut sma =
            |period| setup.indicator(&apart::IndicatorSpec::new("sma").with("period", period));
        self.averages = Some((sma(10.0)?, sma(30.0)?));
        if self.errs == 4.0 {
            setup.indicator(&apart::IndicatorSpec::new("smma"))?;
        }
        Ok(())
    }

    fn generate_signal(
        &mut self,
        ctx: &mut apart::Ctx<'_>,
    ) -> Result<Option<apart::Signal>, apart::Fault> {
        self.calls += 1;
        if self.calls == 100 {
            match self.errs as u64 {
                1 => return Err("out of ideas".into()),
                2 => return Err(Box::new(std::fmt::Error)),
                3 => panic!("lost the thread"),
                5 => return Ok(Some(apart::Signal::Target(apart::Size::Base(ctx.equity())))),
                6 => (0..65).for_each(|_| ctx.cancel(None)),
                _ => {}
            }
        }
        let (fast, slow) = self.averages.ok_or("no setup")?;
        let above = fast.value(ctx) > slow.value(ctx);
        Ok(Some(if above {
            apart::Signal::LONG
        } else {
            apart::Signal::SHORT
        }))
    }
}

#[test]
fn it_is_evaluated_ahead_like_the_built_in_one_and_gives_the_same() {
    let (_, data) = data(600);
    for account in [Account::Margin, Account::Spot] {
        let mut config = config(account, 100_000 * UNIT);
        let plugin = load::<Cross>();
        for block in [None, Some(0), Some(1), Some(64)] {
            config.block = block;
            let native = over(&data, &config, |_| (builtin("sma_cross", &[]).unwrap(), 0));
            let apart = over(&data, &config, |_| {
                (Box::new(plugin.create(&[]).unwrap()), 0)
            });
            assert_eq!(native.digest, apart.digest, "block {block:?}");
            assert_eq!(
                native.counters["blocks"], apart.counters["blocks"],
                "block {block:?}"
            );
            assert_eq!(
                apart.counters["blocks"] > 0,
                block != Some(0),
                "block {block:?}"
            );
        }
    }
}

#[test]
fn what_one_does_wrong_stays_with_its_trader() {
    let (_, data) = data(300);
    let config = config(Account::Margin, 1_000_000 * UNIT);
    let plugin = load::<Cross>();
    let with = |errs: f64| {
        over(&data, &config, |index| {
            let errs = if index == 3 { errs } else { 0.0 };
            (Box::new(plugin.create(&[number("errs", errs)]).unwrap()), 0)
        })
    };
    let sound = with(0.0);
    let said = [
        (1.0, "raised", "cross: out of ideas"),
        (
            2.0,
            "raised",
            "cross: an error occurred when formatting an argument",
        ),
        (3.0, "panic", "cross: lost the thread"),
        (4.0, "raised", "cross: "),
        (
            5.0,
            "panic",
            "cross: ctx.equity is read but not declared; name it: const READS: Reads = ….with(Reads::ACCOUNT)",
        ),
        (
            6.0,
            "panic",
            "cross: one call may ask for 64 orders at most",
        ),
    ];
    for (errs, kind, message) in said {
        let outcome = with(errs);
        let [quarantined] = outcome.records.quarantined.as_slice() else {
            panic!(
                "{errs}: {} traders are quarantined",
                outcome.records.quarantined.len()
            );
        };
        assert_eq!(quarantined.trader, 3);
        assert_eq!(quarantined.fault.kind.name(), kind);
        assert!(
            quarantined.fault.message.starts_with(message),
            "{:?}",
            quarantined.fault
        );
        let others = |outcome: &Outcome| -> Vec<_> {
            let fills = outcome.records.fills.iter();
            fills
                .filter(|fill| fill.trader != 3)
                .map(|fill| (fill.trader, fill.ts, fill.price))
                .collect()
        };
        assert_eq!(others(&sound), others(&outcome));
    }
}

#[test]
fn a_plug_in_of_another_version_and_wrong_parameters_are_refused_by_name() {
    let mut functions = apart::vtable::<Cross>();
    functions.version = 7;
    // SAFETY: it begins like a vtable, which is all that is read of another version.
    let error = unsafe { Plugin::load(&raw const functions) }.unwrap_err();
    let PluginError::Version(said) = error else {
        panic!("{error:?}");
    };
    assert!(
        said.contains("version 7") && said.contains(&format!("version {}", abi::VERSION)),
        "{said}"
    );
    functions.version = abi::VERSION;
    functions.size += 8;
    // SAFETY: as above.
    assert!(unsafe { Plugin::load(&raw const functions) }.is_err());

    let plugin = load::<Cross>();
    let refused = |name: &str, value: ParameterValue| {
        plugin
            .create(&[(name.to_owned(), value)])
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(
        refused("ers", ParameterValue::Number(1.0)),
        "cross: there is no parameter \"ers\"; it has errs"
    );
    assert_eq!(
        refused("errs", ParameterValue::Text("much".to_owned())),
        "cross: errs is \"much\", must be a number"
    );
    assert_eq!(
        refused("errs", ParameterValue::Number(-1.0)),
        "cross: errs must not be below zero"
    );
}
