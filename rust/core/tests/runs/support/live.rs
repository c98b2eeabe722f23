//! What the tests of live runs share: a feed in the test's hands, strategies that tell when they are called and wait
//! when they are told to, and a broker that takes its time.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};
use pairloom_core::clock::{self, Stopwatch};
use pairloom_core::domain::Liquidity;
use pairloom_core::engine::{Config, TraderConfig};
use pairloom_core::live::{
    Batch, Cast, Factory, Feed, FeedEvent, LiveCommand, LiveOptions, RunHandle, Status, start,
};
use pairloom_core::market::{EventKind, Market, MarketData, MarketEvent, Quote, Trade};
use pairloom_core::order::Order;
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Lane, NoInterpreter, Outcome as Call, SetupCtx, Strategy, SystemCtx,
};
use pairloom_core::venue::{Execution, Outcome};

/// How long a test waits for what must happen, before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A market that will have quotes.
pub fn quoted(name: &str) -> Market {
    Market::of_kind(name, 2, EventKind::Quote)
}

/// A market that will have trades.
pub fn traded(name: &str) -> Market {
    Market::of_kind(name, 2, EventKind::Trade)
}

/// A running engine, and the way in which its test feeds it.
pub struct Live {
    pub run: RunHandle,
    feed: Sender<Batch>,
}

impl Live {
    pub fn start(
        config: Config,
        markets: Vec<Market>,
        traders: Vec<TraderConfig>,
        factories: Vec<Option<Factory>>,
        options: LiveOptions,
    ) -> Self {
        let cast = Cast {
            traders,
            factories,
            interpreter: Arc::new(NoInterpreter),
        };
        Self::of(config, markets, cast, options)
    }

    /// The same, of a cast with an interpreter of its own.
    pub fn of(config: Config, markets: Vec<Market>, cast: Cast, options: LiveOptions) -> Self {
        let (feed, batches) = flume::bounded(4);
        let markets = Arc::new(MarketData { markets });
        let run = start(config, cast, Feed::Channel { markets, batches }, options).unwrap();
        Self { run, feed }
    }

    pub fn send(&self, events: Vec<FeedEvent>) {
        let batch = Batch {
            now: clock::now(),
            events,
            warm_up: false,
            arrived: Stopwatch::start(),
            done: 0.0,
        };
        self.feed.send_timeout(batch, PATIENCE).unwrap();
    }

    pub fn quote(&self, market: u32, bid: f64, ask: f64) {
        self.send(vec![quote(market, bid, ask)]);
    }

    pub fn trade(&self, market: u32, price: f64) {
        self.send(vec![trade(market, price)]);
    }

    pub fn order(&self, command: LiveCommand) {
        self.run.send(command).unwrap();
    }

    /// Asks how things stand, each time in a step of its own, until they stand so.
    pub fn until(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Arc<Status> {
        let watch = Stopwatch::start();
        loop {
            let status = self.run.status().unwrap();
            if holds(&status) {
                return status;
            }
            assert!(watch.elapsed() < PATIENCE, "never came: {what}; {status:?}");
        }
    }

    /// The same, with a quote before each look.
    pub fn until_quoting(&self, market: u32, what: &str, holds: impl Fn(&Status) -> bool) {
        let watch = Stopwatch::start();
        loop {
            self.quote(market, 99.0, 101.0);
            let status = self.run.status().unwrap();
            if holds(&status) {
                return;
            }
            assert!(watch.elapsed() < PATIENCE, "never came: {what}; {status:?}");
        }
    }
}

/// The fill of an order at 100, as a broker of the test tells it.
pub fn filled(order: &Order) -> Execution {
    Execution {
        order: order.id,
        trader: order.trader,
        ts: order.decided,
        outcome: Outcome::Filled {
            price: 20_000,
            liquidity: Liquidity::Taker,
        },
    }
}

pub fn quote(market: u32, bid: f64, ask: f64) -> FeedEvent {
    let quote = Quote {
        ts: clock::now(),
        bid,
        ask,
        bid_size: f64::NAN,
        ask_size: f64::NAN,
    };
    FeedEvent::Value {
        market,
        event: MarketEvent::Quote(quote),
    }
}

pub fn trade(market: u32, price: f64) -> FeedEvent {
    let trade = Trade {
        ts: clock::now(),
        price,
        quantity: 1.0,
        side: None,
    };
    FeedEvent::Value {
        market,
        event: MarketEvent::Trade(trade),
    }
}

/// Tells every price it is called with, waits at a gate if it has one, and returns what it is told to.
pub struct Teller {
    pub told: Sender<(u32, f64)>,
    pub name: u32,
    pub gate: Option<Receiver<()>>,
    pub signal: Option<TradeSignal>,
    pub lane: Lane,
}

impl Teller {
    pub fn new(name: u32, told: &Sender<(u32, f64)>) -> Self {
        Self {
            told: told.clone(),
            name,
            gate: None,
            signal: None,
            lane: Lane::Native,
        }
    }
}

impl Strategy for Teller {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        let event = ctx.event().unwrap();
        let price = event.field(event.kind().default_field());
        // Tests may stop listening.
        let _ = self.told.send((self.name, price));
        if let Some(gate) = &self.gate {
            // Open when the test lets one call through, or has gone.
            let _ = gate.recv_timeout(PATIENCE);
        }
        Ok(self.signal)
    }

    fn lane(&self) -> Lane {
        self.lane
    }
}
