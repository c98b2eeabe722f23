//! From integer sums over prices to floats: one correctly rounded quotient, so that a tie is a tie.

use serde::{Deserialize, Serialize};

use crate::market::field::Field;

/// The largest power of ten that a float holds exactly; no price scale beyond it is taken literally.
const DIGITS: i8 = 22;

/// A negative scale down to this one is multiplied in before the division; the sums have room for it.
const ZEROS: i8 = -7;

/// Up to here every integer is a float.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// What the integers behind a market's prices mean: `price = units / 10^scale`, and the mid, whose units
/// are bid + ask, half of that.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct UnitScale {
    scale: i8,
}

impl UnitScale {
    /// The scale of a market: digits after the point, or minus the zeros before it.
    #[must_use]
    pub const fn new(scale: i8) -> Self {
        Self { scale }
    }

    /// The scale itself.
    #[must_use]
    pub const fn scale(self) -> i8 {
        self.scale
    }

    /// The float of a sum of `weight` times the units of `field`, that is `sum / (weight × denominator)`.
    pub(crate) fn quotient(self, field: Field, weight: u128) -> Quotient {
        let halves = if field == Field::Mid { 2 } else { 1 };
        Quotient::new(self.scale, weight.saturating_mul(halves))
    }

    /// The factor between a float counted in units of `field` and a price.
    pub(crate) fn factor(self, field: Field) -> Factor {
        self.times(field, 1.0)
    }

    /// The same for a float that counts `weight` times the units, such as high + low + close.
    pub(crate) fn times(self, field: Field, weight: f64) -> Factor {
        let halves = if field == Field::Mid { 2.0 } else { 1.0 };
        let power = power_of_ten(self.scale.unsigned_abs());
        if self.scale < 0 {
            Factor {
                multiply: power,
                divide: weight * halves,
            }
        } else {
            Factor {
                multiply: 1.0,
                divide: weight * halves * power,
            }
        }
    }
}

/// Ten to the `n` by multiplication: exact up to 10^22 and the same on every platform beyond.
fn power_of_ten(n: u8) -> f64 {
    (0..n).fold(1.0, |power, _| power * 10.0)
}

/// Turns a float counted in units into a price.
#[derive(Copy, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Factor {
    multiply: f64,
    divide: f64,
}

impl Factor {
    /// For numbers that are counted in nothing but themselves.
    pub(crate) const ONE: Self = Self {
        multiply: 1.0,
        divide: 1.0,
    };

    #[inline]
    pub(crate) fn of(self, units: f64) -> f64 {
        units * self.multiply / self.divide
    }
}

/// Division by a fixed positive number, rounded once, to the nearest float, ties to even.
///
/// Two sums whose quotients are equal as fractions give the same float, and a greater fraction never a
/// smaller float, whatever the two divisors are. (Scales that no market has, below -7 or above 22, are
/// rounded a second time by one and the same power of ten, which keeps both properties.)
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Quotient {
    divisor: f64,
    /// Whether one division of two floats is already correctly rounded.
    simple: bool,
    /// Apart, since it is seldom read and the hot part should be small.
    long: Box<Long>,
}

/// What the division takes where a float does not hold the sum or the divisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Long {
    /// Multiplied into the sum: the zeros of a negative scale.
    zeros: i128,
    divisor: u128,
    /// What remains of a scale that is out of the ordinary.
    after: Option<f64>,
}

impl Quotient {
    fn new(scale: i8, weight: u128) -> Self {
        let inside = if scale < ZEROS { 0 } else { scale.min(DIGITS) };
        let rest = scale - inside;
        let power = 10_u128.pow(u32::from(inside.unsigned_abs()));
        let (zeros, divisor) = if inside < 0 {
            (i128::try_from(power).unwrap_or(1), weight)
        } else {
            (1, weight.saturating_mul(power))
        };
        let divisor = divisor.clamp(1, u128::MAX / 2);
        let after = match rest {
            0 => None,
            1.. => Some(1.0 / power_of_ten(rest.unsigned_abs())),
            _ => Some(power_of_ten(rest.unsigned_abs())),
        };
        Self {
            divisor: to_float(divisor),
            simple: zeros == 1 && after.is_none() && is_exact(divisor),
            long: Box::new(Long {
                zeros,
                divisor,
                after,
            }),
        }
    }

