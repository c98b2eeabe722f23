#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

/// An exact non-negative number as text: whole digits and decimals, without any float in between.
fn exact_decimal(price: f64) -> String {
    format!("{price:.1074}")
}

/// `units` by text alone: the expansion cut at `digits`, rounded half to even.
fn reference_units(price: f64, digits: usize) -> i128 {
    let text = exact_decimal(price);
    let point = text.find('.').unwrap();
    let kept = format!("{}{}", &text[..point], &text[point + 1..point + 1 + digits]);
    let rest = &text[point + 1 + digits..];
    let units: i128 = kept.parse().unwrap();
    let half = format!("5{}", "0".repeat(rest.len() - 1));
    let up = *rest > *half || (*rest == *half && units % 2 == 1);
    units + i128::from(up)
}

/// Whether a price is within 4 ulp of a decimal, with both sides scaled to integers of 2^-1074:
/// too large for machine integers, so it is restricted to prices of a middling size.
fn reference_is_decimal(price: f64, digits: usize) -> bool {
    let (fraction, exponent) = decompose(price);
    assert!((-90..0).contains(&exponent));
    let power = 10_i128.pow(digits as u32);
    let step = 1_i128 << -exponent;
    let below = (fraction * power).div_euclid(step);
    [below, below + 1]
        .into_iter()
        .any(|multiple| multiple > 0 && (fraction * power - multiple * step).abs() <= 4 * power)
}

fn scale_of(prices: &[f64]) -> PriceScale {
    detect(&[prices])
}

fn exact(digits: i8) -> PriceScale {
    PriceScale {
        digits,
        exact: true,
    }
}

#[test]
fn a_float_that_misses_its_decimal_is_that_decimal() {
    let scale = scale_of(&[3.784_000_000_000_000_4e-5]);
    assert_eq!(scale, exact(8));
    assert_eq!(scale.units(3.784_000_000_000_000_4e-5), 3784);
    assert_eq!(scale.to_f64(3784), 0.000_037_84);
}

#[test]
fn the_smallest_scale_of_all_columns_is_taken() {
    assert_eq!(detect(&[&[1.0, 20.0], &[0.5]]), exact(1));
    assert_eq!(detect(&[&[1.0], &[2.0]]), exact(0));
    assert_eq!(detect(&[&[0.25], &[1e-12]]), exact(12));
    assert_eq!(detect(&[]), exact(0));
    // The largest price just fits, though all of them together have more bits than fit.
    assert_eq!(detect(&[&[4_300_000.0, 4_194_303.0], &[1e-12]]), exact(12));
    assert!(!detect(&[&[8_388_607.0], &[1e-12]]).exact);
}

#[test]
fn what_is_no_price_is_skipped() {
    assert_eq!(
        scale_of(&[f64::NAN, f64::INFINITY, -0.125, 0.0, 0.5]),
        exact(1)
    );
}

#[test]
fn the_border_is_four_units_in_the_last_place() {
    let decimal = 0.1_f64;
    // 0.1 lies a little above its decimal: by 0.4 of a unit in the last place.
    let above = |ulps: u64| f64::from_bits(decimal.to_bits() + ulps);
    let below = |ulps: u64| f64::from_bits(decimal.to_bits() - ulps);
    for (price, near) in [
        (above(3), true),
        (above(4), false),
        (below(4), true),
        (below(5), false),
    ] {
        assert_eq!(is_decimal(price, 1), near, "{price:?}");
        assert_eq!(is_decimal_exactly(price, 1), near, "{price:?}");
    }
}

#[test]
fn without_a_scale_ten_significant_digits_of_the_largest_price_remain() {
    let scale = scale_of(&[1.0 / 3.0, 0.123_456_789_012_345_67]);
    assert_eq!(
        scale,
        PriceScale {
            digits: 10,
            exact: false
        }
    );
    assert_eq!(scale.units(1.0 / 3.0), 3_333_333_333);
    let tiny = scale_of(&[1.234_567_890_123e-15]);
    assert_eq!(
        tiny,
        PriceScale {
            digits: 24,
            exact: false
        }
    );
    assert_eq!(tiny.units(1.234_567_890_123e-15), 1_234_567_890);
}

