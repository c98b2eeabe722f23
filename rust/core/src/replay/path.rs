//! What each trader that goes past its own orders asked for on its way, until the run has come there too.

use crate::domain::{HalfUnits, Side};
use crate::portfolio::TraderRow;
use crate::trader::{Fills, Foreseen};
use crate::venue::{MarketFills, SimVenue};

impl Fills for SimVenue {
    fn at_close(&self) -> bool {
        !self.fills_at_opens()
    }

    fn fill_at(&self, market: u32, side: Side, price: f64) -> HalfUnits {
        self.market_fill(market, side, price)
    }
}

impl Fills for MarketFills {
    fn at_close(&self) -> bool {
        !self.at_opens()
    }

    fn fill_at(&self, _market: u32, side: Side, price: f64) -> HalfUnits {
        self.at(side, price)
    }
}

/// One trader's way through its newest block.
#[derive(Debug, Default)]
pub(super) struct Path {
    asked: Vec<Foreseen>,
    /// How many of them have been committed.
    committed: usize,
    /// Whether the fill of the last one that was committed is still to be seen.
    waits: bool,
}

impl Path {
    /// Begins anew with what a block asked for.
    pub(super) fn begin(&mut self, asked: Vec<Foreseen>) {
        if asked.is_empty() && self.asked.is_empty() {
            return;
        }
        *self = Self {
            asked,
            committed: 0,
            waits: false,
        };
    }

    /// The step of the next thing to be committed.
    #[inline]
    pub(super) fn next_step(&self) -> Option<u32> {
        self.next().map(|next| next.step)
    }

    /// The last thing to be committed.
    pub(super) fn last(&self) -> Option<&Foreseen> {
        self.asked.last()
    }

    /// The next thing to be committed.
    #[inline]
    pub(super) fn next(&self) -> Option<&Foreseen> {
        self.asked.get(self.committed)
    }

    /// Reads the next thing and the one behind it, whose step is asked for as soon as the next is committed.
    #[inline]
    pub(super) fn touch(&self) -> u32 {
        let coming = self.asked.iter().skip(self.committed).take(2);
        coming.fold(0, |touched, next| touched ^ next.step)
    }

    /// The same; it counts as committed from now on.
    #[inline]
    pub(super) fn commit(&mut self) -> Option<Foreseen> {
        let next = self.asked.get(self.committed).copied()?;
        self.committed += 1;
        self.waits = true;
        Some(next)
    }

    /// Waits for no fill any more: the account was liquidated.
    pub(super) fn forget(&mut self) {
        self.waits = false;
    }

    /// Whether what was committed last goes the way that was foreseen, as far as can be seen from the trader's part of
    /// the account; else the row at which it was asked for.
    pub(super) fn check(&mut self, row: &TraderRow) -> Result<(), u32> {
        let last = self.committed.checked_sub(1).filter(|_| self.waits);
        let Some(last) = last.and_then(|last| self.asked.get(last)) else {
            return Ok(());
        };
        if last.came_true(row) {
            self.waits = false;
            return Ok(());
        }
        if last.is_on_its_way(row) {
            return Ok(());
        }
        Err(last.row)
    }
}
