//! `gross_exposure`: all positions together, whatever their side, stay within a value, even if all that works is filled.

use super::case::{Case, Said, at_most};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(most) = case.scope.gross_exposure else {
        return Ok(());
    };
    let order = case.order;
    let reach = &case.state.reach;
    let after = reach.gross_with(order.trader, order.side, order.lots, case.book());
    at_most(after, most, |after, most| {
        Refused::new(
            check::GROSS_EXPOSURE,
            format!(
                "with working orders the exposure would be {after}, above max_gross_exposure of {most}"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        LimitSpec,
        test_support::{Desk, decimal},
    };
    use super::*;

    #[test]
    fn all_positions_together_stay_within_the_limit() {
        let limits = LimitSpec {
            max_gross_exposure: Some(decimal("2000")),
            ..LimitSpec::default()
        };
        let over = Err(check::GROSS_EXPOSURE);
        for (lots, said) in [(9, Ok(2)), (10, Ok(2)), (11, over)] {
            let mut desk = Desk::account(limits.clone());
            desk.hold(0, 10);
            assert_eq!(desk.send(2, -lots), said);
        }
        let mut desk = Desk::account(limits);
        desk.hold(0, 10);
        // The larger side of a market counts; the smaller one may grow up to it.
        assert_eq!(desk.limit(1, -10, 11_000), Ok(2));
        desk.price(0, 15_000);
        assert_eq!(desk.send(2, 5), Ok(3));
        assert_eq!(desk.send(2, 1), over);
        desk.price(0, 20_000);
        assert_eq!(desk.send(0, -10), Ok(4), "what reduces passes at any price");
    }
}
