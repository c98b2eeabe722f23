//! A combination of a sweep is a backtest: run among others, on any number of threads, it comes to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{Anything, MINUTE, Random, UNIT, base, config, markets, run, trader};
use pairloom_core::engine::{
    Account, Combination, Config, RunOptions, STATISTICS, Summary, Sweep, SweepHost, Swept,
    TraderConfig, statistics,
};
use pairloom_core::market::MarketData;
use pairloom_core::strategy::{ParameterValue, builtin};

const SEED: u64 = 4_711;

/// Portfolios by number, and what came of each; it can ask for the end after so many.
struct Caller<'a> {
    make: &'a dyn Fn(usize) -> Vec<TraderConfig>,
    count: usize,
    next: usize,
    enough: usize,
    found: BTreeMap<usize, Box<Summary>>,
    failed: BTreeMap<usize, String>,
    stopped: usize,
}

impl<'a> Caller<'a> {
    fn new(count: usize, make: &'a dyn Fn(usize) -> Vec<TraderConfig>) -> Self {
        Self {
            make,
            count,
            next: 0,
            enough: usize::MAX,
            found: BTreeMap::new(),
            failed: BTreeMap::new(),
            stopped: 0,
        }
    }
}

impl SweepHost for Caller<'_> {
    fn next(&mut self) -> Option<Combination> {
        let number = self.next;
        (number < self.count).then(|| {
            self.next += 1;
            let traders = (self.make)(number);
            Combination { number, traders }
        })
    }

    fn done(&mut self, number: usize, swept: Swept) {
        match swept {
            Swept::Done(summary) => drop(self.found.insert(number, summary)),
            Swept::Failed(error) => drop(self.failed.insert(number, error.code.to_owned())),
            Swept::Panicked(text) => drop(self.failed.insert(number, text)),
            Swept::Stopped => self.stopped += 1,
        }
    }

    fn poll(&mut self) -> bool {
        self.found.len() < self.enough
    }
}

fn sma(fast: usize, slow: usize) -> Vec<TraderConfig> {
    let number = |value: usize| ParameterValue::Number(value as f64);
    let parameters = [
        ("fast".to_owned(), number(fast)),
        ("slow".to_owned(), number(slow)),
        ("side".to_owned(), ParameterValue::Text("both".to_owned())),
    ];
    let strategy = builtin("sma_cross", &parameters).unwrap();
    let mut trader = trader("S", "M0/USD", Some(base("1")), Anything::new(1, 1));
    trader.strategy = strategy;
    vec![trader]
}

/// Traders that do anything and may err, on markets of every kind.
fn anybody(case: usize) -> Vec<TraderConfig> {
    let mut random = Random::new(SEED + case as u64);
    (0..4)
        .map(|index| {
            let strategy = Anything::new(random.next(), 1 + random.below(4));
            let pair = format!("M{index}/USD");
            trader(&format!("T{index}"), &pair, Some(base("0.5")), strategy)
        })
        .collect()
}

fn config_for(threads: usize) -> Config {
    Config {
        threads: Some(threads),
        ..config(Account::Margin, 10_000 * UNIT)
    }
}

#[test]
fn each_combination_is_what_a_backtest_of_it_is() {
    let data = markets(&mut Random::new(SEED), 4, 600);
    let options = RunOptions {
        start: Some(40 * MINUTE),
        end: Some(500 * MINUTE),
        ..RunOptions::default()
    };
    for threads in [1, 2, 5] {
        let sweep = Sweep::new(config_for(threads), &data, options.clone());
        let mut caller = Caller::new(40, &anybody);
        sweep.run_all(&mut caller).unwrap();
        assert_eq!(caller.found.len(), 40);
        for (number, found) in caller.found {
            let alone = run(&config_for(1), anybody(number), &data, &options);
            assert_eq!(
                found.digest, alone.digest,
                "{threads} threads, case {number}"
            );
            assert_eq!(found.equity, alone.equity);
            assert_eq!(found.orders, alone.records.orders.len());
            assert_eq!(found.fills, alone.records.fills.len());
            assert_eq!(found.quarantined.len(), alone.records.quarantined.len());
            let refused: usize = found.refusals.values().sum();
            assert_eq!(refused, alone.records.refusals.len());
            let bits = |values: [f64; STATISTICS.len()]| values.map(f64::to_bits);
            assert_eq!(bits(found.statistics), bits(statistics(&alone)));
        }
    }
}

#[test]
fn what_cannot_run_is_reported_and_the_others_run() {
    let data = markets(&mut Random::new(SEED), 1, 300);
    let make = |number: usize| {
        let mut traders = sma(5 + number, 20);
        if number == 2 {
            traders[0].pair = "NONE/USD".to_owned();
        }
        traders
    };
    let sweep = Sweep::new(config_for(2), &data, RunOptions::default());
    let mut caller = Caller::new(6, &make);
    sweep.run_all(&mut caller).unwrap();
    assert_eq!(
        caller.failed.into_iter().collect::<Vec<_>>(),
        [(2, "data.unknown_pair".to_owned())]
    );
    assert_eq!(
        caller.found.keys().copied().collect::<Vec<_>>(),
        [0, 1, 3, 4, 5]
    );
}

#[test]
fn the_end_comes_early_where_the_host_asks_for_it() {
    let data = markets(&mut Random::new(SEED), 1, 100_000);
    let make = |number: usize| sma(5 + number % 10, 20 + number % 7);
    let sweep = Sweep::new(config_for(2), &data, RunOptions::default());
    let mut caller = Caller::new(100_000, &make);
    caller.enough = 3;
    sweep.run_all(&mut caller).unwrap();
    assert!(caller.found.len() >= 3);
    assert!(caller.stopped > 0, "those under way are cut short");
    assert!(caller.next < 100_000, "and no others begin");
    assert_eq!(caller.found.len() + caller.stopped, caller.next);
}

#[test]
fn one_run_on_this_thread_is_the_same_too() {
    let data: Arc<MarketData> = markets(&mut Random::new(SEED), 4, 400);
    let sweep = Sweep::new(config_for(1), &data, RunOptions::default());
    let host = pairloom_core::engine::Unattended;
    let Swept::Done(found) = sweep.run(anybody(7), &host) else {
        panic!("the run ends")
    };
    let alone = run(&config_for(1), anybody(7), &data, &RunOptions::default());
    assert_eq!(found.digest, alone.digest);
}
