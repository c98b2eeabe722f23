//! The order of time: which rows make up each step of a recorded run.
//!
//! The table is made once, before the run, by counting: the run itself then walks through two flat arrays, whatever
//! the number of markets, and never compares times of different markets.

use std::sync::Arc;

use crate::domain::Nanos;

use super::event::EventKind;
use super::series::MarketData;

/// A row of a step: the market and the kind. The row's number is the next one of that series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(u32);

impl Entry {
    pub(super) const fn new(market: u32, kind: EventKind) -> Self {
        Self(market * 4 + kind as u32)
    }

    /// The market's position.
    #[must_use]
    #[inline]
    pub const fn market(self) -> usize {
        (self.0 >> 2) as usize
    }

    /// The kind of row.
    #[must_use]
    #[inline]
    pub const fn kind(self) -> EventKind {
        match self.0 & 3 {
            0 => EventKind::Candle,
            1 => EventKind::Quote,
            _ => EventKind::Trade,
        }
    }
}

/// The steps that market rows make, in the order of time.
#[derive(Debug, Default)]
pub struct Steps {
    times: Vec<Nanos>,
    /// Where each step's entries begin; one more than there are steps.
    offsets: Vec<u32>,
    entries: Vec<Entry>,
    /// For each market and kind the step of each row. Series on one time grid share theirs.
    places: Vec<[Option<Arc<[u32]>>; 3]>,
}

impl Steps {
    /// Lays out the rows of `markets` (positions in the data, in the order in which equals come) that open before
    /// `end`. Entries name the position within `markets`.
    #[must_use]
    pub fn build(data: &MarketData, markets: &[usize], end: Option<Nanos>) -> Self {
        let mut series = Vec::new();
        for (position, &market) in markets.iter().enumerate() {
            let market = &data.markets[market];
            for kind in market.kinds() {
                let Some(rows) = market.series(kind) else {
                    continue;
                };
                let seen = end.map_or(rows.len(), |end| {
                    rows.opening_times().partition_point(|&ts| ts < end)
                });
                let entry = Entry::new(u32::try_from(position).unwrap_or(u32::MAX), kind);
                series.push((entry, rows, seen));
            }
        }
        let mut times: Vec<Nanos> = Vec::new();
        let mut first = 0;
        for (_, rows, seen) in &series {
            let mine = (0..*seen).map(|row| rows.ts(row));
            // Markets on one time grid are the common case; a series equal to the first adds nothing.
            if *seen == first && first > 0 && mine.clone().eq(times[..first].iter().copied()) {
                continue;
            }
            times.extend(mine);
            if first == 0 {
                first = times.len();
            }
        }
        // A stable sort merges the rising runs it finds, which is what these series are.
        times.sort();
        times.dedup();
        let mut counts = vec![0_u32; times.len() + 1];
        for (_, rows, seen) in &series {
            walk(&times, (0..*seen).map(|row| rows.ts(row)), |step| {
                counts[step + 1] += 1
            });
        }
        for step in 1..counts.len() {
            counts[step] += counts[step - 1];
        }
        let offsets = counts.clone();
        let mut entries = vec![Entry(0); offsets.last().map_or(0, |&n| n as usize)];
        let mut places: Vec<[Option<Arc<[u32]>>; 3]> = vec![[const { None }; 3]; markets.len()];
        let (mut last, mut mine): (Option<Arc<[u32]>>, Vec<u32>) = (None, Vec::new());
        for (entry, rows, seen) in &series {
            mine.clear();
            walk(&times, (0..*seen).map(|row| rows.ts(row)), |step| {
                entries[counts[step] as usize] = *entry;
                counts[step] += 1;
                mine.push(u32::try_from(step).unwrap_or(u32::MAX));
            });
            let same = last.take().filter(|last| **last == *mine);
            let place = same.unwrap_or_else(|| Arc::from(mine.as_slice()));
            places[entry.market()][entry.kind() as usize] = Some(Arc::clone(&place));
            last = Some(place);
        }
        Self {
            times,
            offsets,
            entries,
            places,
        }
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time of a step.
    #[must_use]
    #[inline]
    pub fn time(&self, step: usize) -> Option<Nanos> {
        self.times.get(step).copied()
    }

    /// The first step at this time or later.
    #[must_use]
    pub fn first_at(&self, ts: Nanos) -> usize {
        self.times.partition_point(|&time| time < ts)
    }

    /// The rows of a step, in feed order.
    #[must_use]
    #[inline]
    pub fn entries(&self, step: usize) -> &[Entry] {
        &self.entries[self.offsets[step] as usize..self.offsets[step + 1] as usize]
    }

    /// How many rows the steps from one to before another have.
    #[must_use]
    #[inline]
    pub fn rows_between(&self, from: usize, to: usize) -> u64 {
        u64::from(self.offsets[to] - self.offsets[from])
    }

    /// The times of all steps.
    #[must_use]
    #[inline]
    pub fn times(&self) -> &[Nanos] {
        &self.times
    }

    /// The times of the steps from one to before another.
    #[must_use]
    pub fn times_between(&self, from: usize, to: usize) -> &[Nanos] {
        &self.times[from..to]
    }

    /// The step of each row of a series; empty where there is no such series.
    #[must_use]
    #[inline]
    pub fn places(&self, market: usize, kind: EventKind) -> &[u32] {
        self.places[market][kind as usize].as_deref().unwrap_or(&[])
    }

    /// How many rows of a series come before a step.
    #[must_use]
    pub fn rows_before(&self, market: usize, kind: EventKind, step: usize) -> usize {
        let places = self.places(market, kind);
        let before = |place: u32| (place as usize) < step;
        // On a grid without gaps the answer is as far from the end of the grid as the step is.
        let guess = places.first().map_or(0, |&first| {
            step.saturating_sub(first as usize).min(places.len())
        });
        let fits = guess.checked_sub(1).is_none_or(|last| before(places[last]))
            && places.get(guess).is_none_or(|&place| !before(place));
        if fits {
            guess
        } else {
            places.partition_point(|&place| before(place))
        }
    }

    /// First and last time, if there is any.
    #[must_use]
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        Some((*self.times.first()?, *self.times.last()?))
    }
}

/// Calls `visit` with the step of each time; both run forwards, so one pass finds them all.
fn walk(times: &[Nanos], rows: impl Iterator<Item = Nanos>, mut visit: impl FnMut(usize)) {
    let mut step = 0;
    for ts in rows {
        if times[step] != ts && times.get(step + 1) == Some(&ts) {
            step += 1;
        } else if times[step] != ts {
            step = step + 1 + times[step + 1..].partition_point(|&time| time < ts);
        }
        visit(step);
    }
}
