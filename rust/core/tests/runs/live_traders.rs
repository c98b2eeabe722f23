//! Traders in live runs: each sees each of its events in order, nobody starves, nobody waits for who is late.

use std::sync::Arc;

use flume::{Receiver, Sender};

use crate::support::live::{Live, PATIENCE, Teller, quote, quoted, trade, traded};
use crate::support::{UNIT, config, market, run, trader};
use pairloom_core::engine::{Account, RunOptions, TraderConfig, Unattended};
use pairloom_core::limits::INBOX;
use pairloom_core::live::{Cast, Feed, LiveOptions, paper};
use pairloom_core::market::{MarketData, TradeSeries};
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Interpreter, Lane, NoInterpreter, Outcome as Call, SetupCtx, Strategy, SystemCtx,
};

const MANY: u32 = 10_000;
const ROUNDS: u32 = 5;

fn two_threads() -> pairloom_core::engine::Config {
    let mut config = config(Account::Spot, 1_000_000 * UNIT);
    config.threads = Some(2);
    config
}

fn names(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|index| format!("M{index}/USD"))
}

/// Checks that each of so many traders was told the prices 100, 101, ... in this order.
fn each_in_order(told: impl Iterator<Item = (u32, f64)>, traders: u32, rounds: u32) {
    let mut next = vec![0_u32; traders as usize];
    for (trader, price) in told {
        let seen = &mut next[trader as usize];
        assert_eq!(price, 100.0 + f64::from(*seen), "trader {trader}");
        *seen += 1;
    }
    assert!(next.iter().all(|&seen| seen == rounds));
}

