//! Evaluating ahead: a trader that looks at nothing but its own market, position and orders takes in its next events
//! at once, while its state is in the nearest cache.
//!
//! A block ends with the first event at which the trader asks for something, and none begins while it has orders at
//! work. So within a block its position cannot change, and nothing is assumed of what the gate or the venue will say.
//! What it asked for, or how it failed, waits in the trader until the step of that event commits it. Only a
//! liquidation comes from outside: then the trader becomes what it was when the block began, takes in again what is
//! over, and goes event by event for a while.

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::domain::Nanos;
use crate::limits::{AHEAD_BUDGET, BLOCK_ROWS, BLOCKS_PER_LOOK};
use crate::market::{CloseTimes, PriceScale, Row, Rows, Series};
use crate::trader::{Fresh, Input, Saved, Trader, View};

use super::Cast;
use super::evaluate::view;

/// How far a trader has been evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lead {
    /// The first row of its market that it has not taken in.
    pub until: u32,
    /// Whether it acted at the row before that one.
    pub acts: bool,
}

impl Lead {
    /// Whether the trader asked for something, or failed, at this row.
    #[inline]
    pub(super) const fn acts_at(self, row: Row) -> bool {
        self.acts && row.row + 1 == self.until
    }
}

/// A block that was made.
pub(super) struct Block {
    pub lead: Lead,
    from: u32,
    kept: Option<Kept>,
}

/// What a trader was when its block began.
pub(super) struct Kept {
    from: u32,
    saved: Saved,
}

/// Which traders may be evaluated ahead, and how far.
pub(super) struct Reach {
    /// For each trader the row at which its market ends for this run; zero for one that never runs ahead.
    ends: Vec<u32>,
    /// For each trader the row before which no block begins.
    waits: Vec<u32>,
    /// Whether something from outside may change a trader's position.
    keeps: bool,
    block: u32,
    /// Whether blocks may begin in this step.
    open: bool,
}

/// How far each trader has been evaluated.
pub(super) struct Ahead {
    pub leads: Vec<Lead>,
    pub reach: Reach,
    kept: Vec<Option<Kept>>,
    /// Their indicators before the first row, where something from outside may make them go back.
    fresh: Vec<Option<Fresh>>,
    /// Whether the user asked for blocks, whatever they bring.
    forced: bool,
    begun: u64,
    step_watch: Option<Stopwatch>,
    blocks: u64,
    rows: u64,
    roll_backs: u64,
    fallbacks: u64,
}

/// The material of a block.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub series: Series<'a>,
    pub scale: PriceScale,
    pub end: u32,
    /// How many rows of the series this run sees.
    pub seen: u32,
    pub keeps: bool,
}

impl Ahead {
    /// `waiting` are the traders that wait for boundaries of time, which come between their events.
    pub(super) fn new(
        cast: &mut Cast<'_>,
        waiting: impl Iterator<Item = u32>,
        spot: bool,
        end: Option<Nanos>,
        block: Option<u32>,
    ) -> Self {
        let (forced, block) = (block.is_some(), block.unwrap_or(BLOCK_ROWS));
        let traders = cast.traders.len();
        let mut ends = vec![0; traders];
        if block > 0 {
            for (index, of) in ends.iter_mut().enumerate() {
                if cast.traders[index].get_mut().can_run_ahead() {
                    *of = rows_seen(cast, index, end);
                }
            }
            for trader in waiting {
                ends[trader as usize] = 0;
            }
        }
        let goes_back = |index: usize| !spot && ends[index] > 0;
        let fresh = (0..traders)
            .map(|index| goes_back(index).then(|| cast.traders[index].get_mut().fresh()))
            .collect();
        Self {
            fresh,
            leads: vec![Lead::default(); traders],
            reach: Reach {
                ends,
                waits: vec![0; traders],
                keeps: !spot,
                block,
                open: true,
            },
            kept: (0..traders).map(|_| None).collect(),
            forced,
            begun: 0,
            step_watch: None,
            blocks: 0,
            rows: 0,
            roll_backs: 0,
            fallbacks: 0,
        }
    }

    /// A new step begins. Where its evaluations are dear and handed over, the threads share it better one by one.
    #[inline]
    pub(super) fn begin_step(&mut self, dear: bool) {
        self.reach.open = self.forced || !dear;
        self.begun = 0;
    }

    /// Notes a block that was made.
    #[inline]
    pub(super) fn note(&mut self, trader: u32, block: Block) {
        self.blocks += 1;
        self.rows += u64::from(block.lead.until - block.from);
        self.leads[trader as usize] = block.lead;
        self.kept[trader as usize] = block.kept;
    }

    /// Looks at the clock now and then, so that the first step over many slow strategies is not one long wait.
    #[inline]
    pub(super) fn look_at_clock(&mut self) {
        self.begun += 1;
        if self.begun == 1 {
            self.step_watch = None;
        } else if self.begun.is_multiple_of(BLOCKS_PER_LOOK) {
            let watch = self.step_watch.get_or_insert_with(Stopwatch::start);
            self.reach.open = watch.elapsed() < AHEAD_BUDGET;
            self.fallbacks += u64::from(!self.reach.open);
        }
    }

