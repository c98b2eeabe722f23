//! The paper broker: the simulated venue behind the boundary to a venue.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use flume::Sender;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::clock;
use crate::domain::{Nanos, pack};
use crate::error::Error;
use crate::journal::LedgerSpec;
use crate::market::EventKind;
use crate::order::{Order, OrderId};
use crate::venue::{Execution, Outcome, SimVenue};

use super::apart::Apart;
use super::broker::{Broker, BrokerError, Heard, MarketPhase, Report};
use super::desk::{Desk, DeskMemory, Held, Open};
use super::event::{FeedEvent, Markets};
use super::ledger::Ledger;
use super::options::LiveOptions;

/// The venue and where its markets' candles stand.
struct Floor {
    desk: Desk,
    candles: Candles,
    /// What is not told before it is written down, with what else happens until then.
    untold: Vec<Execution>,
    /// The time of the last phase.
    now: Nanos,
}

/// Where the candles of recorded markets stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Candles {
    /// The next candle of each market that has not been seen.
    next: Vec<usize>,
}

impl Candles {
    pub(super) fn new(markets: &Markets) -> Self {
        Self {
            next: vec![0; markets.sources.len()],
        }
    }

    /// An event has been shown to the venue.
    pub(super) fn note(&mut self, event: &FeedEvent) {
        if let FeedEvent::Row(row) = event
            && row.entry.kind() == EventKind::Candle
            && let Some(next) = self.next.get_mut(row.entry.market())
        {
            *next = row.row as usize + 1;
        }
    }

    /// When and at what price an order that waits for an open fills, where recorded data tell.
    pub(super) fn open_of(
        &self,
        order: &Order,
        waits: bool,
        (markets, end): (&Markets, Option<Nanos>),
    ) -> Open {
        if !(markets.recorded && waits) {
            return None;
        }
        let hint = self.next[order.market as usize];
        markets
            .market(order.market)
            .next_open(order.decided, hint, end)
    }
}

/// What the paper broker holds between two steps of a recorded run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PaperMemory {
    desk: DeskMemory,
    candles: Candles,
}

impl PaperMemory {
    /// How many orders work there.
    pub(super) const fn working(&self) -> usize {
        self.desk.working()
    }
}

/// What the paper broker simulates, and how.
pub struct PaperVenue {
    /// The venue.
    pub venue: SimVenue,
    /// Its markets.
    pub markets: Markets,
    /// Where recorded data end.
    pub end: Option<Nanos>,
    /// How much later than it happened and was written a fill is told.
    pub fill_delay: Duration,
    /// Its own books, where it keeps any here.
    pub(super) ledger: Option<Ledger>,
    /// The process that it lives in, where that is another one.
    pub(super) apart: Option<Apart>,
    /// The rest of what it held before, where it goes on.
    held: Held,
    candles: Option<Candles>,
}

impl PaperVenue {
    /// Over markets, with the options of a run, and without books yet.
    pub(super) fn new(venue: SimVenue, markets: &Markets, options: &LiveOptions) -> Self {
        Self {
            venue,
            markets: markets.clone(),
            end: options.run.end,
            fill_delay: options.fill_delay,
            ledger: None,
            apart: None,
            held: Held::default(),
            candles: None,
        }
    }

    /// With its books, or with the process that has them.
    ///
    /// # Errors
    /// When the books cannot be opened or are of another run, or the process is not there.
    pub(super) fn housed(
        mut self,
        runtime: &Runtime,
        options: &mut LiveOptions,
        books: Option<LedgerSpec>,
    ) -> Result<Self, Error> {
        let Some(link) = options.apart.take() else {
            self.ledger = books.as_ref().map(Ledger::open).transpose()?;
            return Ok(self);
        };
        let journal = books.map(|books| (books.key, books.last_order));
        let connected = Apart::connect(link, journal, (&self.venue, &self.markets));
        self.apart = Some(runtime.block_on(connected)?);
        Ok(self)
    }