#[test]
fn ten_thousand_traders_on_two_threads_see_each_event_in_order_in_real_time() {
    let (tell, told) = flume::bounded((MANY * ROUNDS) as usize);
    let traders = names(MANY)
        .enumerate()
        .map(|(index, pair)| trader(&pair, &pair, None, Teller::new(index as u32, &tell)))
        .collect();
    let markets = names(MANY).map(|name| traded(&name)).collect();
    let live = Live::start(
        two_threads(),
        markets,
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    for round in 0..ROUNDS {
        let price = 100.0 + f64::from(round);
        for first in (0..MANY).step_by(1_000) {
            live.send(
                (first..first + 1_000)
                    .map(|market| trade(market, price))
                    .collect(),
            );
        }
    }
    let seen = (0..MANY * ROUNDS).map(|_| told.recv_timeout(PATIENCE).unwrap());
    each_in_order(seen, MANY, ROUNDS);
    let all = u64::from(MANY * ROUNDS);
    live.until("the last answers", |s| s.counts.evaluations == all);
    let outcome = live.run.stop().unwrap();
    let (least, most) = ("evaluations_least", "evaluations_most");
    assert_eq!(outcome.counters[least], u64::from(ROUNDS));
    assert_eq!(outcome.counters[most], u64::from(ROUNDS));
    assert_eq!(
        (outcome.counters["dropped"], outcome.counters["conflated"]),
        (0, 0)
    );
}

/// Recorded trades, so many of them at each time.
fn recorded(traders: u32, times: i64, together: u32) -> Arc<MarketData> {
    let markets = names(traders)
        .map(|name| {
            market(&name, |market| {
                let rows = 0..times * i64::from(together);
                let prices = rows.clone().map(|row| 100.0 + row as f64);
                market.trades = Some(TradeSeries {
                    ts: rows
                        .clone()
                        .map(|row| row / i64::from(together) * 1_000)
                        .collect(),
                    price: prices.collect(),
                    quantity: rows.map(|_| 1.0).collect(),
                    side: None,
                    extra: Vec::new(),
                });
            })
        })
        .collect();
    Arc::new(MarketData { markets })
}

fn tellers(count: u32, tell: &flume::Sender<(u32, f64)>, lane: Lane) -> Vec<TraderConfig> {
    names(count)
        .enumerate()
        .map(|(index, pair)| {
            let teller = Teller {
                lane,
                ..Teller::new(index as u32, tell)
            };
            trader(&pair, &pair, None, teller)
        })
        .collect()
}

fn on_paper(traders: Vec<TraderConfig>, data: &Arc<MarketData>) -> pairloom_core::engine::Outcome {
    let cast = Cast {
        traders,
        factories: Vec::new(),
        interpreter: Arc::new(NoInterpreter),
    };
    let feed = Feed::Recorded(Arc::clone(data));
    paper(
        &two_threads(),
        cast,
        feed,
        LiveOptions::default(),
        &Unattended,
    )
    .unwrap()
}

#[test]
fn ten_thousand_traders_on_two_threads_see_each_event_in_order_on_a_recorded_feed() {
    let data = recorded(MANY, i64::from(ROUNDS), 1);
    let room = (MANY * ROUNDS) as usize;
    for live in [false, true] {
        let (tell, told) = flume::bounded(room);
        let traders = tellers(MANY, &tell, Lane::Native);
        let outcome = if live {
            on_paper(traders, &data)
        } else {
            run(&two_threads(), traders, &data, &RunOptions::default())
        };
        assert_eq!(outcome.counters["evaluations"], room as u64);
        each_in_order(told.try_iter(), MANY, ROUNDS);
    }
}

#[test]
fn no_wake_up_is_lost_when_inboxes_are_full_all_the_time() {
    // Far more events at one time than an inbox holds: sender and trader wait for each other thousands of times.
    let (traders, together) = (6, 40 * INBOX as u32);
    for lane in [Lane::Native, Lane::Python] {
        let data = recorded(traders, 4, together);
        let rows = 4 * together;
        let (tell, told) = flume::bounded((traders * rows) as usize);
        let outcome = on_paper(tellers(traders, &tell, lane), &data);
        assert_eq!(outcome.counters["evaluations"], u64::from(traders * rows));
        assert_eq!(outcome.counters["inbox_high_water"], INBOX as u64);
        each_in_order(told.try_iter(), traders, rows);
    }
}

/// One trader of a lane waits inside its call; the others go on at the feed's rate.
fn one_waits(lane: Lane) {
    let others = 8;
    let rounds = 3 * INBOX as u32;
    let (tell, told) = flume::bounded((rounds * (others + 1)) as usize);
    let (open, gate) = flume::bounded(rounds as usize);
    let mut traders = tellers(others, &tell, lane);
    let (late_tell, late_told) = flume::bounded(rounds as usize);
    let late = Teller {
        gate: Some(gate),
        lane,
        ..Teller::new(0, &late_tell)
    };
    traders.insert(0, trader("late", "L/USD", None, late));
    let mut markets = vec![traded("L/USD")];
    markets.extend(names(others).map(|name| traded(&name)));
    let live = Live::start(
        two_threads(),
        markets,
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    for round in 0..rounds {
        let price = 100.0 + f64::from(round);
        live.send((0..=others).map(|market| trade(market, price)).collect());
        // The next events come when the others have seen these: they do, while the late one waits.
        for _ in 0..others {
            assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, price);
        }
    }
    let status = live.until("the others' last answers", |status| {
        let on_time = &status.traders[1..];
        on_time
            .iter()
            .all(|trader| !trader.late && trader.evaluations == u64::from(rounds))
    });
    assert_eq!(
        (status.traders[0].late, status.traders[0].inbox),
        (true, INBOX)
    );
    // It was in its first call; of the others the newest are left.
    assert_eq!(
        late_told
            .drain()
            .map(|(_, price)| price)
            .collect::<Vec<_>>(),
        [100.0]
    );
    assert_eq!(status.counts.dropped, u64::from(rounds) - 1 - INBOX as u64);
    for _ in 0..=INBOX {
        open.send(()).unwrap();
    }
    let first = rounds - INBOX as u32;
    for round in first..rounds {
        let (_, price) = late_told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(price, 100.0 + f64::from(round));
    }
    live.until("the late trader caught up", |status| {
        !status.traders[0].late
    });
    live.run.stop().unwrap();
}

#[test]
fn a_native_strategy_that_waits_does_not_delay_others() {
    one_waits(Lane::Native);
}

#[test]
fn a_strategy_of_the_python_lane_that_waits_does_not_delay_others() {
    one_waits(Lane::Python);
}

#[test]
fn quotes_for_a_late_trader_are_conflated_and_counted() {
    let (tell, told) = flume::bounded(64);
    let (open, gate) = flume::bounded(64);
    let late = Teller {
        gate: Some(gate),
        ..Teller::new(0, &tell)
    };
    let traders = vec![trader("late", "L/USD", None, late)];
    let live = Live::start(
        two_threads(),
        vec![quoted("L/USD")],
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    live.send(vec![quote(0, 99.0, 101.0)]);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, 100.0);
    for round in 1..=10 {
        let mid = 100.0 + f64::from(round);
        live.send(vec![quote(0, mid - 1.0, mid + 1.0)]);
    }
    let status = live.until("all quotes are delivered", |status| {
        status.counts.deliveries == 11
    });
    assert_eq!(
        (status.counts.conflated, status.counts.inbox_high_water),
        (9, 1)
    );
    open.send(()).unwrap();
    open.send(()).unwrap();
    // Only the newest was left.
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, 110.0);
    live.run.stop().unwrap();
}

