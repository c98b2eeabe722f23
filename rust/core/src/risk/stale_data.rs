//! `stale_data`: nothing is added on a market whose last event is too old, or that had none.

use super::case::{Case, Said, seconds};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&most) = case.limit(&case.limits.data_age, "max_data_age")? else {
        return Ok(());
    };
    let Some(ts) = case.seen().ts else {
        return Err(Refused::new(
            check::STALE_DATA,
            "the market had no event yet, so the age of its data is not known",
        ));
    };
    let age = case.now().saturating_sub(ts);
    if age <= most {
        return Ok(());
    }
    Err(Refused::new(
        check::STALE_DATA,
        format!(
            "the market's last event is {} old, max_data_age{} is {}",
            seconds(age),
            case.whose(),
            seconds(most)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec, RiskSpec,
        test_support::{Desk, SECOND},
    };
    use super::*;

    #[test]
    fn nothing_is_added_on_old_data() {
        let limits = LimitSpec {
            max_data_age: ByPair::All(SECOND),
            ..LimitSpec::default()
        };
        let old = Err(check::STALE_DATA);
        for (age, said) in [(SECOND - 1, Ok(2)), (SECOND, Ok(2)), (SECOND + 1, old)] {
            let mut desk = Desk::account(limits.clone());
            desk.hold(0, 5);
            desk.now += age;
            assert_eq!(desk.send(0, 1), said);
            assert!(desk.send(0, -5).is_ok());
        }
        let mut desk = Desk::account(LimitSpec::default());
        let spec = RiskSpec {
            account: limits,
            traders: Vec::new(),
        };
        desk.gate.set_limits(Some(&spec), &desk.account).unwrap();
        assert_eq!(desk.send(0, 1), old, "nobody watched until now");
        desk.price(0, 10_000);
        assert_eq!(desk.send(0, 1), Ok(1));
    }
}
