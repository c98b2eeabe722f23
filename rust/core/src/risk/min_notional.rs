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

#[cfg(test)]
mod tests {
    use super::super::test_support::{Desk, UNIT, decimal};
    use super::super::{RiskSpec, check};

    #[test]
    fn what_adds_is_worth_at_least_the_minimum() {
        let least = Some(decimal("1000"));
        for (units, said) in [
            (9_999, Err(check::MIN_NOTIONAL)),
            (10_000, Ok(2)),
            (10_001, Ok(2)),
        ] {
            let mut desk = Desk::on(&RiskSpec::default(), false, 1_000 * UNIT, least);
            desk.price(0, 10_000);
            desk.hold(0, 1);
            assert_eq!(desk.limit(0, 10, units), said);
            assert!(
                desk.limit(0, -1, 10_000).is_ok(),
                "what reduces may be worth less"
            );
        }
    }
}
