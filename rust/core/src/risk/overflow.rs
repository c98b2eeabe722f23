//! `overflow`: positions and working orders stay within what whole numbers can hold.

use crate::domain::Lots;
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
