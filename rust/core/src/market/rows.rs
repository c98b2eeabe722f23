//! Walking through the rows of a recorded run, step by step.

use std::sync::Arc;

use crate::domain::Nanos;

use super::event::EventKind;
use super::series::Market;
use super::steps::{Entry, Steps};

/// One row of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its market and kind.
    pub entry: Entry,
    /// Its number in the series.
    pub row: u32,
    /// Whether it opens before the run's start.
    pub warm_up: bool,
}

impl Row {
    /// A row of a market, given the first rows of its series that do not only warm up.
    #[must_use]
    #[inline]
    pub fn new(market: u32, kind: EventKind, row: u32, live: [u32; 3]) -> Self {
        Self {
            entry: Entry::new(market, kind),
            row,
            warm_up: row < live[kind as usize],
        }
    }
}

/// Where a run stands in its rows.
#[derive(Debug)]
pub struct Rows {
    /// Shared by the runs of a sweep: they walk through it, each on its own.
    steps: Arc<Steps>,
    /// The next row of each series, three kinds a market.
    cursors: Vec<[u32; 3]>,
    start: Option<Nanos>,
    next: usize,
}

impl Rows {
    /// At the first of `steps`, which lie over so many markets; rows that open before `start` only warm up.
    #[must_use]
    pub fn new(steps: Arc<Steps>, markets: usize, start: Option<Nanos>) -> Self {
        Self {
            steps,
            cursors: vec![[0; 3]; markets],
            start,
            next: 0,
        }
    }

    /// The steps, and the start of the run, for who walks through them on its own. They are lent: runs that share them count
    /// none of their references meanwhile, for which their processors would wait for each other.
    #[must_use]
    pub fn parts(&self) -> (&Steps, Option<Nanos>) {
        (&self.steps, self.start)
    }

    /// The time of the next rows.
    #[must_use]
    #[inline]
    pub fn time(&self) -> Option<Nanos> {
        self.steps.time(self.next)
    }

    /// The time of the last rows.
    #[must_use]
    pub fn last(&self) -> Option<Nanos> {
        self.steps.span().map(|(_, last)| last)
    }

    /// How many steps have been walked.
    #[must_use]
    pub const fn walked(&self) -> usize {
        self.next
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The next candle of a market that has not been walked over.
    #[must_use]
    pub fn candle(&self, market: usize) -> usize {
        self.position(market, EventKind::Candle) as usize
    }

    /// The next row of a series that has not been walked over.
    #[must_use]
    #[inline]
    pub fn position(&self, market: usize, kind: EventKind) -> u32 {
        self.cursors[market][kind as usize]
    }

    /// Passes over all steps up to a time.
    pub fn pass(&mut self, until: Nanos) {
        self.next = self.steps.first_at(until.saturating_add(1));
        for (market, cursors) in self.cursors.iter_mut().enumerate() {
            for kind in EventKind::ALL {
                let before = self.steps.rows_before(market, kind, self.next);
                cursors[kind as usize] = u32::try_from(before).unwrap_or(u32::MAX);
            }
        }
    }

    /// Walks over the next step; its rows replace those in `rows`. Whether all of them only warm up.
    pub fn load<'a>(&mut self, market: impl Fn(usize) -> &'a Market, rows: &mut Vec<Row>) -> bool {
        rows.clear();
        let mut all = true;
        for &entry in self.steps.entries(self.next) {
            let cursor = &mut self.cursors[entry.market()][entry.kind() as usize];
            let row = *cursor;
            *cursor += 1;
            let warm_up = match self.start {
                None => false,
                Some(start) => market(entry.market())
                    .series(entry.kind())
                    .is_some_and(|series| series.event(row as usize).opening_ts() < start),
            };
            all &= warm_up;
            rows.push(Row {
                entry,
                row,
                warm_up,
            });
        }
        self.next += 1;
        all && self.start.is_some()
    }
}
