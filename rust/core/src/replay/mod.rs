//! The replay driver: recorded data, step by step, as fast as it goes.
//!
//! It is the single writer by construction, so it calls traders, gate, venue and portfolio directly; only evaluations
//! may leave its thread, and they see nothing but the step's snapshot.

mod end;
mod phases;
mod pool;

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::clock::Stopwatch;
use crate::commit::{Act, Author, Command, Writer};
use crate::dispatch::Slots;
use crate::domain::{Nanos, PairTable};
use crate::engine::{Core, Host, RunOptions, TimeMark};
use crate::error::Error;
use crate::limits::{POLL_INTERVAL, STEPS_PER_POLL};
use crate::market::{Entry, EventKind, Market, MarketData, PriceScale, Series, Steps};
use crate::strategy::{Hook, Lane, Stop, TimeEvent};
use crate::trader::{Trader, TraderState};
use crate::venue::{Execution, SimVenue};

use pool::Evaluator;

/// What the driver reports besides what the writer recorded.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Market rows seen.
    pub events: u64,
    /// Steps made.
    pub steps: u64,
    /// Seconds from the first step to the last fill.
    pub elapsed: f64,
    /// Whether the user ended the run.
    pub interrupted: bool,
    /// Whether every trader was quarantined.
    pub all_quarantined: bool,
    /// The time of the last step.
    pub last_ts: Option<Nanos>,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
    /// What the run took for granted.
    pub assumptions: Vec<String>,
}

/// One row of the step that is being made.
#[derive(Clone, Copy, Debug)]
struct Row {
    entry: Entry,
    row: u32,
    warm_up: bool,
}

/// Traders and what is fixed about the markets: all that an evaluation needs besides the writer's snapshot.
struct Cast<'a> {
    /// Behind locks so that a pool may reach single ones; without a pool nobody locks.
    traders: Vec<Mutex<Trader>>,
    mains: Vec<EventKind>,
    market_of: Vec<u32>,
    markets: Vec<&'a Market>,
    scales: Vec<PriceScale>,
    slots: Slots,
}

/// A recorded run.
pub struct Replay<'a> {
    cast: Cast<'a>,
    writer: Writer,
    venue: SimVenue,
    steps: Steps,
    /// The next row of each series, three kinds a market.
    cursors: Vec<[u32; 3]>,
    rows: Vec<Row>,
    start: Option<Nanos>,
    end: Option<Nanos>,
    time_marks: std::iter::Peekable<std::vec::IntoIter<(u32, TimeMark)>>,
    evaluator: Evaluator,
    host: &'a dyn Host,
    /// Traders with hooks due.
    due: Vec<u32>,
    /// Traders that asked for something, or failed, in this step.
    acting: Vec<u32>,
    executions: Vec<Execution>,
    commands: Vec<Command>,
    started: bool,
    active: usize,
    report: Report,
    pairs: PairTable,
    sources: Vec<Option<usize>>,
    assumptions: Vec<String>,
}

/// What a step leaves the run to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Go,
    Interrupted,
    AllQuarantined,
}

impl<'a> Replay<'a> {
    /// Makes a run ready.
    ///
    /// # Errors
    /// When the pool cannot be made.
    pub fn new(
        core: Core,
        data: &'a MarketData,
        sources: &[usize],
        steps: Steps,
        options: &RunOptions,
        threads: Option<usize>,
        host: &'a dyn Host,
    ) -> Result<Self, Error> {
        let native = core.traders.iter().any(|t| t.lane() == Lane::Native);
        let evaluator = Evaluator::new(options, threads, native)?;
        let acting = core
            .traders
            .iter()
            .filter(|trader| trader.has_acted())
            .map(|trader| trader.index)
            .collect();
        let active = core.traders.len();
        Ok(Self {
            cursors: vec![[0; 3]; sources.len()],
            cast: Cast {
                market_of: core.traders.iter().map(|t| t.spec.market).collect(),
                traders: core.traders.into_iter().map(Mutex::new).collect(),
                mains: core.mains,
                markets: sources.iter().map(|&s| &data.markets[s]).collect(),
                scales: core.scales,
                slots: core.slots,
            },
            writer: core.writer,
            venue: core.venue,
            steps,
            rows: Vec::new(),
            start: options.start,
            end: options.end,
            time_marks: core.time_marks.into_iter().peekable(),
            evaluator,
            host,
            due: Vec::new(),
            acting,
            executions: Vec::new(),
            commands: Vec::new(),
            started: false,
            active,
            report: Report::default(),
            pairs: core.pairs,
            sources: core.sources,
            assumptions: core.assumptions,
        })
    }