/// An interpreter that one thread at a time is attached to.
struct OneAtATime(Sender<()>, Receiver<()>);

impl OneAtATime {
    fn new() -> Self {
        let (back, free) = flume::bounded(1);
        back.send(()).unwrap();
        Self(back, free)
    }
}

impl Interpreter for OneAtATime {
    fn attached(&self, work: &mut (dyn FnMut() + Send)) {
        self.1.recv().unwrap();
        work();
        self.0.send(()).unwrap();
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        self.0.send(()).unwrap();
        work();
        self.1.recv().unwrap();
    }
}

/// A strategy that ends only when another one has been called.
struct EndsAfter {
    ends: Sender<()>,
    other: Receiver<(u32, f64)>,
    called: Sender<bool>,
}

impl Strategy for EndsAfter {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, _ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        panic!("the run is over before its turn comes");
    }

    fn lane(&self) -> Lane {
        Lane::Python
    }
}

impl Drop for EndsAfter {
    fn drop(&mut self) {
        self.ends.send(()).unwrap();
        let called = self.other.recv_timeout(PATIENCE).is_ok();
        self.called.send(called).unwrap();
    }
}

#[test]
fn a_strategy_that_ends_holds_up_nobody_who_is_attached() {
    let (tell, told) = flume::bounded(1);
    let (open, gate) = flume::bounded(1);
    let first = Teller {
        gate: Some(gate),
        lane: Lane::Python,
        ..Teller::new(0, &tell)
    };
    let (ends, ending) = flume::bounded(1);
    let (tell_last, other) = flume::bounded(1);
    let (called, was_called) = flume::bounded(1);
    let second = EndsAfter {
        ends,
        other,
        called,
    };
    let third = Teller {
        lane: Lane::Python,
        ..Teller::new(2, &tell_last)
    };
    let cast = Cast {
        traders: vec![
            trader("0", "M0/USD", None, first),
            trader("1", "M1/USD", None, second),
            trader("2", "M2/USD", None, third),
        ],
        factories: Vec::new(),
        interpreter: Arc::new(OneAtATime::new()),
    };
    let markets = names(3).map(|name| traded(&name)).collect();
    let live = Live::of(two_threads(), markets, cast, LiveOptions::default());
    live.send((0..3).map(|market| trade(market, 100.0)).collect());
    told.recv_timeout(PATIENCE).unwrap();
    // The first is in its call, attached; the others wait for their turn. Then the run ends, and with it the second one.
    std::thread::scope(|scope| {
        let run = live.run;
        let stopping = scope.spawn(move || run.stop());
        ending.recv_timeout(PATIENCE).unwrap();
        open.send(()).unwrap();
        // Whoever is attached next finds the second gone, and calls the third.
        assert!(was_called.recv_timeout(PATIENCE * 2).unwrap());
        stopping.join().unwrap().unwrap();
    });
}
