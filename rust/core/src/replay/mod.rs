//! The replay driver: recorded data, step by step, as fast as it goes.
//!
//! It is the single writer by construction, so it calls traders and venue directly; only evaluations may leave its
//! thread, and they see nothing but the step's snapshot.

mod ahead;
mod alone;
mod beside;
mod calendar;
mod cost;
mod direct;
mod evaluate;
mod inline;
mod kept;
mod light;
mod loans;
mod path;
mod pool;
mod ports;
mod seat;
mod stride;
mod sums;
mod timeline;
mod valuation;
mod watched;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::commit::Writer;
use crate::dispatch::Slots;
use crate::domain::{Instrument, Nanos};
use crate::engine::{Config, Core, Done, Host, RunOptions, TimeMark};
use crate::error::Error;
use crate::journal::Recorder;
use crate::limits::{MOST_ORDERS_EXPECTED, ROWS_TO_AN_ORDER};
use crate::market::{EventKind, Market, MarketData, Places, PriceScale, Row, Rows, Series, Steps};
use crate::portfolio::Portfolio;
use crate::step::{Away, Stepper};
use crate::strategy::{Lane, Stop};
use crate::trader::{Remote, Trader};
use crate::venue::SimVenue;

use ahead::Ahead;
use beside::Beside;
use light::Begun;
use pool::Evaluator;
use seat::Seat;
use timeline::Timeline;
use valuation::Valuation;

/// Traders and what is fixed about the markets: all that an evaluation needs besides the writer's snapshot.
struct Cast<'a> {
    /// Behind locks so that a pool may reach single ones; without a pool nobody locks.
    traders: Vec<Mutex<Trader>>,
    /// Whether the pool may evaluate them, by trader: asked of each event, so it stands apart from the traders.
    native: Vec<bool>,
    /// Whether they are evaluated ahead, by trader; all others go event by event.
    ahead: Vec<bool>,
    /// Whether they are, besides, evaluated past their own orders, by trader.
    passes: Vec<bool>,
    /// Whether their calls need a thread attached to the interpreter, by trader.
    attached: Vec<bool>,
    mains: Vec<EventKind>,
    market_of: Vec<u32>,
    markets: Vec<&'a Market>,
    /// The kinds of data of each market.
    kinds: Vec<Vec<EventKind>>,
    /// Whether a market's positions are worth a whole number times its price, so that their values can be summed up
    /// ahead.
    carries: Vec<bool>,
    /// Whether a market's last price is taken up only when somebody needs it, though traders there go event by event: none
    /// of them is elsewhere, and its positions are valued along its column.
    lazy: Vec<bool>,
    /// Whether all are.
    all_lazy: bool,
    scales: Vec<PriceScale>,
    instruments: Vec<Arc<Instrument>>,
    /// Market to the traders that go event by event here.
    slots: Slots<Seat<'a>>,
    /// The prices by which positions are valued, apart from all else about a market: with many markets every look at
    /// another place in memory is a wait.
    columns: Vec<Column<'a>>,
}

/// The closes of a market that has nothing but candles, one in each step from its first to its last.
#[derive(Clone, Copy, Default)]
struct Column<'a> {
    /// Of the rows that the run sees; empty where the market is none of that kind.
    closes: &'a [f64],
    /// The step of the first row.
    first: usize,
}

