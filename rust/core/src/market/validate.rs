//! What a row of market data must be, checked before anything else sees it.
//!
//! Pure functions over slices: they name the first offence (row, column, value and rule), or all
//! the offending rows for those who asked to have them dropped.  Who words the message knows the
//! file and the pair; nothing here does.

use std::fmt;
use std::ops::Range;

use crate::limits::VALIDATED_TOGETHER;

/// A smaller price vanishes in the ledger, which holds money at 18 decimals.
const PRICE_FLOOR: f64 = 1e-18;

/// A price of this size or more does not fit the ledger's 128 bits.
const PRICE_CEILING: f64 = 1e20;

/// The rule that a row breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A time earlier than that of the row before.
    TimeBackwards,
    /// Two candles at one time.
    DuplicateTime,
    /// A price that is not a number, or infinite.
    NotFinite,
    /// A price of zero or less.
    NotPositive,
    /// A price that the ledger cannot hold.
    NotHeld,
    /// Low above high, or open or close outside the two.
    HighLow,
    /// A volume or size that is negative or not finite.
    Volume,
    /// A candle that does not close after it opens, or closes before the candle before it.
    CloseTime,
    /// A column shorter or longer than the times.
    Length,
}

impl Rule {
    /// The stable code that errors carry.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Rule::TimeBackwards => "data.time_backwards",
            Rule::DuplicateTime => "data.duplicate_time",
            Rule::NotFinite => "data.price_not_finite",
            Rule::NotPositive => "data.price_not_positive",
            Rule::NotHeld => "data.price_range",
            Rule::HighLow => "data.high_low",
            Rule::Volume => "data.volume",
            Rule::CloseTime => "data.close_time",
            Rule::Length => "data.length",
        }
    }

    /// The rule in words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::TimeBackwards => "is earlier than the row before",
            Rule::DuplicateTime => "is the same time as the row before: two candles at one time",
            Rule::NotFinite => "is not a finite number",
            Rule::NotPositive => "is not above zero",
            Rule::NotHeld => "is outside what money can hold, from 1e-18 to below 1e20",
            Rule::HighLow => "does not agree with low <= open, close <= high",
            Rule::Volume => "must be a finite number that is not negative",
            Rule::CloseTime => "does not come after the opening and after the close before",
            Rule::Length => "has another length than the times",
        }
    }
}

/// The value that offends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A price, a volume or a size.
    Number(f64),
    /// A time, in nanoseconds UTC.
    Time(i64),
}

/// One row that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offence {
    /// The row, counted from zero.
    pub row: usize,
    /// The column's usual name.
    pub column: &'static str,
    /// What stands there.
    pub value: Value,
    /// The rule it breaks.
    pub rule: Rule,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Offence {
            row, column, rule, ..
        } = self;
        match self.value {
            Value::Number(value) => write!(f, "row {row}, column '{column}': {value:?} ")?,
            Value::Time(value) => write!(f, "row {row}, column '{column}': {value} ns ")?,
        }
        f.write_str(rule.sentence())
    }
}

/// Rows of one kind.
pub trait Rows {
    /// The times of the rows, in nanoseconds UTC.
    fn times(&self) -> &[i64];

    /// Whether two rows may have one time: quotes and trades may, candles may not.
    const REPEATS: bool;

    /// The columns beside the times with their names and lengths.
    fn lengths(&self) -> Vec<(&'static str, usize)>;

    /// What is wrong within the row, whatever its neighbours.
    fn content(&self, row: usize) -> Option<Offence>;

    /// Whether nothing is wrong within any of these rows. It is asked of many at once, which a processor answers far sooner
    /// than what is wrong with each.
    fn are_fine(&self, rows: Range<usize>) -> bool;

    /// Whether no two of these rows, which lie next to each other, break a rule about times.
    fn are_in_order(&self, rows: Range<usize>) -> bool {
        let times = &self.times()[rows];
        rising(times) || (Self::REPEATS && times.is_sorted())
    }

    /// What is wrong with the row after the earlier row `before`.
    fn order(&self, before: usize, row: usize) -> Option<Offence> {
        let times = self.times();
        let rule = if times[row] < times[before] {
            Rule::TimeBackwards
        } else if !Self::REPEATS && times[row] == times[before] {
            Rule::DuplicateTime
        } else {
            return None;
        };
        Some(offence_of_time(row, "ts", times[row], rule))
    }
}

/// Candles by columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the columns have the names everybody knows")]
pub struct CandleRows<'a> {
    pub ts: &'a [i64],
    pub close_ts: Option<&'a [i64]>,
    pub open: &'a [f64],
    pub high: &'a [f64],
    pub low: &'a [f64],
    pub close: &'a [f64],
    pub volume: Option<&'a [f64]>,
}