    /// Holds what it held before.
    ///
    /// # Errors
    /// In words, why it cannot; or when its books are not those of then.
    pub(super) fn recall(&mut self, memory: PaperMemory) -> Result<Result<(), String>, Error> {
        if self.apart.is_some() {
            return Ok(Err("the venue has a process of its own".to_owned()));
        }
        let PaperMemory { desk, candles } = memory;
        if candles.next.len() != self.markets.sources.len() {
            return Ok(Err("the venue is another one".to_owned()));
        }
        let recalled = desk.recall(&mut self.venue, self.ledger.as_mut())?;
        Ok(recalled.map(|held| {
            self.held = held;
            self.candles = Some(candles);
        }))
    }

    /// Its books are read from their beginning, where it does not go on from what it held.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        self.ledger.as_mut().map_or(Ok(()), Ledger::begin)
    }

    /// The orders that work there already, and whose they are.
    pub(super) fn working(&self) -> HashMap<OrderId, u32> {
        self.held.working()
    }

    /// The orders of before this process that its books have.
    pub(super) fn left(&self) -> HashSet<OrderId> {
        match &self.apart {
            Some(apart) => apart.left.clone(),
            None => self.ledger.as_ref().map(Ledger::left).unwrap_or_default(),
        }
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
        Self {
            floor: Mutex::new(Floor {
                desk: Desk::new(venue.venue, venue.ledger, venue.held),
                candles: venue
                    .candles
                    .unwrap_or_else(|| Candles::new(&venue.markets)),
                untold: Vec::new(),
                now: Nanos::MIN,
            }),
            markets: venue.markets,
            end: venue.end,
            fill_delay: venue.fill_delay,
            reports,
        }
    }

    fn open_of(&self, floor: &Floor, order: &Order) -> Open {
        let waits = floor.desk.waits_for_open(order);
        let of = (&self.markets, self.end);
        floor.candles.open_of(order, waits, of)
    }

    /// Takes an order, and keeps it in the books.
    pub(super) fn accept(&self, order: &Order) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let open = self.open_of(&floor, order);
        let pair = &self.markets.market(order.market).name;
        floor.desk.submit(order, pair, open)
    }

    /// Takes an order again that left before this process began.
    pub(super) fn accept_again(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        let mut floor = self.floor.lock();
        let open = self.open_of(&floor, order);
        let pair = &self.markets.market(order.market).name;
        floor.desk.restore((order, newest), pair, open)
    }

    /// Takes an order back. Whose it was, if it was there: else it is filled, and the fill is on its way.
    pub(super) fn take_back(&self, market: u32, order: OrderId) -> Option<u32> {
        self.floor.lock().desk.take_back(market, order)
    }

    /// Fills a limit order at its limit now, whatever the market does: it is filled while it is being taken back.
    pub(super) fn fill_at_limit(
        &self,
        order: (u32, OrderId),
        now: Nanos,
    ) -> Result<Option<Execution>, Error> {
        self.floor.lock().desk.fill_at_limit(order, now)
    }

    /// What the venue does in one phase: what it tells, and when something happens next. What is not written is not told.
    pub(super) fn phase(
        &self,
        now: Nanos,
        phase: &MarketPhase,
    ) -> Result<(Vec<Execution>, Option<Nanos>), Error> {
        let floor = &mut *self.floor.lock();
        let executions = self.happens(floor, now, phase);
        let next_wake = floor.desk.told(&executions)?;
        Ok((executions, next_wake))
    }

    /// The same in real time, where phases come faster than a disk writes: what becomes of orders is told by
    /// [`Broker::rest`], after one write for many phases.
    fn phase_to_tell(
        &self,
        now: Nanos,
        phase: &MarketPhase,
    ) -> Result<(Vec<Execution>, Option<Nanos>), Error> {
        let floor = &mut *self.floor.lock();
        let executions = self.happens(floor, now, phase);
        let next_wake = floor.desk.note(&executions)?;
        if !floor.desk.has_books() {
            return Ok((executions, next_wake));
        }
        floor.untold.extend(executions);
        Ok((Vec::new(), next_wake))
    }

    fn happens(&self, floor: &mut Floor, now: Nanos, phase: &MarketPhase) -> Vec<Execution> {
        let mut executions = Vec::new();
        floor.now = floor.now.max(now);
        let (desk, candles) = (&mut floor.desk, &mut floor.candles);
        match phase {
            MarketPhase::Events { events, arrivals } => {
                for event in events.iter() {
                    let Some((market, seen)) = self.markets.view(event) else {
                        continue;
                    };
                    desk.event((market, &seen), now, &mut executions);
                    candles.note(event);
                }
                if *arrivals {
                    desk.arrivals(now, &mut executions);
                }
            }
            MarketPhase::Immediate if self.markets.recorded => {
                desk.immediate(now, &mut executions);
            }
            MarketPhase::Immediate => desk.standing(now, &mut executions),
            MarketPhase::Opens => desk.opens(now, &mut executions),
        }
        executions
    }

    /// Writes down what was asked for.
    pub(super) fn write(&self) -> Result<(), Error> {
        self.floor.lock().desk.rest()
    }

    /// In real time, between two phases: orders that have arrived since meet what stands in their markets. That, and what
    /// happened before, is written down, and may be told.
    fn between_phases(&self) -> Result<(Vec<Execution>, Option<Nanos>), Error> {
        let floor = &mut *self.floor.lock();
        // Time does not go back behind that of a step.
        let now = clock::now().max(floor.now);
        let mut arrived = Vec::new();
        floor.desk.standing(now, &mut arrived);
        let next_wake = floor.desk.told(&arrived)?;
        let mut executions = std::mem::take(&mut floor.untold);
        executions.extend(arrived);
        Ok((executions, next_wake))
    }

    /// What is to be told, now or so much later.
    fn hear(&self, happened: Result<(Vec<Execution>, Option<Nanos>), Error>) -> Heard {
        match happened {
            Ok(happened) => late(happened, self.fill_delay, &self.reports),
            Err(error) => Heard::failed(error),
        }
    }
}

