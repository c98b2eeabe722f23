//! The parts of a live run, put in their places. The wiring has made the channels and the threads.

use std::sync::Arc;

use flume::{Receiver, Sender};
use rayon::ThreadPool;
use tokio::runtime::Runtime;

use crate::commit::Writer;
use crate::dispatch::{Inbox, TradingEngineHandle};
use crate::domain::{Instrument, MarketPair, Nanos, PairTable};
use crate::engine::{Core, Host};
use crate::error::Error;
use crate::journal::LedgerSpec;
use crate::limits;
use crate::market::{EventKind, Rows};
use crate::portfolio::Board;
use crate::step::{Away, Stepper};
use crate::strategy::{Interpreter, Lane};
use crate::trader::Trader;

use super::actor::{Actor, Factory, Stage};
use super::answers::Answers;
use super::broker::Report;
use super::command::{Ended, Request};
use super::coordinator::{Arrivals, Coordinator, Pace, Posts};
use super::crew::Crew;
use super::event::{Batch, Delivery, Markets, Notice};
use super::feed;
use super::hands::Hands;
use super::kill_switch::KillSwitch;
use super::memory::{LiveMemory, take_up};
use super::options::{Feed, LiveOptions};
use super::order_engine::{OrderMessage, Told};
use super::order_side::OrderSide;
use super::orders::OrderPort;
use super::paper::PaperVenue;
use super::python_lane::PythonLane;
use super::risk_side;
use super::start::Joined;

pub(super) type Ends<T> = (Sender<T>, Receiver<T>);

/// Both sides of one trader's inbox.
pub(crate) type InboxEnds = (Inbox<Delivery>, Receiver<Delivery>);

/// Where commands come from, and where the run leaves what people may still ask for when it is over.
pub(crate) type People = (Receiver<Request>, Arc<Ended>);

/// All channels of a live run.
pub(crate) struct Channels {
    /// Ready traders of the lanes on the pool.
    pub ready: Ends<u32>,
    /// Ready traders of the python lane.
    pub python: Ends<u32>,
    /// Market events.
    pub feed: Ends<Batch>,
    /// From the commit thread to the order engine.
    pub orders: Ends<OrderMessage>,
    /// From the broker to the order engine.
    pub reports: Ends<Report>,
    /// From the order engine to the commit thread.
    pub told: Ends<Told>,
    /// To the traders.
    pub inboxes: Vec<InboxEnds>,
}

