//! Evaluating ahead: a trader that looks at nothing but its own market, position and orders takes in its next events
//! at once, while its state is in the nearest cache.
//!
//! None begins while it has orders at work. A block goes on past what the trader asks for only where the data tell what
//! that comes to; else it ends there, and nothing is assumed of what the gate or the venue will say. What it asked for, or
//! how it failed, waits until the step of that event commits it. Where things do not come as foreseen, and at a
//! liquidation, the trader becomes what it was before, takes in again what is over, and goes on with what really happened.

use crate::clock::Stopwatch;
use crate::commit::{Plain, Writer};
use crate::limits::{AHEAD_BUDGET, BLOCK_ROWS, BLOCKS_PER_LOOK, CHAINED_BLOCKS};
use crate::market::{Places, Series, Steps};
use crate::strategy::View;
use crate::trader::{Foreseen, Foresight, Pace, Stretch, Trader};
use crate::venue::SimVenue;

use super::Cast;
use super::calendar::Calendar;
use super::kept::{Held, Kept};
use super::path::Path;
use super::timeline::Timeline;

/// How far a trader has been evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lead {
    /// The first row of its market that it has not taken in.
    pub until: u32,
    /// Whether it acted at the row before that one.
    pub acts: bool,
    /// How many blocks followed each other, with nothing in between, since the trader's state was kept.
    pub chain: u32,
}

impl Lead {
    /// The step in which the trader is next to be seen to: where it acted, else where its next row is.
    #[inline]
    pub(super) fn due(self, path: &Path, places: Places<'_>) -> Option<u32> {
        path.next_step().or_else(|| {
            let row = self.until - u32::from(self.acts);
            places.get(row as usize)
        })
    }
}

/// A block that was made.
pub(super) struct Block {
    pub lead: Lead,
    from: u32,
    keeps: Keeps,
    foreseen: Vec<Foreseen>,
}

impl Block {
    /// How many rows it has.
    pub(super) const fn rows(&self) -> u32 {
        self.lead.until - self.from
    }
}

/// What a block leaves for the case that its trader must go back.
enum Keeps {
    /// Nothing: nothing comes from outside.
    Nothing,
    /// What the trader was when the block began.
    All(Box<Kept>),
    /// Its part of the account when the block began: the rest follows from what was kept before.
    Row(Held),
}

/// What came of seeing to a trader in a step.
pub(super) struct Turn {
    pub lead: Lead,
    /// Whether it asked for something, or failed, in this step.
    pub acted: bool,
    pub block: Option<Block>,
}

/// The row from which on a trader goes past its orders, where it never does.
const NEVER: u32 = u32::MAX;

/// Which traders may be evaluated ahead, and how far.
pub(super) struct Reach {
    /// For each trader the row before which no block begins.
    pub waits: Vec<u32>,
    /// For each trader the row before which no block goes past an order.
    pub stops: Vec<u32>,
    /// Whether the account may be liquidated.
    liquidates: bool,
    /// The rows that a block may have.
    pub block: u32,
    /// The same in this step; none where no block may begin.
    rows: u32,
    /// Whether blocks may begin still: those of this step have not taken too long.
    open: bool,
}

/// How far each trader has been evaluated.
pub(super) struct Ahead {
    pub leads: Vec<Lead>,
    pub reach: Reach,
    pub calendar: Calendar,
    /// What traders asked for in this step when they were evaluated past it.
    pub plain: Vec<Plain>,
    pub paths: Vec<Path>,
    pub kept: Vec<Option<Box<Kept>>>,
    /// Blocks that were evaluated elsewhere, for traders that are seen to in this step.
    pub prepared: Vec<Option<Box<Block>>>,
    /// How many of these there are.
    pub ready: usize,
    /// How many traders run ahead.
    traders: usize,
    /// Whether the user asked for blocks, whatever they bring.
    forced: bool,
    begun: u64,
    step_watch: Option<Stopwatch>,
    blocks: u64,
    /// Those of them that were evaluated beside the run.
    pub beside: u64,
    /// Traders that were taken back from there to become what they were before.
    pub taken_back: u64,
    /// Steps in which what was foreseen was filled in one go with the quiet ones around them.
    pub strides: u64,
    rows: u64,
    /// Orders that traders were evaluated past.
    passed: u64,
    /// Those of them that were settled as soon as the gate had approved them.
    pub at_once: u64,
    pub roll_backs: u64,
    pub fallbacks: u64,
}

