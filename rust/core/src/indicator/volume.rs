//! Indicators that weigh with the volume: OBV and VWAP.

use serde::{Deserialize, Serialize};

use super::bar::{Bar, wide_float};
use super::exact::Factor;
use super::window::Sum;

/// On-balance volume: starts at the first volume, grows by the volume of a candle that closes higher than
/// the one before and falls by that of one that closes lower.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Obv {
    close: Option<i64>,
    sum: Sum,
}

impl Obv {
    pub(crate) fn new() -> Self {
        Self {
            close: None,
            sum: Sum::default(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bar: Bar, volume: f64) -> f64 {
        match self
            .close
            .replace(bar.close)
            .map(|before| bar.close.cmp(&before))
        {
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Less) => self.sum.add(-volume),
            Some(std::cmp::Ordering::Greater) | None => self.sum.add(volume),
        }
        self.sum.value()
    }
}

/// Volume-weighted average of the typical price, over the last events or over all since the start.
///
/// The sum runs over the distances from one typical price of the window, so nothing is lost to the size
/// of the price, and a market that stands still gives its price exactly. Without any volume in the window
/// there is no such average: NaN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Vwap {
    /// High + low + close, and volume, of the window; empty when it runs over everything.
    ring: Box<[(i128, f64)]>,
    next: usize,
    full: bool,
    anchor: Option<i128>,
    money: Sum,
    volume: Sum,
    /// How many events of the window had a volume; a float sum need not come back to zero.
    traded: u64,
    factor: Factor,
}

impl Vwap {
    /// `factor` is that of high + low + close.
    pub(crate) fn new(period: Option<usize>, factor: Factor) -> Self {
        Self {
            ring: vec![(0, 0.0); period.unwrap_or(0)].into_boxed_slice(),
            next: 0,
            full: false,
            anchor: None,
            money: Sum::default(),
            volume: Sum::default(),
            traded: 0,
            factor,
        }
    }

    pub(crate) fn push(&mut self, bar: Bar, volume: f64) -> Option<f64> {
        let typical = bar.three_typical();
        let anchor = *self.anchor.get_or_insert(typical);
        self.add(typical - anchor, volume);
        if volume != 0.0 {
            self.traded += 1;
        }
        if self.ring.is_empty() {
            return Some(self.value(anchor));
        }
        let (old, old_volume) = std::mem::replace(&mut self.ring[self.next], (typical, volume));
        if self.full {
            self.add(old - anchor, -old_volume);
            if old_volume != 0.0 {
                self.traded -= 1;
            }
        }
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
            self.full = true;
            self.start_afresh(typical);
        }
        let anchor = self.anchor.unwrap_or(anchor);
        self.full.then(|| self.value(anchor))
    }

    #[inline]
    fn add(&mut self, distance: i128, volume: f64) {
        self.money.add(wide_float(distance) * volume);
        self.volume.add(volume);
    }

    /// Once a round the sums are made anew around a price of this window, and old errors are gone.
    fn start_afresh(&mut self, anchor: i128) {
        self.anchor = Some(anchor);
        self.money = Sum::default();
        self.volume = Sum::default();
        for index in 0..self.ring.len() {
            let (typical, volume) = self.ring[index];
            self.add(typical - anchor, volume);
        }
    }

    #[inline]
    fn value(&self, anchor: i128) -> f64 {
        if self.traded == 0 {
            return f64::NAN;
        }
        self.factor
            .of(wide_float(anchor) + self.money.value() / self.volume.value())
    }
}
