//! Many runs over the same data: each is a replay on one thread, and as many go on at a time as there are threads.
//!
//! Runs know nothing of one another. They share the data, how these are laid out in steps, and the values of indicators
//! with equal parameters, each of which the first run that needs it computes. What a run leaves is summed up on its own
//! thread; its records are let go there.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::clock::Stopwatch;
use crate::commit::QuarantineRecord;
use crate::domain::{Money, Nanos};
use crate::error::Error;
use crate::indicator::SharedValues;
use crate::limits::{self, POLL_INTERVAL};
use crate::market::{MarketData, Rows, Steps};

use super::config::{Config, Handover, RunOptions, TraderConfig};
use super::host::Host;
use super::outcome::Outcome;
use super::statistics::{STATISTICS, statistics};
use super::wiring::{Core, backtest_among};

/// What runs over the same data share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The rows, laid out in steps by the first run that needs them.
    layout: OnceLock<Layout>,
    /// Values of indicators; nothing where there is one run alone.
    values: Option<SharedValues>,
}

#[derive(Debug)]
struct Layout {
    sources: Vec<usize>,
    end: Option<Nanos>,
    steps: Arc<Steps>,
}

impl Shared {
    /// The rows of a recorded run, in steps: those laid out, unless they are of other markets.
    pub(super) fn rows(&self, core: &Core, data: &MarketData, options: &RunOptions) -> Rows {
        let (sources, end) = (core.sources.iter().flatten().copied(), options.end);
        let sources: Vec<usize> = sources.collect();
        let build = || Arc::new(Steps::build(data, &sources, end));
        let known = self.layout.get_or_init(|| Layout {
            sources: sources.clone(),
            end,
            steps: build(),
        });
        let steps = if known.sources == sources && known.end == end {
            Arc::clone(&known.steps)
        } else {
            build()
        };
        Rows::new(steps, sources.len(), options.start)
    }

    /// Lets the traders of a run read indicator values that other runs read, too.
    pub(super) fn indicators(&self, core: &mut Core, data: &MarketData) {
        let Some(shared) = &self.values else { return };
        let sources: Vec<usize> = core.sources.iter().flatten().copied().collect();
        for (trader, &kind) in core.traders.iter_mut().zip(&core.mains) {
            let source = sources.get(trader.spec.market as usize).copied();
            if let Some(source) = source
                && let Some(series) = data.markets[source].series(kind)
            {
                trader.share_indicators(shared, source, series);
            }
        }
    }
}

/// One run of a sweep that is still to be made.
pub struct Combination {
    /// Which one it is, for the caller.
    pub number: usize,
    /// Its traders.
    pub traders: Vec<TraderConfig>,
}

/// What is kept of a run.
#[derive(Debug)]
pub struct Summary {
    /// Equity at the start.
    pub start_equity: Money,
    /// Equity at the end.
    pub equity: Money,
    /// Orders that reached the gate.
    pub orders: usize,
    /// Fills.
    pub fills: usize,
    /// Refusals by check.
    pub refusals: BTreeMap<&'static str, usize>,
    /// By the names in [`STATISTICS`].
    pub statistics: [f64; STATISTICS.len()],
    /// The fingerprint of all that was decided.
    pub digest: String,
    /// Market rows, each counted once.
    pub events: u64,
    /// Seconds from the first step to the last fill.
    pub elapsed: f64,
    /// Traders that erred, in the order in which they did.
    pub quarantined: Vec<QuarantineRecord>,
    /// Names, labels and markets of the traders; empty where none erred.
    pub traders: Vec<(String, String, u32)>,
    /// Names of the markets; empty where no trader erred.
    pub markets: Vec<String>,
    /// Traders by lane.
    pub lanes: BTreeMap<&'static str, usize>,
    /// What the run took for granted.
    pub assumptions: Vec<String>,
}

/// What came of a combination.
#[derive(Debug)]
pub enum Swept {
    /// A whole run.
    Done(Box<Summary>),
    /// Settings make no sense together or with the data.
    Failed(Error),
    /// A defect of the engine ended it.
    Panicked(String),
    /// The sweep ended before it did.
    Stopped,
}

/// Who asked for a sweep. All calls come from the thread that runs it.
pub trait SweepHost {
    /// The next combination; `None` when there are no more.
    fn next(&mut self) -> Option<Combination>;

    /// Hears what came of one, in the order in which they end.
    fn done(&mut self, number: usize, swept: Swept);

    /// Called now and then; `false` ends the sweep.
    fn poll(&mut self) -> bool;
}

/// Runs over the same data with the same settings.
pub struct Sweep<'a> {
    config: Config,
    data: &'a Arc<MarketData>,
    options: RunOptions,
    shared: Shared,
}

