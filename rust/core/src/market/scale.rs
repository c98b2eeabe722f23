//! The price scale of a market: how many decimals turn its prices into integers.
//!
//! Files are full of floats such as `3.7840000000000004e-05`, which somebody meant as
//! `0.00003784`.  A market's scale is the smallest number of decimals at which every price of the
//! input lies within four units in the last place of a decimal; the price *is* that decimal.
//! Where no scale of up to [`MAX_DIGITS`] decimals does that, or the largest price would not fit,
//! ten significant digits of the largest price are kept and the scale says that it is not exact.

pub use crate::domain::decimal_to_f64;
use crate::limits::{LOOKED_AHEAD, MOST_ROUNDING_OF_PRICES};

use super::event::EventKind;
use super::series::Market;

/// The most decimals an exact scale may have.
pub const MAX_DIGITS: i8 = 12;

/// Units stay below this, so that sums and differences of two prices cannot overflow.
const UNITS_LIMIT: i64 = 1 << 62;

/// Significant digits kept of the largest price when no exact scale exists.
const SIGNIFICANT_DIGITS: i32 = 10;

/// A price may miss its decimal by this many units in the last place.
const TOLERANCE_ULPS: i128 = 4;

/// Half a unit in the last place, relative: the largest error of one float multiplication.
const HALF_ULP: f64 = 1.110_223_024_625_156_5e-16;

/// Below this a product's rounding error is under 0.04, so a clear distance from one half is safe.
const QUICK_LIMIT: f64 = 281_474_976_710_656.0;

/// From here on four units in the last place are a whole unit, so every price is a decimal.
const DENSE: f64 = 2_251_799_813_685_248.0;

/// Added and taken away again, it rounds any smaller number than `DENSE` half to even: without
/// it the baseline processor calls a function for each price.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The fraction up to which a product may be rounded without exact arithmetic.
const CLEAR_FRACTION: f64 = 0.45;

/// The powers of ten that a float holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// How a market's prices become integers: `units = price × 10^digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceScale {
    /// Decimals of one unit; negative for prices so large that units are tens, hundreds, ...
    pub digits: i8,
    /// Whether every price of the input is a decimal of that many digits.
    pub exact: bool,
}

/// The scale of a market, from all the price columns of its whole input.
///
/// Prices that are not finite or not positive are skipped: the checks of the input refuse them.
/// Without any price the scale has no decimals.
pub fn detect(columns: &[&[f64]]) -> PriceScale {
    let mut digits = 0;
    let mut above = 0.0_f64;
    let mut found = true;
    let pieces = { columns.iter() }.flat_map(|column| column.chunks(LOOKED_AHEAD));
    for prices in pieces {
        if let Some(most) = above_clear(prices, digits).filter(|_| found) {
            above = above.max(most);
            continue;
        }
        for &price in prices {
            if !is_price(price) {
                continue;
            }
            above = above.max(price);
            while found && !is_decimal(price, digits) {
                if digits == MAX_DIGITS {
                    found = false;
                } else {
                    digits += 1;
                }
            }
        }
    }
    let scale = PriceScale {
        digits,
        exact: true,
    };
    if found && scale.units(above) < UNITS_LIMIT {
        return scale;
    }
    let prices = columns.iter().flat_map(|column| column.iter().copied());
    let largest = { prices.filter(|&price| is_price(price)) }.fold(0.0, f64::max);
    if found && scale.units(largest) < UNITS_LIMIT {
        scale
    } else {
        significant(largest)
    }
}

impl Market {
    /// Reads the price scale off every price of the market.
    #[must_use]
    pub fn detect_scale(&self) -> PriceScale {
        let columns: Vec<&[f64]> = self.prices().map(|(_, _, prices)| prices).collect();
        detect(&columns)
    }

