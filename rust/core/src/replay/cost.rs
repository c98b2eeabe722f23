//! What an evaluation costs, as measured now and then, and from that where the evaluations of a step run: on the driver's
//! thread or shared by the pool, row by row or many rows at a time.

use crate::limits::{
    AHEAD_BUDGET, BLOCK_ROWS_SHARED, BLOCKS_NANOS, DEAR_NANOS, HANDOVER_NANOS, SHARED_NANOS,
    STEPS_PER_SAMPLE, TASK_NANOS, TRADERS_PER_TASK, TRADERS_PER_THREAD,
};

/// The traders of a step, and what they may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// Rows of traders that go event by event.
    pub rows: usize,
    /// Traders that run ahead and are to be seen to.
    pub called: usize,
    /// All traders of the run that may run ahead.
    pub all: usize,
    /// The rows that a block may have.
    pub block: u32,
}

/// How a step is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Whether the pool shares it.
    pub pooled: bool,
    /// The rows that a block may have in this step; none where traders go event by event.
    pub block: u32,
    /// How many traders a task evaluates at least.
    pub task: usize,
}

/// What an evaluation costs.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// Of one row, in nanoseconds; nothing where none was measured.
    row: Option<u64>,
    steps: u64,
}

impl Cost {
    /// Whether it has been measured.
    pub(super) const fn is_known(&self) -> bool {
        self.row.is_some()
    }

    /// Whether it has been measured, and is small.
    pub(super) fn is_cheap(&self) -> bool {
        self.row.is_some_and(|row| row <= SHARED_NANOS)
    }

    /// A step begins. Whether it is to be timed: few are, but more of the first ones, after which it is known how the others
    /// are to be shared. Not the first of all, in which caches are cold and other traders run ahead.
    pub(super) const fn is_sampled(&mut self) -> bool {
        self.steps += 1;
        let early = 1 < self.steps && self.steps < STEPS_PER_SAMPLE;
        self.steps & (STEPS_PER_SAMPLE - 1) == 0 || early && self.steps.is_power_of_two()
    }

    /// So many rows took so long. The newest measure counts as much as those before, but a pause of the machine is not the
    /// strategy's cost.
    pub(super) fn learn(&mut self, nanos: u64, rows: u64) {
        let measured = nanos / rows.max(1);
        self.row = Some(match self.row {
            None => measured,
            Some(before) => before.min(measured * 2).midpoint(measured),
        });
    }

    /// How a step is best evaluated on so many threads.
    ///
    /// Cheap evaluations stay on one thread: what traders keep would move from one core's cache to another's, and back. Only
    /// where many blocks begin in one step is there so much to do with what has moved that it pays. Of dear ones a few traders
    /// alone go event by event, so that they do not keep one thread busy while the others have nothing to do; sooner or later
    /// all are due in one step, and share it block by block.
    pub(super) fn way(&self, parts: Parts, threads: usize) -> Way {
        let row = self.row.unwrap_or(0);
        let way = |pooled, block| Way {
            pooled,
            block,
            task: task_len(row.saturating_mul(u64::from(block.max(1)))),
        };
        if threads < 2 {
            return way(false, parts.block);
        }
        let many = (threads * TRADERS_PER_THREAD).min(parts.all);
        if row <= SHARED_NANOS {
            let block = within_budget(row, parts, threads);
            let all = row * parts.called as u64 * u64::from(block);
            let long = block >= parts.block.min(BLOCK_ROWS_SHARED);
            return if long && parts.called >= many && all > BLOCKS_NANOS {
                way(true, block)
            } else {
                way(false, parts.block)
            };
        }
        let block = if row <= DEAR_NANOS {
            parts.block
        } else if parts.called < many || (parts.called == 1 && parts.all > 1) {
            0
        } else {
            within_budget(row, parts, threads)
        };
        let block = if block < 2 { 0 } else { block };
        let rows = parts.rows as u64 + parts.called as u64 * u64::from(block.max(1));
        let shareable = parts.rows + parts.called > 1;
        let pays = row.saturating_mul(rows) > HANDOVER_NANOS;
        way(shareable && pays, block)
    }
}

