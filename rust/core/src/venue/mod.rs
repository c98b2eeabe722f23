//! The simulated venue: a synchronous state machine that takes orders and market events and tells executions.
//!
//! One file for each kind of market data an order can meet, each with what it does not model on top. The replay
//! driver calls the machine directly; the paper broker wraps the same one.

mod arrival;
mod candles;
mod fills;
mod layout;
mod memory;
mod opens;
mod quotes;
mod trades;

use std::collections::BTreeSet;

pub use fills::MarketFills;
pub use memory::VenueMemory;

use serde::{Deserialize, Serialize};

use crate::domain::{HalfUnits, Liquidity, Lots, Nanos, Rate, Side};
use crate::market::{EventKind, EventRef, PriceScale};
use crate::order::{Order, OrderId, OrderKind, Reason};
use crate::signal::TimeInForce;

/// When market orders on candles are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillModel {
    /// At the open of the next candle.
    NextOpen,
    /// At the close of the candle that decided; optimistic.
    Close,
}

/// The venue's settings.
#[derive(Clone, Copy, Debug)]
pub struct VenueConfig {
    /// When market orders on candles are filled.
    pub fill: FillModel,
    /// How much worse than the market a market order is filled, as a part of the price.
    pub slippage: Rate,
    /// How long an order takes to arrive, in simulated nanoseconds.
    pub latency: Nanos,
}

/// One market of the venue.
#[derive(Clone, Debug)]
pub struct BookConfig {
    /// What its whole numbers mean.
    pub scale: PriceScale,
    /// The price scale of the data in units, larger than one where the instrument's tick is finer than the data.
    pub grid: i64,
    /// The kinds of data it has.
    pub kinds: Vec<EventKind>,
}

/// What the venue says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Which order.
    pub order: OrderId,
    /// Whose it is.
    pub trader: u32,
    /// When.
    pub ts: Nanos,
    /// What became of it.
    pub outcome: Outcome,
}

/// How an order ended at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is filled whole.
    Filled {
        /// At what price, in half units.
        price: HalfUnits,
        /// Whether it made or took.
        liquidity: Liquidity,
    },
    /// It is filled, and the venue says how much of it: less than the order where the account's cash did not cover it.
    Settled {
        /// At what price, in half units.
        price: HalfUnits,
        /// Whether it made or took.
        liquidity: Liquidity,
        /// How much.
        lots: Lots,
    },
    /// Its first opportunity passed (`IOC`, `FOK`).
    Missed,
    /// It was taken back before it was filled.
    Cancelled,
    /// The venue did not take it.
    Rejected,
    /// It never left, because the venue could not be reached.
    NotSent,
    /// The venue has none such, and nothing that could still arrive there.
    Lost,
    /// It never left: it was not what the gate had approved.
    Altered,
    /// It never left, though the gate approved it, for this reason: that of the risk process, or the kill switch.
    Vetoed(Reason),
}

/// An order at the venue.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Resting {
    id: OrderId,
    trader: u32,
    side: Side,
    kind: OrderKind,
    tif: TimeInForce,
    decided: Nanos,
    /// When it reaches the venue.
    arrives: Nanos,
    /// Whether it has met its first quote, or close: from then on it makes, and does not take.
    arrived: bool,
}

/// A market order on candles whose fill at the time at which it was decided is known: at an open of that time, or at its
/// close.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Opening {
    ts: Nanos,
    market: u32,
    order: OrderId,
    trader: u32,
    side: Side,
    /// The market's price, in units.
    units: i64,
}

/// One market at the venue.
#[derive(Debug)]
struct Book {
    scale: PriceScale,
    /// The price scale of the data in units: the grid on which slipped prices lie.
    grid: i64,
    kinds: [bool; 3],
    orders: Vec<Resting>,
    /// The last best prices in units, and when they were told.
    quote: Option<(i64, i64)>,
    /// The last close in units.
    close: Option<i64>,
    /// When the last event that an order can meet on arrival happened.
    met_ts: Option<Nanos>,
}

/// The simulated venue.
#[derive(Debug)]
pub struct SimVenue {
    config: VenueConfig,
    books: Vec<Book>,
    /// Times at which something happens though no event does: opens, and arrivals.
    wakes: BTreeSet<(Nanos, u32, OrderId)>,
    /// Market orders that wait for their fill at the time at which they were decided.
    opening: Vec<Opening>,
    /// Orders of this step that have not had their immediate chance.
    fresh: Vec<(u32, OrderId)>,
    /// Fills of the opens of one time; kept for its room.
    opened: Vec<(Side, Execution)>,
    /// How many orders there are on all markets.
    resting: usize,
    /// Whether prices are remembered though no order is there to meet them.
    remembers: bool,
}

