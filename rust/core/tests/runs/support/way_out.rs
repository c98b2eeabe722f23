//! A run with orders on their way: one that the broker has in hand, and three behind it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use async_trait::async_trait;
use flume::{Receiver, Sender};
use pairloom_core::engine::Account;
use pairloom_core::live::{Broker, BrokerError, LiveCommand, LiveOptions, Report};
use pairloom_core::order::{Order, OrderId, OrderStatus};
use pairloom_core::risk::check;
use pairloom_core::signal::TradeSignal;

use super::live::{Live, PATIENCE, Teller, filled, quoted};
use super::{UNIT, base, config, trader};

/// Says which order it has in hand, keeps it until the test lets it go, and fills it at 100.
struct Holds {
    begun: Sender<OrderId>,
    gate: Receiver<()>,
    reports: Sender<Report>,
}

#[async_trait]
impl Broker for Holds {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        self.begun.send_async(order.id).await.unwrap();
        let _ = self.gate.recv_async().await;
        let _ = self.reports.send_async(filled(order).into()).await;
        Ok(())
    }

    async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
        Err(BrokerError::Rejected("not here".to_owned()))
    }
}

/// What waits.
pub struct WayOut {
    live: Live,
    first: OrderId,
    begins: Receiver<OrderId>,
    open: Sender<()>,
}

impl WayOut {
    /// Comes back when the broker has the first order in hand.
    pub fn start() -> Self {
        let (begun, begins) = flume::bounded(64);
        let (open, gate) = flume::bounded(64);
        let (tell, _) = flume::bounded(1);
        let traders = (0..4).map(|index| {
            let teller = Teller {
                signal: Some(TradeSignal::LONG),
                ..Teller::new(index, &tell)
            };
            trader(&format!("t{index}"), "A/USD", Some(base("1")), teller)
        });
        let holds = |reports| -> Arc<dyn Broker> {
            Arc::new(Holds {
                begun,
                gate,
                reports,
            })
        };
        let options = LiveOptions {
            broker: Some(Box::new(holds)),
            ..LiveOptions::default()
        };
        let live = Live::start(
            config(Account::Spot, 100_000 * UNIT),
            vec![quoted("A/USD")],
            traders.collect(),
            Vec::new(),
            options,
        );
        live.quote(0, 99.0, 101.0);
        live.until("the orders", |s| s.working_orders == 4);
        let first = begins.recv_timeout(PATIENCE).unwrap();
        Self {
            live,
            first,
            begins,
            open,
        }
    }

    /// Ends the run while the broker still has the first one in hand.
    pub fn end(self) -> pairloom_core::engine::Outcome {
        self.live.run.stop().unwrap()
    }

    /// Lets the first one go once the switch is thrown: the other three stay, and a person gets out all the same.
    pub fn check(self, throw: impl FnOnce(&Live)) {
        let live = self.live;
        throw(&live);
        self.open.send(()).unwrap();
        let status = live.until("no order works", |s| s.working_orders == 0);
        assert_eq!((status.counts.fills, status.counts.refusals), (1, 3));
        assert!(self.begins.is_empty());
        live.until("the switch", |s| s.killed);
        live.order(LiveCommand::CloseAll);
        self.open.send(()).unwrap();
        let way_out = self.begins.recv_timeout(PATIENCE).unwrap();
        live.until("the way out", |s| s.counts.fills == 2);
        let outcome = live.run.stop().unwrap();
        assert_eq!((outcome.reserved, outcome.positions[0]), (0, 0));
        let records = outcome.records;
        assert_eq!(records.orders.newest().len(), 5);
        for order in records.orders.newest() {
            if order.id == self.first || order.id == way_out {
                assert_eq!(order.status, OrderStatus::Filled);
            } else {
                assert_eq!(
                    (order.status, order.reason),
                    (OrderStatus::Refused, check::KILLED)
                );
            }
        }
        let checks: Vec<_> = records.refusals.iter().map(|r| r.check).collect();
        assert_eq!(checks, [check::KILLED; 3]);
    }
}
