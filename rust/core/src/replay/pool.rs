//! Phase 3 on one thread or on many. Where an evaluation runs, and when it ends, never changes what it returns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::domain::Nanos;
use crate::engine::{Handover, Host, RunOptions};
use crate::error::Error;
use crate::limits::{
    DEAR_NANOS, HANDOVER_NANOS, STEPS_PER_SAMPLE, TASK_NANOS, TOUCHED_TOGETHER, TRADERS_PER_TASK,
};
use crate::market::Row;
use crate::strategy::{Interpreter, Stop};

use super::Cast;
use super::ahead::{Ahead, Block, Reach};
use super::evaluate::{evaluate_one, take_in, view};
use super::watched::Workers;

/// Decides where evaluations run, and runs them.
pub(super) struct Evaluator {
    pool: Option<Workers>,
    handover: Handover,
    shuffle: Option<u64>,
    /// What an evaluation costs, in nanoseconds, as last measured.
    cost: u64,
    steps: u64,
    handed_over: u64,
    per_thread: Vec<AtomicU64>,
}

/// What phase 3 works on.
pub(super) struct StepWork<'s> {
    pub now: Nanos,
    pub rows: &'s [Row],
    pub due: &'s mut Vec<u32>,
    pub acting: &'s mut Vec<u32>,
    pub ahead: &'s mut Ahead,
}

