//! `cancel_rate`: no more working orders are taken back in a time than its bucket has tokens for. It is the one control
//! that a cancellation meets.

use crate::domain::Nanos;

use super::case::{Said, seconds};
use super::limits::{MarketLimits, Scope, State};
use super::spec::Limit;
use super::{Refused, check};

pub(super) fn check(scope: &Scope, limits: &MarketLimits, state: &State, now: Nanos) -> Said {
    // A limit that is missing for a pair stops no cancellation: what is unknown must never keep an order working.
    let Limit::At(place) = limits.cancel_rate else {
        return Ok(());
    };
    let bucket = &state.buckets[place].1;
    if bucket.has(now) {
        return Ok(());
    }
    let pace = bucket.pace();
    let whose = scope
        .trader
        .as_ref()
        .map_or_else(String::new, |name| format!(" of trader {name}"));
    Err(Refused::new(
        check::CANCEL_RATE,
        format!(
            "max_cancel_rate{whose} allows {} cancellations in {}; the order goes on working",
            pace.count,
            seconds(pace.nanos)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec, Pace,
        test_support::{Desk, SECOND},
    };
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn cancellations_are_no_faster_than_the_bucket_fills() {
        let limits = LimitSpec {
            max_cancel_rate: ByPair::All(Pace {
                count: 2,
                nanos: 10 * SECOND,
            }),
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits);
        let order = desk.order(0, 1, OrderKind::Market);
        let mut cancel = |now| {
            desk.gate
                .cancel(&order, now)
                .map_err(|refused| refused.check)
        };
        let over = Err(check::CANCEL_RATE);
        assert_eq!([cancel(0), cancel(0), cancel(0)], [Ok(()), Ok(()), over]);
        assert_eq!(cancel(5 * SECOND - 1), over);
        assert_eq!(cancel(5 * SECOND), Ok(()));
        assert_eq!(cancel(5 * SECOND + 1), over);
    }
}
