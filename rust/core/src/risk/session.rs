//! `session`: orders are sent while the session is open, from its opening up to before its close.

use super::case::{Case, Said};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(hours) = case.limit(&case.limits.session, "session")? else {
        return Ok(());
    };
    let now = case.now();
    // The session that began last: the others are over, or to come.
    let begun = hours.partition_point(|&(open, _)| open <= now);
    let last = begun.checked_sub(1).and_then(|at| hours.get(at));
    if last.is_some_and(|&(_, close)| now < close) {
        return Ok(());
    }
    Err(Refused::new(
        check::SESSION,
        format!("the session{} is not open at this time", case.whose()),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{ByPair, Hours, LimitSpec, test_support::Desk};
    use super::*;
    use std::sync::Arc;

    #[test]
    fn orders_are_sent_from_the_opening_up_to_before_the_close() {
        let hours: Hours = Arc::from([(10, 20), (30, 40)]);
        let limits = LimitSpec {
            session: ByPair::All(hours),
            ..LimitSpec::default()
        };
        let closed = Err(check::SESSION);
        let first = [
            (9, closed),
            (10, Ok(1)),
            (11, Ok(1)),
            (19, Ok(1)),
            (20, closed),
            (21, closed),
        ];
        let second = [
            (29, closed),
            (30, Ok(1)),
            (39, Ok(1)),
            (40, closed),
            (99, closed),
        ];
        for (now, said) in first.into_iter().chain(second) {
            let mut desk = Desk::account(limits.clone());
            desk.now = now;
            assert_eq!(desk.send(0, 1), said, "at {now}");
        }
    }
}
