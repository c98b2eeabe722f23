//! `position`: what the account's traders, or one trader, hold of a pair stays within a quantity, even if all that works
//! on that side is filled.

use super::case::{Case, Said};
use super::state::Own;
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&most) = case.limit(&case.limits.position, "max_position")? else {
        return Ok(());
    };
    let order = case.order;
    let after = if case.scope.trader.is_some() {
        Own::of(case.account.row(order.trader)).reach(order.side, order.lots)
    } else {
        let reach = &case.state.reach;
        reach.position_with(order.trader, order.side, order.lots)
    };
    if after <= i128::from(most) {
        return Ok(());
    }
    Err(Refused::new(
        check::POSITION,
        format!(
            "with working orders the position would reach {}, above max_position{} of {}",
            case.quantity(i64::try_from(after).unwrap_or(i64::MAX)),
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

    fn at_most(most: &str) -> LimitSpec {
        LimitSpec {
            max_position: ByPair::All(decimal(most)),
            ..LimitSpec::default()
        }
    }

    #[test]
    fn positions_and_working_orders_stay_within_the_limit() {
        let over = Err(check::POSITION);
        for sign in [1, -1] {
            for (lots, said) in [(4, Ok(3)), (5, Ok(3)), (6, over)] {
                for mut desk in [
                    Desk::account(at_most("10")),
                    Desk::trader("a", at_most("10")),
                ] {
                    desk.hold(0, 3 * sign);
                    assert_eq!(desk.limit(0, 2 * sign, 9_000), Ok(2));
                    assert_eq!(desk.send(0, lots * sign), said);
                }
            }
        }
    }

    #[test]
    fn what_was_taken_back_or_filled_counts_no_more_and_no_less() {
        let mut desk = Desk::account(at_most("10"));
        let id = desk.send(0, 10).unwrap();
        assert_eq!(desk.send(0, 1), Err(check::POSITION));
        desk.cancel(0, id);
        let id = desk.send(0, 10).unwrap();
        desk.fill(0, id);
        assert_eq!(desk.send(0, 1), Err(check::POSITION));
        // To the other side there is room for what is held and as much again.
        assert_eq!(desk.send(0, -21), Err(check::POSITION));
        let cut = &desk.account.row(0).working[0];
        assert_eq!(cut.lots, 10, "the part that only reduces was sent");
        desk.cancel(0, 3);
        assert_eq!(desk.send(0, -20), Ok(4));
    }

    #[test]
    fn traders_of_a_pair_share_the_accounts_limit() {
        let mut desk = Desk::account(at_most("10"));
        desk.hold(0, 6);
        assert_eq!(desk.send(1, 5), Err(check::POSITION));
        assert_eq!(desk.send(1, 4), Ok(2));
        // What one is short another may close at any time, so it makes no room.
        let mut desk = Desk::account(at_most("10"));
        desk.hold(0, 10);
        desk.hold(1, -10);
        assert_eq!(desk.send(0, 1), Err(check::POSITION));
        assert_eq!(desk.send(1, 10), Ok(3));
    }
}
