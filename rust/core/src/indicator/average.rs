//! Moving averages: simple, weighted, exponential, and the MACD made of the last.
//!
//! Where the input is a price, sums run on its integers and one division makes the float, so two averages
//! that are equal as fractions are equal as floats. Exponential averages have no finite fraction; they run
//! in floats counted in price units, so that at least a market that stands still gives its price exactly.

use serde::{Deserialize, Serialize};

use crate::limits::LOOKED_AHEAD;
use crate::market::bits_of;

use super::exact::{Factor, Quotient};
use super::window::{FloatWindow, Sum, UnitWindow, count};

/// A simple average over integers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SmaUnits {
    window: UnitWindow,
    quotient: Quotient,
}

impl SmaUnits {
    pub(crate) fn new(period: usize, quotient: Quotient) -> Self {
        Self {
            window: UnitWindow::new(period),
            quotient,
        }
    }

    #[inline]
    pub(crate) fn touch(&self) -> i64 {
        self.window.touch()
    }

    #[inline]
    pub(crate) fn push(&mut self, units: i64) -> Option<f64> {
        self.window.push(units);
        self.window
            .full()
            .then(|| self.quotient.of(self.window.sum()))
    }
}

impl SmaUnits {
    /// Takes in many prices, given in half units, whose units are these shifted to the right.
    pub(crate) fn push_many(&mut self, halves: &[i64], shift: u32, out: &mut Vec<f64>) {
        // Sums that a float holds exactly need no look at each of them.
        if let Some(divisor) = self.quotient.simple_divisor()
            && let Some(mut sum) = self.window.narrow_sum(bits_of(halves))
        {
            let (mut units, mut sums) = ([0; LOOKED_AHEAD], [0; LOOKED_AHEAD]);
            for halves in halves.chunks(LOOKED_AHEAD) {
                let (units, sums) = (&mut units[..halves.len()], &mut sums[..halves.len()]);
                for (units, half) in units.iter_mut().zip(halves) {
                    *units = shifted(*half, shift);
                }
                sum = self.window.push_many(sum, units, sums);
                out.extend(sums.iter().map(|&sum| small_float(sum) / divisor));
            }
            return;
        }
        out.extend(halves.iter().map(|half| {
            self.window.push(half >> shift);
            self.quotient.of(self.window.sum())
        }));
    }
}

/// A whole number below 2^51 shifted to the right. Every processor shifts several numbers at once, but not those below zero, so
/// that it is made one that is not.
#[inline]
const fn shifted(number: i64, shift: u32) -> i64 {
    const ABOVE: u64 = 1 << 62;
    let above = ABOVE.wrapping_add_signed(number) >> shift;
    above.wrapping_sub(ABOVE >> shift).cast_signed()
}

/// A whole number below 2^51 as a float. Unlike a conversion, this is done for several numbers at once: the number is
/// written into the last bits of a float so large that these count ones.
#[inline]
fn small_float(number: i64) -> f64 {
    const LARGE: f64 = 6_755_399_441_055_744.0;
    f64::from_bits(LARGE.to_bits().wrapping_add_signed(number)) - LARGE
}

/// A simple average over floats, from a compensated sum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SmaFloats {
    window: FloatWindow,
}

impl SmaFloats {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            window: FloatWindow::new(period),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> Option<f64> {
        self.window.push(x);
        self.window.full().then(|| self.window.mean())
    }
}

/// The sum of the weights 1 to `period`.
pub(crate) fn triangle(period: usize) -> usize {
    period * (period + 1) / 2
}

/// A weighted average over integers: when a value comes in, every other weight falls by one, so the
/// weighted sum loses the plain sum of what was there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WmaUnits {
    window: UnitWindow,
    weighted: i128,
    quotient: Quotient,
}

impl WmaUnits {
    pub(crate) fn new(period: usize, quotient: Quotient) -> Self {
        Self {
            window: UnitWindow::new(period),
            weighted: 0,
            quotient,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, units: i64) -> Option<f64> {
        // While the window fills, the values not yet there count as zeros, which weigh nothing.
        self.weighted += i128::from(units) * self.window.len() as i128 - self.window.sum();
        self.window.push(units);
        self.window.full().then(|| self.quotient.of(self.weighted))
    }
}

/// A weighted average over floats.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WmaFloats {
    window: FloatWindow,
    weighted: Sum,
    weights: f64,
}

impl WmaFloats {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            window: FloatWindow::new(period),
            weighted: Sum::default(),
            weights: count(triangle(period)),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> Option<f64> {
        self.weighted.add(x * count(self.window.len()));
        self.weighted.add(-self.window.sum());
        self.window.push(x);
        if !self.window.full() {
            return None;
        }
        if self.window.at_start() {
            // The products are rounded; a fresh sum once a round keeps their errors from piling up.
            let values = self.window.oldest_first().enumerate();
            self.weighted = values.map(|(i, x)| x * count(i + 1)).collect();
        }
        Some(self.weighted.value() / self.weights)
    }
}

/// An exponential average that starts from the simple average of its first `period` values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Average {
    period: usize,
    seen: usize,
    seed: Sum,
    factor: f64,
    value: f64,
}

impl Average {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            period,
            seen: 0,
            seed: Sum::default(),
            factor: 2.0 / (count(period) + 1.0),
            value: f64::NAN,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> Option<f64> {
        if self.seen >= self.period {
            self.value += (x - self.value) * self.factor;
            return Some(self.value);
        }
        self.seed.add(x);
        self.seen += 1;
        if self.seen < self.period {
            return None;
        }
        self.value = self.seed.value() / count(self.period);
        Some(self.value)
    }
}

/// The exponential average as an indicator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ema {
    average: Average,
    factor: Factor,
}

impl Ema {
    pub(crate) fn new(period: usize, factor: Factor) -> Self {
        Self {
            average: Average::new(period),
            factor,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, x: f64) -> Option<f64> {
        self.average.push(x).map(|units| self.factor.of(units))
    }
}

/// Moving average convergence/divergence.
///
/// The fast average is seeded from the `fast` values that end where the slow one has its first, as TA-Lib
/// does, and the signal line from the first `signal` differences; all three outputs start together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Macd {
    fast: Average,
    slow: Average,
    signal: Average,
    /// Values that the fast average leaves out at the start.
    skip: usize,
    factor: Factor,
}

impl Macd {
    pub(crate) fn new(fast: usize, slow: usize, signal: usize, factor: Factor) -> Self {
        Self {
            fast: Average::new(fast),
            slow: Average::new(slow),
            signal: Average::new(signal),
            skip: slow.saturating_sub(fast),
            factor,
        }
    }

    pub(crate) fn push(&mut self, x: f64) -> Option<[f64; 3]> {
        let slow = self.slow.push(x);
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        let macd = self.fast.push(x)? - slow?;
        let signal = self.signal.push(macd)?;
        Some([macd, signal, macd - signal].map(|units| self.factor.of(units)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_zero_are_shifted_as_all_are() {
        for number in [0, 1, 7, -1, -2, -7, (1 << 50) + 1, -(1 << 50) - 1] {
            for shift in 0..3 {
                assert_eq!(shifted(number, shift), number >> shift, "{number} {shift}");
            }
        }
    }
}