    /// Runs to the end of the data, or until the user or the last trader stops it.
    pub fn run(mut self) -> (Core, Report) {
        let watch = Stopwatch::start();
        let mut polled = Stopwatch::start();
        let last = self.steps.span().map(|(_, last)| last);
        let mut next = 0;
        let mut flow = Flow::Go;
        while let Some(now) = self.next_time(next, last) {
            flow = self.make_steps(now, &mut next);
            if flow != Flow::Go {
                break;
            }
            if self.report.steps & (STEPS_PER_POLL - 1) == 0 && polled.elapsed() > POLL_INTERVAL {
                polled = Stopwatch::start();
                if !self.host.poll(share(next, self.steps.len())) {
                    flow = Flow::Interrupted;
                    break;
                }
            }
        }
        self.finish(flow);
        self.report.elapsed = watch.elapsed().as_secs_f64();
        self.report.counters = self.evaluator.counters();
        let evaluations = self
            .cast
            .traders
            .iter_mut()
            .map(|t| t.get_mut().evaluations);
        let evaluations = evaluations.sum();
        self.report
            .counters
            .insert("evaluations".to_owned(), evaluations);
        let core = Core {
            pairs: self.pairs,
            sources: self.sources,
            scales: self.cast.scales,
            slots: self.cast.slots,
            traders: self
                .cast
                .traders
                .into_iter()
                .map(Mutex::into_inner)
                .collect(),
            mains: self.cast.mains,
            time_marks: Vec::new(),
            writer: self.writer,
            venue: self.venue,
            assumptions: self.assumptions,
        };
        (core, self.report)
    }

    /// The time of the next step: of rows, of a boundary somebody waits for, or of an open or an arrival.
    fn next_time(&mut self, next: usize, last: Option<Nanos>) -> Option<Nanos> {
        let rows = self.steps.time(next);
        let mark = self.time_marks.peek().map(|(_, mark)| mark.ts);
        // What would happen after the last row never happens: such orders expire.
        let wake = self.venue.next_wake().filter(|&ts| Some(ts) <= last);
        [rows, mark, wake].into_iter().flatten().min()
    }

    /// Makes the step or the two steps of a time: boundaries of time come before market events.
    fn make_steps(&mut self, now: Nanos, next: &mut usize) -> Flow {
        let has_rows = self.steps.time(*next) == Some(now);
        let mut marked = false;
        while let Some((trader, mark)) = self.time_marks.next_if(|(_, mark)| mark.ts == now) {
            marked = true;
            let event = TimeEvent {
                ts: mark.ts,
                name: mark.name,
            };
            self.cast.traders[trader as usize]
                .get_mut()
                .tell(Hook::Time(event));
            self.due.push(trader);
        }
        if marked {
            self.rows.clear();
            let flow = self.step(now, !has_rows);
            if flow == Flow::Interrupted || !has_rows {
                return flow;
            }
        }
        let mut warm_up = false;
        if has_rows {
            warm_up = self.read_rows(*next);
            *next += 1;
        } else {
            self.rows.clear();
        }
        if warm_up && !self.started {
            self.warm_up(now);
            return self.all_quarantined();
        }
        self.step(now, true)
    }