/// One trader's part of a step: its rows stand together.
struct Job {
    trader: u32,
    first: u32,
    end: u32,
    /// Whether hooks are due whatever its rows are.
    due: bool,
    /// Whether it acted in this step.
    acted: bool,
    /// What it took in ahead.
    block: Option<Block>,
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
            cost: 0,
            steps: 0,
            handed_over: 0,
            per_thread: (0..threads).map(|_| AtomicU64::new(0)).collect(),
        })
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
        let pays = match (&self.pool, self.handover) {
            (None, _) | (_, Handover::Never) => false,
            (Some(_), Handover::Always) => true,
            (Some(_), Handover::Auto) => {
                self.cost.saturating_mul(work.rows.len() as u64) > HANDOVER_NANOS
            }
        };
        let dear = self.handover == Handover::Auto && self.cost > DEAR_NANOS;
        work.ahead.begin_step(pays && dear);
        if pays {
            self.on_pool(cast, writer, work, host)
        } else if self.is_sampled() {
            let rows = work.rows.len() as u64;
            let watch = Stopwatch::start();
            let interrupted = inline(cast, writer, work, before, false);
            if let Some(each) = watch.nanos().checked_div(rows) {
                // The smaller of the measured ones: a pause of the machine is not the strategy's cost.
                self.cost = if self.cost == 0 {
                    each
                } else {
                    self.cost.min(each * 2).midpoint(each)
                };
            }
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
        let mut jobs = jobs(cast, &mut work);
        if jobs.is_empty() {
            return inline(cast, writer, work, before, true);
        }
        self.handed_over += 1;
        let (shared, rows, now) = (&*cast, work.rows, work.now);
        let counters = &self.per_thread;
        let reach = &work.ahead.reach;
        let over = AtomicBool::new(false);
        let interpreter = workers.interpreter.as_deref();
        let run_all = |jobs: &mut [Job]| {
            for job in jobs {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                run_job(shared, reach, writer, job, rows, now);
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
        let least = task_len(self.cost);
        let goes_on = workers.run(host, &over, || spread(&mut jobs, shuffled, least, &run));
        if !goes_on {
            return true;
        }
        for job in jobs {
            if job.acted {
                work.acting.push(job.trader);
            }
            if let Some(block) = job.block {
                work.ahead.note(job.trader, block);
            }
        }
        work.due.retain(|&trader| !cast.native[trader as usize]);
        inline(cast, writer, work, before, true)
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

/// All traders, or those that no pool may evaluate, on this thread.
fn inline(
    cast: &mut Cast<'_>,
    writer: &Writer,
    work: StepWork<'_>,
    before: usize,
    others_only: bool,
) -> bool {
    let StepWork {
        now,
        rows,
        due,
        acting,
        ahead,
    } = work;
    for trader in due.drain(..) {
        let view = view(cast, writer, trader, now);
        let slot = cast.traders[trader as usize].get_mut();
        slot.run_hooks(&view);
        if slot.has_acted() {
            acting.push(trader);
        }
    }
    for (at, &row) in rows.iter().enumerate() {
        if rows.len() > TOUCHED_TOGETHER && at % TOUCHED_TOGETHER == 0 {
            touch(
                cast,
                ahead,
                writer,
                &rows[at..rows.len().min(at + TOUCHED_TOGETHER)],
            );
        }
        for slot in 0..cast.slots.of(row.entry.market()).len() {
            let trader = cast.slots.of(row.entry.market())[slot];
            if others_only && cast.native[trader as usize] {
                continue;
            }
            if evaluate_one(cast, ahead, writer, trader, row, now) && acting.last() != Some(&trader)
            {
                acting.push(trader);
            }
        }
    }
    acting[before.min(acting.len())..].iter().any(|&trader| {
        matches!(
            cast.traders[trader as usize].get_mut().failure,
            Some(Stop::Interrupted)
        )
    })
}

/// Reads what the evaluations of these rows will need, so that the waits for memory overlap.
#[inline(never)]
fn touch(cast: &mut Cast<'_>, ahead: &Ahead, writer: &Writer, rows: &[Row]) {
    let mut touched = 0_i64;
    for row in rows {
        let market = row.entry.market();
        for slot in 0..cast.slots.of(market).len() {
            let index = cast.slots.of(market)[slot];
            if row.row < ahead.leads[index as usize].until {
                continue;
            }
            let trader = cast.traders[index as usize].get_mut().touch();
            touched = touched
                .wrapping_add(trader)
                .wrapping_add(writer.account.row(index).position);
        }
    }
    std::hint::black_box(touched);
}

/// The native traders' parts of a step: those with events that they have not taken in, and those with hooks due alone.
/// Who acted ahead at an event of this step needs no part in it.
fn jobs(cast: &mut Cast<'_>, work: &mut StepWork<'_>) -> Vec<Job> {
    let mut due = work.due.clone();
    due.sort_unstable();
    due.dedup();
    let mut jobs = Vec::new();
    let mut after = 0;
    for rows in work
        .rows
        .chunk_by(|a, b| a.entry.market() == b.entry.market())
    {
        let first = after;
        after += as_u32(rows.len());
        let market = rows[0].entry.market();
        for slot in 0..cast.slots.of(market).len() {
            let trader = cast.slots.of(market)[slot];
            if !cast.native[trader as usize] {
                continue;
            }
            let lead = work.ahead.leads[trader as usize];
            let taken = rows.iter().filter(|row| row.row < lead.until).count();
            let acted = rows.iter().any(|&row| lead.acts_at(row));
            if taken == rows.len() {
                if acted {
                    work.acting.push(trader);
                }
                continue;
            }
            jobs.push(Job {
                trader,
                first: first + as_u32(taken),
                end: first + as_u32(rows.len()),
                due: due.binary_search(&trader).is_ok(),
                acted,
                block: None,
            });
        }
    }
    let mut busy: Vec<u32> = jobs.iter().map(|job| job.trader).collect();
    busy.sort_unstable();
    for trader in due {
        let native = cast.native[trader as usize];
        if native && busy.binary_search(&trader).is_err() {
            jobs.push(Job {
                trader,
                first: 0,
                end: 0,
                due: true,
                acted: false,
                block: None,
            });
        }
    }
    jobs
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn run_job(
    cast: &Cast<'_>,
    reach: &Reach,
    writer: &Writer,
    job: &mut Job,
    rows: &[Row],
    now: Nanos,
) {
    let mut view = view(cast, writer, job.trader, now);
    // Nobody else holds this lock: a trader has one job in a step.
    let mut trader = cast.traders[job.trader as usize].lock();
    if job.due {
        trader.run_hooks(&view);
        job.acted |= trader.has_acted();
    }
    for &row in &rows[job.first as usize..job.end as usize] {
        let kind = row.entry.kind();
        let lead = job
            .block
            .as_ref()
            .map(|block| block.lead)
            .unwrap_or_default();
        if row.row < lead.until {
            job.acted |= lead.acts_at(row);
            continue;
        }
        let Some(series) = cast.series(row.entry.market(), kind) else {
            continue;
        };
        if !trader.listens(kind) {
            continue;
        }
        if job.block.is_none()
            && let Some(stretch) = reach.stretch(cast, job.trader, row, series)
        {
            job.block = stretch.begin(&mut trader, &mut view, row.row);
            view.now = now;
            if let Some(block) = &job.block {
                job.acted |= block.lead.acts_at(row);
                continue;
            }
        }
        let scale = cast.scales[row.entry.market()];
        take_in(&mut trader, (series, scale), row, &view);
        job.acted |= trader.has_acted();
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