/// Quotes by columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the columns have the names everybody knows")]
pub struct QuoteRows<'a> {
    pub ts: &'a [i64],
    pub bid: &'a [f64],
    pub ask: &'a [f64],
    pub bid_size: Option<&'a [f64]>,
    pub ask_size: Option<&'a [f64]>,
}

/// Trades by columns.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the columns have the names everybody knows")]
pub struct TradeRows<'a> {
    pub ts: &'a [i64],
    pub price: &'a [f64],
    pub quantity: &'a [f64],
}

/// The first row that breaks a rule.
pub fn first_offence<R: Rows>(rows: &R) -> Option<Offence> {
    if let Some(offence) = unequal_length(rows) {
        return Some(offence);
    }
    let count = rows.times().len();
    let firsts = (0..count).step_by(VALIDATED_TOGETHER);
    firsts
        .map(|first| first..count.min(first + VALIDATED_TOGETHER))
        .find_map(|part| {
            let with_the_last = part.start.saturating_sub(1)..part.end;
            if rows.are_fine(part.clone()) && rows.are_in_order(with_the_last) {
                return None;
            }
            first_of(rows, part)
        })
}

/// The first of these rows that breaks a rule.
fn first_of<R: Rows>(rows: &R, part: Range<usize>) -> Option<Offence> {
    part.into_iter().find_map(|row| {
        let order = match row {
            0 => None,
            _ => rows.order(row - 1, row),
        };
        order.or_else(|| rows.content(row))
    })
}

/// All the rows to drop, so that what is left breaks no rule.
///
/// A row whose content is wrong is dropped first, so its time cannot condemn good rows after it;
/// of two candles at one time the first is kept, and what goes back in time is dropped.
pub fn offending<R: Rows>(rows: &R) -> Vec<usize> {
    let mut bad = Vec::new();
    if unequal_length(rows).is_some() {
        return bad;
    }
    let mut kept: Option<usize> = None;
    for row in 0..rows.times().len() {
        let order = kept.and_then(|before| rows.order(before, row));
        if order.is_some() || rows.content(row).is_some() {
            bad.push(row);
        } else {
            kept = Some(row);
        }
    }
    bad
}

impl Rows for CandleRows<'_> {
    const REPEATS: bool = false;

    fn times(&self) -> &[i64] {
        self.ts
    }

    fn lengths(&self) -> Vec<(&'static str, usize)> {
        let mut all = vec![
            ("open", self.open.len()),
            ("high", self.high.len()),
            ("low", self.low.len()),
            ("close", self.close.len()),
        ];
        all.extend(self.volume.map(|c| ("volume", c.len())));
        all.extend(self.close_ts.map(|c| ("close_time", c.len())));
        all
    }

    #[inline]
    fn content(&self, row: usize) -> Option<Offence> {
        let (open, high) = (self.open[row], self.high[row]);
        let (low, close) = (self.low[row], self.close[row]);
        let prices = [
            ("open", open),
            ("high", high),
            ("low", low),
            ("close", close),
        ];
        if let Some(offence) = prices.iter().find_map(|&(name, p)| price(row, name, p)) {
            return Some(offence);
        }
        if low > high {
            return Some(offence_of(row, "low", low, Rule::HighLow));
        }
        for (name, value) in [("open", open), ("close", close)] {
            if value < low || value > high {
                return Some(offence_of(row, name, value, Rule::HighLow));
            }
        }
        let closes = self.close_ts.and_then(|closes| {
            (closes[row] <= self.ts[row])
                .then(|| offence_of_time(row, "close_time", closes[row], Rule::CloseTime))
        });
        size(row, "volume", self.volume).or(closes)
    }

    fn are_fine(&self, rows: Range<usize>) -> bool {
        let highs = self.high[rows.clone()].iter().zip(&self.low[rows.clone()]);
        let opens = self.open[rows.clone()]
            .iter()
            .zip(&self.close[rows.clone()]);
        let prices = none_of(highs.zip(opens), |((high, low), (open, close))| {
            // Between a low and a high that are held, so are open and close.
            let held = (*low >= PRICE_FLOOR) & (*high < PRICE_CEILING);
            let within = (low <= open) & (open <= high) & (low <= close) & (close <= high);
            !(held & within)
        });
        let closes = self.close_ts.is_none_or(|closes| {
            let times = self.ts[rows.clone()].iter().zip(&closes[rows.clone()]);
            none_of(times, |(opens, closes)| opens >= closes)
        });
        prices && closes && sizes_are_fine(self.volume, rows)
    }

    fn order(&self, before: usize, row: usize) -> Option<Offence> {
        let rule = match self.ts[row].cmp(&self.ts[before]) {
            std::cmp::Ordering::Less => Rule::TimeBackwards,
            std::cmp::Ordering::Equal => Rule::DuplicateTime,
            std::cmp::Ordering::Greater => {
                let closes = self.close_ts?;
                return (closes[row] < closes[before])
                    .then(|| offence_of_time(row, "close_time", closes[row], Rule::CloseTime));
            }
        };
        Some(offence_of_time(row, "ts", self.ts[row], rule))
    }

    fn are_in_order(&self, rows: Range<usize>) -> bool {
        let closes = self.close_ts.map(|closes| &closes[rows.clone()]);
        rising(&self.ts[rows]) && closes.is_none_or(<[i64]>::is_sorted)
    }
}

