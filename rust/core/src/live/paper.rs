//! The paper broker: the simulated venue behind the boundary to a venue.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use flume::Sender;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::domain::{Nanos, pack};
use crate::error::Error;
use crate::market::EventKind;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, Outcome, SimVenue, VenueMemory};

use super::broker::{Broker, BrokerError, Heard, MarketPhase, Report};
use super::event::{FeedEvent, Markets};
use super::ledger::{Ledger, LedgerMark};

/// The venue and where its markets' candles stand.
struct Floor {
    venue: SimVenue,
    /// The next candle of each market that has not been seen.
    candles: Vec<usize>,
    /// Whose each working order is, for the confirmation of its cancellation.
    owners: HashMap<OrderId, u32>,
    ledger: Option<Ledger>,
}

/// What the paper broker holds between two steps of a recorded run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PaperMemory {
    venue: VenueMemory,
    candles: Vec<usize>,
    /// Rising by order.
    owners: Vec<(OrderId, u32)>,
    ledger: Option<LedgerMark>,
}

impl PaperMemory {
    /// How many orders work there.
    pub(super) const fn working(&self) -> usize {
        self.owners.len()
    }
}

/// Where the candles of its markets stand, and its working orders with whose they are.
#[derive(Debug)]
pub(super) struct Held {
    candles: Vec<usize>,
    owners: Vec<(OrderId, u32)>,
}

/// What the paper broker simulates, and how.
pub struct PaperVenue {
    /// The venue.
    pub venue: SimVenue,
    /// Its markets.
    pub markets: Markets,
    /// Where recorded data end.
    pub end: Option<Nanos>,
    /// How much later than it happened a fill is told.
    pub fill_delay: Duration,
    /// Its own books, where it keeps any.
    pub(super) ledger: Option<Ledger>,
    /// The rest of what it held before, where it goes on.
    pub(super) held: Option<Held>,
}

impl PaperVenue {
    /// Holds what it held before.
    ///
    /// # Errors
    /// In words, why it cannot; or when its books are not those of then.
    pub(super) fn recall(&mut self, memory: PaperMemory) -> Result<Result<(), String>, Error> {
        if let (Some(ledger), Some(mark)) = (&mut self.ledger, &memory.ledger) {
            ledger.pass(mark, |id| {
                memory.owners.binary_search_by_key(&id, |own| own.0).is_ok()
            })?;
        }
        let PaperMemory {
            venue,
            candles,
            owners,
            ..
        } = memory;
        if candles.len() != self.markets.sources.len() || !self.venue.recall(venue) {
            return Ok(Err("the venue is another one".to_owned()));
        }
        self.held = Some(Held { candles, owners });
        Ok(Ok(()))
    }

    /// The orders that work there already, and whose they are.
    pub(super) fn working(&self) -> HashMap<OrderId, u32> {
        let held = self.held.iter().flat_map(|held| &held.owners);
        held.copied().collect()
    }

    /// The orders of before this process that its books have.
    pub(super) fn left(&self) -> HashSet<OrderId> {
        self.ledger.as_ref().map(Ledger::left).unwrap_or_default()
    }
}

/// A broker over [`SimVenue`].
pub struct PaperBroker {
    floor: Mutex<Floor>,
    markets: Markets,
    end: Option<Nanos>,
    fill_delay: Duration,
    reports: Sender<Report>,
}

impl PaperBroker {
    /// A broker that tells through `reports`.
    #[must_use]
    pub fn new(venue: PaperVenue, reports: Sender<Report>) -> Self {
        let held = venue.held.unwrap_or_else(|| Held {
            candles: vec![0; venue.markets.sources.len()],
            owners: Vec::new(),
        });
        Self {
            floor: Mutex::new(Floor {
                venue: venue.venue,
                candles: held.candles,
                owners: held.owners.into_iter().collect(),
                ledger: venue.ledger,
            }),
            markets: venue.markets,
            end: venue.end,
            fill_delay: venue.fill_delay,
            reports,
        }
    }

    /// The venue takes an order.
    fn take(&self, floor: &mut Floor, order: &Order) {
        let hint = floor.candles[order.market as usize];
        let market = self.markets.market(order.market);
        let open = if self.markets.recorded && floor.venue.waits_for_open(order) {
            market.next_open(order.decided, hint, self.end)
        } else {
            None
        };
        floor.venue.submit(order, open);
        floor.owners.insert(order.id, order.trader);
    }

