//! The live driver on recorded data gives the backtest's digest.

use std::sync::Arc;

use crate::support::{Anything, MINUTE, Random, UNIT, base, config, markets, run, trader};
use pairloom_core::engine::{Account, Config, Outcome, RunOptions, TraderConfig, Unattended};
use pairloom_core::live::{Cast, Feed, LiveOptions, paper};
use pairloom_core::market::MarketData;
use pairloom_core::strategy::{Lane, NoInterpreter, builtin};
use pairloom_core::venue::FillModel;

fn text(value: &str) -> pairloom_core::strategy::ParameterValue {
    pairloom_core::strategy::ParameterValue::Text(value.to_owned())
}

/// Three kinds of strategy, two traders on some pairs, and strategies that err.
fn portfolio(pairs: u64) -> Vec<TraderConfig> {
    let mut traders = Vec::new();
    for index in 0..pairs {
        let pair = format!("M{index}/USD");
        let name = format!("first {index}");
        let eager = 1 + index % 3;
        let mut config = trader(&name, &pair, Some(base("1.5")), Anything::new(index, eager));
        match index % 4 {
            0 | 1 => {}
            2 => {
                config.strategy =
                    builtin("sma_cross", &[("side".to_owned(), text("long"))]).unwrap()
            }
            _ => config.strategy = builtin("simple", &[]).unwrap(),
        }
        traders.push(config);
        if index % 4 == 0 {
            let name = format!("second {index}");
            let second = Anything::new(index + 7, 2);
            traders.push(trader(&name, &pair, Some(base("0.7")), second));
        }
    }
    traders
}

fn live(
    config: &Config,
    traders: Vec<TraderConfig>,
    data: &Arc<MarketData>,
    run: RunOptions,
) -> Outcome {
    let cast = Cast {
        traders,
        factories: Vec::new(),
        interpreter: Arc::new(NoInterpreter),
    };
    let options = LiveOptions {
        run,
        ..LiveOptions::default()
    };
    paper(
        config,
        cast,
        Feed::Recorded(Arc::clone(data)),
        options,
        &Unattended,
    )
    .unwrap()
}

/// Names the first order and the first fill that differ, instead of printing all.
fn alike(outcome: &Outcome, reference: &Outcome) {
    let orders = outcome.records.orders.iter().zip(&reference.records.orders);
    for (ours, theirs) in orders {
        assert_eq!(ours, theirs);
    }
    for (ours, theirs) in outcome.records.fills.iter().zip(&reference.records.fills) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(outcome.records.orders.len(), reference.records.orders.len());
    assert_eq!(outcome.records.fills.len(), reference.records.fills.len());
}

fn same(config: &Config, data: &Arc<MarketData>, pairs: u64, options: &RunOptions) {
    let reference = run(config, portfolio(pairs), data, options);
    assert!(reference.records.fills.len() > 100, "the case must trade");
    for threads in [1, 2] {
        let mut config = config.clone();
        config.threads = Some(threads);
        let outcome = live(&config, portfolio(pairs), data, options.clone());
        alike(&outcome, &reference);
        assert_eq!(outcome.digest, reference.digest, "{threads} threads");
        assert_eq!(outcome.records.curve.ts, reference.records.curve.ts);
        assert_eq!(outcome.records.curve.equity, reference.records.curve.equity);
        assert_eq!(
            outcome.counters["evaluations"],
            reference.counters["evaluations"]
        );
        assert_eq!(
            (outcome.events, outcome.steps),
            (reference.events, reference.steps)
        );
        assert_eq!(outcome.reserved, 0);
    }
}

#[test]
fn paper_on_markets_of_every_kind_gives_the_digest_of_the_backtest() {
    let data = markets(&mut Random::new(11), 60, 120);
    // So short of cash that the commit order decides who is refused.
    same(
        &config(Account::Spot, 4_000 * UNIT),
        &data,
        60,
        &RunOptions::default(),
    );
}

#[test]
fn paper_on_margin_with_fills_at_the_close_gives_the_digest_of_the_backtest() {
    let data = markets(&mut Random::new(12), 20, 200);
    let mut config = config(Account::Margin, 3_000 * UNIT);
    config.venue.fill = FillModel::Close;
    same(&config, &data, 20, &RunOptions::default());
}

#[test]
fn a_part_of_the_data_gives_the_digest_of_the_same_part() {
    let data = markets(&mut Random::new(13), 20, 200);
    let options = RunOptions {
        start: Some(40 * MINUTE),
        end: Some(150 * MINUTE),
        ..RunOptions::default()
    };
    same(&config(Account::Spot, 40_000 * UNIT), &data, 20, &options);
}

#[test]
fn traders_of_the_python_lane_give_the_same_digest() {
    let data = markets(&mut Random::new(14), 20, 120);
    let config = config(Account::Spot, 9_000 * UNIT);
    let portfolio = || {
        let mut traders = portfolio(20);
        for config in traders.iter_mut().step_by(2) {
            let inner = std::mem::replace(&mut config.strategy, builtin("simple", &[]).unwrap());
            config.strategy = Box::new(crate::support::InLane(inner, Lane::Python));
        }
        traders
    };
    let reference = run(&config, portfolio(), &data, &RunOptions::default());
    let outcome = live(&config, portfolio(), &data, RunOptions::default());
    alike(&outcome, &reference);
    assert_eq!(outcome.digest, reference.digest);
}
