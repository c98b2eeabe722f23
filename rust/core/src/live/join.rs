//! The parts of a live run, put in their places. The wiring has made the channels and the threads.

use std::sync::Arc;

use flume::{Receiver, Sender};
use rayon::ThreadPool;
use tokio::runtime::Runtime;

use crate::clock::Stopwatch;
use crate::dispatch::{Inbox, TradingEngineHandle};
use crate::domain::MarketPair;
use crate::engine::{Core, Host};
use crate::market::Rows;
use crate::portfolio::Board;
use crate::step::Stepper;
use crate::strategy::Lane;
use crate::venue::Execution;

use super::actor::{Actor, Factory, Stage};
use super::broker::Broker;
use super::command::{Ended, Request};
use super::coordinator::{Arrivals, Coordinator, Pace, Progress};
use super::crew::Crew;
use super::event::{Batch, Delivery, Markets};
use super::feed;
use super::metrics::Histogram;
use super::options::{Feed, LiveOptions};
use super::order_engine::{OrderEngine, OrderMessage, Told};
use super::orders::OrderPort;
use super::paper::PaperBroker;
use super::python_lane::{Interpreter, PythonLane};
use super::start::Joined;

type Ends<T> = (Sender<T>, Receiver<T>);

/// Both sides of one trader's inbox.
pub(crate) type InboxEnds = (Inbox<Delivery>, Receiver<Delivery>);

/// Where commands come from, and where the run leaves what people may still ask for when it is over.
pub(crate) type People = (Receiver<Request>, Arc<Ended>);

/// All channels of a live run.
pub(crate) struct Channels {
    /// Ready traders of the native lane.
    pub ready: Ends<u32>,
    /// Ready traders of the python lane.
    pub python: Ends<u32>,
    /// Traders that have answered.
    pub evaluations: Ends<u32>,
    /// Market events.
    pub feed: Ends<Batch>,
    /// From the commit thread to the order engine.
    pub orders: Ends<OrderMessage>,
    /// From the broker to the order engine.
    pub executions: Ends<Execution>,
    /// From the order engine to the commit thread.
    pub told: Ends<Told>,
    /// To the traders.
    pub inboxes: Vec<InboxEnds>,
}

/// What a live run is made of.
pub(crate) struct Parts<'h> {
    pub core: Core,
    pub factories: Vec<Option<Factory>>,
    pub interpreter: Arc<dyn Interpreter>,
    pub feed: Feed,
    pub rows: Option<Rows>,
    pub options: LiveOptions,
    pub channels: Channels,
    pub pool: ThreadPool,
    pub runtime: Runtime,
    pub host: &'h dyn Host,
    pub people: People,
}

/// Starts every task and lane; the commit thread is who calls [`Joined::run`].
pub(crate) fn join(parts: Parts<'_>) -> Joined<'_> {
    #[cfg(feature = "watchdog")]
    super::watchdog::start();
    let Parts {
        mut core,
        mut factories,
        interpreter,
        feed,
        rows,
        options,
        channels,
        pool,
        runtime,
        host,
        people: (commands, ended),
    } = parts;
    let recorded = feed.is_recorded();
    let traders = std::mem::take(&mut core.traders);
    factories.resize_with(traders.len(), || None);
    let crew = Crew::new(&traders, factories.iter().map(Option::is_some).collect());
    let names = traders.iter().map(|t| Arc::from(t.spec.name.as_str()));
    let names = names.collect();
    let in_python = traders.iter().any(|t| t.lane() == Lane::Python);
    let markets = Markets {
        data: Arc::clone(feed.data()),
        sources: core.sources.iter().flatten().copied().collect(),
        scales: core.scales,
        recorded,
    };
    core.writer.confirm_cancels = !recorded;
    let (inboxes, receivers): (Vec<_>, Vec<_>) = channels.inboxes.into_iter().unzip();
    let seats = traders.into_iter().zip(core.mains).zip(factories);
    let actors = seats
        .zip(receivers)
        .map(|(((trader, main), factory), inbox)| Actor::new(trader, main, factory, inbox))
        .collect::<Vec<_>>();
    let books = core.writer.account.markets().iter();
    let stage = Arc::new(Stage {
        board: Board::new(actors.len()),
        actors,
        markets: markets.clone(),
        instruments: books.map(|book| book.instrument.clone()).collect(),
        pool,
        ready: channels.ready,
        python: channels.python.0,
        reports: channels.evaluations.0,
    });
    if in_python {
        PythonLane::start(channels.python.1, Arc::clone(&stage), interpreter);
    }
    let reports = channels.executions.0;
    let broker: Arc<dyn Broker> = match options.broker {
        Some(make) => make(reports),
        None => Arc::new(PaperBroker::new(
            core.venue,
            markets.clone(),
            options.run.end,
            options.fill_delay,
            reports,
        )),
    };
    let simulates = broker.simulates();
    let engine = OrderEngine::new(broker, channels.told.0);
    runtime.spawn(engine.run(channels.orders.1, channels.executions.1));
    let (batches, feed_end) = channels.feed;
    let feed_end = spawn_feed(&runtime, feed, rows, &markets, &options.speed, batches).unwrap_or(feed_end);
    let pairs = (0..core.pairs.len())
        .filter_map(|pair| u32::try_from(pair).ok())
        .map(|pair| Arc::from(core.pairs.name(MarketPair(pair))));
    let coordinator = Coordinator {
        pairs: pairs.collect(),
        stage: Arc::clone(&stage),
        handle: TradingEngineHandle::new(core.slots, inboxes),
        names,
        crew,
        orders: OrderPort::new(channels.orders.0, channels.told.1, recorded, simulates),
        arrivals: Arrivals {
            feed: feed_end,
            reports: channels.evaluations.1,
            commands,
        },
        pace: if recorded {
            Pace::Recorded
        } else {
            Pace::RealTime {
                step_limit: options.step_limit,
            }
        },
        duration: options.duration,
        watch: Stopwatch::start(),
        host,
        ended,
        progress: Progress::default(),
        held: None,
        events: Arc::new([]),
        arrived: Stopwatch::start(),
        requests: Vec::new(),
        answers: Vec::new(),
        stopping: false,
        killed: false,
        asked: 0,
        changed: Vec::new(),
        tick_to_order: Histogram::default(),
    };
    Joined {
        stepper: Stepper::new(coordinator, core.writer, core.time_marks),
        stage,
        runtime,
    }
}

/// Starts the feed's task. A feed that comes through a channel of its own has none, and is read from there.
fn spawn_feed(
    runtime: &Runtime,
    feed: Feed,
    rows: Option<Rows>,
    markets: &Markets,
    speed: &Option<f64>,
    out: Sender<Batch>,
) -> Option<Receiver<Batch>> {
    match (feed, rows) {
        (Feed::Channel { batches, .. }, _) => return Some(batches),
        (Feed::Synthetic { feed, rate, .. }, _) => {
            runtime.spawn(feed::synthetic(feed, rate, out));
        }
        (Feed::Recorded(_), Some(rows)) => {
            runtime.spawn(feed::recorded(rows, markets.clone(), *speed, out));
        }
        (Feed::Recorded(_), None) => {}
    }
    None
}