/// What the replay driver calls directly.
struct Direct<'a> {
    cast: Cast<'a>,
    venue: SimVenue,
    timeline: Timeline<'a>,
    /// The rows of the step that is being made, of the markets that are looked at in each step.
    rows: Vec<Row>,
    end: Option<Nanos>,
    last: Option<Nanos>,
    evaluator: Evaluator,
    ahead: Ahead,
    /// Where blocks are evaluated beside the run.
    beside: Option<Beside<'a>>,
    /// Traders that run ahead and are to be seen to in this step.
    called: Vec<u32>,
    /// Whether the step that is being made has market events.
    has_rows: bool,
    valuation: Valuation,
    /// Markets whose positions need a look at each price from now on.
    eager: Vec<u32>,
    away: Away,
    host: &'a dyn Host,
    /// Traders with hooks due.
    due: Vec<u32>,
    /// Traders that asked for something, or failed, in this step.
    acting: Vec<u32>,
    /// Whether steps may be light.
    light: bool,
    /// The step that began as a light one.
    begun: Option<Begun>,
    /// Whether the traders of the step that is being made are evaluated already.
    evaluated: bool,
    /// Traders whose orders may not go the way that they foresaw.
    unsure: Vec<u32>,
    active: usize,
    /// Whether the user ended the run while a strategy was set up.
    interrupted: bool,
}

/// Makes a run ready.
///
/// # Errors
/// When the pool cannot be made, or traders of the process lane have no workers.
pub fn prepare<'a>(
    mut core: Core,
    data: &'a MarketData,
    feed: &'a Rows,
    config: &Config,
    options: &RunOptions,
    host: &'a dyn Host,
    remote: Option<Box<dyn Remote>>,
) -> Result<Replay<'a>, Error> {
    let markets = core.scales.len();
    let attached = core.traders.iter().any(|t| t.lane().is_attached());
    let away = Away::new(&mut core.traders, markets, remote, host, attached)?;
    let native = core.traders.iter().any(|t| t.lane().is_pooled());
    let free_threaded = core.traders.iter().any(|t| t.lane() == Lane::FreeThreaded);
    let interpreter = free_threaded.then(|| host.interpreter()).flatten();
    let evaluator = Evaluator::new(options, config.threads, native, interpreter)?;
    let acting = core
        .traders
        .iter()
        .filter(|trader| trader.has_acted())
        .map(|trader| trader.index)
        .collect();
    let stopped = |trader: &Trader| matches!(trader.failure, Some(Stop::Interrupted));
    let interrupted = core.traders.iter().any(stopped);
    let time_marks = core.time_marks;
    let mut cast = cast(core.traders, core.mains, &core.sources, data, core.scales);
    let (steps, start) = feed.parts();
    let mut timeline = Timeline::new(steps, start, &cast.markets);
    cast.columns = cast.columns(timeline.steps());
    let spot = core.writer.account.is_spot();
    cast.assign(
        &core.writer.account,
        &time_marks,
        &away,
        config.block != Some(0),
    );
    cast.let_pass_orders();
    let attended = cast.look_at(core.writer.watches_data(), &mut timeline);
    let light = cast.is_light(&attended, &away);
    let ahead = Ahead::new(&mut cast, &timeline, spot, config.block);
    make_room(&mut core.writer, &cast, timeline.steps());
    let direct = Direct {
        interrupted,
        active: cast.traders.len(),
        valuation: Valuation::new(cast.markets.len(), spot),
        cast,
        venue: core.venue,
        last: timeline.last(),
        timeline,
        rows: Vec::new(),
        end: options.end,
        evaluator,
        ahead,
        beside: None,
        away,
        called: Vec::new(),
        has_rows: false,
        eager: Vec::new(),
        host,
        due: Vec::new(),
        light,
        begun: None,
        evaluated: false,
        unsure: Vec::new(),
        acting,
    };
    Ok(Replay(Stepper::new(direct, core.writer, time_marks)))
}

fn cast<'a>(
    traders: Vec<Trader>,
    mains: Vec<EventKind>,
    sources: &[Option<usize>],
    data: &'a MarketData,
    scales: Vec<PriceScale>,
) -> Cast<'a> {
    let markets: Vec<&Market> = sources
        .iter()
        .flatten()
        .map(|&source| &data.markets[source])
        .collect();
    Cast {
        native: traders.iter().map(|t| t.lane().is_pooled()).collect(),
        attached: traders.iter().map(|t| t.lane().is_attached()).collect(),
        ahead: vec![false; traders.len()],
        passes: vec![false; traders.len()],
        market_of: traders.iter().map(|t| t.spec.market).collect(),
        traders: traders.into_iter().map(Mutex::new).collect(),
        mains,
        kinds: markets
            .iter()
            .map(|market| market.kinds().collect())
            .collect(),
        carries: vec![false; markets.len()],
        lazy: vec![false; markets.len()],
        all_lazy: false,
        markets,
        scales,
        instruments: Vec::new(),
        slots: Slots::default(),
        columns: Vec::new(),
    }
}

