//! `daily_loss`: nothing is added once the account lost more than so much since midnight UTC.

use super::case::{Case, Said, at_most};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(most) = case.scope.daily_loss else {
        return Ok(());
    };
    let lost = case
        .state
        .equity
        .at_midnight
        .checked_sub(case.account.equity());
    at_most(lost, most, |lost, most| {
        Refused::new(
            check::DAILY_LOSS,
            format!(
                "the account lost {lost} since midnight UTC, more than max_daily_loss of {most}"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        LimitSpec,
        test_support::{Desk, SECOND, decimal},
    };
    use super::*;

    const DAY: i64 = 86_400 * SECOND;

    #[test]
    fn nothing_is_added_after_too_large_a_loss_since_midnight() {
        let over = Err(check::DAILY_LOSS);
        for (cents, said) in [(9_501, Ok(2)), (9_500, Ok(2)), (9_499, over)] {
            let mut desk = Desk::account(LimitSpec {
                max_daily_loss: Some(decimal("50")),
                ..LimitSpec::default()
            });
            desk.hold(0, 10);
            desk.price(0, cents);
            let equity = desk.account.equity();
            desk.gate
                .begin(&vec![SECOND].into(), &vec![equity].into(), &desk.account);
            assert_eq!(desk.send(2, 1), said);
            // What reduces passes, and the next day begins anew.
            assert!(desk.send(0, -10).is_ok());
            desk.gate.begin(
                &vec![SECOND, DAY].into(),
                &vec![equity, equity].into(),
                &desk.account,
            );
            assert!(desk.send(2, 2).is_ok());
        }
    }
}
