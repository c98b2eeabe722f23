//! Exact numbers: money at 10^-18, the decimals a user gives, and rationals rounded on purpose.

use std::fmt;

use ethnum::I256;
use rust_decimal::Decimal;

/// Digits after the point in [`Money`].
pub const MONEY_DIGITS: u32 = 18;

/// An amount of a currency, in units of 10^-18. Sums are checked by those who make them.
pub type Money = i128;

/// Ten to the `n`, or `None` where it does not fit.
#[must_use]
#[inline]
pub fn pow10(n: u32) -> Option<i128> {
    usize::try_from(n).ok().and_then(|n| POWERS.get(n)).copied()
}

/// All powers of ten that fit: to make one anew takes longer than most of what is done with it.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// The largest number of which both are multiples; zero where both are.
#[must_use]
pub fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// A number as a user gave it: exact, or why it cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// An exact decimal.
    Exact(Decimal),
    /// NaN or an infinity.
    NotFinite,
    /// Too large to be represented; the sign is kept.
    TooLarge {
        /// Whether the number was below zero.
        negative: bool,
    },
}

/// Why a text is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberError(pub String);

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a number", self.0)
    }
}

impl std::error::Error for NumberError {}

impl Amount {
    /// The shortest decimal that reads back as this float, which is what its `repr` shows.
    #[must_use]
    pub fn from_f64(value: f64) -> Self {
        if !value.is_finite() {
            return Self::NotFinite;
        }
        Self::parse(&format!("{value:e}")).unwrap_or(Self::NotFinite)
    }

    /// Reads a decimal such as `0.1`, `-3` or `1e-5`.
    ///
    /// # Errors
    /// When the text is not a number at all.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let trimmed = text.trim();
        let lower = trimmed.to_ascii_lowercase();
        let bare = lower.trim_start_matches(['+', '-']);
        if matches!(bare, "nan" | "inf" | "infinity" | "snan") {
            return Ok(Self::NotFinite);
        }
        let exact = match lower.split_once('e') {
            Some((digits, power)) => {
                Decimal::from_scientific(&format!("{}e{power}", within_reach(digits)))
            }
            None => within_reach(trimmed).parse(),
        };
        if let Ok(value) = exact {
            return Ok(Self::Exact(value.normalize()));
        }
        // A well-formed number outside the decimal's range is huge, or so small that it is nothing but its sign.
        let approximate: f64 = trimmed.parse().map_err(|_| NumberError(text.to_owned()))?;
        if approximate.abs() >= 1.0 {
            return Ok(Self::TooLarge {
                negative: approximate < 0.0,
            });
        }
        let tiny = Decimal::new(if trimmed.starts_with('-') { -1 } else { 1 }, 28);
        let long = format!("{approximate:.28}").parse().unwrap_or(tiny);
        let long = if long == Decimal::ZERO { tiny } else { long };
        Ok(Self::Exact(long.normalize()))
    }
}

/// A decimal without the digits that [`Decimal`] cannot hold. It would round them, to the even one, and what is too much by
/// that is bought or sold; left out, they are rounded down as every quantity is.
fn within_reach(text: &str) -> &str {
    let Some((whole, part)) = text.split_once('.') else {
        return text;
    };
    let digits = whole.trim_start_matches(['+', '-', '0']).len();
    let room = (Decimal::MAX_SCALE as usize).saturating_sub(digits);
    let plain = part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || part.len() <= room || room == 0 {
        return text;
    }
    &text[..=whole.len() + room]
}

/// A fee rate or another small factor, exact: `mantissa / 10^digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The digits without the point.
    pub mantissa: i128,
    /// The power of ten below it.
    pub denominator: i128,
}

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self {
        mantissa: 0,
        denominator: 1,
    };

    /// The rate that a decimal stands for.
    #[must_use]
    pub fn from_decimal(value: Decimal) -> Self {
        let value = value.normalize();
        Self {
            mantissa: value.mantissa(),
            denominator: 10_i128.pow(value.scale()),
        }
    }

    /// The rate as a float, for people.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a figure for people, not for the ledger"
    )]
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / self.denominator as f64
    }
}

