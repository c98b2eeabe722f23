//! Traders that are evaluated elsewhere do what they would do here, whenever and in whatever order they answer.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Anything, Random, UNIT, base, config, markets, run, trader};
use pairloom_core::domain::{Instrument, Nanos};
use pairloom_core::engine::{Account, Config, Core, Host, RunOptions, TraderConfig, backtest};
use pairloom_core::error::Error;
use pairloom_core::market::{EventKind, MarketData, PriceScale};
use pairloom_core::portfolio::{AccountView, TraderRow};
use pairloom_core::strategy::{Elsewhere, Hook, Strategy, View};
use pairloom_core::trader::{Answer, Glance, Input, Remote, SentRow, Trader, Waited};

const SEED: u64 = 77;
const TRADERS: u64 = 40;

fn strategy(index: u64) -> Anything {
    Anything::new(index, 3)
}

/// Something that a trader is to do, kept until somebody waits for it.
enum Todo {
    Hooks(Vec<Hook>),
    Row(SentRow),
}

struct Visit {
    trader: u32,
    todo: Todo,
    row: TraderRow,
    mark: Option<i64>,
    now: Nanos,
    account: AccountView,
}

/// Evaluates on this thread, late and the last first.
struct Elsewhither {
    traders: Vec<Trader>,
    data: Arc<MarketData>,
    sources: Vec<usize>,
    scales: Vec<PriceScale>,
    instruments: Vec<Instrument>,
    visits: Vec<Visit>,
    step: (Nanos, AccountView),
    looks: u32,
}

impl Elsewhither {
    fn of(core: &Core, data: &Arc<MarketData>) -> Self {
        let books = core.writer.account.markets().iter();
        let traders = core.traders.iter().map(|here| {
            let pair = core
                .pairs
                .name(pairloom_core::domain::MarketPair(here.spec.market));
            let mut away = Trader::new(
                here.index,
                here.spec.clone(),
                Box::new(strategy(u64::from(here.index))),
                pair,
                core.scales[here.spec.market as usize],
                Arc::from([]),
            );
            away.due.clear();
            away
        });
        Self {
            traders: traders.collect(),
            data: Arc::clone(data),
            sources: core.sources.iter().flatten().copied().collect(),
            scales: core.scales.clone(),
            instruments: books
                .map(|book| pairloom_core::domain::Instrument::clone(&book.instrument))
                .collect(),
            visits: Vec::new(),
            step: (0, AccountView::default()),
            looks: 0,
        }
    }

    fn visit(&mut self, trader: u32, todo: Todo, glance: Glance<'_>) {
        self.visits.push(Visit {
            trader,
            todo,
            row: glance.row.clone(),
            mark: glance.mark,
            now: self.step.0,
            account: self.step.1,
        });
    }

    fn do_it(&mut self, visit: Visit) {
        let trader = &mut self.traders[visit.trader as usize];
        let place = trader.spec.market as usize;
        let market = &self.data.markets[self.sources[place]];
        let main = trader
            .spec
            .events
            .iter()
            .copied()
            .min()
            .unwrap_or(EventKind::Candle);
        let view = View {
            now: visit.now,
            row: &visit.row,
            account: visit.account,
            mark: visit.mark.into(),
            instrument: &self.instruments[place],
            pair: &market.name,
            series: market.series(main),
        };
        match visit.todo {
            Todo::Hooks(hooks) => {
                trader.due = hooks;
                trader.run_hooks(&view);
            }
            Todo::Row(row) => {
                let event = market.series(row.kind).unwrap().event(row.row as usize);
                assert_eq!(event.mark(self.scales[place]), row.mark);
                let input = Input {
                    event,
                    row: row.row as usize,
                    warm_up: row.warm_up,
                };
                trader.on_event(&input, &view);
            }
        }
    }
}

impl Remote for Elsewhither {
    fn begin(&mut self, now: Nanos, account: AccountView) {
        self.step = (now, account);
    }

    fn hooks(&mut self, trader: u32, hooks: &[Hook], glance: Glance<'_>) {
        self.visit(trader, Todo::Hooks(hooks.to_vec()), glance);
    }

    fn row(&mut self, trader: u32, row: SentRow, glance: Glance<'_>) {
        self.visit(trader, Todo::Row(row), glance);
    }

    fn send(&mut self) {
        self.looks = 2;
    }

    fn wait(&mut self, _most: Duration) -> Waited {
        if self.looks > 0 {
            self.looks -= 1;
            return Waited::NotYet;
        }
        // The traders in any order, each one's own visits in theirs.
        let mut visits = std::mem::take(&mut self.visits);
        visits.sort_by_key(|visit| std::cmp::Reverse(visit.trader));
        for visit in visits {
            self.do_it(visit);
        }
        Waited::Done
    }

    fn answers(&mut self, into: &mut Vec<Answer>) -> Result<(), Error> {
        for trader in self
            .traders
            .iter_mut()
            .rev()
            .filter(|trader| trader.has_acted())
        {
            into.push(Answer {
                trader: trader.index,
                intents: std::mem::take(&mut trader.orders.intents),
                failure: trader.failure.take(),
            });
        }
        Ok(())
    }

    fn evaluations(&self) -> u64 {
        self.traders.iter().map(|trader| trader.evaluations).sum()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![("elsewhere", 1)]
    }
}

/// A caller whose strategies are elsewhere.
struct Sending;

impl Host for Sending {
    fn poll(&self, _share_done: f64) -> bool {
        true
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    fn remote(
        &self,
        _config: &Config,
        core: &Core,
        data: &Arc<MarketData>,
    ) -> Result<Option<Box<dyn Remote>>, Error> {
        Ok(Some(Box::new(Elsewhither::of(core, data))))
    }
}

fn portfolio(make: impl Fn(u64) -> Box<dyn Strategy>) -> Vec<TraderConfig> {
    let traders = (0..TRADERS).map(|index| {
        let pair = format!("M{}/USD", index % 17);
        let size = Some(base("1.5"));
        let mut config = trader(&format!("t{index}"), &pair, size, strategy(index));
        config.strategy = make(index);
        config
    });
    traders.collect()
}

fn away() -> Vec<TraderConfig> {
    portfolio(|index| Box::new(Elsewhere::new(strategy(index).hooks())))
}

#[test]
fn what_is_evaluated_elsewhere_gives_the_same_digest() {
    let data = markets(&mut Random::new(SEED), 17, 120);
    for account in [Account::Spot, Account::Margin] {
        for start in [None, Some(40 * crate::support::MINUTE)] {
            let config = config(account, 30_000 * UNIT);
            let options = RunOptions {
                start,
                ..RunOptions::default()
            };
            let here = portfolio(|index| Box::new(strategy(index)));
            let here = run(&config, here, &data, &options);
            let there = backtest(&config, away(), &data, &options, &Sending).unwrap();
            assert!(here.records.fills.len() > 100, "too little happened");
            assert_eq!(here.digest, there.digest);
            assert_eq!(here.counters["evaluations"], there.counters["evaluations"]);
            assert_eq!(there.counters["elsewhere"], 1);
            assert_eq!(there.lanes["process"], usize::try_from(TRADERS).unwrap());
        }
    }
}

#[test]
fn without_anybody_to_evaluate_them_it_is_an_error() {
    let data = markets(&mut Random::new(SEED), 17, 10);
    let config = config(Account::Spot, 30_000 * UNIT);
    let options = RunOptions::default();
    let host = pairloom_core::engine::Unattended;
    let error = backtest(&config, away(), &data, &options, &host).unwrap_err();
    assert_eq!(error.code, "engine.workers");
}