/// A recorded run.
pub struct Replay<'a>(Stepper<Direct<'a>>);

impl Replay<'_> {
    /// Gives the run its journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn keep(&mut self, journal: Recorder) -> Result<(), Error> {
        self.0.keep(journal, None)
    }

    /// Runs to the end of the data, or until the user or the last trader stops it.
    #[must_use]
    pub fn run(self) -> Done {
        let passing = self.0.ports.cast.passes.iter();
        let passing = passing.filter(|&&passes| passes).count();
        let threads = self.0.ports.evaluator.threads_beside().min(passing);
        // A run with a journal waits for it in each step with orders.
        if threads == 0 || self.0.journal.is_some() {
            return self.run_here().done();
        }
        let replay = std::thread::scope(move |scope| {
            let mut replay = self;
            let ports = &mut replay.0.ports;
            let steps = ports.timeline.steps();
            let (beside, desks) = Beside::new(ports.cast.traders.len(), threads, steps);
            for desk in desks {
                let builder = std::thread::Builder::new().name("pairloom-beside".to_owned());
                // Without that thread this one evaluates what it lent.
                drop(builder.spawn_scoped(scope, move || desk.work()));
            }
            ports.beside = Some(beside);
            let mut replay = replay.run_here();
            replay.0.ports.end_loans();
            // With nobody to lend to them the other threads end.
            replay.0.ports.beside = None;
            replay
        });
        replay.done()
    }

    fn run_here(mut self) -> Self {
        let host = self.0.ports.host;
        self.0.run(host);
        self
    }

    fn done(self) -> Done {
        let Stepper {
            mut ports,
            writer,
            mut report,
            journal,
            ..
        } = self.0;
        report.counters = ports.evaluator.counters();
        let traders = ports.cast.traders.iter_mut();
        let evaluations: u64 = traders.map(|trader| trader.get_mut().evaluations).sum();
        // A run that ended early has evaluated events that never came to be.
        let evaluations =
            evaluations.saturating_sub(ports.ahead.too_many(&ports.cast, &ports.timeline));
        let evaluations = evaluations + ports.away.evaluations();
        ports.away.count(&mut report.counters);
        for (name, count) in ports.ahead.counters() {
            report.counters.insert(name.to_owned(), count);
        }
        report
            .counters
            .insert("evaluations".to_owned(), evaluations);
        Done {
            writer,
            report,
            journal,
        }
    }
}

/// Makes room for what the run will write down.
fn make_room(writer: &mut Writer, cast: &Cast<'_>, steps: &Steps) {
    writer.records.curve.ts.follow(steps.shared_times());
    writer.records.curve.reserve(steps.len() + 1);
    let traders = (0..cast.traders.len()).filter_map(|trader| u32::try_from(trader).ok());
    let rows = traders.map(|trader| cast.places(steps, trader).len());
    let orders = (rows.sum::<usize>() / ROWS_TO_AN_ORDER).min(MOST_ORDERS_EXPECTED);
    writer.records.reserve(orders);
    writer.account.reserve_trades(orders);
}

