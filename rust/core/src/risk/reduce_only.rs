//! `reduce_only`: in this mode positions only become smaller.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.limits.reduce_only {
        return Ok(());
    }
    Err(Refused::new(
        check::REDUCE_ONLY,
        format!(
            "reduce_only{} is set: positions may only become smaller",
            case.whose()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, Pairs, test_support::Desk};
    use super::*;

    #[test]
    fn positions_only_become_smaller() {
        let mut desk = Desk::account(LimitSpec {
            reduce_only: Pairs::These(vec!["A/USD".to_owned()]),
            ..LimitSpec::default()
        });
        desk.hold(0, 5);
        let over = Err(check::REDUCE_ONLY);
        assert_eq!(
            [desk.send(0, 1), desk.send(1, -1), desk.send(2, 1)],
            [over, over, Ok(2)]
        );
        assert_eq!(desk.send(0, -4), Ok(3));
        assert_eq!(desk.send(0, -2), over, "one is sent, the other refused");
        assert_eq!(
            desk.account
                .row(0)
                .working
                .iter()
                .map(|o| o.lots)
                .sum::<i64>(),
            5
        );
    }
}