impl Ahead {
    /// Traders that `cast` says to be evaluated ahead are put where their first events are.
    pub(super) fn new(
        cast: &mut Cast<'_>,
        timeline: &Timeline<'_>,
        spot: bool,
        block: Option<u32>,
    ) -> Self {
        let traders = cast.traders.len();
        let steps = timeline.steps();
        let mut calendar = Calendar::new(steps.len(), traders);
        let mut leads = vec![Lead::default(); traders];
        for (trader, lead) in (0_u32..).zip(&mut leads) {
            let index = trader as usize;
            if !cast.ahead[index] {
                continue;
            }
            let (market, kind) = (cast.market_of[index] as usize, cast.mains[index]);
            lead.until = timeline.first_live(market, kind);
            let step = lead.due(&Path::default(), steps.places(market, kind));
            if let Some(step) = step {
                calendar.put(trader, step);
            }
        }
        let stops = cast.passes.iter();
        let stops = stops.map(|&passes| if passes { 0 } else { NEVER });
        Self {
            leads,
            reach: Reach {
                waits: vec![0; traders],
                stops: stops.collect(),
                liquidates: !spot,
                block: block.unwrap_or(BLOCK_ROWS),
                rows: 0,
                open: true,
            },
            calendar,
            plain: Vec::new(),
            paths: (0..traders).map(|_| Path::default()).collect(),
            kept: (0..traders).map(|_| None).collect(),
            prepared: (0..traders).map(|_| None).collect(),
            ready: 0,
            traders: cast.ahead.iter().filter(|&&ahead| ahead).count(),
            forced: block.is_some(),
            begun: 0,
            step_watch: None,
            blocks: 0,
            beside: 0,
            taken_back: 0,
            strides: 0,
            rows: 0,
            passed: 0,
            at_once: 0,
            roll_backs: 0,
            fallbacks: 0,
        }
    }

    /// A new step begins, in which blocks may have so many rows; all that the user asked for where he did.
    #[inline]
    pub(super) fn begin_step(&mut self, rows: u32) {
        self.reach.rows = if self.forced { self.reach.block } else { rows };
        self.reach.open = true;
        self.begun = 0;
    }

    /// Takes the block that a trader brought along.
    #[inline]
    pub(super) fn take_prepared(&mut self, trader: u32) -> Option<Box<Block>> {
        if self.ready == 0 {
            return None;
        }
        let block = self.prepared[trader as usize].take();
        self.ready -= usize::from(block.is_some());
        block
    }

    /// How many traders run ahead.
    pub(super) const fn traders(&self) -> usize {
        self.traders
    }

    /// Notes how far a trader has come, and when it is next to be seen to.
    #[inline]
    pub(super) fn note(&mut self, trader: u32, turn: Turn, places: Places<'_>, step: usize) {
        self.leads[trader as usize] = turn.lead;
        let path = &mut self.paths[trader as usize];
        if let Some(block) = turn.block {
            self.blocks += 1;
            self.rows += u64::from(block.rows());
            path.begin(block.foreseen);
            match block.keeps {
                Keeps::Nothing => {}
                Keeps::All(kept) => self.kept[trader as usize] = Some(kept),
                Keeps::Row(held) => {
                    if let Some(kept) = &mut self.kept[trader as usize] {
                        kept.later.push((block.from, held));
                    }
                }
            }
        }
        match turn.lead.due(path, places) {
            // What it asked for at the block's first row counts at once.
            Some(due) if due as usize == step => {
                self.take_foreseen(trader, places);
            }
            Some(due) => self.calendar.put(trader, due),
            None => {}
        }
    }

    /// Reads what is next on these traders' ways, so that the waits for memory overlap.
    pub(super) fn touch(&self, traders: &[u32]) {
        let paths = traders.iter().map(|&trader| &self.paths[trader as usize]);
        let touched = paths.fold(0, |all, path| all ^ path.touch());
        std::hint::black_box(touched);
    }

    /// Takes what a trader asked for ahead at this step and was foreseen to be filled; whether there was something.
    #[inline]
    pub(super) fn take_foreseen(&mut self, trader: u32, places: Places<'_>) -> bool {
        let path = &mut self.paths[trader as usize];
        let Some(foreseen) = path.commit() else {
            return false;
        };
        self.passed += 1;
        self.plain.push(Plain {
            trader,
            target: foreseen.position,
            side: foreseen.side,
            mark: foreseen.mark,
            fill: foreseen.fill,
        });
        if let Some(step) = self.leads[trader as usize].due(path, places) {
            self.calendar.put(trader, step);
        }
        true
    }

    /// Notes that what a trader did ahead counts in the step that is being made: it is next due at its next row.
    #[inline]
    pub(super) fn take_act(&mut self, trader: u32, places: Places<'_>) {
        let lead = &mut self.leads[trader as usize];
        lead.acts = false;
        if let Some(step) = lead.due(&self.paths[trader as usize], places) {
            self.calendar.put(trader, step);
        }
    }

    /// The row before which a trader must be again what it was, because its orders do not go the way that it foresaw.
    #[inline]
    pub(super) fn went_wrong(&mut self, writer: &Writer, trader: u32) -> Option<u32> {
        let path = &mut self.paths[trader as usize];
        let asked_at = path.check(writer.account.row(trader)).err();
        asked_at.map(|row| row + 1)
    }

