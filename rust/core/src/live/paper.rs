//! The paper broker: the simulated venue behind the boundary to a venue.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use flume::Sender;
use parking_lot::Mutex;

use crate::domain::Nanos;
use crate::error::Error;
use crate::market::EventKind;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, Outcome, SimVenue};

use super::broker::{Broker, BrokerError, Heard, MarketPhase};
use super::event::{FeedEvent, Markets};
use super::ledger::Ledger;

/// The venue and where its markets' candles stand.
struct Floor {
    venue: SimVenue,
    /// The next candle of each market that has not been seen.
    candles: Vec<usize>,
    /// Whose each working order is, for the confirmation of its cancellation.
    owners: HashMap<OrderId, u32>,
    ledger: Option<Ledger>,
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
}

impl PaperVenue {
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
    reports: Sender<Execution>,
}

impl PaperBroker {
    /// A broker that tells through `reports`.
    #[must_use]
    pub fn new(venue: PaperVenue, reports: Sender<Execution>) -> Self {
        Self {
            floor: Mutex::new(Floor {
                venue: venue.venue,
                candles: vec![0; venue.markets.sources.len()],
                owners: HashMap::new(),
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

    /// What the venue does in one phase.
    fn phase(&self, now: Nanos, phase: &MarketPhase) -> Heard {
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
        let written = ledger.as_mut().map_or(Ok(()), |ledger| {
            ledger.tell(&executions)?;
            ledger.commit()
        });
        match written {
            Ok(()) => Heard {
                executions,
                next_wake: venue.next_wake(),
                failure: None,
            },
            // What is not written is not told.
            Err(error) => Heard {
                failure: Some(error),
                ..Heard::default()
            },
        }
    }
}

#[async_trait]
impl Broker for PaperBroker {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let pair = &self.markets.market(order.market).name;
        if let Some(ledger) = &mut floor.ledger {
            ledger.submit(order, pair)?;
        }
        self.take(&mut floor, order);
        Ok(())
    }

    async fn restore(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let pair = &self.markets.market(order.market).name;
        if let Some(ledger) = &mut floor.ledger {
            ledger.restore(order, pair, newest)?;
        }
        self.take(&mut floor, order);
        Ok(())
    }

    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError> {
        let owner = {
            let mut floor = self.floor.lock();
            if let Some(ledger) = &mut floor.ledger {
                ledger.cancel(order);
            }
            // Not there any more: it is filled, and the fill is on its way.
            let there = floor.venue.cancel(market, order);
            floor.owners.remove(&order).filter(|_| there)
        };
        if let Some(trader) = owner {
            let confirmed = Execution {
                order,
                trader,
                ts: crate::clock::now(),
                outcome: Outcome::Cancelled,
            };
            // The order engine reads this channel while it waits for this call, so there will be room.
            let _ = self.reports.send_async(confirmed).await;
        }
        Ok(())
    }

    fn simulates(&self) -> bool {
        true
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
        let mut heard = self.phase(now, phase);
        if self.fill_delay.is_zero() || heard.executions.is_empty() {
            return heard;
        }
        let (late, delay) = (std::mem::take(&mut heard.executions), self.fill_delay);
        let reports = self.reports.clone();
        // Each step's fills wait in a task of their own: they delay nobody.
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            for execution in late {
                if reports.send_async(execution).await.is_err() {
                    return;
                }
            }
        });
        heard
    }
}
