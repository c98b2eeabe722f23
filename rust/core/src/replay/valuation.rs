//! What the positions are worth at each step, computed some steps ahead and market by market.
//!
//! Between two fills of a market its position's value is a number times its price. Those products are added up for all
//! markets over the next few steps at once, so that prices are read along their columns; a step then only looks its sum
//! up. When a market's position changes, the steps that are still to come are mended. A single position needs no sums, but the
//! prices themselves, whatever it becomes; and sums of many are kept in multiples of an amount while they fit 64 bits.

use std::ops::Range;

use crate::domain::{HalfUnits, gcd};
use crate::limits::{
    BLOCKS_TOGETHER, CLOSES_PER_LINE, FEW_VALUED, MOST_BEGUN, PRICES_TOGETHER, VALUED_TOGETHER,
    WITHOUT_UNITS,
};
use crate::market::{Places, Steps, bits_of};
use crate::portfolio::{Carried, Counted, Portfolio, Priced, Worths};

use super::Cast;
use super::sums::{add_counts, add_products, in_units, products_fit};

/// What is known of the steps that are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Sums over all markets.
    Sums,
    /// The same, in units, which is several times faster; no sum is larger than this.
    InUnits(u128),
    /// The prices of a single position.
    One(One),
}

/// The only position that is valued, whose prices have been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct One {
    market: u32,
    /// What one more half unit of the price adds to its value.
    weight: i64,
    /// The bits that any of the prices has: none is larger than all of them together, and one below zero has the highest.
    bits: HalfUnits,
}