impl Rows for QuoteRows<'_> {
    const REPEATS: bool = true;

    fn times(&self) -> &[i64] {
        self.ts
    }

    fn lengths(&self) -> Vec<(&'static str, usize)> {
        let mut all = vec![("bid", self.bid.len()), ("ask", self.ask.len())];
        all.extend(self.bid_size.map(|c| ("bid_size", c.len())));
        all.extend(self.ask_size.map(|c| ("ask_size", c.len())));
        all
    }

    #[inline]
    fn content(&self, row: usize) -> Option<Offence> {
        price(row, "bid", self.bid[row])
            .or_else(|| price(row, "ask", self.ask[row]))
            .or_else(|| size(row, "bid_size", self.bid_size))
            .or_else(|| size(row, "ask_size", self.ask_size))
    }

    fn are_fine(&self, rows: Range<usize>) -> bool {
        prices_are_fine(&self.bid[rows.clone()])
            && prices_are_fine(&self.ask[rows.clone()])
            && sizes_are_fine(self.bid_size, rows.clone())
            && sizes_are_fine(self.ask_size, rows)
    }
}

impl Rows for TradeRows<'_> {
    const REPEATS: bool = true;

    fn times(&self) -> &[i64] {
        self.ts
    }

    fn lengths(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("price", self.price.len()),
            ("quantity", self.quantity.len()),
        ]
    }

    #[inline]
    fn content(&self, row: usize) -> Option<Offence> {
        price(row, "price", self.price[row]).or_else(|| size(row, "quantity", Some(self.quantity)))
    }

    fn are_fine(&self, rows: Range<usize>) -> bool {
        prices_are_fine(&self.price[rows.clone()]) && sizes_are_fine(Some(self.quantity), rows)
    }
}

fn unequal_length<R: Rows>(rows: &R) -> Option<Offence> {
    let expected = rows.times().len();
    let (column, length) = rows
        .lengths()
        .into_iter()
        .find(|(_, length)| *length != expected)?;
    Some(offence_of(
        length.min(expected),
        column,
        length as f64,
        Rule::Length,
    ))
}

#[inline]
fn price(row: usize, column: &'static str, value: f64) -> Option<Offence> {
    if (PRICE_FLOOR..PRICE_CEILING).contains(&value) {
        return None;
    }
    let rule = if !value.is_finite() {
        Rule::NotFinite
    } else if value <= 0.0 {
        Rule::NotPositive
    } else {
        Rule::NotHeld
    };
    Some(offence_of(row, column, value, rule))
}

/// Whether none of these is wrong. All are looked at, without a branch, and what is found is summed up in as many bits as the numbers
/// have that are looked at: so the processor takes several at once.
#[inline]
fn none_of<T>(all: impl Iterator<Item = T>, is_wrong: impl Fn(T) -> bool) -> bool {
    all.fold(0_u64, |wrong, one| wrong | u64::from(is_wrong(one))) == 0
}

/// Whether each is more than the one before.
fn rising(times: &[i64]) -> bool {
    let later = times.get(1..).unwrap_or_default();
    none_of(times.iter().zip(later), |(before, after)| before >= after)
}

fn prices_are_fine(values: &[f64]) -> bool {
    let held = |value: f64| (PRICE_FLOOR..PRICE_CEILING).contains(&value);
    none_of(values.iter(), |&value| !held(value))
}

fn sizes_are_fine(values: Option<&[f64]>, rows: Range<usize>) -> bool {
    values.is_none_or(|values| {
        let known = |value: f64| (0.0..f64::INFINITY).contains(&value);
        none_of(values[rows].iter(), |&value| !known(value))
    })
}

#[inline]
fn size(row: usize, column: &'static str, values: Option<&[f64]>) -> Option<Offence> {
    let value = values?[row];
    let fine = (0.0..f64::INFINITY).contains(&value);
    (!fine).then(|| offence_of(row, column, value, Rule::Volume))
}

fn offence_of(row: usize, column: &'static str, value: f64, rule: Rule) -> Offence {
    let value = Value::Number(value);
    Offence {
        row,
        column,
        value,
        rule,
    }
}

fn offence_of_time(row: usize, column: &'static str, value: i64, rule: Rule) -> Offence {
    let value = Value::Time(value);
    Offence {
        row,
        column,
        value,
        rule,
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