    /// The float nearest to `sum / divisor`.
    #[inline]
    pub(crate) fn of(&self, sum: i128) -> f64 {
        #[expect(clippy::cast_possible_truncation, reason = "checked in the same line")]
        let narrow = sum as i64;
        if self.simple && i128::from(narrow) == sum && u128::from(narrow.unsigned_abs()) <= EXACT {
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53, so exact")]
            return narrow as f64 / self.divisor;
        }
        self.long.divide(sum)
    }

    /// The divisor, where one division of two floats is the whole work for sums up to 2^53.
    #[inline]
    pub(crate) const fn simple_divisor(&self) -> Option<f64> {
        if self.simple {
            Some(self.divisor)
        } else {
            None
        }
    }

    /// The divisor as a float, for what is not a sum, such as a deviation.
    pub(crate) fn divisor_float(&self) -> f64 {
        if self.simple {
            return self.divisor;
        }
        #[expect(clippy::cast_precision_loss, reason = "a small power of ten")]
        let zeros = self.long.zeros as f64;
        self.divisor / zeros / self.long.after.unwrap_or(1.0)
    }
}

impl Long {
    #[cold]
    fn divide(&self, sum: i128) -> f64 {
        let numerator = sum.unsigned_abs().saturating_mul(self.zeros.unsigned_abs());
        let magnitude = divide(numerator, self.divisor) * self.after.unwrap_or(1.0);
        if sum < 0 { -magnitude } else { magnitude }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the loss is asked about")]
fn to_float(n: u128) -> f64 {
    n as f64
}

fn is_exact(n: u128) -> bool {
    n == 0 || n >> n.trailing_zeros() <= EXACT
}

/// The float nearest to `numerator / divisor`, ties to even; the divisor is below 2^127.
///
/// Bits are produced until there are three more than a float has, and what is left over sets the last
/// one, so the conversion sees on which side of the middle the quotient lies.
fn divide(numerator: u128, divisor: u128) -> f64 {
    if numerator == 0 {
        return 0.0;
    }
    let (mut quotient, mut rest) = (numerator / divisor, numerator % divisor);
    let mut halvings = 0_u64;
    while quotient < 1 << 56 {
        quotient <<= 1;
        rest <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
        halvings += 1;
    }
    if rest != 0 {
        quotient |= 1;
    }
    // At most 56 + 127 halvings, so the power of two is a normal float and the product exact.
    to_float(quotient) * f64::from_bits((1023 - halvings) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_long_way_rounds_like_the_processor() {
        for (n, d) in [(1_u128, 3_u128), (2, 3), (10, 7), (1, 10), (355, 113)] {
            assert_eq!(divide(n, d), to_float(n) / to_float(d));
        }
    }

    #[test]
    fn a_negative_scale_means_zeros() {
        assert_eq!(UnitScale::new(-3).quotient(Field::Close, 2).of(5), 2500.0);
        assert_eq!(UnitScale::new(-12).quotient(Field::Close, 2).of(5), 2.5e12);
        assert_eq!(UnitScale::new(-3).factor(Field::Close).of(2.5), 2500.0);
        assert_eq!(UnitScale::new(2).quotient(Field::Mid, 1).of(301), 1.505);
    }

    #[test]
    fn no_scale_and_no_sum_panics() {
        for scale in i8::MIN..=i8::MAX {
            let quotient = UnitScale::new(scale).quotient(Field::Mid, 500_000_500_000);
            for sum in [i128::MIN, -1, 0, 1, i128::MAX] {
                assert!(!quotient.of(sum).is_nan());
            }
            assert!(quotient.divisor_float() > 0.0);
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree_where_both_apply(n in 0_u64..1 << 53, d in 1_u64..1 << 53) {
            prop_assert_eq!(divide(n.into(), d.into()), to_float(n.into()) / to_float(d.into()));
        }

        #[test]
        fn equal_fractions_are_equal_and_greater_ones_not_smaller(
            sum in any::<i64>(), less in 0_i128..1000, weight in 1_u128..1_000_000,
            factor in 1_u32..1_000_000, scale in -12_i8..=22,
        ) {
            let scale = UnitScale::new(scale);
            let once = scale.quotient(Field::Close, weight);
            let often = scale.quotient(Field::Close, weight * u128::from(factor));
            let sum = i128::from(sum);
            let product = sum * i128::from(factor);
            prop_assert_eq!(once.of(sum).to_bits(), often.of(product).to_bits());
            prop_assert!(often.of(product - less) <= once.of(sum));
        }
    }
}
