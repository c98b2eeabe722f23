//! `short_sale`: on a spot account a trader sells no more than it holds.

use crate::domain::Side;
use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check};

pub(super) fn check(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    if account.is_spot() && order.side == Side::Sell {
        return Err(Refused::new(
            check::SHORT_SALE,
            "account='spot' cannot sell short, use account='margin'",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::test_support::Desk;

    #[test]
    fn a_spot_account_sells_what_its_trader_holds() {
        for (lots, said) in [(4, Ok(2)), (5, Ok(2)), (6, Err(check::SHORT_SALE))] {
            let mut desk = Desk::plain(true, 1_000);
            desk.hold(0, 5);
            assert_eq!(desk.send(0, -lots), said);
            let sold: i64 = desk
                .account
                .row(0)
                .working
                .iter()
                .map(|order| order.lots)
                .sum();
            assert_eq!(sold, lots.min(5), "what is held is sold all the same");
            assert_eq!(desk.send(1, -1), Err(check::SHORT_SALE));
        }
    }
}
