//! What changes an account and what its gate remembers, in order: enough for somebody else to follow both.

use crate::domain::{HalfUnits, Liquidity, Lots, Nanos};
use crate::limits::RISK_NOTES;
use crate::order::OrderId;

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// An event of a market: the mark it left and, of a quote, its ask.
    Seen {
        /// Where.
        market: u32,
        /// When it happened.
        ts: Nanos,
        /// The last price.
        mark: HalfUnits,
        /// The ask.
        ask: Option<HalfUnits>,
    },
    /// The snapshot of a step: equity as it stands counts.
    Step {
        /// When.
        ts: Nanos,
    },
    /// An order's cancellation was asked for and not yet confirmed.
    Leaving {
        /// Whose it is.
        trader: u32,
        /// Which.
        order: OrderId,
    },
    /// An order ended without a fill.
    Ended {
        /// Whose it was.
        trader: u32,
        /// Which.
        order: OrderId,
    },
    /// An order that was approved never left.
    Unsent {
        /// Whose it was.
        trader: u32,
        /// Which.
        order: OrderId,
    },
    /// An order was filled.
    Filled {
        /// Whose it was.
        trader: u32,
        /// Which.
        order: OrderId,
        /// When.
        ts: Nanos,
        /// At what price.
        price: HalfUnits,
        /// Whether it made or took.
        liquidity: Liquidity,
    },
    /// An order was filled, and the venue said how much of it.
    Settled {
        /// Whose it was.
        trader: u32,
        /// Which.
        order: OrderId,
        /// When.
        ts: Nanos,
        /// At what price.
        price: HalfUnits,
        /// How much.
        lots: Lots,
        /// Whether it made or took.
        liquidity: Liquidity,
    },
    /// The venue closed a trader's position, because the margin was gone.
    Liquidated {
        /// Whose it was.
        trader: u32,
        /// When.
        ts: Nanos,
        /// At what price.
        price: HalfUnits,
    },
    /// A person let a trader go on that was stopped.
    Enabled {
        /// Which.
        trader: u32,
    },
    /// The engine's kill switch was set, or taken back.
    Killed {
        /// Whether it is set.
        set: bool,
    },
}

/// What has changed since somebody was told last.
#[derive(Debug, Default)]
pub struct Tape {
    notes: Vec<Note>,
    broken: bool,
}

impl Tape {
    /// Adds a change. Where too much has come together, all of it is forgotten, and who follows has to begin anew.
    pub fn add(&mut self, note: Note) {
        if self.notes.len() < RISK_NOTES {
            self.notes.push(note);
        } else {
            self.broken = true;
        }
    }

    /// Says that the notes do not tell all.
    pub fn spoil(&mut self) {
        self.broken = true;
    }

    /// Whether something is missing.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes what there is.
    #[must_use]
    pub fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Begins anew: who follows has been told how all stands.
    pub fn begin(&mut self) {
        self.notes.clear();
        self.broken = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_that_is_too_long_has_to_begin_anew() {
        let mut tape = Tape::default();
        for _ in 0..RISK_NOTES {
            tape.add(Note::Step { ts: 1 });
        }
        assert!(!tape.is_broken());
        tape.add(Note::Step { ts: 2 });
        assert!(tape.is_broken());
        tape.begin();
        assert!(!tape.is_broken() && tape.take().is_empty());
    }
}
