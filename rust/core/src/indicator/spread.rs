//! How far values lie apart: standard deviation and Bollinger bands.
//!
//! Over prices the variance is an exact integer, `n·Σx² − (Σx)²`, and only its root and the last division
//! are rounded, as long as every price of the window times the period stays below 2^63. Beyond that, and
//! over floats, each update goes through the window's distances from its mean: as accurate, but it takes
//! time in proportion to the period.

use serde::{Deserialize, Serialize};

use super::exact::Quotient;
use super::window::{FloatWindow, UnitWindow, count};

/// Mean and standard deviation of a window of integers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SpreadUnits {
    window: UnitWindow,
    /// Σx² modulo 2^128: right again as soon as what made it overflow has left the window.
    squares: i128,
    /// The greatest value whose square and its sums are sure to fit.
    largest: u64,
    /// How many values of the window are greater.
    beyond: usize,
    quotient: Quotient,
}

impl SpreadUnits {
    /// `quotient` is that of a sum over the period.
    pub(crate) fn new(period: usize, quotient: Quotient) -> Self {
        Self {
            window: UnitWindow::new(period),
            squares: 0,
            largest: i64::MAX.unsigned_abs() / period.max(1) as u64,
            beyond: 0,
            quotient,
        }
    }

    #[inline]
    fn push(&mut self, units: i64) -> bool {
        let old = self.window.push(units);
        let square = |x: i64| i128::from(x) * i128::from(x);
        self.squares = self
            .squares
            .wrapping_add(square(units))
            .wrapping_sub(square(old));
        self.beyond += usize::from(units.unsigned_abs() > self.largest);
        self.beyond -= usize::from(old.unsigned_abs() > self.largest);
        self.window.full()
    }

    #[inline]
    fn mean(&self) -> f64 {
        self.quotient.of(self.window.sum())
    }

    #[inline]
    fn deviation(&self) -> f64 {
        let n = self.window.len();
        let sum = self.window.sum();
        let root = if self.beyond == 0 {
            // Each term is below n²·largest² < 2^126.
            #[expect(
                clippy::cast_precision_loss,
                reason = "one rounding of an exact variance"
            )]
            let variance = (n as i128 * self.squares - sum * sum) as f64;
            variance.sqrt()
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a distance is rounded once")]
            let squares: f64 = (self.window.values().iter())
                .map(|&x| (i128::from(x) * n as i128 - sum) as f64)
                .map(|distance| distance * distance)
                .sum();
            (squares / count(n)).sqrt()
        };
        // The quotient's divisor holds the period already, by which the root is too large.
        root / self.quotient.divisor_float()
    }
}

/// Mean and standard deviation of a window of floats.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SpreadFloats {
    window: FloatWindow,
}

impl SpreadFloats {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            window: FloatWindow::new(period),
        }
    }

    fn deviation(&self) -> f64 {
        let mean = self.window.mean();
        let squares: f64 = self
            .window
            .oldest_first()
            .map(|x| (x - mean) * (x - mean))
            .sum();
        (squares / count(self.window.len())).sqrt()
    }
}

/// What both windows give: mean and standard deviation, once they are full.
pub(crate) trait Spread {
    type Item;
    fn mean_and_deviation(&mut self, x: Self::Item) -> Option<(f64, f64)>;
}

impl Spread for SpreadUnits {
    type Item = i64;

    #[inline]
    fn mean_and_deviation(&mut self, x: i64) -> Option<(f64, f64)> {
        self.push(x).then(|| (self.mean(), self.deviation()))
    }
}

impl Spread for SpreadFloats {
    type Item = f64;

    fn mean_and_deviation(&mut self, x: f64) -> Option<(f64, f64)> {
        self.window.push(x);
        self.window
            .full()
            .then(|| (self.window.mean(), self.deviation()))
    }
}

/// The standard deviation alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Std<W>(pub(crate) W);

impl<W: Spread> Std<W> {
    #[inline]
    pub(crate) fn push(&mut self, x: W::Item) -> Option<f64> {
        self.0.mean_and_deviation(x).map(|(_, deviation)| deviation)
    }
}

/// The mean and a band of so many deviations around it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bollinger<W> {
    pub(crate) window: W,
    pub(crate) deviations: f64,
}

impl<W: Spread> Bollinger<W> {
    #[inline]
    pub(crate) fn push(&mut self, x: W::Item) -> Option<[f64; 3]> {
        let (middle, deviation) = self.window.mean_and_deviation(x)?;
        let width = self.deviations * deviation;
        Some([middle, middle + width, middle - width])
    }
}
