//! `overflow`: positions and working orders stay within what whole numbers can hold.

use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check, sum};

pub(super) fn check(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let book = account.market(order.market);
    let long = sum(&[book.net.saturating_abs(), book.working_buys, order.lots]);
    let short = sum(&[book.net.saturating_abs(), book.working_sells, order.lots]);
    if long.is_none() || short.is_none() {
        return Err(refusal());
    }
    Ok(())
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
