//! What live traders see of the portfolio: one row each, published by the writer, copied out under a lock.
//!
//! The lock is held for as long as one pointer is exchanged or copied, whatever the number of traders or orders; how
//! long that was is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::Stopwatch;

use super::TraderRow;

/// The published rows, by trader.
#[derive(Debug)]
pub struct Board {
    rows: Mutex<Vec<Arc<TraderRow>>>,
    held: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
}

/// How long the lock was held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldTimes {
    /// How often.
    pub count: u64,
    /// For how many nanoseconds on average.
    pub mean: u64,
    /// For how many nanoseconds at most.
    pub max: u64,
}

impl Board {
    /// A board on which every trader is flat.
    #[must_use]
    pub fn new(traders: usize) -> Self {
        let flat = Arc::new(TraderRow::default());
        Self {
            rows: Mutex::new(vec![flat; traders]),
            held: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }

    /// Shows a trader its new row.
    pub fn publish(&self, trader: u32, row: &TraderRow) {
        let mut row = Arc::new(row.clone());
        let mut rows = self.rows.lock();
        let watch = Stopwatch::start();
        std::mem::swap(&mut rows[trader as usize], &mut row);
        self.note(watch.nanos());
        drop(rows);
        // The old row goes here, after the lock.
    }

    /// A trader's own row.
    #[must_use]
    pub fn row(&self, trader: u32) -> Arc<TraderRow> {
        let rows = self.rows.lock();
        let watch = Stopwatch::start();
        let row = Arc::clone(&rows[trader as usize]);
        self.note(watch.nanos());
        row
    }

    fn note(&self, nanos: u64) {
        self.held.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
    }

    /// How long the lock was held so far.
    #[must_use]
    pub fn hold_times(&self) -> HoldTimes {
        let count = self.held.load(Ordering::Relaxed);
        HoldTimes {
            count,
            mean: self
                .nanos
                .load(Ordering::Relaxed)
                .checked_div(count)
                .unwrap_or(0),
            max: self.longest.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_taken_earlier_does_not_change() {
        let board = Board::new(2);
        let before = board.row(1);
        let row = TraderRow {
            position: 7,
            ..TraderRow::default()
        };
        board.publish(1, &row);
        assert_eq!((before.position, board.row(1).position), (0, 7));
        assert_eq!(board.row(0).position, 0);
        assert_eq!(board.hold_times().count, 4);
    }
}
