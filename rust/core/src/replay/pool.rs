//! Phase 3 on one thread or on many. Where an evaluation runs, and when it ends, never changes what it returns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::engine::{Handover, Host, RunOptions};
use crate::error::Error;
use crate::limits::{
    DEAR_NANOS, HANDOVER_NANOS, SHARED_NANOS, STEPS_PER_SAMPLE, TASK_NANOS, TRADERS_PER_TASK,
};
use crate::market::Row;
use crate::strategy::Interpreter;

use super::Cast;
use super::ahead::{Ahead, Lead, Reach, Turn};
use super::evaluate::{Present, later_mark, take_in, turn, view};
use super::inline::inline;
use super::watched::Workers;

/// Decides where evaluations run, and runs them.
pub(super) struct Evaluator {
    pool: Option<Workers>,
    handover: Handover,
    shuffle: Option<u64>,
    /// What a trader's part of a step costs, in nanoseconds, as last measured.
    part_cost: u64,
    /// What the evaluation of one row costs.
    row_cost: u64,
    steps: u64,
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
            part_cost: 0,
            row_cost: 0,
            steps: 0,
            handed_over: 0,
            per_thread: (0..threads).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// Whether evaluations may leave this thread.
    pub(super) const fn is_pooled(&self) -> bool {
        self.pool.is_some()
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
        self.steps += 1;
        let before = work.acting.len();
        let parts = (work.rows.len() + work.called.len()) as u64;
        let pays = match (&self.pool, self.handover) {
            (None, _) | (_, Handover::Never) => false,
            (Some(_), Handover::Always) => true,
            // One evaluation cannot be shared, however dear it is.
            (Some(_), Handover::Auto) => {
                let pays = self.part_cost.saturating_mul(parts) > HANDOVER_NANOS;
                parts > 1 && self.row_cost > SHARED_NANOS && pays
            }
        };
        let dear = self.handover == Handover::Auto && self.row_cost > DEAR_NANOS;
        work.ahead.begin_step(pays && dear);
        if pays {
            self.on_pool(cast, writer, work, host)
        } else if parts > 0 && self.is_sampled() {
            let rows_before = work.ahead.rows();
            let rows = work.rows.len() as u64;
            let (interrupted, nanos, ahead) = {
                let watch = Stopwatch::start();
                let StepWork { ahead, .. } = work;
                let work = StepWork {
                    ahead: &mut *ahead,
                    ..work
                };
                (
                    inline(cast, writer, work, before, false),
                    watch.nanos(),
                    ahead,
                )
            };
            let rows = rows + (ahead.rows() - rows_before).max(1);
            self.part_cost = smoothed(self.part_cost, nanos / parts);
            self.row_cost = smoothed(self.row_cost, nanos / rows);
            interrupted
        } else {
            inline(cast, writer, work, before, false)
        }
    }

    /// Whether this step is timed: few are, but more of the first ones where strategies are those of an interpreter, which
    /// are dear enough to be handed over soon. Not the first of all, in which other traders run ahead.
    fn is_sampled(&self) -> bool {
        let Some(workers) = &self.pool else {
            return false;
        };
        let early = 1 < self.steps && self.steps < STEPS_PER_SAMPLE;
        self.steps & (STEPS_PER_SAMPLE - 1) == 0
            || early && workers.interpreter.is_some() && self.steps.is_power_of_two()
    }

    /// Traders that may on the pool; the others on this thread, as they must.
    fn on_pool(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        mut work: StepWork<'_>,
        host: &dyn Host,
    ) -> bool {
        let Some(workers) = &self.pool else {
            return false;
        };
        let before = work.acting.len();
        let mut jobs = jobs(cast, &work);
        if jobs.is_empty() {
            return inline(cast, writer, work, before, true);
        }
        self.handed_over += 1;
        let (shared, rows, present) = (&*cast, work.rows, work.present);
        let counters = &self.per_thread;
        let reach = (&work.ahead.reach, work.ahead.leads.as_slice());
        let over = AtomicBool::new(false);
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
        let run = |jobs: &mut [Job]| match interpreter {
            Some(interpreter) if jobs.iter().any(|job| shared.attached[job.trader as usize]) => {
                interpreter.batch(&mut || run_all(&mut *jobs));
            }
            _ => run_all(jobs),
        };
        let shuffled = self
            .shuffle
            .map(|seed| seed ^ self.steps.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let least = task_len(self.part_cost);
        let goes_on = workers.run(host, &over, || spread(&mut jobs, shuffled, least, &run));
        if !goes_on {
            return true;
        }
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
        work.due.retain(|&trader| !cast.native[trader as usize]);
        work.called = &[];
        inline(cast, writer, work, before, true)
    }
}

/// The newest measure counts as much as those before, but a pause of the machine is not the strategy's cost.
fn smoothed(before: u64, measured: u64) -> u64 {
    if before == 0 {
        measured
    } else {
        before.min(measured * 2).midpoint(measured)
    }
}

/// How many traders one task evaluates at least, where an evaluation costs so many nanoseconds.
fn task_len(cost: u64) -> usize {
    let fit = TASK_NANOS.checked_div(cost).unwrap_or(u64::MAX);
    usize::try_from(fit).map_or(TRADERS_PER_TASK, |fit| fit.clamp(1, TRADERS_PER_TASK))
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
        let native =
            native.filter(|&&trader| cast.native[trader as usize] && !cast.ahead[trader as usize]);
        jobs.extend(native.map(|&trader| Job {
            trader,
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
        job.turn = turn(cast, reach, writer, with_lead, present, &mut trader);
        job.acted |= job.turn.as_ref().is_some_and(|turn| turn.acted);
    }
    let mut view = view(cast, writer, job.trader, present.now);
    let rows = &rows[job.first as usize..job.end as usize];
    for (at, &row) in rows.iter().enumerate() {
        let market = row.entry.market();
        if let Some(series) = cast.series(market, row.entry.kind()) {
            if cast.lazy[market] {
                view.mark = later_mark(cast, series, rows, at);
            }
            job.acted |= take_in(&mut trader, series, row, &view);
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
