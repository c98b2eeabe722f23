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