/// The rows that a block may have where all blocks of a step together are to last no longer than they may.
fn within_budget(row: u64, parts: Parts, threads: usize) -> u32 {
    let rows = nanos(AHEAD_BUDGET).saturating_mul(threads as u64)
        / row.saturating_mul(parts.called as u64).max(1);
    u32::try_from(rows).map_or(parts.block, |rows| rows.min(parts.block))
}

/// How many traders one task evaluates at least, where a trader's part costs so many nanoseconds.
fn task_len(cost: u64) -> usize {
    let fit = TASK_NANOS.checked_div(cost).unwrap_or(u64::MAX);
    usize::try_from(fit).map_or(TRADERS_PER_TASK, |fit| fit.clamp(1, TRADERS_PER_TASK))
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts = Parts {
        rows: 0,
        called: 100,
        all: 100,
        block: 256,
    };

    fn cost(nanos: u64) -> Cost {
        let mut cost = Cost::default();
        cost.learn(nanos, 1);
        cost
    }

    #[test]
    fn what_is_unknown_or_cheap_stays_on_one_thread_and_in_blocks() {
        let few = Parts { called: 3, ..PARTS };
        for cost in [Cost::default(), cost(40), cost(SHARED_NANOS)] {
            let way = cost.way(few, 2);
            assert!(!way.pooled && way.block == 256, "{cost:?}: {way:?}");
        }
        let rows = Parts {
            rows: 10_000,
            called: 0,
            ..PARTS
        };
        assert!(!cost(40).way(rows, 2).pooled, "row by row");
        assert!(!Cost::default().way(PARTS, 2).pooled, "unknown");
        assert!(!cost(1_000_000).way(PARTS, 1).pooled, "one thread");
    }

    #[test]
    fn cheap_blocks_are_shared_where_many_begin_together() {
        // A hundred blocks of 256 rows of 20 ns take half a millisecond.
        assert!(cost(20).way(PARTS, 2).pooled);
        assert!(!cost(20).way(PARTS, 1).pooled, "one thread");
        let few = Parts {
            called: 10,
            ..PARTS
        };
        assert!(!cost(20).way(few, 2).pooled, "51 us are not shared");
        let many = Parts {
            called: 10_000,
            all: 10_000,
            ..PARTS
        };
        assert_eq!(cost(100).way(many, 2).block, 100, "50 ms on two threads");
        let far_too_many = Parts {
            called: 1_000_000,
            all: 1_000_000,
            ..PARTS
        };
        let way = cost(100).way(far_too_many, 2);
        assert!(
            !way.pooled && way.block == 256,
            "{way:?}: one row each is no block"
        );
    }

    #[test]
    fn dear_blocks_are_shared_where_enough_traders_are_due() {
        let way = cost(5_000).way(PARTS, 2);
        assert!(way.pooled);
        // 50 ms on two threads are 20,000 evaluations, 200 of each.
        assert_eq!(way.block, 200);
        assert_eq!(way.task, 1);
    }

    #[test]
    fn few_dear_traders_go_event_by_event_until_all_are_due() {
        let few = |called| Parts { called, ..PARTS };
        assert_eq!(cost(5_000).way(few(3), 2).block, 0);
        assert!(!cost(5_000).way(few(3), 2).pooled, "15 us are not shared");
        assert!(cost(50_000).way(few(3), 2).pooled, "150 us are");
        assert!(!cost(50_000).way(few(1), 2).pooled, "one cannot be shared");
        // Of three traders in all, three are all.
        let all = Parts {
            called: 3,
            all: 3,
            ..PARTS
        };
        assert_eq!(cost(5_000).way(all, 2).block, 256);
        assert!(cost(5_000).way(all, 2).pooled);
    }

    #[test]
    fn a_step_of_very_dear_blocks_is_bounded() {
        let many = Parts {
            called: 10_000,
            all: 10_000,
            ..PARTS
        };
        assert_eq!(cost(5_000).way(many, 2).block, 2);
        assert_eq!(cost(50_000).way(many, 2).block, 0);
    }

    #[test]
    fn a_pause_of_the_machine_counts_little() {
        let mut cost = cost(100);
        cost.learn(1_000_000, 1);
        assert_eq!(cost.row, Some(500_050));
        for _ in 0..20 {
            cost.learn(100, 1);
        }
        assert_eq!(cost.row, Some(100));
    }
}
