//! `restricted`: pairs on the restricted list are not traded.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.limits.is_restricted {
        return Ok(());
    }
    Err(Refused::new(
        check::RESTRICTED,
        format!("the pair stands on the list `restricted`{}", case.whose()),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, Pairs, test_support::Desk};
    use super::*;
    use crate::order::{OrderKind, Origin};

    #[test]
    fn a_restricted_pair_is_not_traded_but_a_person_gets_out() {
        let mut desk = Desk::account(LimitSpec {
            restricted: Pairs::All,
            ..LimitSpec::default()
        });
        desk.hold(0, 5);
        assert_eq!(
            [desk.send(0, 1), desk.send(0, -5)],
            [Err(check::RESTRICTED); 2]
        );
        for (delta, said) in [(-6, Err(check::RESTRICTED)), (-5, Ok(2))] {
            let mut exit = desk.order(0, delta, OrderKind::Market);
            exit.origin = Origin::Command;
            assert_eq!(desk.submit(exit), said);
        }
    }
}
