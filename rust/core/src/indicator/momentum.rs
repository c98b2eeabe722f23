//! Oscillators: RSI, the stochastic and the commodity channel index.

use serde::{Deserialize, Serialize};

use super::bar::{Bar, float, wide_float};
use super::window::{Extremes, FloatWindow, Side, count};

/// The part of a whole in percent; 0 of nothing is 0, as in TA-Lib.
#[inline]
fn percent(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        0.0
    } else {
        100.0 * (part / whole)
    }
}

/// Relative strength index: Wilder's averages of gains and losses, seeded with the plain averages of the
/// first `period` changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rsi {
    period: f64,
    changes: f64,
    before: Option<f64>,
    gain: f64,
    loss: f64,
}

impl Rsi {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            period: count(period),
            changes: 0.0,
            before: None,
            gain: 0.0,
            loss: 0.0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> Option<f64> {
        let change = x - self.before.replace(x)?;
        let (gain, loss) = (change.max(0.0), (-change).max(0.0));
        if self.changes < self.period {
            self.changes += 1.0;
            self.gain += gain;
            self.loss += loss;
            if self.changes < self.period {
                return None;
            }
            self.gain /= self.period;
            self.loss /= self.period;
        } else {
            self.gain = (self.gain * (self.period - 1.0) + gain) / self.period;
            self.loss = (self.loss * (self.period - 1.0) + loss) / self.period;
        }
        Some(percent(self.gain, self.gain + self.loss))
    }
}

/// Slow stochastic oscillator: where the close lies in the range of the last `k` candles, averaged twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stochastic {
    highest: Extremes,
    lowest: Extremes,
    slow_k: FloatWindow,
    slow_d: FloatWindow,
}

impl Stochastic {
    pub(crate) fn new(k: usize, smooth_k: usize, d: usize) -> Self {
        Self {
            highest: Extremes::new(Side::Greatest, k),
            lowest: Extremes::new(Side::Least, k),
            slow_k: FloatWindow::new(smooth_k),
            slow_d: FloatWindow::new(d),
        }
    }

    pub(crate) fn push(&mut self, bar: Bar) -> Option<[f64; 2]> {
        let highest = self.highest.push(bar.high, float(bar.high));
        let lowest = self.lowest.push(bar.low, float(bar.low));
        let (highest, lowest) = (highest?, lowest?);
        self.slow_k
            .push(percent(float(bar.close) - lowest, highest - lowest));
        if !self.slow_k.full() {
            return None;
        }
        let k = self.slow_k.mean();
        self.slow_d.push(k);
        self.slow_d.full().then(|| [k, self.slow_d.mean()])
    }
}

/// Commodity channel index: the typical price's distance from its average, in mean absolute distances
/// of 0.015. The sums are exact; each update goes through the window once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cci {
    /// High + low + close of each candle.
    ring: Box<[i128]>,
    next: usize,
    full: bool,
    sum: i128,
    /// The greatest value whose sums of distances fit 64 bits.
    largest: u128,
    /// How many values of the window are greater.
    beyond: usize,
}

impl Cci {
    pub(crate) fn new(period: usize) -> Self {
        let n = period.max(1) as u128;
        Self {
            ring: vec![0; period].into_boxed_slice(),
            next: 0,
            full: false,
            sum: 0,
            largest: i64::MAX.unsigned_abs() as u128 / (2 * n * n),
            beyond: 0,
        }
    }

    pub(crate) fn push(&mut self, bar: Bar) -> Option<f64> {
        let typical = bar.three_typical();
        let old = std::mem::replace(&mut self.ring[self.next], typical);
        self.sum += typical - old;
        self.beyond += usize::from(typical.unsigned_abs() > self.largest);
        self.beyond -= usize::from(old.unsigned_abs() > self.largest);
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.full = true;
        }
        if !self.full {
            return None;
        }
        // Everything is n times too large, so that the mean is an integer; the last line takes it out.
        let n = self.ring.len() as i128;
        let distance = typical * n - self.sum;
        let distances = if self.beyond == 0 {
            self.distances_narrow()
        } else {
            self.distances()
        };
        if distance == 0 || distances == 0 {
            return Some(0.0);
        }
        let mean = wide_float(distances) / count(self.ring.len());
        Some(wide_float(distance) / (0.015 * mean))
    }

    fn distances(&self) -> i128 {
        let n = self.ring.len() as i128;
        self.ring
            .iter()
            .map(|&typical| (typical * n - self.sum).abs())
            .sum()
    }

    /// The same in 64 bits, which `largest` guarantees to suffice; so nothing wraps, and leaving the
    /// overflow checks out lets the loop run several values at a time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "all fit, see above"
    )]
    fn distances_narrow(&self) -> i128 {
        let (n, sum) = (self.ring.len() as i64, self.sum as i64);
        let distance = |&typical: &i128| {
            (typical as i64)
                .wrapping_mul(n)
                .wrapping_sub(sum)
                .wrapping_abs()
        };
        i128::from(self.ring.iter().map(distance).fold(0, i64::wrapping_add))
    }
}
