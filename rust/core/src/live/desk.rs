//! The paper venue as orders meet it: the simulated venue, whose each working order is, and the venue's own books. The same in
//! the engine's process and in one of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::domain::Nanos;
use crate::error::Error;
use crate::market::EventRef;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, SimVenue, VenueMemory};

use super::broker::BrokerError;
use super::ledger::Ledger;
use super::ledger_rows::LedgerMark;

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

/// What is held between two steps of a recorded run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeskMemory {
    venue: VenueMemory,
    held: Held,
    ledger: Option<LedgerMark>,
}

/// The working orders with whose they are, rising by order, and the opens that orders wait for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    owners: Vec<(OrderId, u32)>,
    opens: Vec<((Nanos, u32), f64)>,
}

impl Held {
    /// The working orders, and whose they are.
    pub(super) fn working(&self) -> HashMap<OrderId, u32> {
        self.owners.iter().copied().collect()
    }
}

impl DeskMemory {
    /// How many orders work.
    pub(super) const fn working(&self) -> usize {
        self.held.owners.len()
    }

    /// A venue and its books hold what they held before; gives back the rest.
    ///
    /// # Errors
    /// In words, why they cannot; or when the books are not those of then.
    pub(super) fn recall(
        self,
        venue: &mut SimVenue,
        ledger: Option<&mut Ledger>,
    ) -> Result<Result<Held, String>, Error> {
        let owners = &self.held.owners;
        if let (Some(ledger), Some(mark)) = (ledger, &self.ledger) {
            ledger.pass(mark, |id| {
                owners.binary_search_by_key(&id, |own| own.0).is_ok()
            })?;
        }
        if venue.recall(self.venue) {
            Ok(Ok(self.held))
        } else {
            Ok(Err("the venue is another one".to_owned()))
        }
    }
}

impl Desk {
    pub(super) fn new(venue: SimVenue, ledger: Option<Ledger>, held: Held) -> Self {
        Self {
            venue,
            owners: held.owners.into_iter().collect(),
            opens: held.opens.into_iter().collect(),
            ledger,
        }
    }

    /// What is to be remembered; the books are written first.
    pub(super) fn memory(&mut self) -> Result<DeskMemory, Error> {
        self.rest()?;
        let mut owners: Vec<(OrderId, u32)> =
            self.owners.iter().map(|(&id, &of)| (id, of)).collect();
        owners.sort_unstable();
        let opens = self.opens.iter().map(|(&at, &price)| (at, price)).collect();
        Ok(DeskMemory {
            venue: self.venue.memory(),
            held: Held { owners, opens },
            ledger: self.ledger.as_ref().map(Ledger::mark),
        })
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

    /// In real time: what has arrived by now meets what stands in its market.
    pub(super) fn standing(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        self.venue.standing(now, out);
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
        let next_wake = self.note(executions)?;
        self.rest()?;
        Ok(next_wake)
    }

    /// The same where it is written down later, with what else happens until then.
    pub(super) fn note(&mut self, executions: &[Execution]) -> Result<Option<Nanos>, Error> {
        for execution in executions {
            self.owners.remove(&execution.order);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.tell(executions)?;
        }
        Ok(self.venue.next_wake())
    }

    /// Whether it keeps books.
    pub(super) const fn has_books(&self) -> bool {
        self.ledger.is_some()
    }

    /// Writes down what has not been.
    pub(super) fn rest(&mut self) -> Result<(), Error> {
        self.ledger.as_mut().map_or(Ok(()), Ledger::commit)
    }
}