/// `floor(product(numerator) / product(denominator))` with 256 bits in between; `None` where it does not fit
/// or the denominator is zero.
#[must_use]
#[inline]
pub fn ratio_floor(numerator: &[i128], denominator: &[i128]) -> Option<i128> {
    // Nearly always everything fits into 128 bits, which is many times faster.
    if let (Some(n), Some(d)) = (narrow_product(numerator), narrow_product(denominator))
        && d > 0
    {
        return Some(floor_div(n, d));
    }
    wide_ratio_floor(numerator, denominator)
}

/// The floor of a quotient with a positive divisor. Numbers of 64 bits are divided many times faster.
#[inline]
fn floor_div(n: i128, d: i128) -> i128 {
    match (u64::try_from(n), u64::try_from(d)) {
        (_, Ok(1)) => n,
        (Ok(n), Ok(d)) if d != 0 => i128::from(n / d),
        _ => n.div_euclid(d),
    }
}

#[cold]
fn wide_ratio_floor(numerator: &[i128], denominator: &[i128]) -> Option<i128> {
    let (n, d) = (product(numerator)?, product(denominator)?);
    if d == I256::ZERO {
        return None;
    }
    let quotient = n.checked_div_euclid(d)?;
    // Euclid's division floors for a positive divisor; for a negative one both signs are turned first.
    let quotient = if d < I256::ZERO {
        n.checked_neg()?.checked_div_euclid(d.checked_neg()?)?
    } else {
        quotient
    };
    i128::try_from(quotient).ok()
}

/// Whether a product of two numbers is less than another one, exactly.
#[must_use]
#[inline]
pub fn product_is_less(left: (i128, i128), right: (i128, i128)) -> bool {
    match (checked_mul(left.0, left.1), checked_mul(right.0, right.1)) {
        (Some(left), Some(right)) => left < right,
        // Two numbers of 127 bits have a product of 254, so this one cannot overflow.
        _ => {
            let wide = |(a, b)| I256::from(a) * I256::from(b);
            wide(left) < wide(right)
        }
    }
}

/// The same rounded up.
#[must_use]
pub fn ratio_ceil(numerator: &[i128], denominator: &[i128]) -> Option<i128> {
    if let (Some(n), Some(d)) = (narrow_product(numerator), narrow_product(denominator))
        && d > 0
    {
        let down = floor_div(n, d);
        // The product is at most the numerator, so it fits.
        return down.checked_add(i128::from(down.wrapping_mul(d) != n));
    }
    let (first, rest) = numerator.split_first()?;
    let mut negated = Vec::with_capacity(numerator.len());
    negated.push(first.checked_neg()?);
    negated.extend_from_slice(rest);
    ratio_floor(&negated, denominator)?.checked_neg()
}

#[inline]
fn narrow_product(factors: &[i128]) -> Option<i128> {
    let (&first, rest) = factors.split_first()?;
    rest.iter().try_fold(first, |acc, &x| checked_mul(acc, x))
}

/// A checked product that is quick where both factors are small, as they mostly are.
#[inline]
#[must_use]
pub fn checked_mul(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        // Two factors of 64 bits have a product of 128.
        (Ok(a), Ok(b)) => Some(i128::from(a).wrapping_mul(i128::from(b))),
        // A product has no more bits than its factors have together.
        _ if a.unsigned_abs().leading_zeros() + b.unsigned_abs().leading_zeros() > 128 => {
            Some(a.wrapping_mul(b))
        }
        _ => a.checked_mul(b),
    }
}

/// The powers of ten that a float holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Ten to the `n` as a float; beyond 10^22, which no scale reaches, infinite.
#[inline]
#[must_use]
pub fn pow10_f64(n: u32) -> f64 {
    let power = usize::try_from(n).ok().and_then(|n| EXACT_POWERS.get(n));
    power.copied().unwrap_or(f64::INFINITY)
}

