//! ISO 8601 times as nanoseconds UTC.

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// Since 1970, UTC.
    pub(super) nanos: i64,
    /// Whether the text names a zone.
    pub(super) zoned: bool,
}

/// `2018-01-10`, `2018-01-10 04:55`, `2018-01-10T04:55:00.123456789+01:00`; without a zone UTC.
///
/// `None` for what is no such time, and for what lies outside the years that nanoseconds span.
pub(super) fn parse(text: &str) -> Option<Time> {
    let text = text.trim();
    let (date, rest) = text.as_bytes().split_at_checked(10)?;
    let days = days_from_civil(date)?;
    let (nanos, offset) = match rest.split_first() {
        None => (0, None),
        Some((b'T' | b't' | b' ', clock)) => {
            let (clock, offset) = split_zone(clock)?;
            (nanos_of_day(clock)?, offset)
        }
        Some(_) => return None,
    };
    let total = i128::from(days) * 86_400_000_000_000 + i128::from(nanos)
        - i128::from(offset.unwrap_or(0)) * 1_000_000_000;
    // The smallest number is NumPy's "not a time".
    let nanos = i64::try_from(total).ok().filter(|&time| time != i64::MIN)?;
    let zoned = offset.is_some();
    Some(Time { nanos, zoned })
}

fn number(digits: &[u8]) -> Option<i64> {
    let all = !digits.is_empty() && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit);
    all.then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// Days since 1970-01-01 of `YYYY-MM-DD` in the proleptic Gregorian calendar.
fn days_from_civil(date: &[u8]) -> Option<i64> {
    if date.get(4) != Some(&b'-') || date.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month) = (number(&date[..4])?, number(&date[5..7])?);
    let day = number(&date[8..10])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Counting years from March puts the leap day last, so month lengths follow one formula.
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let century = year.div_euclid(100);
    Some(year * 365 + year.div_euclid(4) - century + century.div_euclid(4) + of_year - 719_468)
}

/// The clock without its zone, and the zone's offset in seconds, if there is one.
fn split_zone(clock: &[u8]) -> Option<(&[u8], Option<i64>)> {
    if let Some((b'Z' | b'z', rest)) = clock.split_last() {
        return Some((rest, Some(0)));
    }
    let Some(at) = clock.iter().position(|b| matches!(b, b'+' | b'-')) else {
        return Some((clock, None));
    };
    let (clock, zone) = clock.split_at(at);
    let clock = clock.strip_suffix(b" ").unwrap_or(clock);
    let (sign, zone) = zone.split_first()?;
    let minutes = match zone {
        [h1, h2] => number(&[*h1, *h2])? * 60,
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => {
            let minutes = number(&[*m1, *m2])?;
            (minutes < 60).then_some(number(&[*h1, *h2])? * 60 + minutes)?
        }
        _ => return None,
    };
    let offset = minutes * 60;
    let offset = if *sign == b'-' { -offset } else { offset };
    (minutes < 24 * 60).then_some((clock, Some(offset)))
}

fn nanos_of_day(clock: &[u8]) -> Option<i64> {
    let (clock, fraction) = match clock.iter().position(|b| matches!(b, b'.' | b',')) {
        Some(at) => (&clock[..at], Some(&clock[at + 1..])),
        None => (clock, None),
    };
    let (hour, minute, second) = match clock {
        [h1, h2, b':', m1, m2] if fraction.is_none() => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 0)
        }
        [h1, h2, b':', m1, m2, b':', s1, s2] => (
            number(&[*h1, *h2])?,
            number(&[*m1, *m2])?,
            number(&[*s1, *s2])?,
        ),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = match fraction {
        Some(digits) => number(digits)? * 10_i64.pow(9 - digits.len() as u32),
        None => 0,
    };
    Some((hour * 3_600 + minute * 60 + second) * 1_000_000_000 + nanos)
}
