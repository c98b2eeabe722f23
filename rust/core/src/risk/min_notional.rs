//! `min_notional`: an order that adds exposure is worth at least the instrument's minimum.

use crate::domain::{HalfUnits, Rounding, decimal_string};
use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check, overflow};

pub(super) fn check(order: &Order, price: HalfUnits, account: &Portfolio) -> Result<(), Refused> {
    let instrument = &account.market(order.market).instrument;
    let Some(minimum) = instrument.min_notional else {
        return Ok(());
    };
    let value = instrument
        .value(price, order.lots, Rounding::Down)
        .ok_or_else(overflow::refusal)?;
    if value < minimum {
        return Err(Refused::new(
            check::MIN_NOTIONAL,
            format!(
                "an order worth {} is below the instrument's minimum of {}",
                decimal_string(value),
                decimal_string(minimum)
            ),
        ));
    }
    Ok(())
}
