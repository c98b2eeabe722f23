//! Phase 3 on one thread or on many. Where an evaluation runs, and when it ends, never changes what it returns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::engine::{Handover, Host, RunOptions};
use crate::error::Error;
use crate::limits::BLOCKS_PROBED;
use crate::market::Row;
use crate::strategy::Interpreter;

use super::Cast;
use super::ahead::{Ahead, Block, Lead, Reach, Turn};
use super::cost::{Cost, Parts, Way};
use super::evaluate::{self, Present, later_mark, turn, view};
use super::inline::inline;
use super::watched::Workers;

/// Decides where evaluations run, and runs them.
pub(super) struct Evaluator {
    pool: Option<Workers>,
    handover: Handover,
    shuffle: Option<u64>,
    cost: Cost,
    handed_over: u64,
    per_thread: Vec<AtomicU64>,
}

/// What phase 3 works on. Lists that were filled a moment ago are handed on as such: to load both halves of a slice at
/// once, when one of them was just stored, makes the processor wait.
pub(super) struct StepWork<'s> {
    pub present: Present<'s>,
    /// Rows of markets whose traders go event by event.
    pub rows: &'s Vec<Row>,
    /// Traders that run ahead and are to be seen to in this step.
    pub called: &'s [u32],
    pub due: &'s mut Vec<u32>,
    pub acting: &'s mut Vec<u32>,
    pub ahead: &'s mut Ahead,
}

/// One trader's part of a step: its rows stand together.
#[derive(Default)]
struct Job {
    trader: u32,
    /// The rows of a trader that goes event by event.
    first: u32,
    end: u32,
    /// Whether hooks are due whatever its rows are.
    due: bool,
    /// Whether it runs ahead and is to be seen to.
    called: bool,
    /// The block that was evaluated for it beforehand.
    prepared: Option<Box<Block>>,
    /// Whether it acted in this step.
    acted: bool,
    /// How far it came.
    turn: Option<Turn>,
}

