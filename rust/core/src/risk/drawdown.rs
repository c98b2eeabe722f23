//! `drawdown`: nothing is added while equity lies too far below its highest value, as a part of that.

use crate::domain::{decimal_string, ratio_floor};

use super::case::{Case, Said};
use super::{Refused, check, overflow};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(part) = case.scope.drawdown else {
        return Ok(());
    };
    let (peak, equity) = (case.state.equity.peak, case.account.equity());
    // What lies below is a whole number, so it may be compared with the whole part of what is allowed.
    let allowed = ratio_floor(&[peak, part.mantissa], &[part.denominator]);
    match (peak.checked_sub(equity), allowed) {
        (Some(below), Some(allowed)) if below > allowed => Err(Refused::new(
            check::DRAWDOWN,
            format!(
                "equity of {} lies {} below its peak, more than max_drawdown allows",
                decimal_string(equity),
                decimal_string(below)
            ),
        )),
        (Some(_), Some(_)) => Ok(()),
        _ => Err(overflow::refusal()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        LimitSpec,
        test_support::{Desk, UNIT, decimal},
    };
    use super::*;

    #[test]
    fn nothing_is_added_too_far_below_the_peak() {
        let over = Err(check::DRAWDOWN);
        // From a peak of 1,001,000 a thousandth part is 1,001: a hundred times 10.01.
        for (cents, said) in [(10_000, Ok(2)), (9_999, Ok(2)), (9_998, over)] {
            let mut desk = Desk::account(LimitSpec {
                max_drawdown: Some(decimal("0.001")),
                ..LimitSpec::default()
            });
            desk.hold(0, 100);
            desk.price(0, 11_000);
            let peak = desk.account.equity();
            assert_eq!(peak, 1_001_000 * UNIT);
            desk.price(0, cents);
            let equity = desk.account.equity();
            let (times, equity) = (vec![1, 2].into(), vec![peak, equity].into());
            desk.gate.begin(&times, &equity, &desk.account);
            assert_eq!(desk.send(2, 1), said);
            assert!(desk.send(0, -100).is_ok());
        }
    }
}
