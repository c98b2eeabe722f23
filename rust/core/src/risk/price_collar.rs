//! `price_collar`: a limit, or the price a market order is expected to be filled at, lies near the last price.

use super::case::{Case, Said, is_beyond};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&collar) = case.limit(&case.limits.price_collar, "price_collar")? else {
        return Ok(());
    };
    let (mark, price) = (case.mark()?, case.expected()?);
    if !is_beyond(mark, price, collar)? {
        return Ok(());
    }
    Err(Refused::new(
        check::PRICE_COLLAR,
        format!(
            "the price {} lies further from the last price {} than price_collar{} allows",
            case.price(price),
            case.price(mark),
            case.whose()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec, RiskSpec,
        test_support::{Desk, decimal},
    };
    use super::*;

    #[test]
    fn a_limit_lies_near_the_last_price() {
        let limits = LimitSpec {
            price_collar: ByPair::All(decimal("0.05")),
            ..LimitSpec::default()
        };
        let out = Err(check::PRICE_COLLAR);
        let cases = [(9_499, out), (9_500, Ok(1)), (9_501, Ok(1))];
        let above = [(10_499, Ok(1)), (10_500, Ok(1)), (10_501, out)];
        for (units, said) in cases.into_iter().chain(above) {
            assert_eq!(Desk::account(limits.clone()).limit(0, 1, units), said);
            assert_eq!(Desk::account(limits.clone()).limit(0, -1, units), said);
        }
    }

    #[test]
    fn a_market_order_meets_a_wide_quote() {
        let limits = LimitSpec {
            price_collar: ByPair::All(decimal("0.01")),
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits.clone());
        desk.quote(0, 9_900, 10_100);
        assert_eq!(desk.send(0, 1), Ok(1));
        desk.quote(0, 9_899, 10_101);
        assert_eq!(desk.send(0, 1), Err(check::PRICE_COLLAR));
        // A bad price is bad for closing a position, too.
        desk.fill(0, 1);
        assert_eq!(desk.send(0, -1), Err(check::PRICE_COLLAR));
        let spec = RiskSpec {
            account: limits,
            traders: Vec::new(),
        };
        assert_eq!(Desk::unpriced(&spec).send(0, 1), Err(check::NO_PRICE));
    }
}
