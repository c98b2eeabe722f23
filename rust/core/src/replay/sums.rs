//! Products of prices and weights, added to the sums of some steps: in amounts, or counted in units, several times faster.

use crate::domain::HalfUnits;
use crate::limits::MOST_COUNTED;
use crate::portfolio::Carried;

/// Bits that a mark and a weight may have together, so that the sum over all markets fits its 127.
const PRODUCT_BITS: u32 = 106;

/// Two weights in units, and what sums are no larger than, if their products with these marks are added to sums that are
/// no larger than `most`. `None` where that is too large, or a weight is no multiple of the unit.
#[inline]
pub(super) fn in_units(
    marks: &[HalfUnits],
    (net, gross): (i128, i128),
    unit: i64,
    most: u128,
) -> Option<(u128, i64, i64)> {
    let (net, gross) = (i64::try_from(net).ok()?, i64::try_from(gross).ok()?);
    if net % unit != 0 || gross % unit != 0 {
        return None;
    }
    let (net, gross) = (net / unit, gross / unit);
    // No mark is larger than all their bits together; one below zero has the highest of them.
    let bits = marks.iter().fold(0, |bits, &mark| bits | mark);
    let size = u32::try_from(net.unsigned_abs().max(gross.unsigned_abs())).ok()?;
    let most = most + u128::from(u32::try_from(bits).ok()?) * u128::from(size);
    (most < MOST_COUNTED).then_some((most, net, gross))
}

/// Adds the marks times a weight to sums, where [`in_units`] says that they are small enough: products of 32 bits are made
/// several at once.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "marks and weight have 32 bits"
)]
pub(super) fn add_counts(sums: &mut [i64], marks: &[HalfUnits], weight: i64) {
    let size = u64::from(weight.unsigned_abs() as u32);
    let product = |mark: HalfUnits| (u64::from(mark as u32) * size).cast_signed();
    let each = sums.iter_mut().zip(marks);
    match weight.signum() {
        1 => each.for_each(|(sum, &mark)| *sum = sum.wrapping_add(product(mark))),
        -1 => each.for_each(|(sum, &mark)| *sum = sum.wrapping_sub(product(mark))),
        _ => {}
    }
}

/// Whether products of marks of these bits with a number of this size may be added up over all markets.
#[inline]
pub(super) const fn products_fit(bits: u64, size: u128) -> bool {
    (64 - bits.leading_zeros()) + (128 - size.leading_zeros()) <= PRODUCT_BITS
}

/// Shows `to` each sum with its mark times a weight.
#[inline]
pub(super) fn add_products(
    sums: &mut [Carried],
    marks: &[HalfUnits],
    weight: i64,
    to: impl Fn(&mut Carried, i128),
) {
    for (sum, &mark) in sums.iter_mut().zip(marks) {
        to(sum, i128::from(mark).wrapping_mul(i128::from(weight)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_products_where_they_fit() {
        let marks = [3, 0, 1 << 31, 7];
        assert_eq!(in_units(&marks, (10, 10), 4, 0), None, "no multiple");
        assert_eq!(in_units(&marks, (1 << 34, 0), 1, 0), None, "a large weight");
        assert_eq!(in_units(&[1 << 32], (1, 1), 1, 0), None, "a large mark");
        assert_eq!(in_units(&[5, -5], (1, 1), 1, 0), None, "one below zero");
        assert_eq!(in_units(&marks, (8, 4), 4, MOST_COUNTED - 1), None, "full");
        for weight in [0, 4, -4, 4_000, -280_000, 1 << 31] {
            let (most, net, gross) = in_units(&marks, (weight, weight.abs()), 4, 5).unwrap();
            assert_eq!(i128::from(net) * 4, weight);
            assert_eq!(gross, net.abs());
            let mut sums = [1, -1, 1 << 50, 0];
            let wanted = sums.iter().zip(marks);
            let wanted: Vec<i64> = wanted.map(|(sum, mark)| sum + mark * net).collect();
            add_counts(&mut sums, &marks, net);
            assert_eq!(sums.as_slice(), wanted, "{weight}");
            let largest = marks.iter().map(|mark| (mark * net).unsigned_abs()).max();
            assert!(most >= 5 + u128::from(largest.unwrap()));
        }
    }
}
