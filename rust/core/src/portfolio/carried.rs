//! Positions whose worth is told from outside, some steps at once: nothing happens to them but that prices move.

use serde::{Deserialize, Serialize};

use crate::domain::Money;

use super::Portfolio;

/// Sums of two amounts below this cannot overflow, nor can their differences.
const NEAR: u128 = 1 << 124;

/// What the positions are worth that nothing happens to but that prices move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Their value, short ones below zero.
    pub net: Money,
    /// Their value whatever their side.
    pub gross: Money,
}

impl Portfolio {
    /// Adds the equity at each of these worths of the positions that are carried to a curve.
    pub fn equities(&self, worths: &[Carried], curve: &mut Vec<Money>) {
        // What is carried stays far below this, so that such a sum cannot overflow, and needs no look at that.
        if self.equity.unsigned_abs() < NEAR {
            curve.extend(
                worths
                    .iter()
                    .map(|worth| self.equity.wrapping_add(worth.net)),
            );
        } else {
            curve.extend(worths.iter().map(|&worth| self.equity_with(worth)));
        }
    }

    /// The first of these worths of the positions that are carried at which all positions are worth more than equity.
    #[must_use]
    pub fn first_above_equity(&self, worths: &[Carried]) -> Option<usize> {
        if self.equity.unsigned_abs() < NEAR && self.held.unsigned_abs() < NEAR {
            let spare = self.equity.wrapping_sub(self.held);
            return worths
                .iter()
                .position(|worth| worth.gross.wrapping_sub(worth.net) > spare);
        }
        worths
            .iter()
            .position(|&worth| self.held_with(worth) > self.equity_with(worth))
    }

    /// Leaves the valuation of a market's position to the caller, who tells by [`Portfolio::set_carried`] what all such
    /// positions are worth at each step. Gives back what one more half unit of the price adds to the value; `None`
    /// where there is no position, or one that needs a look at each price.
    ///
    /// This lasts until something happens in the market. Its mark has to be up to date before that.
    pub fn carry(&mut self, market: u32) -> Option<i64> {
        let book = &mut self.markets[market as usize];
        let per_price = book.per_price.filter(|_| !book.carried)?;
        book.carried = true;
        let value = std::mem::take(&mut book.value);
        let exposure = std::mem::take(&mut book.exposure);
        self.equity = self.equity.saturating_sub(value);
        self.held = self.held.saturating_sub(value.saturating_abs());
        self.exposure = self.exposure.saturating_sub(exposure);
        Some(per_price)
    }

    /// Tells what the positions that are carried are worth at this step.
    #[inline]
    pub fn set_carried(&mut self, carried: Carried) {
        self.carried = carried;
    }

    /// The markets whose position is no longer carried since this was last asked, and what one more half unit of the
    /// price added to its value until then.
    #[must_use]
    pub fn released(&mut self) -> std::vec::Drain<'_, (u32, i64)> {
        self.released.drain(..)
    }

    /// Whether nothing but its price moves in a market, and the price need not be known now: nothing is held or works there,
    /// or what is held is carried.
    #[must_use]
    #[inline]
    pub fn is_unmoved(&self, market: u32) -> bool {
        let book = &self.markets[market as usize];
        book.carried || (book.net == 0 && book.working_buys == 0 && book.working_sells == 0)
    }

    /// Whether a market's position is carried.
    #[must_use]
    pub fn is_carried(&self, market: u32) -> bool {
        self.markets[market as usize].carried
    }

    /// Takes a carried position back before the worth of this step has been told: it is valued at the mark that it was
    /// last valued at, and looked at with each price from now on.
    pub fn give_back(&mut self, market: u32) {
        let before = self.carried;
        self.release(market);
        self.released.clear();
        // It is not part of what will be told for this step.
        self.carried = before;
        self.markets[market as usize].per_price = None;
    }

    /// Whether a market's position needs a look at each of its prices: there is one, and it cannot be carried.
    #[must_use]
    pub fn needs_each_price(&self, market: u32) -> bool {
        let book = &self.markets[market as usize];
        let works = book.working_buys != 0 || book.working_sells != 0;
        book.net != 0 && book.per_price.is_none() && !works
    }

    /// Values a carried position on its own again, at the market's mark.
    pub(super) fn release(&mut self, market: u32) {
        let book = &mut self.markets[market as usize];
        let (Some(per_price), Some(mark)) = (book.per_price, book.mark) else {
            return;
        };
        book.carried = false;
        let value = i128::from(mark) * i128::from(per_price);
        let gross = value.saturating_abs();
        book.value = value;
        self.equity = self.equity.saturating_add(value);
        self.held = self.held.saturating_add(gross);
        if !self.spot {
            book.exposure = gross;
            self.exposure = self.exposure.saturating_add(gross);
        }
        self.carried.net = self.carried.net.saturating_sub(value);
        self.carried.gross = self.carried.gross.saturating_sub(gross);
        self.released.push((market, per_price));
    }
}
