//! `net_exposure`: what is held long less what is held short, or the other way, stays within a value, even if all that works
//! on that side is filled.

use super::case::{Case, Said, at_most};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(most) = case.scope.net_exposure else {
        return Ok(());
    };
    let order = case.order;
    let reach = &case.state.reach;
    let after = reach.net_with(order.trader, order.side, order.lots, case.book());
    at_most(after, most, |after, most| {
        Refused::new(
            check::NET_EXPOSURE,
            format!(
                "with working orders the net exposure would be {after}, above max_net_exposure of {most}"
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
    fn what_is_long_less_what_is_short_stays_within_the_limit() {
        let limits = LimitSpec {
            max_net_exposure: Some(decimal("500")),
            ..LimitSpec::default()
        };
        let over = Err(check::NET_EXPOSURE);
        for sign in [1, -1] {
            for (lots, said) in [(14, Ok(2)), (15, Ok(2)), (16, over)] {
                let mut desk = Desk::account(limits.clone());
                desk.hold(0, -10 * sign);
                assert_eq!(desk.send(2, lots * sign), said);
            }
        }
        let mut desk = Desk::account(limits);
        assert_eq!(desk.limit(0, 5, 9_000), Ok(1));
        // What works on the other side may never be filled, so it takes nothing off.
        assert_eq!(desk.limit(2, -5, 11_000), Ok(2));
        assert_eq!(desk.send(0, 1), over);
        assert_eq!(desk.send(2, -1), over);
        desk.fill(2, 2);
        assert_eq!(desk.send(0, 5), Ok(3));
    }
}
