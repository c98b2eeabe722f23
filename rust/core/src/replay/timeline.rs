//! Where a run stands in its data: which step is next, and which rows of a market come before it.
//!
//! Most markets are not looked at in most steps: their traders have been evaluated ahead, and nothing waits there. So
//! only the rows of markets that need it are taken up in a step; of the others, what a step needs is looked up.

use crate::domain::Nanos;
use crate::market::{EventKind, Market, Places, Row, Steps};

use super::Cast;

/// A market is looked at in each step for something that is fixed.
const ALWAYS: u8 = 1;
/// A market is looked at in each step while orders wait there.
const WHILE_ORDERS_WAIT: u8 = 2;

/// The steps of a run, and the markets that are looked at in each of them.
pub(super) struct Timeline<'a> {
    steps: &'a Steps,
    /// The next step.
    next: usize,
    /// The next row of each series of the markets that are looked at, where it cannot be told from the step.
    cursors: Vec<[u32; 3]>,
    /// For each series the first row that does not only warm up.
    live: Vec<[u32; 3]>,
    /// The first step with such a row.
    first_live: usize,
    flags: Vec<u8>,
    /// Markets that are looked at in each step, in their order.
    always: Vec<u32>,
    /// Markets that are looked at while orders wait there.
    waiting: Vec<u32>,
    run_on: RunOn,
}

/// How long the rows of a step are followed by those behind them: until then each step has the next row of the same markets.
#[derive(Clone, Copy, Default)]
struct RunOn {
    /// The step behind the one whose rows were taken up last.
    next: usize,
    /// The step before which no market begins, ends or has its first row that does not only warm up.
    until: usize,
    /// How many markets are looked at.
    markets: usize,
    /// How many of them have a row.
    rows: usize,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(steps: &'a Steps, start: Option<Nanos>, markets: &[&Market]) -> Self {
        let mut live = vec![[0; 3]; markets.len()];
        let mut first_live = steps.len();
        for (index, market) in markets.iter().enumerate() {
            for kind in market.kinds() {
                let Some(series) = market.series(kind) else {
                    continue;
                };
                let places = steps.places(index, kind);
                let row = start.map_or(0, |start| {
                    series.opening_times()[..places.len()].partition_point(|&ts| ts < start)
                });
                live[index][kind as usize] = u32::try_from(row).unwrap_or(u32::MAX);
                if let Some(step) = places.get(row) {
                    first_live = first_live.min(step as usize);
                }
            }
        }
        Self {
            steps,
            next: 0,
            cursors: vec![[0; 3]; markets.len()],
            live,
            first_live,
            flags: vec![0; markets.len()],
            always: Vec::new(),
            waiting: Vec::new(),
            run_on: RunOn::default(),
        }
    }

    /// The time of the next rows.
    #[inline]
    pub(super) fn time(&self) -> Option<Nanos> {
        self.steps.time(self.next)
    }

    /// The time of the last rows.
    pub(super) fn last(&self) -> Option<Nanos> {
        self.steps.span().map(|(_, last)| last)
    }

    /// How many steps have been walked.
    #[inline]
    pub(super) const fn walked(&self) -> usize {
        self.next
    }

    /// The step whose rows are the newest, once there is one.
    #[inline]
    pub(super) const fn present(&self) -> Option<usize> {
        self.next.checked_sub(1)
    }

