//! How long a run leaves its caller alone.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::limits::{LONGEST_PATIENCE, WAITS_APART};

/// A pause between two looks at a caller who keeps the run waiting: where another thread of its interpreter is busy, to
/// attach means to wait until that gives way, and a run must not spend more than a small share of its time so.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    since: Stopwatch,
    pause: Duration,
}

impl Patience {
    /// Begins when the caller has just kept the run waiting for so long.
    #[must_use]
    pub fn after(waited: Duration) -> Self {
        Self {
            since: Stopwatch::start(),
            pause: pause_after(waited),
        }
    }

    /// Whether the caller may be asked again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.since.elapsed() >= self.pause
    }
}

fn pause_after(waited: Duration) -> Duration {
    waited.saturating_mul(WAITS_APART).min(LONGEST_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_answers_at_once_may_be_asked_at_once() {
        assert!(Patience::after(Duration::ZERO).is_over());
    }

    #[test]
    fn waits_take_a_hundredth_of_the_run_as_long_as_an_interrupt_is_heard_in_time() {
        assert_eq!(
            pause_after(Duration::from_millis(5)),
            Duration::from_millis(500)
        );
        assert!(!Patience::after(Duration::from_secs(3)).is_over());
        for waited in [11, 1_000, u64::MAX] {
            assert_eq!(
                pause_after(Duration::from_millis(waited)),
                Duration::from_secs(1)
            );
        }
    }
}