    /// All columns of prices, each with its kind and its name.
    pub fn prices(&self) -> impl Iterator<Item = (EventKind, &'static str, &[f64])> {
        let candles = self.candles.iter().flat_map(|candles| {
            [
                ("open", &*candles.open),
                ("high", &*candles.high),
                ("low", &*candles.low),
                ("close", &*candles.close),
            ]
        });
        let quotes = { self.quotes.iter() }
            .flat_map(|quotes| [("bid", &*quotes.bid), ("ask", &*quotes.ask)]);
        let trades = self.trades.iter().map(|trades| ("price", &*trades.price));
        { candles.map(|(name, prices)| (EventKind::Candle, name, prices)) }
            .chain(quotes.map(|(name, prices)| (EventKind::Quote, name, prices)))
            .chain(trades.map(|(name, prices)| (EventKind::Trade, name, prices)))
    }
}

fn is_price(price: f64) -> bool {
    price > 0.0 && price.is_finite()
}

impl PriceScale {
    /// The price in units: the nearest multiple, half to even.
    ///
    /// Never panics: what does not fit saturates, and not a number is zero.
    #[inline]
    #[must_use]
    pub fn units(&self, price: f64) -> i64 {
        let scaled = scale_up(price, self.digits);
        let nearest = (scaled + ROUNDER) - ROUNDER;
        if scaled.abs() < QUICK_LIMIT && (scaled - nearest).abs() < CLEAR_FRACTION {
            nearest as i64
        } else {
            exact_units(price, self.digits)
        }
    }

    /// Prices in half units, twice [`PriceScale::units`] of each, as many as both slices have.
    pub fn half_units(&self, prices: &[f64], out: &mut [i64]) {
        let digits = usize::try_from(self.digits).ok();
        let power = digits.and_then(|digits| EXACT_POWERS.get(digits));
        if power.is_none_or(|&power| !clear_half_units(prices, power, out)) {
            for (half, &price) in out.iter_mut().zip(prices) {
                *half = 2 * self.units(price);
            }
        }
    }

    /// The prices half way between bids and asks, in half units, as many as all slices have.
    pub fn mids(&self, bids: &[f64], asks: &[f64], out: &mut [i64]) {
        let mut buffer = [0; LOOKED_AHEAD];
        let asks = asks.chunks(LOOKED_AHEAD);
        let pieces = bids.chunks(LOOKED_AHEAD).zip(asks);
        for ((bids, asks), out) in pieces.zip(out.chunks_mut(LOOKED_AHEAD)) {
            self.half_units(bids, out);
            let asked = &mut buffer[..out.len()];
            self.half_units(asks, asked);
            for (mid, ask) in out.iter_mut().zip(asked) {
                // Both are twice a whole number.
                *mid = (*mid >> 1) + (*ask >> 1);
            }
        }
    }

    /// The first of these prices that rounding to the scale makes another: zero, or off by more than
    /// [`MOST_ROUNDING_OF_PRICES`] of it.
    #[must_use]
    pub fn first_lost(&self, prices: &[f64]) -> Option<usize> {
        let least = { prices.iter().copied() }.fold(f64::INFINITY, f64::min);
        // Of so many units half a one, the most that rounding takes, is less than that.
        if MOST_ROUNDING_OF_PRICES * self.units(least) as f64 >= 1.0 {
            return None;
        }
        prices.iter().position(|&price| self.loses(price))
    }

    fn loses(&self, price: f64) -> bool {
        let units = self.units(price);
        units == 0 || (self.to_f64(units) - price).abs() > MOST_ROUNDING_OF_PRICES * price
    }

    /// The scale of the most decimals to which a price can be rounded next to this largest one, if it is still the same then.
    #[must_use]
    pub fn with_room_for(largest: f64, price: f64) -> Option<Self> {
        let exact = |digits| PriceScale {
            digits,
            exact: true,
        };
        { (0..=MAX_DIGITS).rev().map(exact) }
            .find(|scale| scale.units(largest) < UNITS_LIMIT)
            .filter(|scale| !scale.loses(price))
    }

    /// The float nearest to so many units.
    #[inline]
    #[must_use]
    pub fn to_f64(&self, units: i64) -> f64 {
        decimal_to_f64(i128::from(units), i32::from(self.digits))
    }
}

