//! The side of a live run on which orders leave: the broker, what stands before it, and the order engine.

use std::sync::Arc;

use flume::Sender;
use tokio::runtime::Runtime;

use crate::commit::Writer;

use super::apart::ApartBroker;
use super::broker::{Broker, Report};
use super::faults::{FaultSpec, FaultyBroker};
use super::join::Ends;
use super::kill_switch::KillSwitch;
use super::options::{BrokerMaker, LiveOptions};
use super::order_engine::{Door, OrderEngine, OrderMessage, Told};
use super::orders::OrderPort;
use super::paper::{PaperBroker, PaperVenue};
use super::reconcile::{Book, ReconcileSpec};

/// What the options of a run say of its broker.
pub(super) struct OrderSide {
    broker: Option<BrokerMaker>,
    faults: Option<FaultSpec>,
    reconcile: Option<ReconcileSpec>,
    traders: usize,
}

impl OrderSide {
    /// Takes it out of the options.
    pub(super) fn of(options: &mut LiveOptions, traders: usize) -> Self {
        Self {
            broker: options.broker.take(),
            faults: options.faults.take(),
            reconcile: options.reconcile.take(),
            traders,
        }
    }

    /// Starts the order engine with its broker, and gives the commit thread's way to it. What a broker that answers
    /// questions says is waited for before anything leaves.
    pub(super) fn start(
        self,
        runtime: &Runtime,
        switch: Arc<KillSwitch>,
        writer: &mut Writer,
        venue: PaperVenue,
        (messages, reports, told): (Ends<OrderMessage>, Ends<Report>, Ends<Told>),
    ) -> OrderPort {
        let recorded = venue.markets.recorded;
        let (open, left) = (venue.working(), venue.left());
        let spec = self.reconcile.unwrap_or_default();
        let broker = self.broker(writer, venue, reports.0);
        let answers = broker.answers();
        writer.reconciled = !answers;
        writer.confirm_cancels |= answers;
        let book = answers.then(|| Box::new(Book::new(spec)));
        let simulates = broker.simulates();
        let door = Door {
            broker,
            switch,
            left,
        };
        let engine = OrderEngine::new(door, told.0, open, !recorded);
        runtime.spawn(engine.run(messages.1, reports.1));
        OrderPort::new(messages.0, told.1, recorded, simulates, book)
    }

    /// The broker that was given, or the paper broker: with an account of its own where somebody will ask about it.
    fn broker(
        self,
        writer: &Writer,
        mut venue: PaperVenue,
        reports: Sender<Report>,
    ) -> Arc<dyn Broker> {
        if let Some(make) = self.broker {
            return make(reports);
        }
        if let Some(apart) = venue.apart.take() {
            return Arc::new(ApartBroker::new(venue, apart, reports));
        }
        if self.faults.is_none() && self.reconcile.is_none() {
            return Arc::new(PaperBroker::new(venue, reports));
        }
        if let Some(ledger) = &mut venue.ledger {
            ledger.in_any_order();
        }
        let paper = PaperBroker::new(venue, reports);
        let account = writer.account.opened_like(self.traders);
        let (faults, cancels) = (
            self.faults.unwrap_or_default(),
            writer.cancel_on_disconnect(),
        );
        Arc::new(FaultyBroker::new(paper, faults, account, cancels))
    }
}