/// The positions that are valued here, and their sums over some steps.
pub(super) struct Valuation {
    /// The first step that the sums are of.
    base: usize,
    /// Of how many steps the sums are.
    len: usize,
    sums: Box<[Carried; VALUED_TOGETHER]>,
    /// Values and sizes apart, so that the processor adds several at once.
    net: Box<[i64; VALUED_TOGETHER]>,
    sizes: Box<[i64; VALUED_TOGETHER]>,
    marks: Box<[HalfUnits; PRICES_TOGETHER]>,
    /// Which of these three holds.
    form: Form,
    /// What every weight was a multiple of when the sums were begun.
    unit: i64,
    /// How many times yet sums are made without a look whether units do.
    without_units: u32,
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
            net: Box::new([0; VALUED_TOGETHER]),
            sizes: Box::new([0; VALUED_TOGETHER]),
            marks: Box::new([0; PRICES_TOGETHER]),
            form: Form::Sums,
            unit: 1,
            without_units: 0,
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
        let mut inside = step.wrapping_sub(self.base) < self.len;
        if !self.touched.is_empty() {
            let one = match self.form {
                Form::One(one) if inside => Some(one),
                _ => None,
            };
            // Prices of one position are no sums that could be mended, and need not be.
            inside &= one.is_none();
            inside = self.take_in_changes(step, steps, cast, account, inside, eager);
            inside |= one.is_some_and(|one| self.is_still(one));
        }
        if !inside {
            self.begin((step, changes), steps, cast, account, eager);
        }
        account.set_carried(self.at(step));
    }

    /// What the positions are worth in a step that is valued.
    #[inline]
    pub(super) fn at(&self, step: usize) -> Carried {
        let place = step - self.base;
        match self.form {
            Form::One(one) => Carried::of_one(self.marks[place], one.weight),
            Form::InUnits(_) => self.in_units(place..place + 1).at(0),
            Form::Sums => self.sums[place],
        }
    }

    /// The step before which positions are valued.
    #[inline]
    pub(super) const fn end(&self) -> usize {
        self.base + self.len
    }

    /// What the positions are worth in steps that are valued.
    #[inline]
    pub(super) fn between(&self, from: usize, to: usize) -> Worths<'_> {
        let steps = from - self.base..to - self.base;
        match self.form {
            Form::One(one) => Worths::OfOne(Priced {
                marks: &self.marks[steps],
                most: one.bits,
                per_price: one.weight,
            }),
            Form::InUnits(_) => self.in_units(steps),
            Form::Sums => Worths::Of(&self.sums[steps]),
        }
    }

    #[inline]
    fn in_units(&self, steps: Range<usize>) -> Worths<'_> {
        Worths::InUnits(Counted {
            net: &self.net[steps.clone()],
            gross: &self.sizes[steps],
            unit: self.unit,
        })
    }

    /// Notes the weights of markets where something happened, and mends the sums from this step on, where it is inside
    /// them; whether it still is.
    fn take_in_changes(
        &mut self,
        step: usize,
        steps: &Steps,
        cast: &Cast<'_>,
        account: &mut Portfolio,
        mut inside: bool,
        eager: &mut Vec<u32>,
    ) -> bool {
        // What was released is among the touched; its weight stands here still.
        drop(account.released());
        let mut touched = std::mem::take(&mut self.touched);
        for (place, &market) in touched.iter().enumerate() {
            if inside && touched.len() > FEW_VALUED && place.is_multiple_of(BLOCKS_TOGETHER) {
                self.touch_closes(&touched[place..], step, cast);
            }
            let before = self.weights[market as usize];
            let carried = cast.carries[market as usize].then(|| account.carry(market));
            let now = carried.flatten().unwrap_or(0);
            if account.needs_each_price(market) {
                eager.push(market);
            }
            self.set_weight(market, now);
            if inside && now != before {
                let change = (
                    i128::from(now) - i128::from(before),
                    i128::from(now).abs() - i128::from(before).abs(),
                );
                if self.add(market, change, step, steps, cast) {
                    continue;
                }
                if matches!(self.form, Form::InUnits(_)) {
                    // What they have become is summed up anew, in the other form if need be.
                    inside = false;
                } else {
                    self.give_back(market, account, eager);
                }
            }
        }
        touched.clear();
        self.touched = touched;
        inside
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
        if let Some(one) = self.only_one(step, steps, cast) {
            self.form = Form::One(one);
            return;
        }
        // Of few positions it costs more to mend the sums than to make them anew.
        self.len = if self.valued.len() > FEW_VALUED {
            VALUED_TOGETHER
        } else {
            changes.saturating_sub(step).clamp(1, VALUED_TOGETHER)
        };
        if self.without_units == 0 {
            self.form = Form::InUnits(0);
            let weights = self.valued.iter();
            let weights = weights.map(|&market| i128::from(self.weights[market as usize]));
            self.unit = i64::try_from(weights.fold(0, gcd)).unwrap_or(1).max(1);
            self.net[..self.len].fill(0);
            self.sizes[..self.len].fill(0);
            if self.add_all(step, steps, cast, account, eager) {
                return;
            }
            self.without_units = WITHOUT_UNITS;
        }
        self.without_units -= 1;
        self.form = Form::Sums;
        self.sums[..self.len].fill(Carried::default());
        self.add_all(step, steps, cast, account, eager);
    }

    /// Adds up all markets. `false` where that does not fit into what they are counted in; a single one that does not fit
    /// at all is given back.
    fn add_all(
        &mut self,
        step: usize,
        steps: &Steps,
        cast: &Cast<'_>,
        account: &mut Portfolio,
        eager: &mut Vec<u32>,
    ) -> bool {
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
            } else if self.form == Form::Sums {
                self.give_back(market, account, eager);
            } else {
                return false;
            }
        }
        !matches!(self.form, Form::InUnits(most) if most >= MOST_BEGUN)
    }

    /// Reads the prices of the only position that is valued, from this step on. `None` where there is another number of
    /// positions, or one whose values are large.
    #[inline]
    fn only_one(&mut self, step: usize, steps: &Steps, cast: &Cast<'_>) -> Option<One> {
        let [market] = self.valued[..] else {
            return None;
        };
        self.len = (steps.len() - step).min(PRICES_TOGETHER);
        let marks = &mut self.marks[..self.len];
        let read = read_marks(marks, cast, steps, market as usize, step);
        let one = One {
            market,
            weight: self.weights[market as usize],
            bits: marks.iter().fold(0, |bits, &mark| bits | mark),
        };
        (read && one.is_small()).then_some(one)
    }

    /// Whether the prices that were read are those of the only position still, however large it is now.
    fn is_still(&mut self, one: One) -> bool {
        let one = One {
            weight: self.weights[one.market as usize],
            ..one
        };
        let still = self.valued == [one.market] && one.is_small();
        if still {
            self.form = Form::One(one);
        }
        still
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
        if let Form::InUnits(most) = self.form {
            let Some((most, net, gross)) = in_units(marks, (net, gross), self.unit, most) else {
                return false;
            };
            self.form = Form::InUnits(most);
            add_counts(&mut self.net[first..self.len], marks, net);
            if self.gross {
                add_counts(&mut self.sizes[first..self.len], marks, gross);
            }
            return true;
        }
        let size = net.unsigned_abs().max(gross.unsigned_abs());
        if !products_fit(bits_of(marks), size) {
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

impl One {
    /// Whether its values are no larger than those that may be summed up.
    fn is_small(self) -> bool {
        self.bits >= 0 && products_fit(self.bits.unsigned_abs(), self.weight.unsigned_abs().into())
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
        marks.fill(0);
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
        marks.fill(0);
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
