//! The order of time: which rows make up each step of a recorded run.
//!
//! The table is made once, before the run, by counting: the run itself then walks through two flat arrays, whatever
//! the number of markets, and never compares times of different markets.

use std::sync::Arc;

use crate::domain::Nanos;
use crate::spare::Reused;

use super::event::EventKind;
use super::series::{CloseTimes, MarketData, Series};

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
    times: Arc<Reused<Nanos>>,
    rows: Rows,
    /// For each market and kind the step of each row. Series on one time grid share theirs.
    places: Vec<[Option<Place>; 3]>,
}

/// Which rows each step has.
#[derive(Debug)]
enum Rows {
    /// These in each step.
    Same(Vec<Entry>),
    /// Those between two offsets, of which there is one more than there are steps.
    Table {
        offsets: Vec<u32>,
        entries: Vec<Entry>,
    },
}

impl Default for Rows {
    fn default() -> Self {
        Self::Same(Vec::new())
    }
}

/// The step of each row of a series.
#[derive(Clone, Debug)]
enum Place {
    /// One row in each step from `first` on: so no table need be read, which is a wait for memory each time.
    Straight { first: u32, rows: u32 },
    /// As the table says.
    Table(Arc<[u32]>),
}

impl Place {
    fn of(steps: &[u32]) -> Option<Self> {
        let (&first, &last) = (steps.first()?, steps.last()?);
        let rows = u32::try_from(steps.len()).ok()?;
        // They never fall, so that as many steps as rows are one for each.
        let straight = last - first + 1 == rows && steps.is_sorted_by(|one, next| one < next);
        straight.then_some(Self::Straight { first, rows })
    }

    fn view(&self) -> Places<'_> {
        match self {
            Self::Straight { first, rows } => Places::Straight {
                first: *first,
                rows: *rows,
            },
            Self::Table(table) => Places::Table(table),
        }
    }
}

/// The step of each row of a series, for reading.
#[derive(Clone, Copy, Debug)]
pub enum Places<'a> {
    /// One row in each step.
    Straight {
        /// The step of the first row.
        first: u32,
        /// How many rows there are.
        rows: u32,
    },
    /// As the table says.
    Table(&'a [u32]),
}

impl Places<'_> {
    /// How many rows there are.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        match self {
            Self::Straight { rows, .. } => *rows as usize,
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The step of a row, if there is such a one.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> Option<u32> {
        match self {
            Self::Straight { first, rows } => {
                let row = u32::try_from(row).ok().filter(|row| row < rows)?;
                Some(first + row)
            }
            Self::Table(table) => table.get(row).copied(),
        }
    }

    /// How many rows come before a step.
    #[must_use]
    pub fn before(&self, step: usize) -> usize {
        match self {
            Self::Straight { first, rows } => {
                step.saturating_sub(*first as usize).min(*rows as usize)
            }
            Self::Table(table) => rows_before(table, step),
        }
    }
}

/// How many rows of a table come before a step.
fn rows_before(table: &[u32], step: usize) -> usize {
    let before = |place: u32| (place as usize) < step;
    // With few gaps the answer is about as far from the first row as the step is.
    let guess = table.first().map_or(0, |&first| {
        step.saturating_sub(first as usize).min(table.len())
    });
    let fits = guess.checked_sub(1).is_none_or(|last| before(table[last]))
        && table.get(guess).is_none_or(|&place| !before(place));
    if fits {
        guess
    } else {
        table.partition_point(|&place| before(place))
    }
}