    /// A trader's orders did not go the way that it foresaw: it becomes what it was before a row, and goes on from there with
    /// what really happened, for a while without looking past its orders.
    pub(super) fn give_up(
        &mut self,
        cast: &mut Cast<'_>,
        venue: &SimVenue,
        writer: &Writer,
        steps: &Steps,
        (trader, now): (u32, u32),
    ) {
        let later = now.saturating_mul(2).saturating_add(self.reach.block);
        self.reach.stops[trader as usize] = later.min(NEVER - 1);
        self.send_back(cast, venue, writer, steps, (trader, now));
    }

    /// The rows of a block: those that the user asked for, where he did.
    pub(super) const fn block_or(&self, rows: u32) -> u32 {
        if self.forced { self.reach.block } else { rows }
    }

    /// How many rows were taken in by blocks so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
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

    /// How many evaluations were made ahead of a run that ended early.
    pub(super) fn too_many(&self, cast: &Cast<'_>, timeline: &Timeline<'_>) -> u64 {
        let leads = self.leads.iter().enumerate();
        leads
            .filter(|(index, _)| cast.ahead[*index])
            .map(|(index, lead)| {
                let market = cast.market_of[index] as usize;
                let next = timeline.position(market, cast.mains[index]);
                u64::from(lead.until).saturating_sub(next as u64)
            })
            .sum()
    }

    /// Counters by name.
    pub(super) const fn counters(&self) -> [(&'static str, u64); 9] {
        [
            ("passed_orders", self.passed),
            ("settled_at_once", self.at_once),
            ("blocks", self.blocks),
            ("blocks_beside", self.beside),
            ("taken_back", self.taken_back),
            ("strides", self.strides),
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
        (venue, writer): (&'a SimVenue, &'a Writer),
        (trader, row): (u32, u32),
        (series, places): (Series<'a>, Places<'a>),
    ) -> Option<Stretch<'a>> {
        let seen = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let end = seen.min(row.saturating_add(self.rows));
        let waits = row < self.waits[trader as usize];
        let passes = row >= self.stops[trader as usize];
        (self.open && row < end && !waits).then(|| Stretch {
            series,
            scale: cast.scales[cast.market_of[trader as usize] as usize],
            places,
            end,
            foresight: passes
                .then(|| foresight(cast, venue, writer, trader))
                .flatten(),
        })
    }

    /// Begins a block at this row where the trader's next event is a plain one.
    #[inline]
    pub(super) fn begin(
        &self,
        stretch: &Stretch<'_>,
        trader: &mut Trader,
        view: &View<'_>,
        lead: Lead,
    ) -> Option<Block> {
        let may_go_back = self.liquidates || self.stops[trader.index as usize] != NEVER;
        begin_block(stretch, trader, view, lead, may_go_back)
    }

    /// Whether a block that begins at a row of a trader may be evaluated past orders.
    #[inline]
    pub(super) fn passes_at(&self, trader: u32, row: u32) -> bool {
        let index = trader as usize;
        row >= self.waits[index] && row >= self.stops[index]
    }
}

/// Evaluates a block where the trader's next event is a plain one.
#[inline]
pub(super) fn begin_block(
    stretch: &Stretch<'_>,
    trader: &mut Trader,
    view: &View<'_>,
    lead: Lead,
    may_go_back: bool,
) -> Option<Block> {
    if !trader.is_clear() || !view.row.working.is_empty() {
        return None;
    }
    let from = lead.until;
    let chain = lead.chain % CHAINED_BLOCKS;
    let keeps = match (may_go_back, chain) {
        (false, _) => Keeps::Nothing,
        (true, 0) => Keeps::All(Box::new(Kept {
            from,
            saved: trader.save(view.row)?,
            later: Vec::new(),
        })),
        (true, _) => Keeps::Row(Held::of(view.row)),
    };
    let mut foreseen = Vec::new();
    let until = trader.take_in_rows(stretch, view, from, &mut foreseen);
    let lead = Lead {
        until,
        acts: trader.has_acted(),
        chain: chain + 1,
    };
    Some(Block {
        lead,
        from,
        keeps,
        foreseen,
    })
}

/// What it takes to foresee the fills of a trader's orders.
pub(super) fn foresight<'a>(
    cast: &Cast<'a>,
    venue: &'a SimVenue,
    writer: &'a Writer,
    trader: u32,
) -> Option<Foresight<'a>> {
    let market = cast.market_of[trader as usize];
    let instrument = &writer.account.market(market).instrument;
    Some(Foresight {
        candles: cast.markets[market as usize].candles.as_ref()?,
        instrument,
        venue,
        market,
        pace: Pace::of(writer.size_of(trader), instrument),
    })
}
