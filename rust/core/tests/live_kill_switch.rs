//! The kill switch of the process. It stays set for good, so it has a process, and a file, of its own.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "runs/support/mod.rs"]
mod support;

use crate::support::live::{Live, Teller, quoted};
use crate::support::way_out::WayOut;
use crate::support::{UNIT, base, config, decimal, trader};
use pairloom_core::domain::{Amount, Side};
use pairloom_core::engine::Account;
use pairloom_core::live::{LiveCommand, LiveOptions, kill_switch};
use pairloom_core::order::OrderStatus;
use pairloom_core::risk::check;
use pairloom_core::signal::TradeSignal;

#[test]
fn it_takes_back_all_that_works_and_lets_nothing_out() {
    let (tell, _) = flume::bounded(1);
    let waiting = Teller {
        signal: Some(TradeSignal::Side {
            side: Side::Buy,
            size: None,
            limit: Some(Amount::from_f64(50.0)),
        }),
        ..Teller::new(0, &tell)
    };
    let live = Live::start(
        config(Account::Spot, 100_000 * UNIT),
        vec![quoted("A/USD"), quoted("B/USD")],
        vec![
            trader("waits", "A/USD", Some(base("1")), waiting),
            trader("person", "B/USD", None, Teller::new(1, &tell)),
        ],
        Vec::new(),
        LiveOptions::default(),
    );
    live.until_quoting(0, "the limit order", |s| s.working_orders == 1);
    // Once an order behind it is filled, the limit order is at the broker, too.
    live.until_quoting(1, "a price", |s| s.traders[1].last_price == 100.0);
    live.order(LiveCommand::AddPosition("person".to_owned(), decimal("1")));
    live.until_quoting(1, "the purchase", |s| s.traders[1].position == 1.0);
    // No event comes any more: the run hears of it all the same. So does another, whose orders are on their way.
    let other = WayOut::start();
    kill_switch::set();
    other.check(|_| {});
    let status = live.until("the cancellation", |s| s.working_orders == 0);
    assert!(status.killed);
    live.until_quoting(0, "a refusal", |s| s.counts.refusals > 0);
    let outcome = live.run.stop().unwrap();
    let records = outcome.records;
    assert_eq!(records.orders.newest()[0].status, OrderStatus::Cancelled);
    assert!(records.refusals.iter().all(|r| r.check == check::KILLED));
    let changes = records.risk_changes.iter().map(|c| (c.kind, c.by.as_str()));
    assert_eq!(changes.collect::<Vec<_>>(), [("kill", "signal")]);
    assert_eq!(outcome.reserved, 0);
}
