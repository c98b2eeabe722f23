//! `margin`: the account's exposure stays within leverage times equity.

use crate::domain::{Rate, Side, decimal_string, product_is_less, ratio_floor};
use crate::order::Order;
use crate::portfolio::{Portfolio, Worths};

use super::{Refused, check, overflow};

/// The leverage limit of a margin account.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    /// How many times equity the exposure may be.
    pub leverage: Rate,
}

impl Margin {
    /// Compares the exposure after the order with what equity allows.
    pub(super) fn check(&self, order: &Order, account: &Portfolio) -> Result<(), Refused> {
        let book = account.market(order.market);
        let (buys, sells) = match order.side {
            Side::Buy => (order.lots, 0),
            Side::Sell => (0, order.lots),
        };
        let exposure = book
            .exposure_with(buys, sells)
            .and_then(|after| account.exposure().checked_add(after - book.exposure()))
            .ok_or_else(overflow::refusal)?;
        let equity = account.equity();
        let (times, parts) = (self.leverage.mantissa, self.leverage.denominator);
        // With a leverage of one or more, what is no more than equity is no more than what it allows.
        if times >= parts && exposure <= equity {
            return Ok(());
        }
        let allowed = ratio_floor(&[equity, times], &[parts]).ok_or_else(overflow::refusal)?;
        if exposure > allowed {
            return Err(Refused::new(
                check::MARGIN,
                format!(
                    "exposure would be {}, leverage times equity is {}",
                    decimal_string(exposure),
                    decimal_string(allowed)
                ),
            ));
        }
        Ok(())
    }

    /// Where positions are worth no more than equity nothing else needs a look, unless leverage is below one half: the
    /// first of these worths of the positions that are carried at which it does.
    #[inline]
    pub(crate) fn first_to_look_at(self, account: &Portfolio, worths: Worths<'_>) -> Option<usize> {
        let at_least_half = self.leverage.mantissa > self.leverage.denominator / 2;
        if !at_least_half {
            return Some(0).filter(|_| !worths.is_empty());
        }
        account.first_above_equity(worths)
    }

    /// Whether equity has fallen below the maintenance margin: half of what the positions held required at their
    /// opening, which is their exposure over leverage.
    #[must_use]
    #[inline]
    pub fn must_liquidate(&self, account: &Portfolio) -> bool {
        let (held, equity) = (account.held_exposure(), account.equity());
        self.first_to_look_at(account, Worths::Of(&[account.carried()]))
            .is_some()
            && held > 0
            // Twice equity saturates no earlier than equity itself does.
            && product_is_less(
                (equity.saturating_mul(2), self.leverage.mantissa),
                (held, self.leverage.denominator),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::test_support::Desk;

    #[test]
    fn exposure_stays_within_leverage_times_equity() {
        // A thousand times an equity of ten.
        for sign in [1, -1] {
            for (lots, said) in [(99, Ok(2)), (100, Ok(2)), (101, Err(check::MARGIN))] {
                let mut desk = Desk::plain(false, 20);
                assert_eq!(desk.limit(2, 100, 9_000), Ok(1));
                assert_eq!(desk.send(0, lots * sign), said);
            }
        }
    }
}
