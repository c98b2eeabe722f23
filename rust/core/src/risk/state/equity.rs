//! The equity at the last midnight and the highest one, from the curve of the run.

use crate::domain::{Money, Nanos};
use crate::rows::{Rows, Times};

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
    pub(in crate::risk) fn follow(&mut self, times: &Times, equity: &Rows<Money>) {
        let new = times.iter_from(self.rows);
        for (ts, equity) in new.zip(equity.iter_from(self.rows)) {
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
    use crate::limits::ROWS_TOGETHER;

    #[test]
    fn a_day_begins_with_the_last_equity_of_the_one_before() {
        let mut watch = EquityWatch::new(100);
        let follow = |watch: &mut EquityWatch, times: &[Nanos], equity: &[Money]| {
            watch.follow(&times.to_vec().into(), &equity.to_vec().into());
        };
        follow(&mut watch, &[DAY - 1], &[120]);
        assert_eq!((watch.at_midnight, watch.peak), (100, 120));
        follow(&mut watch, &[DAY - 1, DAY], &[120, 90]);
        assert_eq!((watch.at_midnight, watch.peak), (120, 120));
        follow(
            &mut watch,
            &[DAY - 1, DAY, 2 * DAY - 1, 5 * DAY],
            &[120, 90, 95, 130],
        );
        assert_eq!((watch.at_midnight, watch.peak), (95, 130));
    }

    #[test]
    fn who_looks_late_sees_rows_that_were_set_aside() {
        let (mut times, mut equity) = (Times::default(), Rows::default());
        for step in 0..3 * ROWS_TOGETHER as i64 {
            times.push(step * DAY / 1000);
            equity.push(Money::from(if step == 5 { 900 } else { step % 100 }));
        }
        let folder = std::env::temp_dir();
        let mut before = EquityWatch::new(1);
        before.follow(&times, &equity);
        times.set_aside(&folder).unwrap();
        equity.set_aside(&folder).unwrap();
        let mut late = EquityWatch::new(1);
        late.follow(&times, &equity);
        assert_eq!(
            (late.watched(), late.rows()),
            (before.watched(), before.rows())
        );
        assert_eq!(late.peak, 900);
    }
}