/// The bits that any of these numbers has, whatever its sign.
#[must_use]
#[inline]
pub fn bits_of(numbers: &[i64]) -> u64 {
    // Prices are not below zero, and then this is all.
    let all = numbers.iter().fold(0, |all, number| all | number);
    if all >= 0 {
        return all.cast_unsigned();
    }
    { numbers.iter() }.fold(0, |bits, number| bits | number.unsigned_abs())
}

/// Ten significant digits of the largest price.
fn significant(largest: f64) -> PriceScale {
    let text = format!("{largest:e}");
    let exponent: i32 = text
        .rsplit('e')
        .next()
        .and_then(|part| part.parse().ok())
        .unwrap_or(0);
    let digits = (SIGNIFICANT_DIGITS - 1 - exponent).clamp(i8::MIN.into(), i8::MAX.into());
    PriceScale {
        digits: digits as i8,
        exact: false,
    }
}

#[inline]
fn scale_up(price: f64, digits: i8) -> f64 {
    match usize::try_from(digits) {
        Ok(d) if d < EXACT_POWERS.len() => price * EXACT_POWERS[d],
        Ok(_) => scale_far_up(price, digits),
        Err(_) => scale_down(price, digits.unsigned_abs()),
    }
}

// Kept apart: the compiler takes a power for cheap and would compute it for every price, wanted or not.
#[cold]
#[inline(never)]
fn scale_far_up(price: f64, digits: i8) -> f64 {
    price * 10_f64.powi(i32::from(digits))
}

#[cold]
#[inline(never)]
fn scale_down(price: f64, digits: u8) -> f64 {
    match EXACT_POWERS.get(usize::from(digits)) {
        Some(power) => price / power,
        None => price / 10_f64.powi(i32::from(digits)),
    }
}

/// A number that is larger than all of these prices by less than their double, where each clearly is a decimal of so many digits;
/// `None` where one of them is not, or needs a closer look.
#[inline]
fn above_clear(prices: &[f64], digits: i8) -> Option<f64> {
    let power = EXACT_POWERS[digits as usize];
    let (mut unclear, mut bits) = (0, 0);
    for &price in prices {
        let scaled = price * power;
        let shifted = scaled + ROUNDER;
        let missed = (scaled - (shifted - ROUNDER)).abs();
        // The same bounds as below; what is no number is within none of them.
        let near = missed <= 2.5 * HALF_ULP * scaled;
        unclear |= u64::from(!(near & (scaled >= 0.5)));
        // As above: what is not below `DENSE` has other bits.
        bits |= shifted.to_bits().wrapping_sub(ROUNDER.to_bits());
    }
    let clear = unclear == 0 && bits < DENSE as u64;
    clear.then(|| (bits + 1) as f64 / power)
}

/// Prices in half units, where each clearly is a whole number of units below [`QUICK_LIMIT`] and not below zero; else `false`, and `out`
/// holds anything.
#[inline]
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "what is no number is unclear, too"
)]
fn clear_half_units(prices: &[f64], power: f64, out: &mut [i64]) -> bool {
    // Two sums of bits and no branch, so that the processor takes several prices at once.
    let (mut unclear, mut bits) = (0, 0);
    for (half, &price) in out.iter_mut().zip(prices) {
        let scaled = price * power;
        let shifted = scaled + ROUNDER;
        let missed = (scaled - (shifted - ROUNDER)).abs();
        unclear |= u64::from(!(missed < CLEAR_FRACTION));
        // The sum's last bits are the whole number: no conversion is needed. What is too large for them has others.
        let units = shifted.to_bits().wrapping_sub(ROUNDER.to_bits());
        bits |= units;
        *half = (units << 1).cast_signed();
    }
    unclear == 0 && bits < QUICK_LIMIT as u64
}