impl SimVenue {
    /// A venue over markets with these kinds of data.
    #[must_use]
    pub fn new(config: VenueConfig, markets: &[BookConfig]) -> Self {
        let remembers = config.fill == FillModel::Close
            || markets
                .iter()
                .any(|market| market.kinds.contains(&EventKind::Quote));
        let books = markets
            .iter()
            .map(|config| Book {
                scale: config.scale,
                grid: config.grid,
                kinds: EventKind::ALL.map(|kind| config.kinds.contains(&kind)),
                orders: Vec::new(),
                quote: None,
                close: None,
                met_ts: None,
            })
            .collect();
        Self {
            config,
            books,
            wakes: BTreeSet::new(),
            opening: Vec::new(),
            fresh: Vec::new(),
            opened: Vec::new(),
            resting: 0,
            remembers,
        }
    }

    /// Whether an event of any market can change anything here.
    #[must_use]
    #[inline]
    pub const fn listens(&self) -> bool {
        self.remembers || self.waits()
    }

    /// Whether orders wait on any market.
    #[must_use]
    #[inline]
    pub const fn waits(&self) -> bool {
        self.resting > 0 || !self.opening.is_empty()
    }

    /// Whether orders wait on a market, for more than an open of this very time.
    #[must_use]
    #[inline]
    pub fn has_orders(&self, market: u32) -> bool {
        !self.books[market as usize].orders.is_empty()
    }

    /// Whether an order like this one waits for the open of a candle.
    #[must_use]
    pub fn waits_for_open(&self, order: &Order) -> bool {
        let book = &self.books[order.market as usize];
        order.kind == OrderKind::Market && book.waits_for_open(self.config.fill)
    }

    /// Whether orders of markets with candles alone wait for opens.
    #[must_use]
    pub fn fills_at_opens(&self) -> bool {
        self.config.fill == FillModel::NextOpen
    }

    /// Whether the newest event of a market matters to an order that is yet to come.
    #[must_use]
    pub const fn remembers(&self) -> bool {
        self.remembers
    }

    /// Takes in the newest event of a market on which no orders wait, where not all of its events were shown.
    pub fn remember(&mut self, market: u32, event: &EventRef<'_>, ts: Nanos) {
        let mut nothing = Vec::new();
        self.on_event(market, event, ts, &mut nothing);
    }

    /// Takes an order. `fill` is when and at what price of its market it fills, where that is known: with fills at opens that
    /// of the first candle which opens at the step's time or later, where the data tell it beforehand; with fills at
    /// closes that of the step's own one. Whether the order rests: it does not where it fills at this very time.
    pub fn submit(&mut self, order: &Order, fill: Option<(Nanos, f64)>) -> bool {
        let book = &mut self.books[order.market as usize];
        let at_open = book.waits_for_open(self.config.fill);
        let by_market = order.kind == OrderKind::Market;
        if let Some((ts, price)) = fill
            && (book.fills_on_candles() && by_market && ts == order.decided)
        {
            self.opening.push(Opening {
                ts,
                market: order.market,
                order: order.id,
                trader: order.trader,
                side: order.side,
                units: book.scale.units(price),
            });
            return false;
        }
        let latency = book.latency(&self.config);
        let arrives = order.decided.saturating_add(latency);
        if at_open && by_market {
            if let Some((open, _)) = fill {
                self.wakes.insert((open, order.market, order.id));
            }
        } else if book.quote.is_some() && latency > 0 {
            self.wakes.insert((arrives, order.market, order.id));
        }
        book.orders.push(Resting {
            id: order.id,
            trader: order.trader,
            side: order.side,
            kind: order.kind,
            tif: order.tif,
            decided: order.decided,
            arrives,
            arrived: false,
        });
        self.resting += 1;
        if !at_open {
            self.fresh.push((order.market, order.id));
        }
        true
    }

    /// Takes an order out. Whether it was there.
    pub fn cancel(&mut self, market: u32, order: OrderId) -> bool {
        let orders = &mut self.books[market as usize].orders;
        let Some(position) = orders.iter().position(|resting| resting.id == order) else {
            let before = self.opening.len();
            self.opening.retain(|opening| opening.order != order);
            return self.opening.len() < before;
        };
        orders.remove(position);
        self.resting -= 1;
        self.wakes.retain(|&(_, _, id)| id != order);
        true
    }

    /// Fills a limit order that rests at its limit, whatever the market does. None where there is no such order.
    pub fn fill_at_limit(&mut self, market: u32, order: OrderId, now: Nanos) -> Option<Execution> {
        let orders = &self.books[market as usize].orders;
        let resting = orders.iter().find(|resting| resting.id == order)?;
        let OrderKind::Limit(limit) = resting.kind else {
            return None;
        };
        let trader = resting.trader;
        self.cancel(market, order);
        Some(Execution {
            order,
            trader,
            ts: now,
            outcome: Outcome::Filled {
                price: limit.saturating_mul(2),
                liquidity: Liquidity::Maker,
            },
        })
    }

