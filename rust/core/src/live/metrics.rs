//! What the live driver counts, stage by stage.

/// How many sub-steps a doubling of the histogram has.
const PARTS: u32 = 8;
const BUCKETS: usize = (64 * PARTS) as usize;

/// Durations in buckets that grow by an eighth of a doubling: of fixed size, whatever was measured.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
        }
    }
}

impl Histogram {
    /// Adds a duration in nanoseconds.
    pub fn add(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// How many were added.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The duration that so many per cent of all did not pass, to an eighth; `None` when there is none.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        self.per_mille(percent.saturating_mul(10))
    }

    /// The same for so many in a thousand.
    #[must_use]
    pub fn per_mille(&self, share: u64) -> Option<u64> {
        let wanted = self.total.checked_mul(share)?.div_ceil(1_000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Some(upper(index));
            }
        }
        None
    }
}

/// Below eight every duration has its own bucket; above, each doubling has eight.
fn bucket(nanos: u64) -> usize {
    if nanos < u64::from(PARTS) {
        return usize::try_from(nanos).unwrap_or(0);
    }
    let exponent = nanos.ilog2();
    let part = (nanos >> (exponent - 3)) & 7;
    ((exponent - 2) * PARTS) as usize + usize::try_from(part).unwrap_or(0)
}

/// The largest duration of a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    if index < u64::from(PARTS) {
        return index;
    }
    let (exponent, part) = (index / u64::from(PARTS) + 2, index % u64::from(PARTS));
    let start = (8 + part) << (exponent - 3);
    start + ((1 << (exponent - 3)) - 1)
}

/// Counts of a live run, in the order in which events pass the stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the printed document")]
pub struct LiveCounts {
    pub events: u64,
    pub steps: u64,
    pub deliveries: u64,
    pub evaluations: u64,
    pub evaluations_least: u64,
    pub evaluations_most: u64,
    pub late: u64,
    pub conflated: u64,
    pub dropped: u64,
    pub inbox_high_water: u64,
    pub signals: u64,
    pub orders: u64,
    pub refusals: u64,
    pub fills: u64,
    pub orders_open: u64,
    pub lock_holds: u64,
    pub lock_hold_mean_ns: u64,
    pub lock_hold_max_ns: u64,
    pub tick_to_order_p50_ns: Option<u64>,
    pub tick_to_order_p99_ns: Option<u64>,
    pub tick_to_order_p999_ns: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_right_to_an_eighth() {
        let mut histogram = Histogram::default();
        for nanos in 1..=10_000 {
            histogram.add(nanos);
        }
        let (p50, p99) = (
            histogram.percentile(50).unwrap(),
            histogram.percentile(99).unwrap(),
        );
        assert!((5_000..=5_625).contains(&p50), "{p50}");
        assert!((9_900..=11_200).contains(&p99), "{p99}");
        let p999 = histogram.per_mille(999).unwrap();
        assert!((9_990..=11_300).contains(&p999), "{p999}");
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn every_duration_lies_in_its_bucket() {
        for nanos in (0..64).flat_map(|e| [1_u64 << e, (1 << e) - 1, (1 << e) + 1]) {
            let index = bucket(nanos);
            assert!(nanos <= upper(index), "{nanos}");
            assert!(index == 0 || nanos > upper(index - 1), "{nanos}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }
}
