//! The next blocks of traders that run ahead, evaluated on other threads while this one commits what came of the last ones.
//!
//! Where a block ended because it had rows enough, all that the next one begins with is known: the trader as it is, and the
//! position that it was foreseen to have. So the trader is lent to another thread, which evaluates it further, and comes back
//! with that block when the run has come to where it begins. If things did not come as foreseen, the block counts for nothing
//! and the trader goes back, as any that was evaluated too far.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flume::{Receiver, Sender};

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::domain::Instrument;
use crate::engine::Host;
use crate::limits::BESIDE_LOOKS;
use crate::market::{CandleSeries, EventKind, PriceScale, Series, Steps};
use crate::portfolio::{AccountView, TraderRow};
use crate::strategy::{Mark, View};
use crate::trader::{Foresight, Pace, Stretch, Trader, panicked};
use crate::venue::{MarketFills, SimVenue};

use super::Cast;
use super::ahead::{Block, Lead, begin_block};

/// A trader on loan, with all that its next block needs.
pub(super) struct Job<'a> {
    trader: Trader,
    /// Its part of the account when the block begins, as it was foreseen.
    row: TraderRow,
    lead: Lead,
    /// The rows that the block may have.
    rows: u32,
    ground: Ground<'a>,
}

/// Where a trader's blocks lie, and what its orders come to there.
struct Ground<'a> {
    market: u32,
    kind: EventKind,
    pair: &'a str,
    series: Series<'a>,
    candles: &'a CandleSeries,
    scale: PriceScale,
    instrument: Arc<Instrument>,
    fills: MarketFills,
    pace: Pace,
}

/// A trader that comes back.
pub(super) struct Answer {
    pub trader: Trader,
    /// Its part of the account, as it was foreseen when it was lent.
    pub row: TraderRow,
    /// What it did since; `None` where it did nothing.
    pub block: Option<Block>,
    /// How long that took.
    pub nanos: u64,
}

/// Jobs that nobody has begun.
#[derive(Clone)]
struct Waiting<'a> {
    jobs: Receiver<Job<'a>>,
    /// How many there are: looked at without taking a lock.
    count: Arc<AtomicUsize>,
}

/// The side of another thread.
pub(super) struct Desk<'a> {
    waiting: Waiting<'a>,
    done: Sender<Answer>,
    steps: &'a Steps,
}

/// The writer's side.
pub(super) struct Beside<'a> {
    jobs: Sender<Job<'a>>,
    waiting: Waiting<'a>,
    done: Receiver<Answer>,
    steps: &'a Steps,
    /// Whether a trader is on loan, by trader.
    lent: Vec<bool>,
    /// Those that came back before anybody asked for them, by trader.
    back: Vec<Option<Box<Answer>>>,
}

impl<'a> Ground<'a> {
    /// `None` where the trader's orders cannot be foreseen.
    fn of(cast: &Cast<'a>, venue: &SimVenue, writer: &Writer, trader: u32) -> Option<Self> {
        let index = trader as usize;
        let (market, kind) = (cast.market_of[index], cast.mains[index]);
        let data = cast.markets[market as usize];
        let book = writer.account.market(market);
        Some(Self {
            market,
            kind,
            pair: &data.name,
            series: cast.series(market as usize, kind)?,
            candles: data.candles.as_ref()?,
            scale: cast.scales[market as usize],
            instrument: Arc::clone(&book.instrument),
            fills: venue.fills_of(market),
            pace: Pace::of(writer.size_of(trader), &book.instrument),
        })
    }
}

impl Job<'_> {
    fn run(mut self, steps: &Steps) -> Answer {
        let watch = Stopwatch::start();
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate(steps)));
        let block = evaluated.unwrap_or_else(|payload| {
            // The strategy's own panics are caught where it is called.
            self.trader.failure = Some(panicked(payload.as_ref()));
            None
        });
        Answer {
            trader: self.trader,
            row: self.row,
            block,
            nanos: watch.nanos(),
        }
    }

    /// The trader as it was lent.
    fn call_off(self) -> Answer {
        Answer {
            trader: self.trader,
            row: self.row,
            block: None,
            nanos: 0,
        }
    }

    fn evaluate(&mut self, steps: &Steps) -> Option<Block> {
        let ground = &self.ground;
        let places = steps.places(ground.market as usize, ground.kind);
        let seen = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let from = self.lead.until;
        let stretch = Stretch {
            series: ground.series,
            scale: ground.scale,
            places,
            end: seen.min(from.saturating_add(self.rows)),
            foresight: Some(Foresight {
                candles: ground.candles,
                instrument: &ground.instrument,
                venue: &ground.fills,
                market: ground.market,
                pace: ground.pace,
            }),
        };
        let view = View {
            now: ground.series.ts(from as usize),
            row: &self.row,
            // Who runs ahead looks at neither.
            account: AccountView::default(),
            mark: Mark::Known(None),
            instrument: &ground.instrument,
            pair: ground.pair,
            series: Some(ground.series),
        };
        begin_block(&stretch, &mut self.trader, &view, self.lead, true)
    }
}

