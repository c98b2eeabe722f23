//! The replay driver: recorded data, step by step, as fast as it goes.
//!
//! It is the single writer by construction, so it calls traders and venue directly; only evaluations may leave its
//! thread, and they see nothing but the step's snapshot.

mod ahead;
mod evaluate;
mod marks;
mod pool;
mod ports;

use parking_lot::Mutex;

use crate::commit::Writer;
use crate::dispatch::Slots;
use crate::domain::Nanos;
use crate::engine::{Config, Core, Host, RunOptions};
use crate::error::Error;
use crate::market::{EventKind, Market, MarketData, PriceScale, Row, Rows, Series};
use crate::step::{Away, Report, Stepper, slots_where};
use crate::strategy::Lane;
use crate::trader::{Remote, Trader};
use crate::venue::SimVenue;

use ahead::Ahead;
use marks::Marks;
use pool::Evaluator;

/// Traders and what is fixed about the markets: all that an evaluation needs besides the writer's snapshot.
struct Cast<'a> {
    /// Behind locks so that a pool may reach single ones; without a pool nobody locks.
    traders: Vec<Mutex<Trader>>,
    /// Whether they are native, by trader: asked of each event, so it stands apart from the traders.
    native: Vec<bool>,
    mains: Vec<EventKind>,
    market_of: Vec<u32>,
    markets: Vec<&'a Market>,
    scales: Vec<PriceScale>,
    slots: Slots,
}

/// What the replay driver calls directly.
struct Direct<'a> {
    cast: Cast<'a>,
    venue: SimVenue,
    feed: Rows,
    /// The rows of the step that is being made.
    rows: Vec<Row>,
    end: Option<Nanos>,
    last: Option<Nanos>,
    evaluator: Evaluator,
    ahead: Ahead,
    away: Away,
    marks: Marks,
    host: &'a dyn Host,
    /// Traders with hooks due.
    due: Vec<u32>,
    /// Traders that asked for something, or failed, in this step.
    acting: Vec<u32>,
    active: usize,
}

/// Makes a run ready.
///
/// # Errors
/// When the pool cannot be made, or traders of the process lane have no workers.
pub fn prepare<'a>(
    mut core: Core,
    data: &'a MarketData,
    feed: Rows,
    config: &Config,
    options: &RunOptions,
    host: &'a dyn Host,
    remote: Option<Box<dyn Remote>>,
) -> Result<Replay<'a>, Error> {
    let markets = core.scales.len();
    let attached = core.traders.iter().any(|t| t.lane() == Lane::Python);
    let away = Away::new(&mut core.traders, markets, remote, host, attached)?;
    let slots = slots_where(&core.traders, markets, |lane| lane != Lane::Process);
    let native = core.traders.iter().any(|t| t.lane().is_pooled());
    let evaluator = Evaluator::new(options, config.threads, native)?;
    let acting = core
        .traders
        .iter()
        .filter(|trader| trader.has_acted())
        .map(|trader| trader.index)
        .collect();
    let mut cast = Cast {
        native: core
            .traders
            .iter()
            .map(|trader| trader.lane().is_pooled())
            .collect(),
        market_of: core.traders.iter().map(|t| t.spec.market).collect(),
        traders: core.traders.into_iter().map(Mutex::new).collect(),
        mains: core.mains,
        markets: core
            .sources
            .iter()
            .flatten()
            .map(|&source| &data.markets[source])
            .collect(),
        scales: core.scales,
        slots,
    };
    let ahead = Ahead::new(
        &mut cast,
        core.time_marks.iter().map(|(trader, _)| *trader),
        core.writer.account.is_spot(),
        options.end,
        config.block,
    );
    let marks = Marks::new(cast.markets.len());
    let direct = Direct {
        active: cast.traders.len(),
        cast,
        venue: core.venue,
        last: feed.last(),
        feed,
        rows: Vec::new(),
        end: options.end,
        evaluator,
        ahead,
        away,
        marks,
        host,
        due: Vec::new(),
        acting,
    };
    Ok(Replay(Stepper::new(direct, core.writer, core.time_marks)))
}

/// A recorded run.
pub struct Replay<'a>(Stepper<Direct<'a>>);

impl Replay<'_> {
    /// Runs to the end of the data, or until the user or the last trader stops it.
    #[must_use]
    pub fn run(mut self) -> (Writer, Report) {
        let host = self.0.ports.host;
        self.0.run(host);
        let Stepper {
            mut ports,
            writer,
            mut report,
            ..
        } = self.0;
        report.counters = ports.evaluator.counters();
        let traders = ports.cast.traders.iter_mut();
        let evaluations: u64 = traders.map(|trader| trader.get_mut().evaluations).sum();
        // A run that ended early has evaluated events that never came to be.
        let evaluations =
            evaluations.saturating_sub(ports.ahead.too_many(&ports.cast, &ports.feed));
        let evaluations = evaluations + ports.away.evaluations();
        ports.away.count(&mut report.counters);
        for (name, count) in ports.ahead.counters() {
            report.counters.insert(name.to_owned(), count);
        }
        report
            .counters
            .insert("evaluations".to_owned(), evaluations);
        (writer, report)
    }
}

impl<'a> Cast<'a> {
    #[inline]
    fn series(&self, market: usize, kind: EventKind) -> Option<Series<'a>> {
        self.markets[market].series(kind)
    }
}