impl Steps {
    /// Lays out the rows of `markets` (positions in the data, in the order in which equals come) that open before
    /// `end`. Entries name the position within `markets`.
    #[must_use]
    pub fn build(data: &MarketData, markets: &[usize], end: Option<Nanos>) -> Self {
        let mut all = Vec::new();
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
                all.push(Seen { entry, rows, seen });
            }
        }
        match one_grid(&all) {
            Some(times) => Self::on_one_grid(times, &all, markets.len()),
            None => Self::merged(&all, markets.len()),
        }
    }

    /// All series have a row in each step.
    fn on_one_grid(times: Reused<Nanos>, all: &[Seen<'_>], markets: usize) -> Self {
        let rows = u32::try_from(times.len()).unwrap_or(u32::MAX);
        let entries: Vec<Entry> = all.iter().map(|series| series.entry).collect();
        let mut places = vec![[const { None }; 3]; markets];
        for entry in &entries {
            let place = Place::Straight { first: 0, rows };
            places[entry.market()][entry.kind() as usize] = Some(place);
        }
        Self {
            times: Arc::new(times),
            rows: Rows::Same(entries),
            places,
        }
    }

    /// Series whose times differ, by counting.
    fn merged(all: &[Seen<'_>], markets: usize) -> Self {
        let times = all_times(all);
        let mut counts = vec![0_u32; times.len() + 1];
        for series in all {
            walk(&times, series.times(), |step| counts[step + 1] += 1);
        }
        for step in 1..counts.len() {
            counts[step] += counts[step - 1];
        }
        let offsets = counts.clone();
        let mut entries = vec![Entry(0); offsets.last().map_or(0, |&n| n as usize)];
        let mut places = vec![[const { None }; 3]; markets];
        let (mut last, mut mine): (Option<Arc<[u32]>>, Vec<u32>) = (None, Vec::new());
        for series in all {
            let entry = series.entry;
            mine.clear();
            walk(&times, series.times(), |step| {
                entries[counts[step] as usize] = entry;
                counts[step] += 1;
                mine.push(u32::try_from(step).unwrap_or(u32::MAX));
            });
            let place = Place::of(&mine).unwrap_or_else(|| {
                let same = last.take().filter(|last| **last == *mine);
                let table = same.unwrap_or_else(|| Arc::from(mine.as_slice()));
                last = Some(Arc::clone(&table));
                Place::Table(table)
            });
            places[entry.market()][entry.kind() as usize] = Some(place);
        }
        Self {
            times: Arc::new(times),
            rows: Rows::Table { offsets, entries },
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
        match &self.rows {
            Rows::Same(entries) => entries,
            Rows::Table { offsets, entries } => {
                &entries[offsets[step] as usize..offsets[step + 1] as usize]
            }
        }
    }

    /// How many rows the steps from one to before another have.
    #[must_use]
    #[inline]
    pub fn rows_between(&self, from: usize, to: usize) -> u64 {
        match &self.rows {
            Rows::Same(entries) => (to - from) as u64 * entries.len() as u64,
            Rows::Table { offsets, .. } => u64::from(offsets[to] - offsets[from]),
        }
    }

    /// The times of all steps.
    #[must_use]
    #[inline]
    pub fn times(&self) -> &[Nanos] {
        &self.times
    }

    /// The same, for who goes on reading them.
    #[must_use]
    pub const fn shared_times(&self) -> &Arc<Reused<Nanos>> {
        &self.times
    }

    /// The times of the steps from one to before another.
    #[must_use]
    pub fn times_between(&self, from: usize, to: usize) -> &[Nanos] {
        &self.times[from..to]
    }

    /// The step of each row of a series; none where there is no such series.
    #[must_use]
    #[inline]
    pub fn places(&self, market: usize, kind: EventKind) -> Places<'_> {
        let place = self.places[market][kind as usize].as_ref();
        place.map_or(Places::Table(&[]), Place::view)
    }

    /// How many rows of a series come before a step.
    #[must_use]
    #[inline]
    pub fn rows_before(&self, market: usize, kind: EventKind, step: usize) -> usize {
        self.places(market, kind).before(step)
    }

    /// First and last time, if there is any.
    #[must_use]
    pub fn span(&self) -> Option<(Nanos, Nanos)> {
        Some((*self.times.first()?, *self.times.last()?))
    }
}

/// A series, and how many of its rows the run sees.
struct Seen<'a> {
    entry: Entry,
    rows: Series<'a>,
    seen: usize,
}

impl<'a> Seen<'a> {
    fn times(&self) -> impl Iterator<Item = Nanos> + Clone + use<'a> {
        let rows = self.rows;
        (0..self.seen).map(move |row| rows.ts(row))
    }
}

/// The times of the steps where each series has one row in each of them: the common case.
fn one_grid(all: &[Seen<'_>]) -> Option<Reused<Nanos>> {
    let (first, others) = all.split_first()?;
    let mut times = Reused::default();
    times.make_room(first.seen);
    times.extend(first.times());
    let rises = times.is_sorted_by(|one, next| one < next);
    let same = |other: &Seen<'_>| {
        other.seen == first.seen
            && (same_column(&other.rows, &first.rows) || other.times().eq(times.iter().copied()))
    };
    (rises && others.iter().all(same)).then_some(times)
}

