//! `order_notional`: one order is worth no more than so much, at its limit, else at the price it is expected to be filled
//! at.

use crate::domain::Rounding;

use super::case::{Case, Said, at_most};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&most) = case.limit(&case.limits.order_notional, "max_order_notional")? else {
        return Ok(());
    };
    let instrument = &case.book().instrument;
    let value = instrument.value(case.expected()?, case.order.lots, Rounding::Up);
    at_most(value, most, |value, most| {
        Refused::new(
            check::ORDER_NOTIONAL,
            format!(
                "an order worth {value} is above max_order_notional{} of {most}",
                case.whose()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec,
        test_support::{Desk, decimal},
    };
    use super::*;

    #[test]
    fn an_order_is_worth_no_more_than_the_limit() {
        let limits = LimitSpec {
            max_order_notional: ByPair::All(decimal("1000")),
            ..LimitSpec::default()
        };
        let over = Err(check::ORDER_NOTIONAL);
        for (units, said) in [(9_999, Ok(1)), (10_000, Ok(1)), (10_001, over)] {
            assert_eq!(Desk::account(limits.clone()).limit(0, 10, units), said);
            let mut desk = Desk::account(limits.clone());
            desk.price(0, units);
            assert_eq!(desk.send(0, -10), said);
        }
    }

    #[test]
    fn a_market_order_is_valued_at_the_other_side_of_the_quote() {
        let limits = LimitSpec {
            max_order_notional: ByPair::All(decimal("1000")),
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits);
        desk.quote(0, 9_998, 10_001);
        assert_eq!(desk.send(0, 10), Err(check::ORDER_NOTIONAL));
        assert_eq!(desk.send(0, -10), Ok(1));
    }
}