/// The float nearest to `units × 10^-digits`.
#[inline]
#[must_use]
pub fn decimal_to_f64(units: i128, digits: i32) -> f64 {
    // A whole number below 2^53 divided by an exact power of ten is one correctly rounded operation.
    const EXACT: u128 = 1 << 53;
    if units.unsigned_abs() <= EXACT
        && let Some(power) = usize::try_from(digits)
            .ok()
            .and_then(|d| EXACT_POWERS.get(d))
    {
        return units as f64 / power;
    }
    // Money is held at 18 decimals and mostly needs fewer, which brings it back to the quick way.
    if digits >= 9
        && let Some(fewer) = without_nine_zeros(units)
    {
        return decimal_to_f64(fewer, digits - 9);
    }
    format!("{units}e{}", -digits).parse().unwrap_or(f64::NAN)
}

/// A number without its last nine digits, where these are zeros and others are not.
fn without_nine_zeros(units: i128) -> Option<i128> {
    const NINE: i128 = 1_000_000_000;
    const TWOS: u32 = NINE.trailing_zeros();
    const ODD: i64 = (NINE >> TWOS) as i64;
    // A division of 128 bits is slow, and most numbers need none: without the factors of two they fit into 64.
    match i64::try_from(units >> TWOS) {
        Ok(part) if part % ODD == 0 && units.trailing_zeros() >= TWOS && units != 0 => {
            Some(i128::from(part / ODD))
        }
        Ok(_) => None,
        Err(_) => (units % NINE == 0).then_some(units / NINE),
    }
}

fn product(factors: &[i128]) -> Option<I256> {
    factors
        .iter()
        .try_fold(I256::ONE, |acc, &x| acc.checked_mul(I256::from(x)))
}

/// A value in units of 10^-18 as a decimal without superfluous zeros: `-0.05`, `12`.
#[must_use]
pub fn decimal_string(value: i128) -> String {
    let mut text = Vec::new();
    write_decimal(value, &mut text);
    text.into_iter().map(char::from).collect()
}

/// The same, added to a text in bytes. A run's digest has several numbers a fill, so this is made for speed.
pub fn write_decimal(value: i128, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let (whole, part) = parts_of(value.unsigned_abs());
    match u64::try_from(whole) {
        Ok(whole) => write_whole(whole, out),
        Err(_) => out.extend_from_slice(whole.to_string().as_bytes()),
    }
    if part == 0 {
        return;
    }
    // Written with a one before it, a part has all its digits, and the one makes place for the point.
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(10_u64.pow(MONEY_DIGITS) + part);
    let digits = digits.trim_end_matches('0').as_bytes();
    out.push(b'.');
    out.extend_from_slice(&digits[1..]);
}

/// The whole of a number at 10^-18 and its part below one, in that unit.
fn parts_of(magnitude: u128) -> (u128, u64) {
    const ONE: u64 = 10_u64.pow(MONEY_DIGITS);
    const TWOS: u32 = ONE.trailing_zeros();
    // A division of 128 bits is slow, and most numbers need none: without the factors of two both sides fit into 64.
    let whole = match u64::try_from(magnitude >> TWOS) {
        Ok(shifted) => u128::from(shifted / (ONE >> TWOS)),
        Err(_) => magnitude / u128::from(ONE),
    };
    let rest = magnitude - whole * u128::from(ONE);
    (whole, u64::try_from(rest).unwrap_or(0))
}

/// The value in units of 10^-18 that [`decimal_string`] writes like that; nothing for any other text.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let places = MONEY_DIGITS as usize;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !plain(whole) || !plain(part) {
        return None;
    }
    let zeros = "0".repeat(places - part.len());
    let sign = if digits.len() < text.len() { "-" } else { "" };
    format!("{sign}{whole}{part}{zeros}").parse().ok()
}

