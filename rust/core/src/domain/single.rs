//! Numbers of single precision as the decimals that they were written as.

/// The shortest decimal that reads back as this number of single precision, as a float: 34.35 where the nearest single is
/// 34.34999847412109. Prices are decimals, and two that are written alike must be equal.
#[must_use]
pub fn widened(single: f32) -> f64 {
    let wide = f64::from(single);
    if wide == 0.0 || !wide.is_finite() {
        return wide;
    }
    // Six digits always come back from a single, and nine always tell it.
    for digits in 6..=9 {
        match to_digits(wide, digits) {
            Some(rounded) if narrow(rounded, single) => return rounded,
            Some(_) => {}
            None => break,
        }
    }
    format!("{single:e}").parse().unwrap_or(wide)
}

/// A number rounded to so many digits; `None` beyond the powers of ten that a float holds exactly.
fn to_digits(number: f64, digits: i32) -> Option<f64> {
    let power = digits - 1 - exponent(number)?;
    let factor = super::pow10_f64(power.unsigned_abs());
    let factor = factor.is_finite().then_some(factor)?;
    // One rounding each: the digits are a whole number, and so is the power.
    Some(if power >= 0 {
        (number * factor).round_ties_even() / factor
    } else {
        (number / factor).round_ties_even() * factor
    })
}

/// The power of ten of the first digit.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no float is above 10^309 or below 10^-324"
)]
fn exponent(number: f64) -> Option<i32> {
    let exponent = number.abs().log10().floor();
    exponent.is_finite().then_some(exponent as i32)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the nearest single is what is asked for"
)]
fn narrow(number: f64, single: f32) -> bool {
    (number as f32).to_bits() == single.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_the_shortest_text_reads_as(bits in any::<u32>(), units in 0_u32..10_000_000, digits in 0_i32..9) {
            let price = (f64::from(units) / 10_f64.powi(digits)) as f32;
            for single in [f32::from_bits(bits), price, -price] {
                let (found, text) = (widened(single), single.to_string());
                if single.is_nan() {
                    prop_assert!(found.is_nan());
                    continue;
                }
                prop_assert_eq!((found as f32).to_bits(), single.to_bits());
                // Two decimals may be as short and as near as each other.
                let off = |value: f64| (value - f64::from(single)).abs();
                prop_assert!(found.to_string().len() <= text.len(), "{found} {text}");
                prop_assert!(off(found) <= off(text.parse().unwrap()), "{found} {text}");
            }
        }
    }

    #[test]
    fn prices_that_are_written_alike_are_equal() {
        assert_eq!(widened(34.35), 34.35);
        assert_eq!(widened(0.1), 0.1);
        assert_eq!(widened(16_777_216.0), 16_777_216.0);
        assert_eq!(widened(110.003_91), 110.003_91);
        assert_eq!(widened(f32::INFINITY), f64::INFINITY);
        assert_eq!(widened(-0.0).to_bits(), (-0.0_f64).to_bits());
    }
}
