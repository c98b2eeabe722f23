//! The paper venue as orders meet it: the simulated venue, whose each working order is, and the venue's own books. The same in
//! the engine's process and in one of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::Nanos;
use crate::error::Error;
use crate::market::EventRef;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, SimVenue};

use super::broker::BrokerError;
use super::ledger::Ledger;

/// When and at what price of its market an order fills at an open, where the data tell.
pub(super) type Open = Option<(Nanos, f64)>;

pub(super) struct Desk {
    venue: SimVenue,
    /// Whose each working order is, for the confirmation of its cancellation.
    owners: HashMap<OrderId, u32>,
    /// The opens that orders wait for, by time and market.
    opens: BTreeMap<(Nanos, u32), f64>,
    ledger: Option<Ledger>,
}

impl Desk {
    pub(super) fn new(venue: SimVenue, ledger: Option<Ledger>) -> Self {
        Self {
            venue,
            owners: HashMap::new(),
            opens: BTreeMap::new(),
            ledger,
        }
    }

    /// The orders of before this process that its books have.
    pub(super) fn left(&self) -> HashSet<OrderId> {
        self.ledger.as_ref().map(Ledger::left).unwrap_or_default()
    }

    /// Whether an order like this one waits for the open of a candle.
    pub(super) fn waits_for_open(&self, order: &Order) -> bool {
        self.venue.waits_for_open(order)
    }

    /// Takes an order, and keeps it in the books.
    pub(super) fn submit(
        &mut self,
        order: &Order,
        pair: &str,
        open: Open,
    ) -> Result<(), BrokerError> {
        if let Some(ledger) = &mut self.ledger {
            ledger.submit(order, pair)?;
        }
        self.take(order, open);
        Ok(())
    }

    /// Takes an order again that left before this process began.
    pub(super) fn restore(
        &mut self,
        (order, newest): (&Order, bool),
        pair: &str,
        open: Open,
    ) -> Result<(), BrokerError> {
        if let Some(ledger) = &mut self.ledger {
            ledger.restore(order, pair, newest)?;
        }
        self.take(order, open);
        Ok(())
    }

    fn take(&mut self, order: &Order, open: Open) {
        if let Some((ts, price)) = open {
            self.opens.insert((ts, order.market), price);
        }
        self.venue.submit(order, open);
        self.owners.insert(order.id, order.trader);
    }

    /// Takes an order back. Whose it was, if it was there: else it is filled, and the fill is on its way.
    pub(super) fn take_back(&mut self, market: u32, order: OrderId) -> Option<u32> {
        if let Some(ledger) = &mut self.ledger {
            ledger.cancel(order);
        }
        let there = self.venue.cancel(market, order);
        self.owners.remove(&order).filter(|_| there)
    }

    /// Fills a limit order at its limit now, whatever the market does: it is filled while it is being taken back.
    pub(super) fn fill_at_limit(
        &mut self,
        (market, order): (u32, OrderId),
        now: Nanos,
    ) -> Result<Option<Execution>, Error> {
        let Some(execution) = self.venue.fill_at_limit(market, order, now) else {
            return Ok(None);
        };
        self.owners.remove(&order);
        if let Some(ledger) = &mut self.ledger {
            ledger.tell(&[execution])?;
        }
        Ok(Some(execution))
    }

    /// Phase 1, one event.
    pub(super) fn event(
        &mut self,
        (market, event): (u32, &EventRef<'_>),
        now: Nanos,
        out: &mut Vec<Execution>,
    ) {
        self.venue.on_event(market, event, now, out);
    }

    /// Phase 1, after its events: orders whose latency ends now.
    pub(super) fn arrivals(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        self.venue.on_arrivals(now, out);
    }

    /// Phase 5.
    pub(super) fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        self.venue.immediate(now, out);
    }

    /// Phase 6.
    pub(super) fn opens(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        let opens = &self.opens;
        let price = |market: u32, ts: Nanos| opens.get(&(ts, market)).copied();
        self.venue.on_opens(now, price, out);
        if let Some(after) = now.checked_add(1) {
            self.opens = self.opens.split_off(&(after, 0));
        }
    }

    /// What happened in a phase is written down before it is told; when something happens next though no event does.
    pub(super) fn told(&mut self, executions: &[Execution]) -> Result<Option<Nanos>, Error> {
        for execution in executions {
            self.owners.remove(&execution.order);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.tell(executions)?;
            ledger.commit()?;
        }
        Ok(self.venue.next_wake())
    }

    /// Writes down what has not been, where there is nothing else to do.
    pub(super) fn rest(&mut self) -> Result<(), Error> {
        self.ledger.as_mut().map_or(Ok(()), Ledger::commit)
    }
}
