//! Orders, commands and the end of live runs.

use std::sync::Arc;
use std::time::Duration;

use crate::support::live::{Live, PATIENCE, Teller, filled, quoted};
use crate::support::{UNIT, base, config, decimal, trader};
use async_trait::async_trait;
use flume::{Receiver, Sender};
use pairloom_core::engine::{Account, Config};
use pairloom_core::live::{Broker, BrokerError, LiveCommand, LiveOptions, Report};
use pairloom_core::order::{Order, OrderId, OrderStatus};
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::StrategyFault;
use pairloom_core::trader::TraderState;
use pairloom_core::venue::Execution;

fn settings() -> Config {
    config(Account::Spot, 100_000 * UNIT)
}

/// Two traders that never ask for anything: `a` on `A/USD`, `b` on `B/USD`.
fn idle(options: LiveOptions) -> Live {
    let (tell, _) = flume::bounded(1);
    let traders = vec![
        trader("a", "A/USD", Some(base("1")), Teller::new(0, &tell)),
        trader("b", "B/USD", Some(base("1")), Teller::new(1, &tell)),
    ];
    let markets = vec![quoted("A/USD"), quoted("B/USD")];
    let live = Live::start(settings(), markets, traders, Vec::new(), options);
    live.quote(0, 99.0, 101.0);
    live.quote(1, 99.0, 101.0);
    live.until("both markets have a price", |status| {
        status
            .traders
            .iter()
            .all(|trader| trader.last_price == 100.0)
    });
    live
}

#[test]
fn a_person_adds_to_a_position_and_ends_it() {
    let live = idle(LiveOptions::default());
    live.order(LiveCommand::AddPosition("a".to_owned(), decimal("2.5")));
    live.until_quoting(0, "the purchase", |s| s.traders[0].position == 2.5);
    live.order(LiveCommand::AddPosition("A/USD".to_owned(), decimal("-1")));
    live.until_quoting(0, "the sale", |s| s.traders[0].position == 1.5);
    live.order(LiveCommand::ForceExit("A/USD".to_owned()));
    live.until_quoting(0, "the exit", |s| s.traders[0].position == 0.0);
    live.order(LiveCommand::AddPosition("b".to_owned(), decimal("1")));
    live.until_quoting(1, "the other purchase", |s| s.traders[1].position == 1.0);
    live.order(LiveCommand::CloseAll);
    live.until_quoting(1, "the end of all", |s| s.traders[1].position == 0.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.fills.len(), 5);
    assert_eq!(outcome.reserved, 0);
    let exits = outcome.trades.iter().map(|trade| trade.exit_reason);
    assert_eq!(exits.collect::<Vec<_>>(), ["command", "command"]);
}

#[test]
fn a_second_exit_while_the_first_works_sells_nothing_twice() {
    let live = idle(LiveOptions::default());
    live.order(LiveCommand::AddPosition("a".to_owned(), decimal("2")));
    live.until_quoting(0, "the purchase", |s| s.traders[0].position == 2.0);
    live.order(LiveCommand::ForceExit("a".to_owned()));
    live.order(LiveCommand::ForceExit("a".to_owned()));
    live.order(LiveCommand::CloseAll);
    live.until_quoting(0, "the exit", |s| s.traders[0].position == 0.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.orders.len(), 2);
    assert!(outcome.records.refusals.is_empty());
}

#[test]
fn commands_that_name_nothing_say_what_there_is() {
    let live = idle(LiveOptions::default());
    let error = live
        .run
        .send(LiveCommand::Pause("c".to_owned()))
        .unwrap_err();
    assert_eq!(error.code, "run.unknown_trader");
    assert!(
        error.message.contains("\"c\"") && error.message.contains("a, b"),
        "{error}"
    );
    let error = live
        .run
        .send(LiveCommand::Restart("a".to_owned()))
        .unwrap_err();
    assert_eq!(error.code, "run.restart");
    let zero = LiveCommand::AddPosition("a".to_owned(), decimal("0"));
    assert_eq!(live.run.send(zero).unwrap_err().code, "run.quantity");
    live.run.stop().unwrap();
    let error = live.run.send(LiveCommand::CloseAll).unwrap_err();
    assert_eq!(error.code, "run.over");
    assert!(live.run.finished());
    assert_eq!(live.run.status().unwrap().traders.len(), 2);
    assert_eq!(live.run.stop().unwrap_err().code, "run.over");
}