    /// The account was liquidated: every trader ahead that held something becomes what it is at the step being made.
    pub(super) fn roll_back(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        feed: &Rows,
        rows: &[Row],
    ) {
        // A market may have several rows at one time.
        let mut here = vec![0; cast.markets.len()];
        for row in rows {
            here[row.entry.market()] += 1;
        }
        for index in 0..self.leads.len() {
            let market = cast.market_of[index] as usize;
            let next = feed.position(market, cast.mains[index]);
            // The rows of this step are still to be evaluated.
            let now = next.saturating_sub(here[market]);
            if self.leads[index].until > now
                && let Some(kept) = self.kept[index].take_if(|kept| kept.saved.row.position != 0)
            {
                self.go_back(cast, writer, index, kept, now);
            }
        }
    }

    fn go_back(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        index: usize,
        kept: Kept,
        now: u32,
    ) {
        let trader = u32::try_from(index).unwrap_or(u32::MAX);
        let mut view = view(cast, writer, trader, 0);
        let (Some(series), Some(fresh)) = (view.series, &self.fresh[index]) else {
            return;
        };
        let scale = cast.scales[cast.market_of[index] as usize];
        self.leads[index] = Lead::default();
        self.roll_backs += 1;
        self.fallbacks += 1;
        // To go back costs as much as all rows so far; so it must not happen again before as many have passed.
        self.reach.waits[index] = now.saturating_mul(2).saturating_add(self.reach.block);
        let taken = (0..kept.from as usize).map(|row| Input {
            event: series.event(row),
            row,
            mark: series.event(row).mark(scale),
            warm_up: true,
        });
        let slot = cast.traders[index].get_mut();
        let row = slot.restore(kept.saved, fresh, taken);
        view.row = &row;
        let stretch = Stretch {
            series,
            scale,
            end: now,
            seen: self.reach.ends[index],
            keeps: false,
        };
        stretch.run(slot, &mut view, kept.from);
    }

    /// How many evaluations were made ahead of a run that ended early.
    pub(super) fn too_many(&self, cast: &Cast<'_>, feed: &Rows) -> u64 {
        let leads = self.leads.iter().enumerate();
        leads
            .map(|(index, lead)| {
                let next = feed.position(cast.market_of[index] as usize, cast.mains[index]);
                u64::from(lead.until.saturating_sub(next))
            })
            .sum()
    }

    /// Counters by name.
    pub(super) const fn counters(&self) -> [(&'static str, u64); 4] {
        [
            ("blocks", self.blocks),
            ("rows_in_blocks", self.rows),
            ("roll_backs", self.roll_backs),
            ("fallbacks", self.fallbacks),
        ]
    }
}

impl Reach {
    /// The rows that a block beginning at this row may take in; `None` where the trader goes event by event.
    #[inline]
    pub(super) fn stretch<'a>(
        &self,
        cast: &Cast<'a>,
        trader: u32,
        row: Row,
        series: Series<'a>,
    ) -> Option<Stretch<'a>> {
        let seen = self.ends[trader as usize];
        let end = seen.min(row.row.saturating_add(self.block));
        let waits = row.warm_up || row.row < self.waits[trader as usize];
        (self.open && row.row < end && !waits).then(|| Stretch {
            series,
            scale: cast.scales[row.entry.market()],
            end,
            seen,
            keeps: self.keeps,
        })
    }
}

impl Stretch<'_> {
    /// Begins a block at this row where the trader's next event is a plain one.
    #[inline]
    pub(super) fn begin(
        &self,
        trader: &mut Trader,
        view: &mut View<'_>,
        from: u32,
    ) -> Option<Block> {
        if !trader.is_clear() || !view.row.working.is_empty() {
            return None;
        }
        let kept = if self.keeps {
            Some(Kept {
                from,
                saved: trader.save(view.row)?,
            })
        } else {
            None
        };
        let lead = self.run(trader, view, from);
        Some(Block { lead, from, kept })
    }

    /// Takes in rows until the end, or until the trader acts.
    fn run(&self, trader: &mut Trader, view: &mut View<'_>, from: u32) -> Lead {
        let Self {
            series,
            scale,
            end,
            seen,
            ..
        } = *self;
        let alone = matches!(series, Series::Candle(candles) if matches!(candles.closes, CloseTimes::Interval(_)));
        for until in from + 1..=end {
            let row = until as usize - 1;
            let event = series.event(row);
            view.now = series.ts(row);
            // The snapshot of a step holds the mark of the last row of its time.
            let mut last = row;
            while !alone && last + 1 < seen as usize && series.ts(last + 1) == view.now {
                last += 1;
            }
            let mark = event.mark(scale);
            view.mark = Some(if last == row {
                mark
            } else {
                series.event(last).mark(scale)
            });
            let input = Input {
                event,
                row,
                mark,
                warm_up: false,
            };
            trader.on_event(&input, view);
            if trader.has_acted() {
                return Lead { until, acts: true };
            }
        }
        Lead {
            until: end,
            acts: false,
        }
    }
}

/// How many rows of a trader's market this run sees; zero where its market has more than the kind it follows.
fn rows_seen(cast: &Cast<'_>, index: usize, end: Option<Nanos>) -> u32 {
    let market = cast.markets[cast.market_of[index] as usize];
    let main = cast.mains[index];
    let Some(series) = market.series(main).filter(|_| market.kinds().count() == 1) else {
        return 0;
    };
    let seen = end.map_or(series.len(), |end| {
        series.opening_times().partition_point(|&ts| ts < end)
    });
    u32::try_from(seen).unwrap_or(0)
}
