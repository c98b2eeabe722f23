//! What the positions are worth at each step, computed some steps ahead and market by market.
//!
//! Between two fills of a market its position's value is a number times its price. Those products are added up for all
//! markets over the next few steps at once, so that prices are read along their columns; a step then only looks its sum
//! up. When a market's position changes, the steps that are still to come are mended.

use crate::domain::HalfUnits;
use crate::limits::{BLOCKS_TOGETHER, CLOSES_PER_LINE, FEW_VALUED, VALUED_TOGETHER};
use crate::market::{Places, Steps};
use crate::portfolio::{Carried, Portfolio};

use super::Cast;

/// Bits that a mark and a weight may have together, so that the sum over all markets fits its 127.
const PRODUCT_BITS: u32 = 106;

/// The positions that are valued here, and their sums over some steps.
pub(super) struct Valuation {
    /// The first step that the sums are of.
    base: usize,
    /// Of how many steps the sums are.
    len: usize,
    sums: Box<[Carried; VALUED_TOGETHER]>,
    /// What one more half unit of the price adds to a market's value; zero for one that is not valued here.
    weights: Vec<i64>,
    /// The markets with a weight, and each one's place among them.
    valued: Vec<u32>,
    places: Vec<u32>,
    /// Markets where something happened, which may be valued here from now on.
    touched: Vec<u32>,
    /// Whether anybody asks for the worth whatever the side.
    gross: bool,
}

impl Valuation {
    pub(super) fn new(markets: usize, spot: bool) -> Self {
        Self {
            // So far from any step that none of them seems to be summed up.
            base: usize::MAX / 2,
            len: 0,
            sums: Box::new([Carried::default(); VALUED_TOGETHER]),
            weights: vec![0; markets],
            valued: Vec::new(),
            places: vec![0; markets],
            touched: Vec::new(),
            gross: !spot,
        }
    }

    /// Something happened to a market's position.
    #[inline]
    pub(super) fn touch(&mut self, market: u32) {
        self.touched.push(market);
    }

    /// Tells the account what the positions valued here are worth at `step`. Markets whose positions need a look at each
    /// price are added to `eager`. `changes` is the first step after it in which a position may change.
    #[inline]
    pub(super) fn value(
        &mut self,
        (step, changes): (usize, usize),
        steps: &Steps,
        cast: &Cast<'_>,
        account: &mut Portfolio,
        eager: &mut Vec<u32>,
    ) {
        let inside = step.wrapping_sub(self.base) < self.len;
        if !self.touched.is_empty() {
            self.take_in_changes(step, steps, cast, account, inside, eager);
        }
        if !inside {
            self.begin((step, changes), steps, cast, account, eager);
        }
        account.set_carried(self.sums[step - self.base]);
    }

    /// The step before which positions are valued.
    #[inline]
    pub(super) const fn end(&self) -> usize {
        self.base + self.len
    }

    /// What the positions are worth in steps that are valued.
    #[inline]
    pub(super) fn between(&self, from: usize, to: usize) -> &[Carried] {
        &self.sums[from - self.base..to - self.base]
    }

    fn take_in_changes(
        &mut self,
        step: usize,
        steps: &Steps,
        cast: &Cast<'_>,
        account: &mut Portfolio,
        inside: bool,
        eager: &mut Vec<u32>,
    ) {
        // What was released is among the touched; its weight stands here still.
        drop(account.released());
        let mut touched = std::mem::take(&mut self.touched);
        for (place, &market) in touched.iter().enumerate() {
            if inside && touched.len() > FEW_VALUED && place.is_multiple_of(BLOCKS_TOGETHER) {
                self.touch_closes(&touched[place..], step, cast);
            }
            let before = self.weights[market as usize];
            let carried = cast.carries[market as usize].then(|| account.carry(market));
            let now = match carried.flatten() {
                Some(weight) => weight,
                // One that was touched twice is carried already.
                None if account.is_carried(market) => continue,
                None => 0,
            };
            if account.needs_each_price(market) {
                eager.push(market);
            }
            self.set_weight(market, now);
            if inside && now != before {
                let change = (
                    i128::from(now) - i128::from(before),
                    i128::from(now).abs() - i128::from(before).abs(),
                );
                if !self.add(market, change, step, steps, cast) {
                    self.give_back(market, account, eager);
                }
            }
        }
        touched.clear();
        self.touched = touched;
    }

    /// Sums up the steps from this one on.
    fn begin(
        &mut self,
        (step, changes): (usize, usize),
        steps: &Steps,
        cast: &Cast<'_>,
        account: &mut Portfolio,
        eager: &mut Vec<u32>,
    ) {
        self.base = step;
        // Of few positions it costs more to mend the sums than to make them anew.
        self.len = if self.valued.len() > FEW_VALUED {
            VALUED_TOGETHER
        } else {
            changes.saturating_sub(step).clamp(1, VALUED_TOGETHER)
        };
        self.sums[..self.len].fill(Carried::default());
        let mut place = 0;
        let mut read = 0;
        while let Some(&market) = self.valued.get(place) {
            if place >= read && self.valued.len() > FEW_VALUED {
                read = place + BLOCKS_TOGETHER;
                self.touch_closes(&self.valued[place..], step, cast);
            }
            let weight = i128::from(self.weights[market as usize]);
            if self.add(market, (weight, weight.abs()), step, steps, cast) {
                place += 1;
            } else {
                self.give_back(market, account, eager);
            }
        }
    }

