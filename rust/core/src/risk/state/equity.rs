//! The equity at the last midnight and the highest one, from the curve of the run.

use crate::domain::{Money, Nanos};

/// Nanoseconds of a day in UTC.
const DAY: Nanos = 86_400_000_000_000;

/// The curve has a row a step, whatever the driver; each is looked at once.
#[derive(Clone, Debug)]
pub(in crate::risk) struct EquityWatch {
    rows: usize,
    day: Nanos,
    last: Money,
    /// The last equity before the last midnight.
    pub(in crate::risk) at_midnight: Money,
    /// The highest equity so far.
    pub(in crate::risk) peak: Money,
}

impl EquityWatch {
    pub(in crate::risk) const fn new(start: Money) -> Self {
        Self {
            rows: 0,
            day: Nanos::MIN,
            last: start,
            at_midnight: start,
            peak: start,
        }
    }

    /// Takes in the rows that are new.
    pub(in crate::risk) fn follow(&mut self, times: &[Nanos], equity: &[Money]) {
        let rows = times.iter().zip(equity).skip(self.rows);
        for (&ts, &equity) in rows {
            self.take_in(ts, equity);
        }
        self.rows = times.len();
    }

    /// How many rows have been taken in.
    pub(in crate::risk) const fn rows(&self) -> usize {
        self.rows
    }

    /// So many rows have been taken in already.
    pub(in crate::risk) const fn pass(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// Takes in one row.
    pub(in crate::risk) fn take_in(&mut self, ts: Nanos, equity: Money) {
        let day = ts.div_euclid(DAY);
        if day != self.day {
            self.day = day;
            self.at_midnight = self.last;
        }
        self.last = equity;
        self.peak = self.peak.max(equity);
    }

    /// What it remembers: the day, the last equity, that at midnight and the highest.
    pub(in crate::risk) const fn watched(&self) -> (Nanos, [Money; 3]) {
        (self.day, [self.last, self.at_midnight, self.peak])
    }

    /// Remembers that.
    pub(in crate::risk) const fn recall(&mut self, day: Nanos, equity: [Money; 3]) {
        self.day = day;
        [self.last, self.at_midnight, self.peak] = equity;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_with_the_last_equity_of_the_one_before() {
        let mut watch = EquityWatch::new(100);
        watch.follow(&[DAY - 1], &[120]);
        assert_eq!((watch.at_midnight, watch.peak), (100, 120));
        watch.follow(&[DAY - 1, DAY], &[120, 90]);
        assert_eq!((watch.at_midnight, watch.peak), (120, 120));
        watch.follow(&[DAY - 1, DAY, 2 * DAY - 1, 5 * DAY], &[120, 90, 95, 130]);
        assert_eq!((watch.at_midnight, watch.peak), (95, 130));
    }
}