    /// Reads a part of what an order on this market will need. See the replay driver.
    #[must_use]
    pub fn touch(&self, market: u32) -> i64 {
        self.books[market as usize].grid
    }

    /// The next time at which something happens though no event does.
    #[must_use]
    #[inline]
    pub fn next_wake(&self) -> Option<Nanos> {
        match self.opening.first() {
            Some(opening) => Some(opening.ts),
            None => self.wakes.first().map(|&(ts, _, _)| ts),
        }
    }

    /// Phase 1, one event: what it fills among the orders that were there before it.
    #[inline]
    pub fn on_event(
        &mut self,
        market: u32,
        event: &EventRef<'_>,
        now: Nanos,
        out: &mut Vec<Execution>,
    ) {
        let (config, before) = (self.config, out.len());
        let book = &mut self.books[market as usize];
        match event.kind() {
            EventKind::Candle => candles::on_candle(book, event, now, &config, out),
            EventKind::Quote => {
                let first = book.quote.is_none();
                quotes::on_quote(book, event, now, &config, out);
                if first {
                    // Orders on their way had no quote to arrive at; from now on they have. One that arrives at this
                    // very time meets this quote once all events of the time are in, as it would any other.
                    let waiting = book.orders.iter().filter(|order| order.arrives >= now);
                    self.wakes
                        .extend(waiting.map(|order| (order.arrives, market, order.id)));
                }
            }
            EventKind::Trade => trades::on_trade(book, event, now, &config, out),
        }
        self.resting -= out.len() - before;
    }

    /// Phase 1, after the events of this time: orders whose latency ends now meet the last quote.
    pub fn on_arrivals(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        let before = out.len();
        arrival::arrivals(self, now, out);
        self.resting -= out.len() - before;
    }

    /// Phase 5: orders of this step meet the close or the quote of this time.
    pub fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        let first = out.len();
        if !self.fills_at_opens() {
            opens::fill_known(self, out);
        }
        let known = out.len();
        arrival::immediate(self, now, false, out);
        self.resting -= out.len() - known;
        if first < known && known < out.len() {
            // They are told in the order in which they were committed.
            out[first..].sort_by_key(|execution| execution.order);
        }
    }

    /// In real time, where orders come between steps, too: those that have arrived by now, after their latency where there is
    /// one, meet the last quote or close that is known.
    pub fn standing(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        let before = out.len();
        arrival::arrivals(self, now, out);
        arrival::immediate(self, now, true, out);
        self.resting -= out.len() - before;
    }

    /// Phase 6: market orders that wait for a candle opening now are filled at its open.
    pub fn on_opens(
        &mut self,
        now: Nanos,
        open_price: impl Fn(u32, Nanos) -> Option<f64>,
        out: &mut Vec<Execution>,
    ) {
        opens::fill(self, now, open_price, out);
    }

    /// Everything still waiting, which the end of the data leaves unfilled: market and order.
    #[must_use]
    pub fn waiting(&self) -> Vec<(u32, OrderId)> {
        let mut waiting: Vec<(u32, OrderId)> = Vec::new();
        for (market, book) in self.books.iter().enumerate() {
            let market = u32::try_from(market).unwrap_or(u32::MAX);
            waiting.extend(book.orders.iter().map(|order| (market, order.id)));
        }
        let opening = self.opening.iter();
        waiting.extend(opening.map(|opening| (opening.market, opening.order)));
        waiting.sort_unstable_by_key(|&(_, id)| id);
        waiting
    }
}

impl Book {
    #[inline]
    const fn has(&self, kind: EventKind) -> bool {
        self.kinds[kind as usize]
    }

    const fn fills_on_candles(&self) -> bool {
        self.has(EventKind::Candle) && !self.has(EventKind::Quote)
    }

    /// How long orders are on their way here. Where they are filled on candles, latency has no meaning.
    const fn latency(&self, config: &VenueConfig) -> Nanos {
        if self.fills_on_candles() {
            0
        } else {
            config.latency
        }
    }

    /// Whether market orders here wait for an open: candles, no quotes, and the model that says so.
    fn waits_for_open(&self, fill: FillModel) -> bool {
        self.fills_on_candles() && fill == FillModel::NextOpen
    }

    /// Fills or keeps each order: `judge` says what happens to it at this event.
    fn sweep(
        &mut self,
        out: &mut Vec<Execution>,
        mut judge: impl FnMut(&mut Resting) -> Option<(Nanos, Outcome)>,
    ) {
        self.orders.retain_mut(|order| match judge(order) {
            None => true,
            Some((ts, outcome)) => {
                out.push(Execution {
                    order: order.id,
                    trader: order.trader,
                    ts,
                    outcome,
                });
                false
            }
        });
    }
}

/// Whether a market price is at the limit or better for its owner.
#[inline]
const fn through(side: Side, limit: i64, market: i64) -> bool {
    match side {
        Side::Buy => market <= limit,
        Side::Sell => market >= limit,
    }
}