/// What a live run is made of.
pub(crate) struct Parts<'h> {
    /// The paper broker's own books, where the run has a journal.
    pub ledger: Option<LedgerSpec>,
    /// Up to which time the journal has been kept.
    pub known: Option<Nanos>,
    /// What the run remembers, where it goes on from a snapshot.
    pub memory: Option<LiveMemory>,
    pub core: Core,
    pub away: Away,
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
///
/// # Errors
/// When the paper broker's books cannot be opened, or belong to another run.
pub(crate) fn join(parts: Parts<'_>) -> Result<Joined<'_>, Error> {
    #[cfg(feature = "watchdog")]
    super::watchdog::start();
    let (mut core, mut options, channels) = (parts.core, parts.options, parts.channels);
    let (feed, runtime) = (parts.feed, parts.runtime);
    let (mut memory, mut rows) = (parts.memory, parts.rows);
    let shares = memory.as_mut().map(LiveMemory::shares).transpose()?;
    core.writer.confirm_cancels = !feed.is_recorded();
    core.writer.seal_orders();
    let markets = markets_of(&feed, &mut core);
    let pairs = names_of(&core.pairs);
    let venue = PaperVenue::new(core.venue, &markets, &options);
    let mut venue = venue.housed(&runtime, &mut options, parts.ledger)?;
    let notices = take_up(shares, &mut venue, rows.as_mut())?;
    let ends = (channels.orders, channels.reports, channels.told);
    let switch = &parts.people.1.switch;
    let (writer, traders) = (&mut core.writer, core.traders.len());
    let venue = (venue, traders);
    let orders = order_port(&runtime, (writer, &mut options), venue, ends, switch)?;
    let pace = Pace::of(&feed, options.step_limit);
    let (feed, speed) = ((feed, rows), (options.speed, parts.known));
    let (feed, broken) = feed_side(&runtime, feed, &markets, speed, channels.feed)?;
    let made = (core.mains, parts.factories);
    let company = company(core.traders, made, channels.inboxes, notices);
    let (answers, bell) = Answers::new(company.actors.len());
    let stage = Arc::new(Stage {
        board: Board::new(company.actors.len()),
        actors: company.actors,
        markets,
        instruments: instruments_of(&core.writer),
        hands: Hands::new(parts.pool.current_num_threads()),
        pool: parts.pool,
        ready: channels.ready,
        python: channels.python.0,
        interpreter: Arc::clone(&parts.interpreter),
        answers,
    });
    if company.in_python {
        PythonLane::start(channels.python.1, Arc::clone(&stage), parts.interpreter);
    }
    let coordinator = Coordinator::new(Posts {
        pairs,
        stage: Arc::clone(&stage),
        handle: TradingEngineHandle::new(core.slots, company.inboxes),
        names: company.names,
        crew: company.crew,
        away: parts.away,
        orders,
        arrivals: Arrivals {
            feed,
            broken,
            answers: bell,
            commands: parts.people.0,
        },
        pace,
        duration: options.duration,
        host: parts.host,
        ended: parts.people.1,
        known: parts.known,
    })
    .recalling(memory);
    Ok(Joined {
        stepper: Stepper::new(coordinator, core.writer, core.time_marks),
        stage,
        runtime,
    })
}

/// Starts the side on which orders leave, with the risk process before it where there is one.
fn order_port(
    runtime: &Runtime,
    (writer, options): (&mut Writer, &mut LiveOptions),
    (venue, traders): (PaperVenue, usize),
    mut ends: OrderEnds,
    switch: &Arc<KillSwitch>,
) -> Result<OrderPort, Error> {
    let way = risk_side::Way::of(&mut ends, &venue, traders);
    let risk = risk_side::join(runtime, (options.risk.take(), switch), writer, way)?;
    let side = OrderSide::of(options, traders);
    let mut orders = side.start(runtime, Arc::clone(switch), writer, venue, ends);
    orders.risk = risk;
    Ok(orders)
}

fn markets_of(feed: &Feed, core: &mut Core) -> Markets {
    Markets {
        data: Arc::clone(feed.data()),
        sources: core.sources.iter().flatten().copied().collect(),
        scales: std::mem::take(&mut core.scales),
        recorded: feed.is_recorded(),
    }
}

fn instruments_of(writer: &Writer) -> Vec<Instrument> {
    let books = writer.account.markets().iter();
    books
        .map(|book| Instrument::clone(&book.instrument))
        .collect()
}

fn names_of(pairs: &PairTable) -> Vec<Arc<str>> {
    (0..pairs.len())
        .filter_map(|pair| u32::try_from(pair).ok())
        .map(|pair| Arc::from(pairs.name(MarketPair(pair))))
        .collect()
}

/// The traders as actors, and as the commit thread knows them.
struct Company {
    actors: Vec<Actor>,
    inboxes: Vec<Inbox<Delivery>>,
    names: Vec<Arc<str>>,
    crew: Crew,
    in_python: bool,
}

fn company(
    traders: Vec<Trader>,
    (mains, mut factories): (Vec<EventKind>, Vec<Option<Factory>>),
    ends: Vec<InboxEnds>,
    notices: Vec<Vec<Notice>>,
) -> Company {
    factories.resize_with(traders.len(), || None);
    let crew = Crew::new(&traders, factories.iter().map(Option::is_some).collect());
    let names = traders.iter().map(|t| Arc::from(t.spec.name.as_str()));
    let names = names.collect();
    let in_python = traders.iter().any(|t| t.lane() == Lane::Python);
    let (inboxes, receivers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let seats = traders.into_iter().zip(mains).zip(factories);
    let actors = seats
        .zip(receivers)
        .map(|(((trader, main), factory), inbox)| Actor::new(trader, main, factory, inbox))
        .collect::<Vec<Actor>>();
    for (actor, waiting) in actors.iter().zip(notices) {
        actor.take_up(waiting);
    }
    Company {
        actors,
        inboxes,
        names,
        crew,
        in_python,
    }
}

pub(super) type OrderEnds = (Ends<OrderMessage>, Ends<Report>, Ends<Told>);

/// For each market of the data its place among those traded, where it is.
fn places_of(markets: &Markets, count: usize) -> Vec<Option<u32>> {
    let mut places = vec![None; count];
    for (place, &source) in (0_u32..).zip(&markets.sources) {
        if let Some(of) = places.get_mut(source) {
            *of = Some(place);
        }
    }
    places
}

/// Starts the feed's task or thread, and gives the end from which to read, and the one that says whether it broke. A feed
/// that comes through a channel of its own has neither, and is read from there.
fn feed_side(
    runtime: &Runtime,
    feed: (Feed, Option<Rows>),
    markets: &Markets,
    pace: (Option<f64>, Option<Nanos>),
    (out, end): Ends<Batch>,
) -> Result<(Receiver<Batch>, Receiver<Error>), Error> {
    let (fault, broken) = flume::bounded(limits::SAID_ONCE);
    match feed {
        (Feed::Channel { batches, .. }, _) => return Ok((batches, broken)),
        (Feed::Synthetic { feed, rate, .. }, _) => {
            let traded = places_of(markets, feed.len());
            drop(feed::synthetic(feed, rate, traded, (out, fault))?);
        }
        (Feed::Recorded(_), Some(rows)) => {
            runtime.spawn(feed::supervised(rows, markets.clone(), pace, (out, fault)));
        }
        (Feed::Recorded(_), None) => {}
    }
    Ok((end, broken))
}
