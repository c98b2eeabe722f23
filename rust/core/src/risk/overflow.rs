//! `overflow`: positions and working orders stay within what whole numbers can hold.

use crate::domain::{Lots, Side};
use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check};

pub(super) fn check(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let book = account.market(order.market);
    let held = book.net.saturating_abs().checked_add(order.lots);
    let fits = |working: Lots| held.is_some_and(|held| held.checked_add(working).is_some());
    if fits(book.working_buys) && fits(book.working_sells) {
        return Ok(());
    }
    Err(refusal())
}

/// What makes one trader's position smaller is measured from where it leads alone, so that any position can be left; but
/// beside the orders and positions of others on its market it has to fit, too.
pub(super) fn check_reducing(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let book = account.market(order.market);
    let (working, sign) = match order.side {
        Side::Buy => (book.working_buys, 1),
        Side::Sell => (book.working_sells, -1),
    };
    let all = working.checked_add(order.lots);
    let fits = all.and_then(|all| book.net.checked_add(sign * all));
    fits.map(drop).ok_or_else(refusal)
}

pub(super) fn refusal() -> Refused {
    Refused::new(
        check::OVERFLOW,
        "price times quantity does not fit; use a smaller size",
    )
}

#[cfg(test)]
mod tests {
    use super::super::test_support::Desk;
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn what_reduces_fits_beside_what_works_already() {
        for side in [1, -1] {
            let mut desk = Desk::plain(false, 1_000);
            desk.hold(0, -3 * side);
            assert_eq!(
                desk.limit(0, 10 * side, if side > 0 { 1 } else { 99_999 }),
                Ok(2)
            );
            // Ten work already, from three on the other side: it is the sum of what works that fits first.
            for (lots, fits) in [(11, true), (10, true), (9, false)] {
                let order = desk.order(1, side * (i64::MAX - lots), OrderKind::Market);
                let beside = check_reducing(&order, &desk.account);
                assert_eq!(beside.is_ok(), fits, "{side} {lots}");
            }
        }
    }

    #[test]
    fn positions_and_working_orders_fit_whole_numbers() {
        let mut desk = Desk::plain(false, 1_000);
        desk.hold(0, -3);
        assert_eq!(desk.limit(0, 10, 1), Ok(2));
        for (room, fits) in [(12, true), (13, true), (14, false)] {
            let order = desk.order(1, i64::MAX - 26 + room, OrderKind::Market);
            assert_eq!(check(&order, &desk.account).is_ok(), fits, "{room}");
        }
    }
}