#[test]
fn a_price_too_large_for_its_units_takes_ten_digits_too() {
    let scale = scale_of(&[9_000_000_000.0, 0.000_000_000_001]);
    assert_eq!(
        scale,
        PriceScale {
            digits: 0,
            exact: false
        }
    );
    let huge = scale_of(&[1.234_567_890_49e25]);
    assert_eq!(
        huge,
        PriceScale {
            digits: -16,
            exact: false
        }
    );
    assert_eq!(
        huge.to_f64(huge.units(1.234_567_890_49e25)),
        1.234_567_89e25
    );
    let limit = scale_of(&[4_611_686_018_427_387_904.0]);
    assert!(!limit.exact);
    let below = scale_of(&[4_611_686_018_427_387_392.0]);
    assert_eq!(below, exact(0));
}

#[test]
fn prices_that_rounding_makes_others_are_found() {
    let scale = scale_of(&[3e9 + 0.123, 1.453_961_234_567_8]);
    assert_eq!((scale.digits, scale.exact), (0, false));
    assert_eq!(scale.first_lost(&[3e9 + 0.123, 50_000.4, 3.0]), None);
    assert_eq!(scale.first_lost(&[3e9 + 0.123, 1.453_961, 0.4]), Some(1));
    // A hundred-thousandth of 50,000 is half a unit, which rounding may take, and of less it may not.
    assert_eq!(scale.first_lost(&[50_000.5]), None);
    assert_eq!(scale.first_lost(&[50_000.5, 49_999.5]), Some(1));
    assert_eq!(scale.first_lost(&[0.25]), Some(0));
    assert_eq!(scale.first_lost(&[]), None);
}

#[test]
fn the_way_out_of_rounding_is_the_most_decimals_that_fit() {
    let room = |largest, price| PriceScale::with_room_for(largest, price).map(|s| s.digits);
    assert_eq!(room(3e9, 1.453_961_234_567_8), Some(9));
    assert_eq!(room(4e6, 0.01), Some(12));
    assert_eq!(room(3e9, 1.5e-9), None);
    assert_eq!(room(1e25, 1.0), None);
}

#[test]
fn ties_go_to_the_even_unit() {
    let scale = PriceScale {
        digits: 0,
        exact: false,
    };
    let units: Vec<i64> = [0.5, 1.5, 2.5, -0.5, -1.5]
        .iter()
        .map(|&p| scale.units(p))
        .collect();
    assert_eq!(units, [0, 2, 2, 0, -2]);
    let tens = PriceScale {
        digits: -1,
        exact: false,
    };
    assert_eq!(
        [tens.units(25.0), tens.units(35.0), tens.units(25.1)],
        [2, 4, 3]
    );
}

