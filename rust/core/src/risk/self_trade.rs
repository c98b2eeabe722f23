//! `self_trade`: an order does not meet a working order of this account.

use super::case::{Case, Said};
use super::{Refused, check};
use crate::domain::Side;

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.scope.no_self_trade {
        return Ok(());
    }
    let order = case.order;
    let quoted = &case.state.quoted[order.market as usize];
    let Some(best) = quoted.best_against(order.side) else {
        return Ok(());
    };
    let (expected, best) = (case.expected()?, best.saturating_mul(2));
    let meets = match order.side {
        Side::Buy => expected >= best,
        Side::Sell => expected <= best,
    };
    if !meets {
        return Ok(());
    }
    Err(Refused::new(
        check::SELF_TRADE,
        format!(
            "at {} it would meet a working order of this account at {}; cancel that one first",
            case.price(expected),
            case.price(best)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, test_support::Desk};
    use super::*;

    fn desk() -> Desk {
        Desk::account(LimitSpec {
            prevent_self_trade: true,
            ..LimitSpec::default()
        })
    }

    #[test]
    fn a_limit_does_not_reach_an_own_order() {
        let over = Err(check::SELF_TRADE);
        for (units, said) in [(10_999, Ok(2)), (11_000, over), (11_001, over)] {
            let mut desk = desk();
            assert_eq!(desk.limit(0, -1, 11_000), Ok(1));
            assert_eq!(desk.limit(1, 1, units), said);
        }
        for (units, said) in [(9_001, Ok(2)), (9_000, over), (8_999, over)] {
            let mut desk = desk();
            assert_eq!(desk.limit(0, 1, 9_000), Ok(1));
            assert_eq!(desk.limit(1, -1, units), said);
        }
    }

    #[test]
    fn a_market_order_does_not_either() {
        let mut desk = desk();
        assert_eq!(desk.limit(0, -1, 10_002), Ok(1));
        assert_eq!(desk.limit(0, -1, 10_001), Ok(2));
        desk.quote(0, 9_999, 10_000);
        assert_eq!(desk.send(1, 1), Ok(3));
        desk.quote(0, 9_999, 10_001);
        assert_eq!(desk.send(1, 1), Err(check::SELF_TRADE));
        desk.cancel(0, 2);
        assert_eq!(desk.send(1, 1), Ok(4));
        assert_eq!(
            desk.limit(2, 1, 10_002),
            Ok(5),
            "another market is another market"
        );
    }
}
