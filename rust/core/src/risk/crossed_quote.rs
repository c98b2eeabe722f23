//! `crossed_quote`: nothing is added on a market whose last quote has its bid above its ask.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    match case.seen().quote {
        Some((bid, ask)) if case.scope.no_crossed_quotes && bid > ask => Err(Refused::new(
            check::CROSSED_QUOTE,
            format!(
                "the market's last quote is crossed: bid {} is above ask {}",
                case.price(bid),
                case.price(ask)
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, test_support::Desk};
    use super::*;

    #[test]
    fn nothing_is_added_on_a_crossed_quote() {
        let crossed = Err(check::CROSSED_QUOTE);
        for (bid, said) in [(9_999, Ok(2)), (10_000, Ok(2)), (10_001, crossed)] {
            let mut desk = Desk::account(LimitSpec {
                refuse_crossed_quotes: true,
                ..LimitSpec::default()
            });
            desk.hold(0, 5);
            desk.quote(0, bid, 10_000);
            assert_eq!(desk.send(0, 1), said);
            assert!(desk.send(0, -5).is_ok());
        }
    }
}