    /// Gathers the rows of a step. Whether all of them only warm up.
    fn read_rows(&mut self, step: usize) -> bool {
        self.rows.clear();
        let mut all = true;
        for &entry in self.steps.entries(step) {
            let cursor = &mut self.cursors[entry.market()][entry.kind() as usize];
            let row = *cursor;
            *cursor += 1;
            let warm_up = match self.start {
                None => false,
                Some(start) => {
                    let series = self.cast.series(entry.market(), entry.kind());
                    series.is_some_and(|s| s.event(row as usize).opening_ts() < start)
                }
            };
            all &= warm_up;
            self.rows.push(Row {
                entry,
                row,
                warm_up,
            });
        }
        self.report.events += self.rows.len() as u64;
        all && self.start.is_some()
    }

    /// One step; `last_of_time` says whether phases 5 and 6 are in it.
    fn step(&mut self, now: Nanos, last_of_time: bool) -> Flow {
        self.report.steps += 1;
        self.report.last_ts = Some(now);
        self.started = true;
        self.meet_venue(now, last_of_time);
        self.take_marks(now);
        if self.evaluate(now) == Flow::Interrupted {
            return Flow::Interrupted;
        }
        self.commit(now);
        if last_of_time {
            self.immediate_fills(now);
            self.opens(now);
        }
        self.deliver();
        self.all_quarantined()
    }

    const fn all_quarantined(&self) -> Flow {
        if self.active == 0 {
            Flow::AllQuarantined
        } else {
            Flow::Go
        }
    }

    /// Phase 4: what traders asked for is committed in the order of their numbers.
    fn commit(&mut self, now: Nanos) {
        if self.acting.is_empty() {
            return;
        }
        self.acting.sort_unstable();
        self.acting.dedup();
        let acting = std::mem::take(&mut self.acting);
        self.commit_of(now, &acting);
        self.acting = acting;
        self.acting.clear();
    }

    /// Commits what some traders asked for.
    fn commit_of(&mut self, now: Nanos, acting: &[u32]) {
        let mut acts = Vec::with_capacity(acting.len());
        for &index in acting {
            let trader = self.cast.traders[index as usize].get_mut();
            let intents = std::mem::take(&mut trader.orders.intents);
            let failure = match trader.failure.take() {
                Some(Stop::Fault(fault)) => Some(fault),
                _ => None,
            };
            if failure.is_some() && trader.state != TraderState::Quarantined {
                trader.state = TraderState::Quarantined;
                trader.due.clear();
                self.active -= 1;
            }
            acts.push(Act {
                trader: index,
                author: Author::Strategy,
                intents,
                failure,
            });
        }
        self.writer.commit(now, acts, &mut self.commands);
        self.send_commands();
    }

    /// Hands what the writer wants to the venue.
    fn send_commands(&mut self) {
        for command in self.commands.drain(..) {
            match command {
                Command::Submit(approved) => {
                    let order = approved.into_inner();
                    let market = order.market as usize;
                    let open = self.cast.markets[market]
                        .candles
                        .as_ref()
                        .and_then(|candles| {
                            let hint = self.cursors[market][EventKind::Candle as usize] as usize;
                            let row = candles.next_open(order.decided, hint)?;
                            let ts = candles.open_ts[row];
                            self.end.is_none_or(|end| ts < end).then_some(ts)
                        });
                    self.venue.submit(&order, open);
                }
                Command::Cancel { market, order } => {
                    self.venue.cancel(market, order);
                }
            }
        }
    }

    /// Tells traders what happened; they hear it before their next events, or in the next step.
    fn deliver(&mut self) {
        for (index, hook) in self.writer.told.drain(..) {
            let trader = self.cast.traders[index as usize].get_mut();
            trader.tell(hook);
            if !trader.due.is_empty() && self.due.last() != Some(&index) {
                self.due.push(index);
            }
        }
    }
}

impl<'a> Cast<'a> {
    #[inline]
    fn series(&self, market: usize, kind: EventKind) -> Option<Series<'a>> {
        self.markets[market].series(kind)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
fn share(done: usize, all: usize) -> f64 {
    if all == 0 {
        1.0
    } else {
        done as f64 / all as f64
    }
}