#[test]
fn a_paused_trader_is_not_called_until_it_is_resumed() {
    let (tell, told) = flume::bounded(64);
    let traders = vec![trader("a", "A/USD", None, Teller::new(0, &tell))];
    // A call that is late would find the pause, the price and the end of the pause together.
    let options = LiveOptions {
        step_limit: PATIENCE,
        ..LiveOptions::default()
    };
    let live = Live::start(
        settings(),
        vec![quoted("A/USD")],
        traders,
        Vec::new(),
        options,
    );
    live.quote(0, 99.0, 101.0);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, 100.0);
    live.order(LiveCommand::Pause("a".to_owned()));
    live.quote(0, 199.0, 201.0);
    let status = live.until("the second price", |s| s.traders[0].last_price == 200.0);
    assert_eq!(status.traders[0].state, TraderState::Paused);
    live.order(LiveCommand::Resume("A/USD".to_owned()));
    live.quote(0, 299.0, 301.0);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, 300.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.counters["evaluations"], 2);
}

/// Errs at its first call, if it is the first one made.
struct Errs(bool);

impl pairloom_core::strategy::Strategy for Errs {
    fn setup(
        &mut self,
        _ctx: &mut pairloom_core::strategy::SetupCtx<'_>,
    ) -> pairloom_core::strategy::Outcome<()> {
        Ok(())
    }

    fn generate_signal(
        &mut self,
        _ctx: &mut pairloom_core::strategy::SystemCtx<'_>,
    ) -> pairloom_core::strategy::Outcome<Option<TradeSignal>> {
        if self.0 {
            return Err(StrategyFault::raised("at first").into());
        }
        Ok(Some(TradeSignal::LONG))
    }
}

#[test]
fn a_quarantined_trader_trades_again_after_a_restart() {
    let traders = vec![trader("a", "A/USD", Some(base("1")), Errs(true))];
    let factory =
        || -> pairloom_core::strategy::Outcome<Box<dyn pairloom_core::strategy::Strategy>> {
            Ok(Box::new(Errs(false)))
        };
    let live = Live::start(
        settings(),
        vec![quoted("A/USD")],
        traders,
        vec![Some(Box::new(factory))],
        LiveOptions::default(),
    );
    live.until_quoting(0, "the quarantine", |s| {
        s.traders[0].state == TraderState::Quarantined
    });
    let error = live
        .run
        .send(LiveCommand::Resume("a".to_owned()))
        .unwrap_err();
    assert_eq!(error.code, "run.quarantined");
    live.order(LiveCommand::Restart("a".to_owned()));
    live.until_quoting(0, "the position", |s| s.traders[0].position == 1.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.quarantined.len(), 1);
    assert_eq!(outcome.records.fills.len(), 1);
}

#[test]
fn the_kill_switch_cancels_blocks_and_lets_a_person_get_out() {
    let (tell, _) = flume::bounded(1);
    let limit = TradeSignal::Side {
        side: pairloom_core::domain::Side::Buy,
        size: None,
        limit: Some(pairloom_core::domain::Amount::from_f64(50.0)),
    };
    let waiting = Teller {
        signal: Some(limit),
        ..Teller::new(0, &tell)
    };
    let traders = vec![
        trader("waits", "A/USD", Some(base("1")), waiting),
        trader("simple", "B/USD", Some(base("1")), Teller::new(1, &tell)),
    ];
    let markets = vec![quoted("A/USD"), quoted("B/USD")];
    let live = Live::start(
        settings(),
        markets,
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    live.until_quoting(0, "the limit order", |s| s.working_orders == 1);
    live.until_quoting(1, "a price", |s| s.traders[1].last_price == 100.0);
    live.order(LiveCommand::AddPosition("simple".to_owned(), decimal("1")));
    live.until_quoting(1, "the purchase", |s| s.traders[1].position == 1.0);
    live.order(LiveCommand::Kill);
    // The limit order is gone once the broker says so, and asked for again in vain.
    let status = live.until("the cancellation", |s| s.working_orders == 0);
    assert!(status.killed);
    live.until_quoting(0, "a refusal", |s| s.counts.refusals > 0);
    live.order(LiveCommand::AddPosition("simple".to_owned(), decimal("1")));
    live.order(LiveCommand::CloseAll);
    live.until_quoting(1, "the exit", |s| s.traders[1].position == 0.0);
    let outcome = live.run.stop().unwrap();
    assert!(
        outcome
            .records
            .refusals
            .iter()
            .all(|refusal| refusal.check == "killed")
    );
    assert_eq!((outcome.records.fills.len(), outcome.reserved), (2, 0));
    assert_eq!(
        outcome.records.orders.newest()[0].status,
        OrderStatus::Cancelled
    );
    assert_eq!(outcome.records.orders.newest()[0].reason, "command");
}

#[test]
fn a_fill_on_its_way_wins_over_a_cancellation() {
    let options = LiveOptions {
        fill_delay: Duration::from_millis(200),
        ..LiveOptions::default()
    };
    let live = idle(options);
    live.order(LiveCommand::AddPosition("a".to_owned(), decimal("1")));
    // The venue fills it at this quote, and tells later; the end of the run, which takes all back, overtakes the news.
    live.quote(0, 99.0, 101.0);
    live.until("the next step", |s| s.counts.events >= 3);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.orders.len(), 1);
    assert_eq!(
        outcome.records.orders.newest()[0].status,
        OrderStatus::Filled
    );
    assert_eq!(outcome.positions, [100_000_000, 0]);
    assert_eq!(
        (outcome.reserved, outcome.counters["orders_open_at_end"]),
        (0, 0)
    );
}

