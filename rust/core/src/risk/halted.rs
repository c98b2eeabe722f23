//! `halted`: nothing is sent to a market that is halted.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.limits.is_halted {
        return Ok(());
    }
    Err(Refused::new(
        check::HALTED,
        format!(
            "the pair is halted{}; take it out of `halted` to trade it",
            case.whose()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, Pairs, test_support::Desk};
    use super::*;

    #[test]
    fn nothing_is_sent_to_a_halted_pair() {
        let mut desk = Desk::account(LimitSpec {
            halted: Pairs::These(vec!["A/USD".to_owned()]),
            ..LimitSpec::default()
        });
        desk.hold(0, 5);
        assert_eq!([desk.send(0, 1), desk.send(0, -5)], [Err(check::HALTED); 2]);
        assert_eq!(desk.send(2, 1), Ok(2));
    }
}