/// Confirms that an order was taken back.
pub(super) async fn confirm(order: OrderId, trader: u32, reports: &Sender<Report>) {
    let confirmed = Execution {
        order,
        trader,
        ts: crate::clock::now(),
        outcome: Outcome::Cancelled,
    };
    // The order engine reads this channel while it waits for the broker, so there will be room.
    let _ = reports.send_async(confirmed.into()).await;
}

/// What happened in a phase, told now or so much later.
pub(super) fn late(
    (executions, next_wake): (Vec<Execution>, Option<Nanos>),
    delay: Duration,
    reports: &Sender<Report>,
) -> Heard {
    let mut heard = Heard {
        reports: executions.into_iter().map(Report::from).collect(),
        next_wake,
        failure: None,
    };
    if delay.is_zero() || heard.reports.is_empty() {
        return heard;
    }
    let late = std::mem::take(&mut heard.reports);
    let reports = reports.clone();
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

#[async_trait]
impl Broker for PaperBroker {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        self.accept(order)
    }

    async fn restore(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        self.accept_again(order, newest)
    }

    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError> {
        if let Some(trader) = self.take_back(market, order) {
            confirm(order, trader, &self.reports).await;
        }
        Ok(())
    }

    fn simulates(&self) -> bool {
        true
    }

    fn memory(&self) -> Result<Option<Vec<u8>>, Error> {
        let mut floor = self.floor.lock();
        let memory = PaperMemory {
            desk: floor.desk.memory()?,
            candles: floor.candles.clone(),
        };
        pack(&memory)
            .map(Some)
            .map_err(|why| Error::broker("broker.defect", why))
    }

    fn rest(&self) -> Heard {
        self.hear(self.between_phases())
    }

    async fn on_market(&self, now: Nanos, phase: &MarketPhase) -> Heard {
        self.hear(if self.markets.recorded {
            self.phase(now, phase)
        } else {
            self.phase_to_tell(now, phase)
        })
    }
}
