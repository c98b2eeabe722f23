//! Times: integer nanoseconds inside, aware datetimes for people.

use pairloom_core::domain::Nanos;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyTzInfo};

const NANOS_PER_MICRO: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Nanoseconds UTC as an aware datetime; what is finer than a microsecond is cut off.
pub(crate) fn datetime(py: Python<'_>, ts: Nanos) -> PyResult<Bound<'_, PyDateTime>> {
    let micros = ts.div_euclid(NANOS_PER_MICRO);
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    PyDateTime::new(
        py,
        i32::try_from(year)?,
        narrow(month)?,
        narrow(day)?,
        narrow(second / 3_600)?,
        narrow(second / 60 % 60)?,
        narrow(second % 60)?,
        u32::try_from(micros.rem_euclid(MICROS_PER_SECOND))?,
        Some(&*PyTzInfo::utc(py)?),
    )
}

fn narrow(value: i64) -> PyResult<u8> {
    Ok(u8::try_from(value)?)
}

/// Year, month and day of the Gregorian calendar so many days after 1970-01-01.
///
/// The year is counted from March, so that the leap day is its last; 400 years are a whole cycle of days.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let cycle = shifted.div_euclid(146_097);
    let day_of_cycle = shifted.rem_euclid(146_097);
    let leap_days = day_of_cycle / 1_460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leap_days) / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, month, day)
}
