//! Ranges and directions: ATR, ADX and Heikin-Ashi candles.
//!
//! ATR and Heikin-Ashi run in floats counted in price units: differences of prices are exact, averages are
//! rounded. ADX runs on the prices as the data gave them.

use serde::{Deserialize, Serialize};

use super::bar::{Bar, float, true_range};
use super::exact::Factor;
use super::window::count;

/// Average true range: the plain average of the first `period` ranges, then Wilder's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Atr {
    period: f64,
    ranges: f64,
    close: Option<f64>,
    value: f64,
    factor: Factor,
}

impl Atr {
    pub(crate) fn new(period: usize, factor: Factor) -> Self {
        Self {
            period: count(period),
            ranges: 0.0,
            close: None,
            value: 0.0,
            factor,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bar: Bar) -> Option<f64> {
        let before = self.close.replace(float(bar.close))?;
        let range = true_range(float(bar.high), float(bar.low), before);
        if self.ranges < self.period {
            self.ranges += 1.0;
            self.value += range;
            if self.ranges < self.period {
                return None;
            }
            self.value /= self.period;
        } else {
            self.value = (self.value * (self.period - 1.0) + range) / self.period;
        }
        Some(self.factor.of(self.value))
    }
}

/// Average directional index with its two directional indicators.
///
/// As in TA-Lib: the sums of movements and ranges start with `period - 1` candles, are smoothed from then
/// on, and the first index is the plain average of `period` values; where there is no range or no
/// movement at all, the index keeps its value. Which of two movements is the greater is decided on the
/// prices as floats, also as in TA-Lib: between equal ones the rounding decides, and an index that decided
/// better would differ from everybody else's by whole points.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Adx {
    period: f64,
    candles: f64,
    before: Option<[f64; 3]>,
    plus: f64,
    minus: f64,
    range: f64,
    plus_di: f64,
    minus_di: f64,
    sum: f64,
    value: f64,
}

impl Adx {
    pub(crate) fn new(period: usize) -> Self {
        Self {
            period: count(period),
            candles: 0.0,
            before: None,
            plus: 0.0,
            minus: 0.0,
            range: 0.0,
            plus_di: 0.0,
            minus_di: 0.0,
            sum: 0.0,
            value: 0.0,
        }
    }

    /// Takes high, low and close.
    pub(crate) fn push(&mut self, bar: [f64; 3]) -> Option<[f64; 3]> {
        let before = self.before.replace(bar)?;
        self.candles += 1.0;
        self.move_on(bar, before);
        if self.candles < self.period {
            return None;
        }
        let index = self.index();
        if self.candles < 2.0 * self.period {
            self.sum += index.unwrap_or(0.0);
            if self.candles < 2.0 * self.period - 1.0 {
                return None;
            }
            self.value = self.sum / self.period;
            // The sum is not needed again; this candle was the last to be added to it.
            self.candles = 2.0 * self.period;
        } else if let Some(index) = index {
            self.value = (self.value * (self.period - 1.0) + index) / self.period;
        }
        Some([self.value, self.plus_di, self.minus_di])
    }

    /// Adds the candle's movement and range to the sums, which lose a part of theirs once they are full.
    fn move_on(&mut self, [high, low, _]: [f64; 3], before: [f64; 3]) {
        let [high_before, low_before, close_before] = before;
        let up = high - high_before;
        let down = low_before - low;
        if self.candles >= self.period {
            self.plus -= self.plus / self.period;
            self.minus -= self.minus / self.period;
            self.range -= self.range / self.period;
        }
        if down > 0.0 && up < down {
            self.minus += down;
        } else if up > 0.0 && up > down {
            self.plus += up;
        }
        self.range += true_range(high, low, close_before);
    }

    /// Sets the directional indicators; how far they are apart, in percent of their sum.
    fn index(&mut self) -> Option<f64> {
        if self.range == 0.0 {
            return None;
        }
        self.plus_di = 100.0 * (self.plus / self.range);
        self.minus_di = 100.0 * (self.minus / self.range);
        let sum = self.plus_di + self.minus_di;
        (sum != 0.0).then(|| 100.0 * ((self.minus_di - self.plus_di).abs() / sum))
    }
}

/// Heikin-Ashi candles: the close is the mean of the four prices, the open the middle of the candle
/// before; the first opens in the middle of its own open and close.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HeikinAshi {
    before: Option<(f64, f64)>,
    factor: Factor,
}

impl HeikinAshi {
    pub(crate) fn new(factor: Factor) -> Self {
        Self {
            before: None,
            factor,
        }
    }

    pub(crate) fn push(&mut self, bar: Bar) -> [f64; 4] {
        let [first, high, low, last] = [bar.open, bar.high, bar.low, bar.close].map(float);
        let close = (first + high + low + last) / 4.0;
        let (open_before, close_before) = self.before.unwrap_or((first, last));
        let open = f64::midpoint(open_before, close_before);
        self.before = Some((open, close));
        let candle = [
            open,
            high.max(open).max(close),
            low.min(open).min(close),
            close,
        ];
        candle.map(|units| self.factor.of(units))
    }
}