#[test]
fn a_signal_adds_nothing_while_the_end_of_its_last_order_is_unknown() {
    /// A signal, close, the signal, ..., one after the other.
    struct Changes(bool, TradeSignal);
    impl pairloom_core::strategy::Strategy for Changes {
        fn setup(
            &mut self,
            _ctx: &mut pairloom_core::strategy::SetupCtx<'_>,
        ) -> pairloom_core::strategy::Outcome<()> {
            Ok(())
        }

        fn generate_signal(
            &mut self,
            _ctx: &mut pairloom_core::strategy::SystemCtx<'_>,
        ) -> pairloom_core::strategy::Outcome<Option<TradeSignal>> {
            self.0 = !self.0;
            Ok(Some(if self.0 { self.1 } else { TradeSignal::Close }))
        }
    }
    let options = LiveOptions {
        // Long enough for three rounds on a machine that does other things, too.
        fill_delay: Duration::from_secs(3),
        step_limit: PATIENCE,
        ..LiveOptions::default()
    };
    // A side asks for nothing until the answer is in; a named quantity asks, and is refused.
    let named = TradeSignal::Target(base("1"));
    let traders = vec![
        trader(
            "a",
            "A/USD",
            Some(base("1")),
            Changes(false, TradeSignal::LONG),
        ),
        trader("b", "A/USD", Some(base("1")), Changes(false, named)),
    ];
    let markets = vec![quoted("A/USD")];
    let live = Live::start(settings(), markets, traders, Vec::new(), options);
    // The purchase is filled at once and told later; the close finds it working and asks to take it back.
    for round in 1..=3 {
        live.quote(0, 99.0, 101.0);
        live.until("the calls", |s| {
            s.traders.iter().all(|trader| trader.evaluations == round)
        });
    }
    let status = live.until("the fills", |s| {
        s.traders.iter().all(|trader| trader.position == 1.0)
    });
    assert_eq!((status.counts.orders, status.counts.refusals), (3, 1));
    let outcome = live.run.stop().unwrap();
    let refused = &outcome.records.refusals[0];
    assert_eq!((refused.trader, refused.check), (1, "unconfirmed"));
    assert_eq!((outcome.positions[0], outcome.reserved), (100_000_000, 0));
}

/// Takes an order only when the test lets it, and fills it at 100.
struct Slow {
    gate: Receiver<()>,
    reports: Sender<Report>,
}

#[async_trait]
impl Broker for Slow {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        let _ = self.gate.recv_async().await;
        let filled = filled(order);
        for _ in 0..2 {
            // Told twice: it counts once.
            let _ = self.reports.send_async(filled.into()).await;
        }
        Ok(())
    }

    async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
        Err(BrokerError::Rejected("not here".to_owned()))
    }
}

