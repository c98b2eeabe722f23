//! `price_band`: a limit, or the price a market order is expected to be filled at, lies between two prices.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&(low, high)) = case.limit(&case.limits.price_band, "price_band")? else {
        return Ok(());
    };
    let price = case.expected()?;
    if (low..=high).contains(&price) {
        return Ok(());
    }
    Err(Refused::new(
        check::PRICE_BAND,
        format!(
            "the price {} lies outside of price_band{}: {} to {}",
            case.price(price),
            case.whose(),
            case.price(low),
            case.price(high)
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
    fn a_price_lies_within_the_band() {
        let limits = LimitSpec {
            price_band: ByPair::All((decimal("95"), decimal("110.005"))),
            ..LimitSpec::default()
        };
        let out = Err(check::PRICE_BAND);
        let low = [(9_499, out), (9_500, Ok(1)), (9_501, Ok(1))];
        let high = [(10_999, Ok(1)), (11_000, Ok(1)), (11_001, out)];
        for (units, said) in low.into_iter().chain(high) {
            assert_eq!(Desk::account(limits.clone()).limit(0, 1, units), said);
        }
        let mut desk = Desk::account(limits);
        desk.price(0, 11_001);
        assert_eq!(desk.send(0, 1), out);
    }
}