impl<'a> Sweep<'a> {
    /// Nothing is run yet.
    #[must_use]
    pub fn new(config: Config, data: &'a Arc<MarketData>, options: RunOptions) -> Self {
        Self {
            config,
            data,
            options,
            shared: Shared {
                values: Some(SharedValues::default()),
                ..Shared::default()
            },
        }
    }

    /// Makes one run on this thread, with the settings as they are.
    pub fn run(&self, traders: Vec<TraderConfig>, host: &dyn Host) -> Swept {
        self.run_with(&self.config, &self.options, traders, host)
    }

    /// Makes all runs on a pool of the engine's own, each on one thread of it.
    ///
    /// # Errors
    /// When the pool cannot be made.
    pub fn run_all(&self, host: &mut dyn SweepHost) -> Result<(), Error> {
        let threads = self.config.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("pairloom-{index}"))
            .build()
            .map_err(|error| {
                Error::config(
                    "engine.num_threads",
                    format!("num_threads={threads}: {error}"),
                )
            })?;
        // The threads are busy with whole runs, so that within a run nothing is handed over.
        let config = Config {
            threads: Some(1),
            ..self.config.clone()
        };
        let options = RunOptions {
            handover: Handover::Never,
            ..self.options.clone()
        };
        let most = limits::combinations(threads);
        let (ready, taken) = flume::bounded::<Combination>(limits::combinations(threads));
        let (report, reports) = flume::bounded(limits::combinations(threads));
        let watch = Watch(AtomicBool::new(false));
        pool.in_place_scope(|scope| {
            for _ in 0..threads {
                let (taken, report) = (taken.clone(), report.clone());
                let (config, options, watch) = (&config, &options, &watch);
                scope.spawn(move |_| {
                    for Combination { number, traders } in taken.iter() {
                        let swept = if watch.is_over() {
                            Swept::Stopped
                        } else {
                            self.run_with(config, options, traders, watch)
                        };
                        if report.send((number, swept)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop((taken, report));
            hand_out(host, ready, &reports, &watch, most);
        });
        Ok(())
    }

    fn run_with(
        &self,
        config: &Config,
        options: &RunOptions,
        traders: Vec<TraderConfig>,
        host: &dyn Host,
    ) -> Swept {
        let run = || backtest_among(config, traders, self.data, options, host, &self.shared);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(outcome)) if outcome.interrupted => Swept::Stopped,
            Ok(Ok(outcome)) => Swept::Done(Box::new(Summary::of(outcome))),
            Ok(Err(error)) => Swept::Failed(error),
            Err(payload) => Swept::Panicked(text_of(&*payload)),
        }
    }
}

/// Hands combinations to the pool as they are taken, and reports to the host as they come.
fn hand_out(
    host: &mut dyn SweepHost,
    ready: flume::Sender<Combination>,
    reports: &flume::Receiver<(usize, Swept)>,
    watch: &Watch,
    most: usize,
) {
    // Without the sender the threads of the pool end as soon as nothing is ready.
    let mut ready = Some(ready);
    let mut under_way = 0;
    let mut polled = Stopwatch::start();
    loop {
        while under_way < most
            && let Some(sender) = &ready
        {
            // There is room: never more are under way than the channel holds.
            let sent = host.next().is_some_and(|next| sender.send(next).is_ok());
            if sent {
                under_way += 1;
            } else {
                ready = None;
            }
        }
        if under_way == 0 {
            return;
        }
        if let Ok((number, swept)) = reports.recv_timeout(POLL_INTERVAL) {
            under_way -= 1;
            host.done(number, swept);
        }
        if polled.elapsed() >= POLL_INTERVAL {
            polled = Stopwatch::start();
            if !watch.is_over() && !host.poll() {
                watch.0.store(true, Ordering::Relaxed);
                ready = None;
            }
        }
    }
}

/// What runs on the pool ask whether they shall go on.
struct Watch(AtomicBool);

impl Watch {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Host for Watch {
    fn poll(&self, _share_done: f64) -> bool {
        !self.is_over()
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }
}

impl Summary {
    fn of(outcome: Outcome) -> Self {
        let mut refusals = BTreeMap::new();
        for refusal in &outcome.records.refusals {
            *refusals.entry(refusal.check).or_insert(0) += 1;
        }
        let erred = !outcome.records.quarantined.is_empty();
        let markets = outcome.markets.iter().map(|(name, _)| name.clone());
        Self {
            start_equity: outcome.start_equity,
            equity: outcome.equity,
            orders: outcome.records.orders.len(),
            fills: outcome.records.fills.len(),
            refusals,
            statistics: statistics(&outcome),
            markets: if erred { markets.collect() } else { Vec::new() },
            digest: outcome.digest,
            events: outcome.events,
            elapsed: outcome.timings.elapsed,
            quarantined: outcome.records.quarantined,
            traders: if erred { outcome.traders } else { Vec::new() },
            lanes: outcome.lanes,
            assumptions: outcome.assumptions,
        }
    }
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