impl Evaluator {
    pub(super) fn new(
        options: &RunOptions,
        threads: Option<usize>,
        native: bool,
        interpreter: Option<Arc<dyn Interpreter>>,
    ) -> Result<Self, Error> {
        let threads = threads
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1);
        let wanted = match options.handover {
            Handover::Never => false,
            Handover::Always => true,
            Handover::Auto => threads > 1 && native,
        };
        let pool = if wanted {
            Some(Workers::new(threads, interpreter)?)
        } else {
            None
        };
        Ok(Self {
            pool,
            handover: options.handover,
            shuffle: options.shuffle_seed,
            cost: Cost::default(),
            handed_over: 0,
            per_thread: (0..threads).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// Whether evaluations may leave this thread.
    pub(super) const fn is_pooled(&self) -> bool {
        self.pool.is_some()
    }

    /// Whether blocks are worth being evaluated beside the run: cheap ones, which are otherwise evaluated on this thread. Those of
    /// dear strategies are shared by all threads in the step in which they are due.
    pub(super) fn lends_blocks(&self) -> bool {
        match (&self.pool, self.handover) {
            (Some(_), Handover::Auto) => self.cost.is_cheap(),
            (pool, handover) => pool.is_some() && handover == Handover::Always,
        }
    }

    /// Whether a few traders that go event by event are evaluated on this thread: a pool would leave them there, too.
    pub(super) fn keeps_light_steps(&self) -> bool {
        match (&self.pool, self.handover) {
            (None, _) => true,
            (Some(_), handover) => handover == Handover::Auto && self.cost.is_cheap(),
        }
    }

    /// So many rows took so long beside the run, or in light steps.
    pub(super) fn learn(&mut self, nanos: u64, rows: u64) {
        self.cost.learn(nanos, rows);
    }

    /// How many threads may evaluate beside the driver's own.
    pub(super) fn threads_beside(&self) -> usize {
        let others = self.per_thread.len().saturating_sub(1);
        self.pool.as_ref().map_or(0, |_| others)
    }

    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = BTreeMap::from([
            ("steps_handed_over".to_owned(), self.handed_over),
            ("threads".to_owned(), self.per_thread.len() as u64),
        ]);
        for (thread, count) in self.per_thread.iter().enumerate() {
            counters.insert(
                format!("evaluations_on_thread_{thread}"),
                count.load(Ordering::Relaxed),
            );
        }
        counters
    }

    /// Evaluates a step. Whether the user ended the run in it.
    pub(super) fn evaluate(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        work: StepWork<'_>,
        host: &dyn Host,
    ) -> bool {
        let before = work.acting.len();
        // What was evaluated elsewhere tells nothing of what it costs.
        let pooled = self.pool.is_some();
        let sampled = pooled && self.cost.is_sampled() && work.ahead.ready == 0;
        let mut work = work;
        let mut interrupted = false;
        if pooled && !self.cost.is_known() && work.called.len() > BLOCKS_PROBED {
            interrupted = self.probe(cast, writer, &mut work);
        }
        let parts = Parts {
            rows: work.rows.len(),
            called: work.called.len(),
            all: work.ahead.traders(),
            block: work.ahead.reach.block,
        };
        let threads = self.per_thread.len();
        let way = match (&self.pool, self.handover) {
            (Some(_), Handover::Auto) => self.cost.way(parts, threads),
            (pool, handover) => Way {
                pooled: pool.is_some() && handover == Handover::Always,
                ..Cost::default().way(parts, threads)
            },
        };
        work.ahead.begin_step(way.block);
        if way.pooled {
            return self.on_pool(cast, writer, work, host, (way.task, sampled)) || interrupted;
        }
        if sampled && parts.rows + parts.called > 0 {
            return self.timed(cast, writer, work, before) || interrupted;
        }
        inline(cast, writer, work, before, false) || interrupted
    }

    /// Evaluates on this thread and takes the time.
    fn timed(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        work: StepWork<'_>,
        before: usize,
    ) -> bool {
        let rows_before = work.ahead.rows();
        let rows = work.rows.len() as u64;
        let StepWork { ahead, .. } = work;
        let work = StepWork {
            ahead: &mut *ahead,
            ..work
        };
        let watch = Stopwatch::start();
        let interrupted = inline(cast, writer, work, before, false);
        let nanos = watch.nanos();
        self.cost.learn(nanos, rows + ahead.rows() - rows_before);
        interrupted
    }

    /// Evaluates what is due before any event, and the blocks of the first traders one by one, to know what a row costs
    /// before all others are evaluated. The cheapest of them tells: the first ones meet caches and code that are cold.
    fn probe(&mut self, cast: &mut Cast<'_>, writer: &Writer, work: &mut StepWork<'_>) -> bool {
        work.ahead.begin_step(work.ahead.reach.block);
        let (nothing, none) = (Vec::new(), &[][..]);
        let mut interrupted = false;
        let mut cheapest: Option<(u64, u64)> = None;
        for probed in 0..=BLOCKS_PROBED {
            let called = match probed.checked_sub(1) {
                None => none,
                Some(at) => &work.called[at..=at],
            };
            let before = (work.acting.len(), work.ahead.rows());
            let watch = Stopwatch::start();
            let part = StepWork {
                present: work.present,
                rows: &nothing,
                called,
                due: work.due,
                acting: work.acting,
                ahead: work.ahead,
            };
            interrupted |= inline(cast, writer, part, before.0, false);
            let (nanos, rows) = (watch.nanos(), work.ahead.rows() - before.1);
            if rows > 0 && cheapest.is_none_or(|(nanos_, rows_)| nanos / rows < nanos_ / rows_) {
                cheapest = Some((nanos, rows));
            }
        }
        work.called = &work.called[BLOCKS_PROBED..];
        if let Some((nanos, rows)) = cheapest {
            self.cost.learn(nanos, rows);
        }
        interrupted
    }

    /// Traders that may on the pool; the others on this thread, as they must.
    fn on_pool(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        mut work: StepWork<'_>,
        host: &dyn Host,
        (least, timed): (usize, bool),
    ) -> bool {
        let Some(workers) = &self.pool else {
            return false;
        };
        let before = work.acting.len();
        let mut jobs = jobs(cast, &work);
        for job in &mut jobs {
            job.prepared = work.ahead.take_prepared(job.trader);
        }
        if jobs.is_empty() {
            return inline(cast, writer, work, before, true);
        }
        self.handed_over += 1;
        let (shared, rows, present) = (&*cast, work.rows, work.present);
        let counters = &self.per_thread;
        let reach = (&work.ahead.reach, work.ahead.leads.as_slice());
        let over = AtomicBool::new(false);
        let busy = AtomicU64::new(0);
        let interpreter = workers.interpreter.as_deref();
        let run_all = |jobs: &mut [Job]| {
            for job in jobs {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                run_job(shared, reach, writer, job, rows, present);
                if let Some(thread) = rayon::current_thread_index() {
                    counters[thread].fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let run = |jobs: &mut [Job]| {
            let watch = timed.then(Stopwatch::start);
            match interpreter {
                Some(interpreter)
                    if jobs.iter().any(|job| shared.attached[job.trader as usize]) =>
                {
                    interpreter.batch(&mut || run_all(&mut *jobs));
                }
                _ => run_all(jobs),
            }
            busy.fetch_add(watch.map_or(0, |watch| watch.nanos()), Ordering::Relaxed);
        };
        let shuffled = self
            .shuffle
            .map(|seed| seed ^ self.handed_over.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let goes_on = workers.run(host, &over, || spread(&mut jobs, shuffled, least, &run));
        if !goes_on {
            return true;
        }
        let rows = take_in(cast, &mut work, jobs);
        if timed {
            self.cost.learn(busy.into_inner(), rows);
        }
        work.due.retain(|&trader| !cast.native[trader as usize]);
        work.called = &[];
        inline(cast, writer, work, before, true)
    }
}

/// Takes in what came of the jobs; how many rows they evaluated.
fn take_in(cast: &Cast<'_>, work: &mut StepWork<'_>, jobs: Vec<Job>) -> u64 {
    let before = work.ahead.rows();
    for job in jobs {
        if job.due {
            work.ahead.leads[job.trader as usize].chain = 0;
        }
        if job.acted {
            work.acting.push(job.trader);
        }
        if let Some(turn) = job.turn {
            let places = cast.places(work.present.steps, job.trader);
            work.ahead.note(job.trader, turn, places, work.present.step);
        }
    }
    work.rows.len() as u64 + work.ahead.rows() - before
}

/// Shares jobs among the threads of the pool that this is called on; where they are shuffled, one by one and with a
/// delay of its own for each.
fn spread(
    jobs: &mut [Job],
    shuffled: Option<u64>,
    least: usize,
    run: &(impl Fn(&mut [Job]) + Sync),
) {
    let Some(mut state) = shuffled else {
        jobs.par_chunks_mut(least).for_each(run);
        return;
    };
    shuffle(jobs, &mut state);
    let spins: Vec<u64> = jobs.iter().map(|_| random(&mut state) % 400).collect();
    rayon::scope(|scope| {
        for (job, spin) in jobs.iter_mut().zip(spins) {
            scope.spawn(move |_| {
                for _ in 0..spin {
                    std::hint::spin_loop();
                }
                run(std::slice::from_mut(job));
            });
        }
    });
}

/// The native traders' parts of a step: those with events, those that are to be seen to, and those with hooks due alone.
fn jobs(cast: &Cast<'_>, work: &StepWork<'_>) -> Vec<Job> {
    let mut due = work.due.clone();
    due.sort_unstable();
    due.dedup();
    let mut jobs: Vec<Job> = work
        .called
        .iter()
        .map(|&trader| Job {
            trader,
            called: true,
            ..Job::default()
        })
        .collect();
    let mut after = 0;
    for rows in work
        .rows
        .chunk_by(|a, b| a.entry.market() == b.entry.market())
    {
        let first = after;
        after += as_u32(rows.len());
        let native = cast.slots.of(rows[0].entry.market()).iter();
        // Who has a place there does not run ahead.
        jobs.extend(native.filter(|seat| seat.native).map(|seat| Job {
            trader: seat.trader,
            first,
            end: after,
            ..Job::default()
        }));
    }
    for job in &mut jobs {
        job.due = due.binary_search(&job.trader).is_ok();
    }
    let mut busy: Vec<u32> = jobs.iter().map(|job| job.trader).collect();
    busy.sort_unstable();
    let alone = due
        .into_iter()
        .filter(|&trader| cast.native[trader as usize] && busy.binary_search(&trader).is_err());
    jobs.extend(alone.map(|trader| Job {
        trader,
        due: true,
        ..Job::default()
    }));
    jobs
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn run_job(
    cast: &Cast<'_>,
    (reach, leads): (&Reach, &[Lead]),
    writer: &Writer,
    job: &mut Job,
    rows: &[Row],
    present: Present<'_>,
) {
    // Nobody else holds this lock: a trader has one job in a step.
    let mut trader = cast.traders[job.trader as usize].lock();
    if job.due {
        let view = view(cast, writer, job.trader, present.now);
        trader.run_hooks(&view);
        job.acted |= trader.has_acted();
    }
    if job.called {
        let mut lead = leads[job.trader as usize];
        if job.due {
            lead.chain = 0;
        }
        let with_lead = (job.trader, lead);
        let with_block = (&mut *trader, job.prepared.take());
        job.turn = turn(cast, reach, writer, with_lead, present, with_block);
        job.acted |= job.turn.as_ref().is_some_and(|turn| turn.acted);
    }
    let mut view = view(cast, writer, job.trader, present.now);
    let rows = &rows[job.first as usize..job.end as usize];
    for (at, &row) in rows.iter().enumerate() {
        let market = row.entry.market();
        if let Some(series) = cast.series(market, row.entry.kind()) {
            if cast.lazy[market] {
                view.mark = later_mark((series, cast.scales[market]), &row, &rows[at + 1..]);
            }
            job.acted |= evaluate::take_in(&mut trader, series, row, &view);
        }
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn shuffle(jobs: &mut [Job], state: &mut u64) {
    for last in (1..jobs.len()).rev() {
        let other = usize::try_from(random(state) % (last as u64 + 1)).unwrap_or(0);
        jobs.swap(last, other);
    }
}
