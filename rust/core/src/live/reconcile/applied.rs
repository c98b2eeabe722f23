//! Which of the venue's numbers have been applied: each once.

use std::collections::BTreeSet;

/// All numbers up to one, and some beyond it.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Every number up to this one was applied.
    upto: u64,
    beyond: BTreeSet<u64>,
}

impl Applied {
    /// Notes a number. Whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if number <= self.upto || !self.beyond.insert(number) {
            return false;
        }
        while self.beyond.first() == Some(&(self.upto + 1)) {
            self.beyond.pop_first();
            self.upto += 1;
        }
        true
    }

    /// Up to which number none is missing.
    pub(super) const fn upto(&self) -> u64 {
        self.upto
    }

    /// The largest number.
    pub(super) fn last(&self) -> u64 {
        self.beyond.last().copied().unwrap_or(self.upto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_once_in_whatever_order_they_come() {
        let mut applied = Applied::default();
        assert_eq!(
            [2, 1, 2, 1].map(|n| applied.insert(n)),
            [true, true, false, false]
        );
        assert_eq!((applied.upto(), applied.last()), (2, 2));
        assert!(applied.insert(5) && !applied.insert(5));
        assert_eq!((applied.upto(), applied.last()), (2, 5));
        assert!(applied.insert(4) && applied.insert(3));
        assert_eq!((applied.upto(), applied.last()), (5, 5));
    }
}
