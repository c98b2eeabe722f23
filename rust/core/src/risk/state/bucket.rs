//! A token bucket in whole numbers, on the run's own time.

use crate::domain::Nanos;
use crate::risk::Pace;

/// It holds as many tokens as may be taken in the time, and fills evenly. It begins full.
///
/// A token counts as many parts as the time has nanoseconds; so each nanosecond brings as many parts as there are tokens,
/// and nothing is ever rounded.
#[derive(Clone, Debug)]
pub(in crate::risk) struct Bucket {
    pace: Pace,
    parts: u128,
    at: Nanos,
}

impl Bucket {
    pub(in crate::risk) fn full(pace: Pace) -> Self {
        Self {
            pace,
            parts: Self::room(pace),
            at: Nanos::MIN,
        }
    }

    pub(in crate::risk) const fn pace(&self) -> Pace {
        self.pace
    }

    fn token(pace: Pace) -> u128 {
        u128::try_from(pace.nanos).unwrap_or(1)
    }

    fn room(pace: Pace) -> u128 {
        Self::token(pace) * u128::from(pace.count)
    }

    fn parts(&self, now: Nanos) -> u128 {
        let passed = u128::try_from(i128::from(now) - i128::from(self.at)).unwrap_or(0);
        let brought = passed.saturating_mul(u128::from(self.pace.count));
        self.parts
            .saturating_add(brought)
            .min(Self::room(self.pace))
    }

    /// How full it was, and when it was looked at.
    pub(in crate::risk) const fn level(&self) -> (u128, Nanos) {
        (self.parts, self.at)
    }

    /// Sets that; no more than there is room for.
    pub(in crate::risk) fn set_level(&mut self, parts: u128, at: Nanos) {
        self.parts = parts.min(Self::room(self.pace));
        self.at = at;
    }

    /// Whether there is a token.
    pub(in crate::risk) fn has(&self, now: Nanos) -> bool {
        self.parts(now) >= Self::token(self.pace)
    }

    /// Puts a token back that was taken; no more than there is room for.
    pub(in crate::risk) fn give_back(&mut self) {
        let more = self.parts.saturating_add(Self::token(self.pace));
        self.parts = more.min(Self::room(self.pace));
    }

    /// Takes a token; where there is none, what is left.
    pub(in crate::risk) fn take(&mut self, now: Nanos) {
        self.parts = self.parts(now).saturating_sub(Self::token(self.pace));
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        count: 3,
        nanos: 10,
    };

    #[test]
    fn a_token_that_is_put_back_can_be_taken_again() {
        let mut bucket = Bucket::full(PACE);
        for _ in 0..PACE.count {
            bucket.take(0);
        }
        assert!(!bucket.has(0));
        bucket.give_back();
        assert!(bucket.has(0));
        bucket.take(0);
        assert!(!bucket.has(0));
        for _ in 0..9 {
            bucket.give_back();
        }
        assert_eq!(
            bucket.parts(0),
            Bucket::full(PACE).parts(0),
            "no more than there is room for"
        );
    }

    #[test]
    fn it_begins_full_and_fills_evenly() {
        let mut bucket = Bucket::full(PACE);
        for _ in 0..3 {
            assert!(bucket.has(0));
            bucket.take(0);
        }
        // A third of ten nanoseconds is more than three.
        assert!(!bucket.has(3));
        assert!(bucket.has(4));
        bucket.take(4);
        assert!(!bucket.has(6) && bucket.has(7));
    }

    #[test]
    fn it_holds_no_more_than_it_has_room_for() {
        let mut bucket = Bucket::full(PACE);
        bucket.take(0);
        for left in [true, true, true, false] {
            assert_eq!(bucket.has(1_000_000), left);
            bucket.take(1_000_000);
        }
        assert!(!bucket.has(1_000_000));
    }
}
