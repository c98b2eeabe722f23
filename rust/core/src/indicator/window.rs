//! What a rolling indicator remembers: the last values and, kept up to date, their sum or extreme.

use serde::{Deserialize, Serialize};

use crate::limits::LOOKED_AHEAD;
use crate::market::bits_of;

/// Integers and their exact sum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UnitWindow {
    ring: Box<[i64]>,
    next: usize,
    full: bool,
    sum: i128,
}

impl UnitWindow {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            ring: vec![0; period].into_boxed_slice(),
            next: 0,
            full: false,
            sum: 0,
        }
    }

    /// Takes a value in and returns the one that left, zero while the window fills.
    ///
    /// The sum cannot overflow: a period is below 2^20 and a value below 2^63.
    #[inline]
    pub(crate) fn push(&mut self, units: i64) -> i64 {
        let old = std::mem::replace(&mut self.ring[self.next], units);
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.full = true;
        }
        self.sum += i128::from(units) - i128::from(old);
        old
    }

    /// The sum, if it and every sum with values of no more than these bits is a whole number below 2^51.
    #[inline]
    pub(crate) fn narrow_sum(&self, bits: u64) -> Option<i64> {
        let held = bits | bits_of(&self.ring);
        let (each, number) = (
            64 - held.leading_zeros(),
            64 - self.ring.len().leading_zeros(),
        );
        (each + number <= 51).then_some(self.sum as i64)
    }

    /// Takes in many values, up to [`LOOKED_AHEAD`] of them, beginning with this sum; `sums` gets the sum after each, and the
    /// last of them is given back. None may be larger than [`Self::narrow_sum`] allows.
    #[inline]
    pub(crate) fn push_many(&mut self, mut sum: i64, units: &[i64], sums: &mut [i64]) -> i64 {
        let mut leaving = [0; LOOKED_AHEAD];
        let leaving = &mut leaving[..units.len()];
        self.exchange(units, leaving);
        // One short loop over lists that lie straight: where a ring ends is not asked for each value.
        for ((value, old), out) in units.iter().zip(&*leaving).zip(sums) {
            sum = sum.wrapping_add(value.wrapping_sub(*old));
            *out = sum;
        }
        self.sum = i128::from(sum);
        sum
    }

    /// Takes these values into the ring; `leaving` gets what leaves for each of them.
    fn exchange(&mut self, units: &[i64], leaving: &mut [i64]) {
        let period = self.ring.len();
        // What leaves is in the ring at first, oldest first, and then it is what came in here itself.
        let from_ring = period.min(units.len());
        let straight = from_ring.min(period - self.next);
        let (first, second) = leaving[..from_ring].split_at_mut(straight);
        first.copy_from_slice(&self.ring[self.next..self.next + straight]);
        second.copy_from_slice(&self.ring[..from_ring - straight]);
        leaving[from_ring..].copy_from_slice(&units[..units.len() - from_ring]);
        // Those that are left again already have moved the place of the oldest, too.
        let passed = units.len() - from_ring;
        let kept = &units[passed..];
        let oldest = (self.next + passed) % period;
        let straight = kept.len().min(period - oldest);
        self.ring[oldest..oldest + straight].copy_from_slice(&kept[..straight]);
        self.ring[..kept.len() - straight].copy_from_slice(&kept[straight..]);
        self.full |= self.next + units.len() >= period;
        self.next = (oldest + kept.len()) % period;
    }

    /// Reads the slot that the next value goes to, so that it is in the cache by then.
    #[inline]
    pub(crate) fn touch(&self) -> i64 {
        self.ring[self.next]
    }

    #[inline]
    pub(crate) fn full(&self) -> bool {
        self.full
    }

    #[inline]
    pub(crate) fn sum(&self) -> i128 {
        self.sum
    }

    /// All values, in no particular order.
    pub(crate) fn values(&self) -> &[i64] {
        &self.ring
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }
}

/// Floats and their sum, to about twice the precision of a float.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FloatWindow {
    ring: Box<[f64]>,
    next: usize,
    full: bool,
    sum: Sum,
}

impl FloatWindow {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            ring: vec![0.0; period].into_boxed_slice(),
            next: 0,
            full: false,
            sum: Sum::default(),
        }
    }

    /// Takes a value in and returns the one that left, zero while the window fills.
    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> f64 {
        let old = std::mem::replace(&mut self.ring[self.next], x);
        self.sum.add(x);
        self.sum.add(-old);
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.full = true;
            // A huge value that left takes the last digits of its neighbours with it, and an overflow
            // would stay for ever; a fresh sum once a round heals both and costs one addition an update.
            self.sum = self.ring.iter().copied().collect();
        }
        old
    }

    #[inline]
    pub(crate) fn full(&self) -> bool {
        self.full
    }

    #[inline]
    pub(crate) fn sum(&self) -> f64 {
        self.sum.value()
    }

    #[inline]
    pub(crate) fn mean(&self) -> f64 {
        self.sum.value() / count(self.ring.len())
    }

    /// The values from the oldest to the newest, once the window is full.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = f64> {
        let (newer, older) = self.ring.split_at(self.next);
        older.iter().chain(newer).copied()
    }

    /// Whether the ring has just come round.
    pub(crate) fn at_start(&self) -> bool {
        self.next == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }
}

/// A number of values as a float; periods are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a period is below 2^20")]
#[inline]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// A running sum of floats that carries its own rounding errors along.
#[derive(Copy, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, x: f64) {
        let total = self.high + x;
        let part = total - self.high;
        let error = (self.high - (total - part)) + (x - part);
        let low = self.low + error;
        // The two parts are brought back to "nearest float, and the rest".
        self.high = total + low;
        self.low = low - (self.high - total);
    }

    #[inline]
    pub(crate) fn value(&self) -> f64 {
        self.high
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        for x in values {
            sum.add(x);
        }
        sum
    }
}