    #[inline]
    pub(super) const fn steps(&self) -> &'a Steps {
        self.steps
    }

    /// How many rows of a series have been walked over.
    #[inline]
    pub(super) fn position(&self, market: usize, kind: EventKind) -> usize {
        let places = self.steps.places(market, kind);
        match places {
            Places::Table(_) if self.flags[market] != 0 => {
                self.cursors[market][kind as usize] as usize
            }
            _ => places.before(self.next),
        }
    }

    /// The first row of a series that does not only warm up.
    pub(super) fn first_live(&self, market: usize, kind: EventKind) -> u32 {
        self.live[market][kind as usize]
    }

    /// Whether a market is looked at in each step.
    #[inline]
    pub(super) fn attends(&self, market: u32) -> bool {
        self.flags[market as usize] != 0
    }

    /// Whether no market is looked at in each step, now or for good.
    pub(super) fn attends_none(&self) -> bool {
        self.always.is_empty() && self.waiting.is_empty()
    }

    /// The markets that are looked at in each step, for good.
    #[inline]
    pub(super) fn always(&self) -> &[u32] {
        &self.always
    }

    /// Whether orders wait on no market.
    #[inline]
    pub(super) fn waits_for_none(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Looks at a market in each step from now on.
    pub(super) fn attend(&mut self, market: u32) {
        if self.flags[market as usize] & ALWAYS == 0 {
            self.seek(market);
            self.flags[market as usize] |= ALWAYS;
            let place = self.always.partition_point(|&other| other < market);
            self.always.insert(place, market);
        }
    }

    /// Looks at a market in each step while orders wait there.
    pub(super) fn attend_orders(&mut self, market: u32) {
        if self.flags[market as usize] == 0 {
            self.seek(market);
            self.flags[market as usize] |= WHILE_ORDERS_WAIT;
            self.waiting.push(market);
        }
    }

    fn seek(&mut self, market: u32) {
        if self.flags[market as usize] == 0 {
            self.find(market as usize);
        }
    }

    /// Finds the next rows of a market.
    fn find(&mut self, market: usize) {
        for kind in EventKind::ALL {
            let row = self.steps.rows_before(market, kind, self.next);
            self.cursors[market][kind as usize] = u32::try_from(row).unwrap_or(u32::MAX);
        }
    }

    /// Takes up the next step; its rows of the markets that are looked at replace those in `rows`. `waits` says whether
    /// orders wait on a market. How many rows the step has in all, and whether all of them only warm up.
    pub(super) fn load(
        &mut self,
        cast: &Cast<'_>,
        waits: impl Fn(u32) -> bool,
        rows: &mut Vec<Row>,
    ) -> (u64, bool) {
        let step = self.next;
        let warm_up = step < self.first_live;
        if self.goes_on(rows.len()) {
            for row in rows {
                row.row = row.row.wrapping_add(1);
            }
            self.next += 1;
            self.run_on.next = self.next;
            return (self.steps.rows_between(step, self.next), warm_up);
        }
        rows.clear();
        let flags = &mut self.flags;
        self.waiting.retain(|&market| {
            let stays = waits(market);
            if !stays {
                flags[market as usize] &= !WHILE_ORDERS_WAIT;
            }
            stays
        });
        let mut take = Taking {
            steps: self.steps,
            step,
            cast,
            live: &self.live,
            cursors: &mut self.cursors,
            rows,
            until: usize::MAX,
        };
        for markets in [&self.always, &self.waiting] {
            for &market in markets {
                take.market(market);
            }
        }
        self.next += 1;
        self.run_on = RunOn {
            next: self.next,
            until: take.until,
            markets: self.always.len(),
            rows: take.rows.len(),
        };
        (self.steps.rows_between(step, self.next), warm_up)
    }

    /// Whether the next step has the rows that follow those that were taken up last, of which there still are so many.
    #[inline]
    fn goes_on(&self, rows: usize) -> bool {
        let RunOn {
            next,
            until,
            markets,
            rows: taken,
        } = self.run_on;
        next == self.next
            && self.next < until
            && markets == self.always.len()
            && self.waiting.is_empty()
            && rows == taken
    }

    /// Walks over the steps up to before `step`, in none of which anybody needs rows of the markets that are looked at.
    pub(super) fn pass_to(&mut self, step: usize) -> u64 {
        let rows = self.skip_to(step);
        for at in 0..self.always.len() {
            self.find(self.always[at] as usize);
        }
        rows
    }

    /// Walks over the steps up to before `step` without taking up rows: nobody looks at any market.
    pub(super) fn skip_to(&mut self, step: usize) -> u64 {
        let rows = self.steps.rows_between(self.next, step);
        self.next = step;
        rows
    }
}

/// The rows of one step, market by market.
struct Taking<'t, 'a> {
    steps: &'t Steps,
    step: usize,
    cast: &'t Cast<'a>,
    live: &'t [[u32; 3]],
    cursors: &'t mut [[u32; 3]],
    rows: &'t mut Vec<Row>,
    /// The step before which what is taken up goes on as it is.
    until: usize,
}

impl Taking<'_, '_> {
    #[inline]
    fn market(&mut self, market: u32) {
        let index = market as usize;
        let (column, live) = (&self.cast.columns[index], self.live[index]);
        if column.closes.is_empty() {
            return self.by_table(index, live);
        }
        // One row in each step from the first to the last: nothing is to be looked for.
        let row = self.step.wrapping_sub(column.first);
        if row < column.closes.len() {
            let row = Row::new(
                market,
                EventKind::Candle,
                u32::try_from(row).unwrap_or(u32::MAX),
                live,
            );
            self.rows.push(row);
        }
        let live = column.first + live[EventKind::Candle as usize] as usize;
        let changes = [column.first, live, column.first + column.closes.len()];
        let coming = changes.into_iter().filter(|&step| step > self.step);
        self.until = coming.fold(self.until, usize::min);
    }

    #[inline(never)]
    fn by_table(&mut self, market: usize, live: [u32; 3]) {
        self.until = 0;
        for &kind in &self.cast.kinds[market] {
            let places = self.steps.places(market, kind);
            let cursor = &mut self.cursors[market][kind as usize];
            let here = |row: u32| {
                let place = places.get(row as usize);
                place.is_some_and(|place| place as usize == self.step)
            };
            while here(*cursor) {
                self.rows.push(Row::new(market as u32, kind, *cursor, live));
                *cursor += 1;
            }
        }
    }
}