/// Whether the rows of two series are known at the times of one column. Where not, they may be all the same.
fn same_column(one: &Series<'_>, other: &Series<'_>) -> bool {
    let closes = |series: &Series<'_>| match series {
        Series::Candle(candles) => match candles.closes {
            CloseTimes::Interval(interval) => Some(interval),
            CloseTimes::Column(_) => None,
        },
        Series::Quote(_) | Series::Trade(_) => Some(0),
    };
    let known = closes(one).is_some() && closes(one) == closes(other);
    known && Arc::ptr_eq(one.opening_times(), other.opening_times())
}

/// The times of all series, each once.
fn all_times(all: &[Seen<'_>]) -> Reused<Nanos> {
    let mut times = Reused::default();
    times.make_room(all.first().map_or(0, |first| first.seen));
    let mut first = 0;
    for series in all {
        let mine = series.times();
        // A series equal to the first adds nothing.
        if series.seen == first && first > 0 && mine.clone().eq(times[..first].iter().copied()) {
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
    times
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::scale::PriceScale;
    use crate::market::series::{Market, TradeSeries};

    /// Markets that trade at these times.
    fn data(times: &[&[Nanos]]) -> MarketData {
        let markets = times.iter().enumerate().map(|(index, times)| {
            let scale = PriceScale {
                digits: 0,
                exact: true,
            };
            let ones: Arc<[f64]> = times.iter().map(|_| 1.0).collect();
            Market {
                trades: Some(TradeSeries {
                    ts: (*times).into(),
                    price: Arc::clone(&ones),
                    quantity: ones,
                    side: None,
                    extra: Vec::new(),
                }),
                ..Market::without_rows(&format!("M{index}/USD"), scale)
            }
        });
        MarketData {
            markets: markets.collect(),
        }
    }

    /// For each step its time and the rows it has, as the times alone say.
    fn naive(times: &[&[Nanos]]) -> Vec<(Nanos, Vec<usize>)> {
        let mut all: Vec<Nanos> = times.concat();
        all.sort_unstable();
        all.dedup();
        let rows = |ts: Nanos| {
            let mine = times.iter().enumerate().flat_map(move |(market, times)| {
                times.iter().filter(move |&&t| t == ts).map(move |_| market)
            });
            mine.collect()
        };
        all.iter().map(|&ts| (ts, rows(ts))).collect()
    }

    #[test]
    fn steps_are_those_that_the_times_say_on_one_grid_and_on_several() {
        let cases: [&[&[Nanos]]; 6] = [
            &[&[1, 2, 3, 7], &[1, 2, 3, 7], &[1, 2, 3, 7]],
            &[&[1, 2, 3, 7], &[2, 3], &[1, 7]],
            &[&[1, 2, 2, 3], &[1, 2, 2, 3]],
            &[&[1, 1, 5]],
            &[&[5, 6, 7], &[]],
            &[&[1, 3, 4], &[1, 2, 4]],
        ];
        for times in cases {
            let data = data(times);
            let markets: Vec<usize> = (0..times.len()).collect();
            let steps = Steps::build(&data, &markets, None);
            let naive = naive(times);
            assert_eq!(steps.len(), naive.len());
            for (step, (ts, rows)) in naive.iter().enumerate() {
                assert_eq!(steps.time(step), Some(*ts));
                let found = steps.entries(step).iter().map(|entry| entry.market());
                assert_eq!(found.collect::<Vec<_>>(), *rows, "{times:?}, step {step}");
                let so_far: usize = naive[..=step].iter().map(|(_, rows)| rows.len()).sum();
                assert_eq!(steps.rows_between(0, step + 1), so_far as u64);
            }
            for (market, times) in times.iter().enumerate() {
                let places = steps.places(market, EventKind::Trade);
                assert_eq!(places.len(), times.len());
                let found = (0..=times.len()).map(|row| places.get(row).map(|p| p as usize));
                let wanted = times
                    .iter()
                    .map(|ts| naive.iter().position(|(t, _)| t == ts));
                assert_eq!(
                    found.collect::<Vec<_>>(),
                    wanted.chain([None]).collect::<Vec<_>>()
                );
                for step in 0..=naive.len() {
                    let before = naive.get(step).map_or(times.len(), |(ts, _)| {
                        times.iter().filter(|t| *t < ts).count()
                    });
                    assert_eq!(places.before(step), before);
                }
            }
        }
    }
}
