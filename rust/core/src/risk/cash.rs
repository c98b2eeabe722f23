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

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::test_support::Desk;

    #[test]
    fn a_purchase_costs_no_more_than_the_free_cash() {
        let over = Err(check::CASH);
        for (units, said) in [(9_999, Ok(1)), (10_000, Ok(1)), (10_001, over)] {
            assert_eq!(Desk::plain(true, 1_000).limit(0, 10, units), said);
        }
        let mut desk = Desk::plain(true, 1_000);
        let id = desk.limit(0, 9, 10_000).unwrap();
        assert_eq!(
            [desk.send(2, 2), desk.send(2, 1), desk.send(2, 1)],
            [over, Ok(2), over]
        );
        desk.cancel(0, id);
        assert_eq!(desk.send(2, 9), Ok(3));
    }
}