#[test]
fn a_broker_that_takes_its_time_delays_no_evaluation() {
    let (open, gate) = flume::bounded(64);
    let (tell, told) = flume::bounded(1_024);
    let traders = (0..4)
        .map(|index| {
            let teller = Teller {
                signal: Some(TradeSignal::LONG),
                ..Teller::new(index, &tell)
            };
            trader(&format!("t{index}"), "A/USD", Some(base("1")), teller)
        })
        .collect();
    let options = LiveOptions {
        broker: Some(Box::new(|reports| Arc::new(Slow { gate, reports }))),
        // However busy this machine is, nobody is late.
        step_limit: PATIENCE,
        ..LiveOptions::default()
    };
    let live = Live::start(
        settings(),
        vec![quoted("A/USD")],
        traders,
        Vec::new(),
        options,
    );
    for round in 0..100 {
        let mid = 100.0 + f64::from(round);
        live.quote(0, mid - 1.0, mid + 1.0);
        for _ in 0..4 {
            assert_eq!(told.recv_timeout(PATIENCE).unwrap().1, mid);
        }
    }
    let status = live.run.status().unwrap();
    assert_eq!((status.counts.fills, status.working_orders), (0, 4));
    assert_eq!((status.counts.evaluations, status.counts.late), (400, 0));
    for _ in 0..4 {
        open.send(()).unwrap();
    }
    live.until("the fills", |s| s.counts.fills == 4);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.fills.len(), 4);
    assert_eq!(outcome.counters["orders_open_at_end"], 0);
}

/// Refuses every order.
struct Refuses;

#[async_trait]
impl Broker for Refuses {
    async fn submit(&self, _order: &Order) -> Result<(), BrokerError> {
        Err(BrokerError::Rejected("closed today".to_owned()))
    }

    async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
        Ok(())
    }
}

#[test]
fn an_order_that_the_broker_rejects_gives_its_cash_back() {
    let options = LiveOptions {
        broker: Some(Box::new(|_| Arc::new(Refuses))),
        ..LiveOptions::default()
    };
    let live = idle(options);
    live.order(LiveCommand::AddPosition("a".to_owned(), decimal("1")));
    live.until("the rejection", |s| {
        s.counts.orders == 1 && s.working_orders == 0
    });
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.orders.newest()[0].reason, "rejected");
    assert_eq!(outcome.reserved, 0);
}

#[test]
fn dropping_every_handle_ends_the_run() {
    let (tell, told) = flume::bounded(1);
    let teller = Teller::new(0, &tell);
    drop(tell);
    let traders = vec![trader("a", "A/USD", None, teller)];
    let live = Live::start(
        settings(),
        vec![quoted("A/USD")],
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    drop(live);
    // The strategy goes with the run.
    assert_eq!(
        told.recv_timeout(PATIENCE),
        Err(flume::RecvTimeoutError::Disconnected)
    );
}

/// Fills each order at 100, and says first that it is another trader's.
struct Misnames {
    other: u32,
    reports: Sender<Report>,
}

#[async_trait]
impl Broker for Misnames {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        for trader in [self.other, order.trader] {
            let filled = Execution {
                trader,
                ..filled(order)
            };
            let _ = self.reports.send_async(filled.into()).await;
        }
        Ok(())
    }

    async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
        Ok(())
    }
}

#[test]
fn what_a_broker_says_of_another_trader_counts_for_nothing_and_is_reported() {
    // One that there is, and one that there is not.
    for other in [1, u32::MAX] {
        let options = LiveOptions {
            broker: Some(Box::new(move |reports| {
                Arc::new(Misnames { other, reports })
            })),
            ..LiveOptions::default()
        };
        let live = idle(options);
        live.order(LiveCommand::AddPosition("a".to_owned(), decimal("1")));
        live.until_quoting(0, "the fill", |s| s.traders[0].position == 1.0);
        let outcome = live.run.stop().unwrap();
        let fills = outcome.records.fills.iter();
        assert_eq!(fills.map(|fill| fill.trader).collect::<Vec<_>>(), [0]);
        let [difference] = &outcome.records.differences[..] else {
            panic!("{:?}", outcome.records.differences)
        };
        assert_eq!(difference.kind, "misnamed_order");
        assert_eq!((difference.market, difference.halts), (Some(0), true));
        assert!(difference.what.contains("order 1"), "{}", difference.what);
        assert_eq!(outcome.reserved, 0);
    }
}
