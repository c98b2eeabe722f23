//! `order_quantity`: one order is for no more than so much of the base currency.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&most) = case.limit(&case.limits.order_quantity, "max_order_quantity")? else {
        return Ok(());
    };
    if case.order.lots <= most {
        return Ok(());
    }
    Err(Refused::new(
        check::ORDER_QUANTITY,
        format!(
            "an order for {} is above max_order_quantity{} of {}",
            case.quantity(case.order.lots),
            case.whose(),
            case.quantity(most)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec,
        test_support::{Desk, decimal},
    };
    use super::*;

    #[test]
    fn an_order_is_for_no_more_than_the_limit() {
        let limits = LimitSpec {
            max_order_quantity: ByPair::All(decimal("10")),
            ..LimitSpec::default()
        };
        for (lots, said) in [(9, Ok(1)), (10, Ok(1)), (11, Err(check::ORDER_QUANTITY))] {
            assert_eq!(Desk::account(limits.clone()).send(0, lots), said);
            assert_eq!(Desk::trader("a", limits.clone()).send(0, -lots), said);
            // The limit of one trader is nobody else's.
            assert_eq!(Desk::trader("a", limits.clone()).send(1, lots), Ok(1));
        }
    }

    #[test]
    fn a_position_is_closed_whatever_its_size() {
        let limits = LimitSpec {
            max_order_quantity: ByPair::All(decimal("10")),
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits);
        desk.hold(0, 15);
        assert_eq!(desk.send(0, -15), Ok(2));
    }

    #[test]
    fn a_pair_without_a_number_is_refused() {
        let given = |default| LimitSpec {
            max_order_quantity: ByPair::Each {
                pairs: vec![("A/USD".to_owned(), decimal("10"))],
                default,
            },
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(given(None));
        assert_eq!(desk.send(2, 1), Err(check::MISSING_LIMIT));
        assert_eq!(desk.send(0, 10), Ok(1));
        let mut desk = Desk::account(given(Some(decimal("5"))));
        assert_eq!(desk.send(2, 5), Ok(1));
        assert_eq!(desk.send(2, 6), Err(check::ORDER_QUANTITY));
        assert_eq!(desk.send(0, 10), Ok(2));
    }
}