impl<'a> Cast<'a> {
    /// Decides which traders are evaluated ahead and which markets' positions are valued ahead.
    fn assign(
        &mut self,
        account: &Portfolio,
        time_marks: &[(u32, TimeMark)],
        away: &Away,
        may_run_ahead: bool,
    ) {
        for (market, kinds) in self.kinds.iter().enumerate() {
            let book = account.market(u32::try_from(market).unwrap_or(u32::MAX));
            self.carries[market] = kinds.len() == 1 && book.instrument.is_exact();
            self.instruments.push(Arc::clone(&book.instrument));
        }
        for trader in 0..self.traders.len() {
            let one_kind = self.kinds[self.market_of[trader] as usize].len() == 1;
            let slot = self.traders[trader].get_mut();
            self.ahead[trader] = may_run_ahead && one_kind && slot.can_run_ahead();
        }
        self.lazy.clone_from(&self.carries);
        for (trader, &market) in (0_u32..).zip(&self.market_of) {
            self.lazy[market as usize] &= !away.has(trader);
        }
        // Boundaries of time come between a trader's events.
        for (trader, _) in time_marks {
            self.ahead[*trader as usize] = false;
        }
        let by_event = (0_u32..).zip(self.market_of.clone());
        let by_event =
            by_event.filter(|&(trader, _)| !self.ahead[trader as usize] && !away.has(trader));
        let by_event: Vec<(u32, u32)> = by_event.collect();
        let seats = by_event.into_iter();
        let seats = seats.map(|(trader, market)| (self.seat(trader), market));
        let seats: Vec<(Seat<'a>, u32)> = seats.collect();
        self.slots = Slots::of_some(self.markets.len(), seats);
    }

    /// Looks at markets in each step where that is needed; gives them.
    fn look_at(&mut self, watched: bool, timeline: &mut Timeline<'_>) -> Vec<u32> {
        if watched {
            // The gate sees every price.
            self.lazy.fill(false);
        }
        self.all_lazy = self.lazy.iter().all(|&lazy| lazy);
        let attended = self.attended(watched);
        for &market in &attended {
            timeline.attend(market);
        }
        attended
    }

    /// Decides which traders go past their own orders: those whose orders fill at prices of candles.
    fn let_pass_orders(&mut self) {
        for trader in 0..self.traders.len() {
            let candles = self.kinds[self.market_of[trader] as usize] == [EventKind::Candle];
            let slot = self.traders[trader].get_mut();
            self.passes[trader] = candles && self.ahead[trader] && slot.can_pass_orders();
        }
    }

    /// The markets that are looked at in each step: a trader there goes event by event, or a position needs each price; all
    /// where the gate watches them.
    fn attended(&self, watched: bool) -> Vec<u32> {
        if watched {
            return (0..u32::try_from(self.markets.len()).unwrap_or(u32::MAX)).collect();
        }
        let traders = (0..self.traders.len()).filter(|&trader| !self.ahead[trader]);
        let by_event = traders.map(|trader| self.market_of[trader]);
        let markets = (0_u32..).zip(&self.carries);
        let by_price = markets.filter_map(|(market, carries)| (!carries).then_some(market));
        let mut attended: Vec<u32> = by_event.chain(by_price).collect();
        attended.sort_unstable();
        attended.dedup();
        attended
    }

    /// The columns by which positions are valued, where that is simple.
    fn columns(&self, steps: &Steps) -> Vec<Column<'a>> {
        let column = |(index, market): (usize, &&'a Market)| {
            let places = steps.places(index, EventKind::Candle);
            let alone = self.kinds[index] == [EventKind::Candle];
            match (&market.candles, places) {
                (Some(candles), Places::Straight { first, rows }) if alone => Column {
                    closes: &candles.close[..rows as usize],
                    first: first as usize,
                },
                _ => Column::default(),
            }
        };
        self.markets.iter().enumerate().map(column).collect()
    }

    #[inline]
    fn series(&self, market: usize, kind: EventKind) -> Option<Series<'a>> {
        self.markets[market].series(kind)
    }

    /// The step of each row that a trader follows.
    #[inline]
    fn places<'s>(&self, steps: &'s Steps, trader: u32) -> Places<'s> {
        let index = trader as usize;
        steps.places(self.market_of[index] as usize, self.mains[index])
    }
}
