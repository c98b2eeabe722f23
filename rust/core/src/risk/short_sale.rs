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