/// Whether a window looks for its least or its greatest value.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Least,
    Greatest,
}

/// The extreme of the last values in constant amortised time: a queue of those that no later value beats.
///
/// Values are compared by an integer key and reported as they were given. Of equal keys the latest is
/// reported, so a price that equals the extreme *is* the extreme, to the bit, also where the data spell
/// one price in two ways.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Extremes {
    side: Side,
    ring: Box<[Candidate]>,
    head: usize,
    len: usize,
    seen: u64,
}

#[derive(Copy, Clone, Debug, Default, Serialize, Deserialize)]
struct Candidate {
    number: u64,
    key: i64,
    value: f64,
}

impl Extremes {
    pub(crate) fn new(side: Side, period: usize) -> Self {
        Self {
            side,
            ring: vec![Candidate::default(); period].into_boxed_slice(),
            head: 0,
            len: 0,
            seen: 0,
        }
    }

    /// Takes a value in; the extreme once the window is full.
    #[inline]
    pub(crate) fn push(&mut self, key: i64, value: f64) -> Option<f64> {
        let period = self.ring.len();
        let number = self.seen;
        self.seen += 1;
        if self.len > 0 && self.ring[self.head].number + period as u64 <= number {
            self.head = self.wrap(self.head + 1);
            self.len -= 1;
        }
        while self.len > 0 {
            let last = self.ring[self.wrap(self.head + self.len - 1)].key;
            let beaten = match self.side {
                Side::Least => key <= last,
                Side::Greatest => key >= last,
            };
            if !beaten {
                break;
            }
            self.len -= 1;
        }
        let slot = self.wrap(self.head + self.len);
        self.ring[slot] = Candidate { number, key, value };
        self.len += 1;
        (self.seen >= period as u64).then(|| self.ring[self.head].value)
    }

    #[inline]
    fn wrap(&self, index: usize) -> usize {
        if index >= self.ring.len() {
            index - self.ring.len()
        } else {
            index
        }
    }
}

/// A key that orders finite floats as numbers; both zeros are one.
#[inline]
pub(crate) fn order_key(x: f64) -> i64 {
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the bits are wanted, not the number"
    )]
    let bits = (x + 0.0).to_bits() as i64;
    // Negative floats count downwards from the sign bit, so their other bits are turned.
    bits ^ ((bits >> 63) & i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_values_at_once_are_what_they_are_one_by_one(
            pieces in prop::collection::vec(prop::collection::vec(-1_000_i64..1_000, 0..=LOOKED_AHEAD), 1..9),
            period in prop_oneof![1_usize..40, 60_usize..200],
        ) {
            let (mut each, mut many) = (UnitWindow::new(period), UnitWindow::new(period));
            for piece in pieces {
                let mut sums = vec![0; piece.len()];
                let before = many.sum() as i64;
                many.push_many(before, &piece, &mut sums);
                for (units, sum) in piece.into_iter().zip(sums) {
                    each.push(units);
                    prop_assert_eq!(each.sum(), i128::from(sum));
                }
                prop_assert_eq!((each.full(), each.sum()), (many.full(), many.sum()));
                // What leaves next is the same, too.
                each.push(7);
                many.push(7);
                prop_assert_eq!(each.sum(), many.sum());
            }
        }

        #[test]
        fn extremes_are_those_of_the_window(
            values in prop::collection::vec(-5_i64..5, 1..200), period in 1_usize..12,
        ) {
            let mut least = Extremes::new(Side::Least, period);
            let mut greatest = Extremes::new(Side::Greatest, period);
            for (i, &v) in values.iter().enumerate() {
                // The value tells when it was pushed, so that the choice among equals is seen.
                let (low, high) = (least.push(v, i as f64), greatest.push(v, i as f64));
                if i + 1 < period {
                    prop_assert_eq!((low, high), (None, None));
                    continue;
                }
                let window = || (i + 1 - period..=i).map(|j| (values[j], j));
                let lowest = window().min_by_key(|&(v, j)| (v, std::cmp::Reverse(j)));
                let highest = window().max_by_key(|&(v, j)| (v, j));
                prop_assert_eq!(low, lowest.map(|(_, j)| j as f64));
                prop_assert_eq!(high, highest.map(|(_, j)| j as f64));
            }
        }

        #[test]
        fn keys_order_as_numbers_do(a in prop::num::f64::NORMAL, b in prop::num::f64::NORMAL) {
            prop_assert_eq!(a.partial_cmp(&b), Some(order_key(a).cmp(&order_key(b))));
            prop_assert_eq!(order_key(0.0), order_key(-0.0));
        }

        #[test]
        fn float_sums_do_not_drift(
            values in prop::collection::vec(-1e9_f64..1e9, 50..300), period in 1_usize..20,
        ) {
            let mut window = FloatWindow::new(period);
            for (i, &x) in values.iter().enumerate() {
                window.push(x);
                let exact: Sum = values[(i + 1).saturating_sub(period)..=i].iter().copied().collect();
                prop_assert!((window.sum() - exact.value()).abs() <= 1e-15 * exact.value().abs().max(1.0));
            }
        }
    }

    #[test]
    fn an_overflow_leaves_with_its_values() {
        let mut window = FloatWindow::new(3);
        for x in [f64::MAX, f64::MAX, 1.0, 2.0, 3.0, 4.0] {
            window.push(x);
        }
        assert_eq!(window.sum(), 9.0);
        assert_eq!(window.oldest_first().collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
    }
}