/// Whether a positive price lies within four units in the last place of a multiple of 10^-digits.
#[inline]
fn is_decimal(price: f64, digits: i8) -> bool {
    let scaled = price * EXACT_POWERS[digits as usize];
    if scaled >= DENSE {
        return true;
    }
    let missed = (scaled - ((scaled + ROUNDER) - ROUNDER)).abs();
    // The tolerance is between 4 and 8 times HALF_ULP of the product, whose own error is one.
    if missed <= 2.5 * HALF_ULP * scaled {
        scaled >= 0.5
    } else if missed > 10.0 * HALF_ULP * scaled {
        false
    } else {
        is_decimal_exactly(price, digits)
    }
}

#[cold]
fn is_decimal_exactly(price: f64, digits: i8) -> bool {
    let (fraction, exponent) = decompose(price);
    if exponent >= 0 {
        return true;
    }
    let power = power_of_ten(digits);
    // In units of 2^exponent × 10^-digits: fraction < 2^53 and power < 2^40 leave room in an i128.
    let value = fraction * power;
    let Some(step) = 1_i128
        .checked_shl(exponent.unsigned_abs())
        .filter(|_| exponent > -126)
    else {
        return false;
    };
    let multiple = nearest_quotient(value, step);
    // Zero is no price, however near it is.
    multiple > 0 && (value - multiple * step).abs() <= TOLERANCE_ULPS * power
}

/// `price = fraction × 2^exponent`, exactly, with the unit in the last place 2^exponent.
fn decompose(price: f64) -> (i128, i32) {
    let bits = price.abs().to_bits();
    let mantissa = i128::from(bits & ((1 << 52) - 1));
    let biased = (bits >> 52) as i32;
    if biased == 0 {
        (mantissa, -1074)
    } else {
        (mantissa | (1 << 52), biased - 1075)
    }
}

fn power_of_ten(digits: i8) -> i128 {
    10_i128.pow(u32::from(digits.clamp(0, MAX_DIGITS).unsigned_abs()))
}

/// `value / step` for positive numbers, to the nearest whole number, half to even.
fn nearest_quotient(value: i128, step: i128) -> i128 {
    let whole = value / step;
    let rest = value % step;
    let twice = rest.saturating_mul(2);
    let up = twice > step || (twice == step && whole % 2 == 1);
    whole + i128::from(up)
}

#[cold]
fn exact_units(price: f64, digits: i8) -> i64 {
    if !price.is_finite() {
        return price as i64;
    }
    let (fraction, exponent) = decompose(price);
    let magnitude = if (0..=MAX_DIGITS).contains(&digits) {
        integer_units(fraction, exponent, digits)
    } else {
        decimal_units(price.abs(), digits)
    };
    let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
    if price < 0.0 { -magnitude } else { magnitude }
}

fn integer_units(fraction: i128, exponent: i32, digits: i8) -> i128 {
    let value = fraction * power_of_ten(digits);
    match exponent {
        ..=-126 => 0,
        -125..0 => nearest_quotient(value, 1 << exponent.unsigned_abs()),
        0..=30 => value << exponent,
        _ => i128::MAX,
    }
}

/// For scales beyond exact integer arithmetic: rounds the price's exact decimal expansion as text.
fn decimal_units(price: f64, digits: i8) -> i128 {
    // 1,074 decimals write any float exactly.
    let text = format!("{price:.1074}");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let all: Vec<u8> = whole.bytes().chain(decimals.bytes()).collect();
    let cut = whole.len() as i64 + i64::from(digits);
    let Ok(cut) = usize::try_from(cut) else {
        return 0;
    };
    let (kept, rest) = all.split_at(cut.min(all.len()));
    let mut units = 0_i128;
    for digit in kept {
        units = units
            .saturating_mul(10)
            .saturating_add(i128::from(digit - b'0'));
    }
    let half = match rest.split_first() {
        Some((b'5', tail)) if tail.iter().all(|&d| d == b'0') => units % 2 == 1,
        Some((first, _)) => *first >= b'5',
        None => false,
    };
    units.saturating_add(i128::from(half))
}

#[cfg(test)]
#[path = "scale_tests.rs"]
mod tests;
