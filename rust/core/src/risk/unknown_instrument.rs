//! `unknown_instrument`: an order names a pair whose ticks, lots and least value the engine was told.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.limits.is_unknown {
        return Ok(());
    }
    Err(Refused::new(
        check::UNKNOWN_INSTRUMENT,
        "known_instruments_only: the pair has no instrument; give one in Engine(instruments=...)",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, test_support::Desk};
    use super::*;

    #[test]
    fn a_pair_without_an_instrument_is_refused() {
        let mut desk = Desk::account(LimitSpec {
            known_instruments_only: true,
            ..LimitSpec::default()
        });
        assert_eq!(desk.send(0, 1), Ok(1));
        assert_eq!(desk.send(2, 1), Err(check::UNKNOWN_INSTRUMENT));
    }
}
