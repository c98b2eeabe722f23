//! A part of the curve as few bytes: times by how their distances change, equity by how it changes.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, Nanos};

use crate::limits::MOST_ZEROS;

use super::Curve;

/// A part of the curve. What does not follow this pattern takes more room, and comes out the same.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CurvePart {
    /// Changes of the distances of times, and how often each comes.
    times: Vec<(i64, u32)>,
    /// How many decimal zeros all changes of equity end in.
    zeros: u8,
    equity: Vec<Money>,
}

impl CurvePart {
    /// Rows that lie next to each other.
    pub(super) fn of(ts: &[Nanos], equity: &[Money]) -> Self {
        let mut times: Vec<(i64, u32)> = Vec::new();
        let (mut last, mut distance) = (0_i64, 0_i64);
        for &now in ts {
            let next = now.wrapping_sub(last);
            let change = next.wrapping_sub(distance);
            (last, distance) = (now, next);
            match times.last_mut() {
                Some((same, count)) if *same == change && *count < u32::MAX => *count += 1,
                _ => times.push((change, 1)),
            }
        }
        let mut before = 0;
        let mut changes: Vec<Money> = equity
            .iter()
            .map(|&now| now.wrapping_sub(std::mem::replace(&mut before, now)))
            .collect();
        let mut zeros = MOST_ZEROS;
        for change in &changes {
            while change % 10_i128.pow(u32::from(zeros)) != 0 {
                zeros -= 1;
            }
        }
        let unit = 10_i128.pow(u32::from(zeros));
        changes.iter_mut().for_each(|change| *change /= unit);
        Self {
            times,
            zeros,
            equity: changes,
        }
    }

    /// Adds the rows to a curve. `false` where it is no such part.
    pub(super) fn add_to(self, curve: &mut Curve) -> bool {
        if self.zeros > MOST_ZEROS {
            return false;
        }
        let first = curve.ts.len();
        curve.reserve(self.equity.len());
        let (mut last, mut distance) = (0_i64, 0_i64);
        for (change, count) in self.times {
            if curve.ts.len() - first + count as usize > self.equity.len() {
                return false;
            }
            for _ in 0..count {
                distance = distance.wrapping_add(change);
                last = last.wrapping_add(distance);
                curve.ts.push(last);
            }
        }
        let unit = 10_i128.pow(u32::from(self.zeros));
        let mut now: Money = 0;
        for change in self.equity {
            now = now.wrapping_add(change.wrapping_mul(unit));
            curve.equity.push(now);
        }
        curve.ts.len() == curve.equity.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{pack, unpack};

    proptest! {
        #[test]
        fn a_curve_in_parts_comes_out_the_same(
            rows in proptest::collection::vec((any::<i64>(), any::<i128>()), 0..40),
            even in proptest::collection::vec((0_i64..4, -3_i128..4), 0..40),
            at in 0_usize..80,
        ) {
            let (mut ts, mut equity): (Vec<i64>, Vec<i128>) = rows.into_iter().unzip();
            let mut last = 60_000;
            for (step, change) in even {
                last += step * 60_000;
                ts.push(last);
                equity.push(10_i128.pow(20) + change * 10_i128.pow(16));
            }
            let at = at.min(ts.len());
            let mut curve = Curve::default();
            for range in [0..at, at..ts.len()] {
                let part = CurvePart::of(&ts[range.clone()], &equity[range]);
                let part: CurvePart = unpack(&pack(&part).unwrap()).unwrap();
                prop_assert!(part.add_to(&mut curve));
            }
            prop_assert_eq!((&*curve.ts.since(0), curve.equity.newest()), (&*ts, &*equity));
        }
    }

    #[test]
    fn an_even_curve_takes_few_bytes() {
        let ts: Vec<i64> = (0..1000).map(|n| n * 60_000_000_000).collect();
        let equity: Vec<i128> = (0..1000)
            .map(|n| (1_000_000 + n % 50) * 10_i128.pow(16))
            .collect();
        let bytes = pack(&CurvePart::of(&ts, &equity)).unwrap();
        assert!(bytes.len() < 1100, "{}", bytes.len());
    }
}
