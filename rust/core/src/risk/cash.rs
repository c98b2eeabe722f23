//! `cash`: a purchase on a spot account is paid for before it is sent.

use crate::domain::{HalfUnits, Liquidity, Money, decimal_string};
use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check, overflow};

/// What the purchase would cost at `price` with the taker fee: that much is set aside.
pub(super) fn reserve(
    order: &Order,
    price: HalfUnits,
    account: &Portfolio,
) -> Result<Money, Refused> {
    let instrument = &account.market(order.market).instrument;
    let cost = instrument
        .cost(price, order.lots, Liquidity::Taker)
        .ok_or_else(overflow::refusal)?;
    let free = account.view().free;
    if cost > free {
        return Err(Refused::new(
            check::CASH,
            format!(
                "the purchase needs {} with its fee, free cash is {}",
                decimal_string(cost),
                decimal_string(free)
            ),
        ));
    }
    Ok(cost)
}
