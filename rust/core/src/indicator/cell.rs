//! The read side of an indicator: what a handle outside the graph sees.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::kind::{OUTPUTS, Outputs};

/// The values of one indicator, now and some updates back, readable while its graph is elsewhere.
///
/// Only the graph writes. A reader that runs beside the writer may see outputs of two neighbouring
/// updates; one that runs after it, as a strategy does, sees the latest. So nothing here needs a stronger
/// order than `Relaxed`: the hand-over of the event itself is what synchronises the two.
#[derive(Debug)]
// What an update of two outputs touches stands in one line of the cache.
#[repr(C, align(64))]
pub struct Cell {
    names: &'static [&'static str],
    keep: usize,
    count: AtomicU32,
    values: [Pair; OUTPUTS],
    /// Rows of outputs older than `before`, a ring; empty unless more than two values are kept.
    older: Box<[AtomicU64]>,
    /// The row of `older` that is written next.
    next: AtomicUsize,
}

/// The current value of an output, and the one before it.
#[derive(Debug)]
struct Pair {
    now: AtomicU64,
    before: AtomicU64,
}

impl Pair {
    #[inline]
    fn push(&self, value: f64) {
        self.before.store(self.now.load(Relaxed), Relaxed);
        self.now.store(value.to_bits(), Relaxed);
    }
}

fn blank() -> AtomicU64 {
    AtomicU64::new(f64::NAN.to_bits())
}

impl Cell {
    pub(crate) fn new(names: &'static [&'static str], keep: usize) -> Self {
        let older = keep.saturating_sub(2) * names.len();
        Self {
            names,
            keep,
            values: std::array::from_fn(|_| Pair {
                now: blank(),
                before: blank(),
            }),
            older: (0..older).map(|_| blank()).collect(),
            next: AtomicUsize::new(0),
            count: AtomicU32::new(0),
        }
    }

    /// Reads a part of what the next row will need.
    #[inline]
    pub(crate) fn touch(&self) -> i64 {
        i64::from(self.count.load(Relaxed))
    }

    /// One more row of values; the oldest is forgotten.
    #[inline]
    pub(crate) fn push(&self, values: &Outputs) {
        let count = self.count.load(Relaxed);
        if self.keep > 2 && count >= 2 {
            self.shift();
        }
        for (pair, value) in self.values.iter().zip(values).take(self.names.len()) {
            pair.push(*value);
        }
        self.count.store(count.saturating_add(1), Relaxed);
    }

    /// The same for an indicator of one output. With ordinary Python classes this is done for each of their events.
    #[inline]
    pub(crate) fn push_one(&self, value: f64) {
        let count = self.count.load(Relaxed);
        if self.keep > 2 && count >= 2 {
            self.shift();
        }
        self.values[0].push(value);
        self.count.store(count.saturating_add(1), Relaxed);
    }

    /// Moves the second newest row to the longer history.
    fn shift(&self) {
        let row = self.next.load(Relaxed);
        let start = row * self.names.len();
        for (slot, pair) in self.older[start..]
            .iter()
            .zip(&self.values[..self.names.len()])
        {
            slot.store(pair.before.load(Relaxed), Relaxed);
        }
        self.next.store((row + 1) % (self.keep - 2), Relaxed);
    }

    /// Takes over all that another cell of the same kind holds.
    pub(crate) fn copy_from(&self, other: &Self) {
        let copy = |to: &AtomicU64, from: &AtomicU64| to.store(from.load(Relaxed), Relaxed);
        for (to, from) in self.values.iter().zip(&other.values) {
            copy(&to.now, &from.now);
            copy(&to.before, &from.before);
        }
        for (to, from) in self.older.iter().zip(&other.older) {
            copy(to, from);
        }
        self.next.store(other.next.load(Relaxed), Relaxed);
        self.count.store(other.count.load(Relaxed), Relaxed);
    }

    /// All that it holds, in words.
    pub(crate) fn memory(&self) -> Vec<u64> {
        let pairs = self
            .values
            .iter()
            .flat_map(|pair| [&pair.now, &pair.before]);
        let words = pairs.chain(&self.older).map(|slot| slot.load(Relaxed));
        let counts = [
            u64::from(self.count.load(Relaxed)),
            self.next.load(Relaxed) as u64,
        ];
        counts.into_iter().chain(words).collect()
    }

    /// Whether that is of a cell of the same size.
    pub(crate) fn is_like(&self, words: &[u64]) -> bool {
        words.len() == 2 + 2 * OUTPUTS + self.older.len()
    }

    /// Holds what such a cell held.
    pub(crate) fn recall(&self, words: &[u64]) {
        let [count, next, words @ ..] = words else {
            return;
        };
        let rows = self.keep.saturating_sub(2).max(1);
        self.count
            .store(u32::try_from(*count).unwrap_or(u32::MAX), Relaxed);
        self.next
            .store(usize::try_from(*next).unwrap_or(0) % rows, Relaxed);
        let pairs = self
            .values
            .iter()
            .flat_map(|pair| [&pair.now, &pair.before]);
        for (slot, word) in pairs.chain(&self.older).zip(words) {
            slot.store(*word, Relaxed);
        }
    }

    /// The current value of an output; NaN until the indicator is ready, and for an output it lacks.
    #[must_use]
    #[inline]
    pub fn value(&self, output: u8) -> f64 {
        let pair = self.values.get(usize::from(output));
        pair.map_or(f64::NAN, |pair| read(&pair.now))
    }

    /// The value of an output `back` updates ago: 0 is the current one.
    ///
    /// `None` where the indicator had none yet, does not keep it any more, or lacks the output.
    #[must_use]
    pub fn history(&self, output: u8, back: usize) -> Option<f64> {
        let output = usize::from(output);
        if output >= self.names.len() || back >= self.len() {
            return None;
        }
        Some(match back {
            0 => read(&self.values[output].now),
            1 => read(&self.values[output].before),
            _ => {
                let rows = self.keep - 2;
                let row = (self.next.load(Relaxed) + rows - (back - 1)) % rows;
                read(&self.older[row * self.names.len() + output])
            }
        })
    }

    /// Whether there is a value.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// How many values are there to be read, the current one included.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.count.load(Relaxed)).map_or(self.keep, |count| count.min(self.keep))
    }

    /// Whether there is no value yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.ready()
    }

    /// How many values are kept at most.
    #[must_use]
    pub const fn keep(&self) -> usize {
        self.keep
    }

    /// The names of the outputs; the first is what `value` means.
    #[must_use]
    pub const fn outputs(&self) -> &'static [&'static str] {
        self.names
    }

    /// The place of an output of this name. `value` always means the first.
    #[must_use]
    pub fn output_index(&self, name: &str) -> Option<u8> {
        super::kind::output_index(self.names, name)
    }

    /// Whether the first output rose above the other's with the last update: it was not above before.
    ///
    /// False until both have two values, and where one of the four is NaN.
    #[must_use]
    pub fn crossed_above(&self, other: &Self) -> bool {
        self.crossed_above_at(0, other, 0)
    }

    /// Whether the first output fell below the other's with the last update.
    #[must_use]
    pub fn crossed_below(&self, other: &Self) -> bool {
        other.crossed_above_at(0, self, 0)
    }

    /// The same for two named outputs, such as a MACD and its own signal line.
    #[must_use]
    pub fn crossed_above_at(&self, output: u8, other: &Self, other_output: u8) -> bool {
        match (self.last_two(output), other.last_two(other_output)) {
            (Some((before, now)), Some((other_before, other_now))) => {
                before <= other_before && now > other_now
            }
            _ => false,
        }
    }

    /// Whether the first output rose above a fixed level with the last update.
    #[must_use]
    pub fn crossed_above_level(&self, level: f64) -> bool {
        self.last_two(0)
            .is_some_and(|(before, now)| before <= level && now > level)
    }

    /// Whether the first output fell below a fixed level with the last update.
    #[must_use]
    pub fn crossed_below_level(&self, level: f64) -> bool {
        self.last_two(0)
            .is_some_and(|(before, now)| before >= level && now < level)
    }

    fn last_two(&self, output: u8) -> Option<(f64, f64)> {
        Some((self.history(output, 1)?, self.history(output, 0)?))
    }
}