#[test]
fn the_limits_neither_panic_nor_wrap() {
    for digits in [i8::MIN, -20, 0, 12, 40, i8::MAX] {
        let scale = PriceScale {
            digits,
            exact: false,
        };
        for price in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, f64::INFINITY] {
            let units = scale.units(price);
            assert_eq!(
                units.signum() >= 0,
                price > 0.0 || units == 0,
                "{price} at {digits}"
            );
        }
        assert_eq!(scale.units(f64::NAN), 0);
        assert!(scale.to_f64(i64::MAX) > 0.0);
    }
    assert_eq!(exact(12).units(f64::MAX), i64::MAX);
    for price in [5e-324, f64::MIN_POSITIVE, f64::MAX] {
        assert!(!scale_of(&[price]).exact || price == f64::MAX, "{price}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_decimal_comes_back_as_it_was_written(units in 1_i64..1 << 48, digits in 0_i8..=12) {
        let price: f64 = format!("{units}e-{digits}").parse().unwrap();
        let scale = exact(digits);
        prop_assert_eq!(scale.units(price), units);
        prop_assert_eq!(scale.to_f64(units).to_bits(), price.to_bits());
    }

    #[test]
    fn a_detected_scale_holds_every_price(units in prop::collection::vec(1_i64..1_000_000_000, 1..20),
                                          digits in 0_i8..=8, misses in -3_i64..=3) {
        let prices: Vec<f64> = units.iter()
            .map(|u| format!("{u}e-{digits}").parse::<f64>().unwrap())
            .map(|p| f64::from_bits((p.to_bits() as i64 + misses) as u64))
            .collect();
        let scale = detect(&[&prices]);
        prop_assert!(scale.exact && scale.digits <= digits);
        for (price, meant) in prices.iter().zip(&units) {
            let factor = 10_i64.pow((digits - scale.digits) as u32);
            prop_assert_eq!(scale.units(*price) * factor, *meant);
        }
    }

    #[test]
    fn units_are_the_exact_rounding(bits in 0x3b00_0000_0000_0000_u64..0x43f0_0000_0000_0000,
                                    digits in 0_i8..=12) {
        let price = f64::from_bits(bits);
        let expected = i64::try_from(reference_units(price, digits as usize)).unwrap_or(i64::MAX);
        prop_assert_eq!(exact(digits).units(price), expected);
    }

    #[test]
    fn units_of_a_half_are_the_exact_rounding(whole in 0_i64..1 << 40, digits in 0_i8..=12, off in -2_i64..=2) {
        let near: f64 = format!("{whole}.5e-{digits}").parse().unwrap();
        let price = f64::from_bits((near.to_bits() as i64 + off) as u64);
        prop_assert_eq!(i128::from(exact(digits).units(price)), reference_units(price, digits as usize));
    }

    #[test]
    fn the_quick_check_agrees_with_exact_arithmetic(units in 1_i64..100_000_000_000, written in 0_i8..=12,
                                                    off in -9_i64..=9, digits in 0_i8..=12) {
        let decimal: f64 = format!("{units}e-{written}").parse().unwrap();
        let price = f64::from_bits((decimal.to_bits() as i64 + off) as u64);
        prop_assert_eq!(is_decimal(price, digits), reference_is_decimal(price, digits as usize));
    }

    #[test]
    fn many_prices_in_half_units_are_what_each_of_them_is(
        prices in prop::collection::vec(
            prop_oneof![
                8 => (1_i64..1_000_000_000).prop_map(|price| price as f64 / 1e4),
                1 => (0.0_f64..1e4).prop_map(|price| price),
                1 => prop_oneof![Just(f64::NAN), Just(-3.25), Just(0.0), Just(4e14), Just(6e17), Just(1e18)],
            ],
            0..12,
        ),
        digits in prop_oneof![Just(0_i8), Just(4), Just(-1)],
    ) {
        let scale = PriceScale { digits, exact: true };
        let prices: Vec<f64> = prices
            .into_iter()
            .filter(|price| price.is_nan() || price.abs() * 10_f64.powi(digits.into()) < 2e18)
            .collect();
        let mut halves = vec![7; prices.len()];
        scale.half_units(&prices, &mut halves);
        for (price, half) in prices.into_iter().zip(halves) {
            prop_assert_eq!(half, 2 * scale.units(price), "{}", price);
        }
    }

    #[test]
    fn floats_of_units_are_correctly_rounded(units in any::<i64>(), digits in -30_i8..40) {
        let scale = PriceScale { digits, exact: false };
        let expected: f64 = format!("{units}e{}", -i32::from(digits)).parse().unwrap();
        prop_assert_eq!(scale.to_f64(units).to_bits(), expected.to_bits());
    }

    #[test]
    fn floats_of_money_are_correctly_rounded(money in any::<i128>(), zeros in 0_u32..20) {
        let money = money / 10_i128.pow(zeros) * 10_i128.pow(zeros);
        let expected: f64 = format!("{money}e-18").parse().unwrap();
        prop_assert_eq!(decimal_to_f64(money, 18).to_bits(), expected.to_bits());
    }
}

#[test]
fn mids_are_what_each_bid_and_ask_come_to() {
    // Odd half units, prices of which the quick way is not sure, and more of them than are taken together.
    for digits in [0, 2, 9, -1] {
        let scale = PriceScale {
            digits,
            exact: true,
        };
        let large = 9e15 / 10_f64.powi(i32::from(digits));
        let bids: Vec<f64> = (0..150)
            .map(|i| 0.005 + f64::from(i * i) * 12.345)
            .chain([large, 3.0 * large])
            .collect();
        let asks: Vec<f64> = bids.iter().map(|bid| bid * 1.0003 + 0.01).collect();
        let mut mids = vec![0; bids.len()];
        scale.mids(&bids, &asks, &mut mids);
        for ((bid, ask), mid) in bids.iter().zip(&asks).zip(mids) {
            assert_eq!(mid, scale.units(*bid) + scale.units(*ask), "{bid} {ask}");
        }
    }
}

#[test]
fn bits_of_numbers_are_those_of_their_sizes() {
    assert_eq!(bits_of(&[]), 0);
    assert_eq!(bits_of(&[5, 0, 2]), 7);
    assert_eq!(bits_of(&[5, -8]), 13);
    assert_eq!(bits_of(&[1, i64::MIN]), (1 << 63) | 1);
}
