//! `price_gap`: nothing is added on a market while its last price lies too far from the one before.

use super::case::{Case, Said, is_beyond};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&gap) = case.limit(&case.limits.price_gap, "max_price_gap")? else {
        return Ok(());
    };
    let seen = case.seen();
    let (Some(before), Some(mark)) = (seen.before, seen.mark) else {
        return Ok(());
    };
    if !is_beyond(before, mark, gap)? {
        return Ok(());
    }
    Err(Refused::new(
        check::PRICE_GAP,
        format!(
            "the last price went from {} to {}, further than max_price_gap{} allows",
            case.price(before),
            case.price(mark),
            case.whose()
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
    fn nothing_is_added_while_the_last_price_is_a_jump() {
        let gap = Err(check::PRICE_GAP);
        let down = [(9_001, Ok(2)), (9_000, Ok(2)), (8_999, gap)];
        let up = [(10_999, Ok(2)), (11_000, Ok(2)), (11_001, gap)];
        for (units, said) in down.into_iter().chain(up) {
            let mut desk = Desk::account(LimitSpec {
                max_price_gap: ByPair::All(decimal("0.1")),
                ..LimitSpec::default()
            });
            desk.hold(0, 5);
            desk.price(0, units);
            assert_eq!(desk.send(0, 1), said);
            desk.price(0, units);
            assert!(desk.send(0, 1).is_ok(), "the next price is near again");
            assert!(desk.send(0, -5).is_ok());
        }
    }
}
