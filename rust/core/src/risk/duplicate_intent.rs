//! `duplicate_intent`: the same order of one trader within a short time is taken for a mistake.

use super::case::{Case, Said, seconds};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(window) = case.scope.duplicate_window else {
        return Ok(());
    };
    match case.state.sent.last_like(case.order) {
        Some(before) if case.now().saturating_sub(before) < window => Err(Refused::new(
            check::DUPLICATE_INTENT,
            format!(
                "the trader sent the same side, quantity and limit less than {} ago",
                seconds(window)
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        LimitSpec,
        test_support::{Desk, SECOND},
    };
    use super::*;

    #[test]
    fn the_same_order_again_is_refused_within_the_window() {
        let over = Err(check::DUPLICATE_INTENT);
        for (later, said) in [(-1, over), (0, Ok(2)), (1, Ok(2))] {
            let mut desk = Desk::account(LimitSpec {
                duplicate_window: Some(SECOND),
                ..LimitSpec::default()
            });
            assert_eq!(desk.limit(0, 5, 9_900), Ok(1));
            desk.now += SECOND + later;
            assert_eq!(desk.limit(0, 5, 9_900), said);
        }
    }

    #[test]
    fn another_trader_side_quantity_or_limit_is_another_order() {
        let mut desk = Desk::account(LimitSpec {
            duplicate_window: Some(SECOND),
            ..LimitSpec::default()
        });
        assert_eq!(desk.limit(0, 5, 9_900), Ok(1));
        let others = [
            desk.limit(1, 5, 9_900),
            desk.limit(0, -5, 10_100),
            desk.limit(0, 6, 9_900),
            desk.limit(0, 5, 9_901),
            desk.send(0, 5),
        ];
        assert_eq!(others, [Ok(2), Ok(3), Ok(4), Ok(5), Ok(6)]);
        assert_eq!(desk.send(0, 5), Err(check::DUPLICATE_INTENT));
    }
}