    /// Reads the closes of the first of these markets, which are to be summed up, so that the waits for memory overlap.
    fn touch_closes(&self, markets: &[u32], step: usize, cast: &Cast<'_>) {
        let left = self.end().saturating_sub(step).min(VALUED_TOGETHER);
        let markets = markets.iter().take(BLOCKS_TOGETHER);
        let touched = markets.fold(0, |touched, &market| {
            let column = &cast.columns[market as usize];
            let first = step.wrapping_sub(column.first);
            // A column begins anywhere in a line, so the last row may lie in one that no other of these does.
            let rows = (first..first.wrapping_add(left)).step_by(CLOSES_PER_LINE);
            let rows = rows.chain(std::iter::once(first.wrapping_add(left).wrapping_sub(1)));
            rows.map_while(|row| column.closes.get(row))
                .fold(touched, |touched, close| touched ^ close.to_bits())
        });
        std::hint::black_box(touched);
    }

    fn set_weight(&mut self, market: u32, weight: i64) {
        let index = market as usize;
        match (self.weights[index] != 0, weight != 0) {
            (false, true) => {
                self.places[index] = u32::try_from(self.valued.len()).unwrap_or(u32::MAX);
                self.valued.push(market);
            }
            (true, false) => {
                let place = self.places[index];
                self.valued.swap_remove(place as usize);
                if let Some(&moved) = self.valued.get(place as usize) {
                    self.places[moved as usize] = place;
                }
            }
            _ => {}
        }
        self.weights[index] = weight;
    }

    /// A value too large to be summed up here is looked at step by step.
    #[cold]
    fn give_back(&mut self, market: u32, account: &mut Portfolio, eager: &mut Vec<u32>) {
        self.set_weight(market, 0);
        account.give_back(market);
        eager.push(market);
    }

    /// Adds a change of a market's weight, and of its size, to the steps from `step` on. False where the numbers are too
    /// large; then nothing is added.
    fn add(
        &mut self,
        market: u32,
        (net, gross): (i128, i128),
        step: usize,
        steps: &Steps,
        cast: &Cast<'_>,
    ) -> bool {
        let first = step - self.base;
        let mut marks = [0; VALUED_TOGETHER];
        let marks = &mut marks[first..self.len];
        if !read_marks(marks, cast, steps, market as usize, step) {
            return true;
        }
        let bits = marks
            .iter()
            .fold(0, |bits, mark| bits | mark.unsigned_abs());
        let size = net.unsigned_abs().max(gross.unsigned_abs());
        if (64 - bits.leading_zeros()) + (128 - size.leading_zeros()) > PRODUCT_BITS {
            return false;
        }
        let gross = if self.gross { gross } else { 0 };
        let sums = &mut self.sums[first..self.len];
        if let (Ok(net), Ok(gross)) = (i64::try_from(net), i64::try_from(gross)) {
            // Mostly a position turns to the other side, or is the one that is looked at: then one product serves both.
            if gross == 0 {
                add_products(sums, marks, net, |sum, more| {
                    sum.net = sum.net.wrapping_add(more);
                });
            } else if gross == net {
                add_products(sums, marks, net, |sum, more| {
                    sum.net = sum.net.wrapping_add(more);
                    sum.gross = sum.gross.wrapping_add(more);
                });
            } else {
                add_products(sums, marks, net, |sum, more| {
                    sum.net = sum.net.wrapping_add(more);
                });
                add_products(sums, marks, gross, |sum, more| {
                    sum.gross = sum.gross.wrapping_add(more);
                });
            }
        } else {
            for (sum, &mark) in sums.iter_mut().zip(&*marks) {
                sum.net = sum.net.wrapping_add(i128::from(mark).wrapping_mul(net));
                sum.gross = sum.gross.wrapping_add(i128::from(mark).wrapping_mul(gross));
            }
        }
        true
    }
}

/// Shows `to` each sum with its mark times a weight.
#[inline]
fn add_products(
    sums: &mut [Carried],
    marks: &[HalfUnits],
    weight: i64,
    to: impl Fn(&mut Carried, i128),
) {
    for (sum, &mark) in sums.iter_mut().zip(marks) {
        to(sum, i128::from(mark).wrapping_mul(i128::from(weight)));
    }
}

/// The marks of a market in the steps from `step` on, as many as there is room for. False where it has none.
fn read_marks(
    marks: &mut [HalfUnits],
    cast: &Cast<'_>,
    steps: &Steps,
    market: usize,
    step: usize,
) -> bool {
    let column = &cast.columns[market];
    let row = step.wrapping_sub(column.first);
    let rows = row..row.wrapping_add(marks.len());
    if let Some(closes) = column.closes.get(rows) {
        cast.scales[market].half_units(closes, marks);
        return true;
    }
    let kind = cast.kinds[market][0];
    let Some(series) = cast.series(market, kind) else {
        return false;
    };
    let (scale, places) = (cast.scales[market], steps.places(market, kind));
    if let Places::Straight { first, rows } = places {
        let row = step.wrapping_sub(first as usize);
        if row
            .checked_add(marks.len())
            .is_some_and(|end| end <= rows as usize)
        {
            series.marks(row, scale, marks);
            return true;
        }
    }
    let mut after = places.before(step + 1);
    // A position that is carried has a mark, so there is a row before.
    let Some(row) = after.checked_sub(1) else {
        return true;
    };
    let mut mark = series.event(row).mark(scale);
    for (offset, out) in marks.iter_mut().enumerate() {
        while places
            .get(after)
            .is_some_and(|place| place as usize <= step + offset)
        {
            after += 1;
            mark = series.event(after - 1).mark(scale);
        }
        *out = mark;
    }
    true
}