/// A whole number, added to a text in bytes.
pub fn write_whole(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_cannot_be_held_are_left_out_and_not_rounded() {
        let parsed = |text: &str| match Amount::parse(text) {
            Ok(Amount::Exact(value)) => value.to_string(),
            other => format!("{other:?}"),
        };
        let nines = "9".repeat(30);
        assert_eq!(
            parsed(&format!("0.12345678{nines}")),
            "0.1234567899999999999999999999"
        );
        assert_eq!(
            parsed(&format!("-12.{nines}")),
            "-12.99999999999999999999999999"
        );
        assert_eq!(
            parsed(&format!("+0007.{nines}")),
            "7.999999999999999999999999999"
        );
        assert_eq!(
            parsed(&format!("1.2345678{nines}e0")),
            "1.234567899999999999999999999"
        );
        assert_eq!(parsed("0.10"), "0.1");
        assert_eq!(parsed("12."), "12");
    }

    #[test]
    fn products_are_compared_beyond_128_bits() {
        let large = i128::MAX / 3;
        assert!(product_is_less((large, 10), (large, 11)));
        assert!(!product_is_less((large, 11), (large, 10)));
        assert!(!product_is_less((large, 10), (large, 10)));
        assert!(product_is_less((-large, 10), (large, 1)));
        assert!(product_is_less(
            (i128::MIN, i128::MAX),
            (i128::MAX, i128::MAX)
        ));
        assert!(product_is_less((3, 4), (13, 1)));
    }

    #[test]
    fn a_decimal_is_read_back_as_it_was_written() {
        let ones = (0..=38).flat_map(|n| {
            let power = 10_i128.checked_pow(n).unwrap();
            [power, -power, power - 1, power / 3]
        });
        for value in ones.chain([0, i128::MAX, i128::MIN, 1 << 64]) {
            assert_eq!(parse_decimal(&decimal_string(value)), Some(value));
        }
        for text in [
            "",
            "-",
            ".",
            ".5",
            "1e3",
            "1.0000000000000000001",
            "+1",
            "1,0",
            " 1",
        ] {
            assert_eq!(parse_decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_float_means_its_shortest_decimal() {
        assert_eq!(Amount::from_f64(0.1), Amount::parse("0.1").unwrap());
        assert_eq!(Amount::from_f64(1e-5), Amount::parse("0.00001").unwrap());
        assert_eq!(Amount::from_f64(f64::NAN), Amount::NotFinite);
        assert_eq!(
            Amount::from_f64(-1e300),
            Amount::TooLarge { negative: true }
        );
        assert!(matches!(Amount::from_f64(1e-300), Amount::Exact(d) if d > Decimal::ZERO));
        assert!(Amount::parse("one").is_err());
    }

    #[test]
    fn ratios_round_to_the_side_they_name() {
        assert_eq!(ratio_floor(&[7], &[2]), Some(3));
        assert_eq!(ratio_floor(&[-7], &[2]), Some(-4));
        assert_eq!(ratio_ceil(&[7], &[2]), Some(4));
        assert_eq!(ratio_ceil(&[-7], &[2]), Some(-3));
        assert_eq!(ratio_floor(&[1], &[0]), None);
        assert_eq!(ratio_floor(&[i128::MAX, i128::MAX], &[1]), None);
        assert_eq!(ratio_floor(&[i128::MAX, 10], &[10]), Some(i128::MAX));
    }

    proptest::proptest! {
        #[test]
        fn decimals_read_back_as_what_they_were(value in proptest::prelude::any::<i128>(), shift in 0_u32..127) {
            let value = value >> shift;
            let text = decimal_string(value);
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let digits = format!("{}{part:0<18}", whole.trim_start_matches('-'));
            proptest::prop_assert_eq!(digits.parse::<u128>().ok(), Some(value.unsigned_abs()));
            proptest::prop_assert_eq!(text.starts_with('-'), value < 0);
            proptest::prop_assert!(!part.ends_with('0') && (whole == "0" || !whole.starts_with('0')));
        }
    }

    #[test]
    fn decimals_print_without_superfluous_zeros() {
        assert_eq!(decimal_string(0), "0");
        assert_eq!(decimal_string(-50_000_000_000_000_000), "-0.05");
        assert_eq!(decimal_string(12_000_000_000_000_000_000), "12");
    }
}