impl<'a> Waiting<'a> {
    fn take(&self) -> Option<Job<'a>> {
        let job = self.jobs.try_recv().ok()?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(job)
    }

    /// The next job, and `None` once nobody lends any more. It mostly comes soon, so that to wait for it awake costs less
    /// than to be woken.
    fn next(&self) -> Option<Job<'a>> {
        for _ in 0..BESIDE_LOOKS {
            if self.count.load(Ordering::Relaxed) > 0
                && let Some(job) = self.take()
            {
                return Some(job);
            }
            std::hint::spin_loop();
        }
        let job = self.jobs.recv().ok()?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(job)
    }
}

impl Desk<'_> {
    /// Evaluates what is lent until nobody lends any more.
    pub(super) fn work(&self) {
        while let Some(job) = self.waiting.next() {
            if self.done.send(job.run(self.steps)).is_err() {
                return;
            }
        }
    }
}

impl<'a> Beside<'a> {
    /// A side for the writer, and desks for so many threads.
    pub(super) fn new(traders: usize, threads: usize, steps: &'a Steps) -> (Self, Vec<Desk<'a>>) {
        // No trader is lent twice, so there is room for all.
        let (jobs, waiting) = flume::bounded(traders);
        let waiting = Waiting {
            jobs: waiting,
            count: Arc::default(),
        };
        let (sender, done) = flume::bounded(traders);
        let desk = |_| Desk {
            waiting: waiting.clone(),
            done: sender.clone(),
            steps,
        };
        let desks = (0..threads).map(desk).collect();
        let beside = Self {
            jobs,
            waiting,
            done,
            steps,
            lent: vec![false; traders],
            back: (0..traders).map(|_| None).collect(),
        };
        (beside, desks)
    }

    /// Whether a trader is on loan.
    #[inline]
    pub(super) fn has(&self, trader: u32) -> bool {
        self.lent[trader as usize]
    }

    /// Lends a trader for its next block, which begins with this part of the account.
    pub(super) fn lend(
        &mut self,
        cast: &mut Cast<'a>,
        (venue, writer): (&SimVenue, &Writer),
        (trader, lead, rows): (u32, Lead, u32),
        row: TraderRow,
    ) {
        let Some(ground) = Ground::of(cast, venue, writer, trader) else {
            return;
        };
        let slot = cast.traders[trader as usize].get_mut();
        let vacant = slot.vacant();
        let job = Job {
            trader: std::mem::replace(slot, vacant),
            row,
            lead,
            rows,
            ground,
        };
        self.waiting.count.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(job) {
            Ok(()) => self.lent[trader as usize] = true,
            Err(unsent) => {
                self.waiting.count.fetch_sub(1, Ordering::Relaxed);
                *slot = unsent.into_inner().trader;
            }
        }
    }

    /// Takes the jobs back that nobody has begun.
    pub(super) fn call_off(&mut self) {
        while let Some(job) = self.waiting.take() {
            self.keep(job.call_off());
        }
    }

    fn keep(&mut self, answer: Answer) {
        let index = answer.trader.index as usize;
        self.back[index] = Some(Box::new(answer));
    }

    /// Waits for a trader that is on loan, and does what waits meanwhile. `None` where it is not on loan.
    pub(super) fn fetch(&mut self, trader: u32, host: &dyn Host) -> Option<Answer> {
        if !std::mem::take(&mut self.lent[trader as usize]) {
            return None;
        }
        if let Some(answer) = self.back[trader as usize].take() {
            return Some(*answer);
        }
        while let Some(answer) = self.next_answer(host) {
            if answer.trader.index == trader {
                return Some(answer);
            }
            self.keep(answer);
        }
        None
    }

    /// Who comes back next. `None` only where all other threads are gone.
    fn next_answer(&self, host: &dyn Host) -> Option<Answer> {
        if let Ok(answer) = self.done.try_recv() {
            return Some(answer);
        }
        if let Some(job) = self.waiting.take() {
            return Some(job.run(self.steps));
        }
        for _ in 0..BESIDE_LOOKS {
            if !self.done.is_empty() {
                break;
            }
            std::hint::spin_loop();
        }
        let done = &self.done;
        let mut answer = done.try_recv().ok();
        if answer.is_none() {
            host.detached(&mut || answer = done.recv().ok());
        }
        answer
    }
}