#[inline]
fn read(slot: &AtomicU64) -> f64 {
    f64::from_bits(slot.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[&str] = &["first", "second"];

    fn filled(keep: usize, values: &[f64]) -> Cell {
        let cell = Cell::new(TWO, keep);
        for &v in values {
            cell.push(&[v, -v, 0.0, 0.0]);
        }
        cell
    }

    #[test]
    fn history_is_what_was_pushed_as_far_as_it_is_kept() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        for keep in 2..8 {
            for n in 0..values.len() {
                let cell = filled(keep, &values[..n]);
                assert_eq!(cell.len(), n.min(keep));
                assert_eq!(cell.ready(), n > 0);
                for back in 0..10 {
                    let expected = (back < n.min(keep)).then(|| values[n - 1 - back]);
                    assert_eq!(
                        cell.history(0, back),
                        expected,
                        "keep {keep}, {n} values, {back} back"
                    );
                    assert_eq!(cell.history(1, back), expected.map(|v| -v));
                    assert_eq!(cell.history(2, back), None);
                }
            }
        }
    }

    #[test]
    fn a_crossing_needs_two_values_of_both_and_a_change_of_side() {
        let level = |values: &[f64]| filled(2, values);
        assert!(level(&[1.0, 3.0]).crossed_above(&level(&[1.0, 2.0])));
        assert!(!level(&[1.5, 3.0]).crossed_above(&level(&[1.0, 2.0])));
        assert!(!level(&[1.0, 2.0]).crossed_above(&level(&[1.0, 2.0])));
        assert!(!level(&[3.0]).crossed_above(&level(&[1.0, 2.0])));
        assert!(level(&[1.0, 2.0]).crossed_below(&level(&[1.0, 3.0])));
        assert!(level(&[1.0, 2.0]).crossed_above_level(1.0));
        assert!(level(&[1.0, 0.0]).crossed_below_level(1.0));
        assert!(!level(&[1.0, 2.0]).crossed_above_at(0, &level(&[1.0, 2.0]), 1));
        assert!(level(&[-1.0, 2.0]).crossed_above_at(0, &level(&[-1.0, 2.0]), 1));
    }
}