    /// Takes an order, and keeps it in the books.
    pub(super) fn accept(&self, order: &Order) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let pair = &self.markets.market(order.market).name;
        if let Some(ledger) = &mut floor.ledger {
            ledger.submit(order, pair)?;
        }
        self.take(&mut floor, order);
        Ok(())
    }

    /// Takes an order again that left before this process began.
    pub(super) fn accept_again(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let pair = &self.markets.market(order.market).name;
        if let Some(ledger) = &mut floor.ledger {
            ledger.restore(order, pair, newest)?;
        }
        self.take(&mut floor, order);
        Ok(())
    }

    /// Takes an order back. Whose it was, if it was there: else it is filled, and the fill is on its way.
    pub(super) fn take_back(&self, market: u32, order: OrderId) -> Option<u32> {
        let mut floor = self.floor.lock();
        if let Some(ledger) = &mut floor.ledger {
            ledger.cancel(order);
        }
        let there = floor.venue.cancel(market, order);
        floor.owners.remove(&order).filter(|_| there)
    }

    /// Fills a limit order at its limit now, whatever the market does: it is filled while it is being taken back.
    pub(super) fn fill_at_limit(
        &self,
        (market, order): (u32, OrderId),
        now: Nanos,
    ) -> Result<Option<Execution>, Error> {
        let mut floor = self.floor.lock();
        let Some(execution) = floor.venue.fill_at_limit(market, order, now) else {
            return Ok(None);
        };
        floor.owners.remove(&order);
        if let Some(ledger) = &mut floor.ledger {
            ledger.tell(&[execution])?;
        }
        Ok(Some(execution))
    }

    /// What the venue does in one phase: what it tells, and when something happens next. What is not written is not told.
    pub(super) fn phase(
        &self,
        now: Nanos,
        phase: &MarketPhase,
    ) -> Result<(Vec<Execution>, Option<Nanos>), Error> {
        let mut executions = Vec::new();
        let mut floor = self.floor.lock();
        let Floor {
            venue,
            candles,
            owners,
            ledger,
        } = &mut *floor;
        match phase {
            MarketPhase::Events { events, arrivals } => {
                for event in events.iter() {
                    let Some((market, seen)) = self.markets.view(event) else {
                        continue;
                    };
                    venue.on_event(market, &seen, now, &mut executions);
                    if let FeedEvent::Row(row) = event
                        && row.entry.kind() == EventKind::Candle
                    {
                        candles[market as usize] = row.row as usize + 1;
                    }
                }
                if *arrivals {
                    venue.on_arrivals(now, &mut executions);
                }
            }
            MarketPhase::Immediate => venue.immediate(now, &mut executions),
            MarketPhase::Opens => {
                let open_price = |market: u32, ts: Nanos| {
                    let hint = candles[market as usize];
                    self.markets.market(market).open_at(ts, hint)
                };
                venue.on_opens(now, open_price, &mut executions);
            }
        }
        for execution in &executions {
            owners.remove(&execution.order);
        }
        if let Some(ledger) = ledger {
            ledger.tell(&executions)?;
            ledger.commit()?;
        }
        Ok((executions, venue.next_wake()))
    }
}

#[async_trait]
impl Broker for PaperBroker {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        self.accept(order)
    }

    async fn restore(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        self.accept_again(order, newest)
    }

    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError> {
        let owner = self.take_back(market, order);
        if let Some(trader) = owner {
            let confirmed = Execution {
                order,
                trader,
                ts: crate::clock::now(),
                outcome: Outcome::Cancelled,
            };
            // The order engine reads this channel while it waits for this call, so there will be room.
            let _ = self.reports.send_async(confirmed.into()).await;
        }
        Ok(())
    }

    fn simulates(&self) -> bool {
        true
    }

    fn memory(&self) -> Result<Option<Vec<u8>>, Error> {
        let mut floor = self.floor.lock();
        let Floor {
            venue,
            candles,
            owners,
            ledger,
        } = &mut *floor;
        let mut owners: Vec<(OrderId, u32)> = owners.iter().map(|(&id, &of)| (id, of)).collect();
        owners.sort_unstable();
        if let Some(ledger) = ledger {
            ledger.commit()?;
        }
        let memory = PaperMemory {
            venue: venue.memory(),
            candles: candles.clone(),
            owners,
            ledger: ledger.as_ref().map(Ledger::mark),
        };
        pack(&memory)
            .map(Some)
            .map_err(|why| Error::broker("broker.defect", why))
    }

    fn rest(&self) -> Result<(), Error> {
        if self.markets.recorded {
            // There the next phase comes at once, and writes it.
            return Ok(());
        }
        let mut floor = self.floor.lock();
        floor.ledger.as_mut().map_or(Ok(()), Ledger::commit)
    }

    async fn on_market(&self, now: Nanos, phase: &MarketPhase) -> Heard {
        let (executions, next_wake) = match self.phase(now, phase) {
            Ok(happened) => happened,
            Err(error) => {
                return Heard {
                    failure: Some(error),
                    ..Heard::default()
                };
            }
        };
        let mut heard = Heard {
            reports: executions.into_iter().map(Report::from).collect(),
            next_wake,
            failure: None,
        };
        if self.fill_delay.is_zero() || heard.reports.is_empty() {
            return heard;
        }
        let (late, delay) = (std::mem::take(&mut heard.reports), self.fill_delay);
        let reports = self.reports.clone();
        // Each step's fills wait in a task of their own: they delay nobody.
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            for report in late {
                if reports.send_async(report).await.is_err() {
                    return;
                }
            }
        });
        heard
    }
}
