//! `repeated_execution`: a trader that sends order after order on one side is stopped until a person enables it.

use super::case::{Case, Said, seconds};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let (order, sent) = (case.order, &case.state.sent);
    if sent.is_stopped(order.trader) {
        return Err(Refused::new(
            check::REPEATED_EXECUTION,
            "the trader was stopped for its many orders of one side; enable it to let it trade again",
        ));
    }
    let Some(pace) = case.scope.repeats else {
        return Ok(());
    };
    let count = usize::try_from(pace.count).unwrap_or(usize::MAX);
    match sent.nth_last(order.trader, order.side, count) {
        Some(first) if case.now().saturating_sub(first) < pace.nanos => Err(Refused::new(
            check::REPEATED_EXECUTION,
            format!(
                "{} {} orders within {} are as many as max_repeats{} allows; the trader is stopped until a person enables it",
                pace.count,
                order.side.name(),
                seconds(pace.nanos),
                case.whose()
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        LimitSpec, Pace,
        test_support::{Desk, SECOND},
    };
    use super::*;

    fn desk() -> Desk {
        Desk::account(LimitSpec {
            max_repeats: Some(Pace {
                count: 3,
                nanos: 10 * SECOND,
            }),
            ..LimitSpec::default()
        })
    }

    #[test]
    fn the_order_after_the_last_allowed_stops_the_trader() {
        let over = Err(check::REPEATED_EXECUTION);
        for (later, said) in [(-1, over), (0, Ok(4)), (1, Ok(4))] {
            let mut desk = desk();
            for id in 1..=3 {
                assert_eq!(desk.send(0, 1), Ok(id));
            }
            desk.now += 10 * SECOND + later;
            assert_eq!(desk.send(0, 1), said);
        }
    }

    #[test]
    fn a_stopped_trader_sends_nothing_until_a_person_enables_it() {
        let mut desk = desk();
        for id in 1..=3 {
            assert_eq!(desk.send(0, -1), Ok(id));
        }
        assert_eq!(desk.send(0, 1), Ok(4), "the other side is counted apart");
        let over = Err(check::REPEATED_EXECUTION);
        assert_eq!(desk.send(0, -1), over);
        desk.now += 1_000 * SECOND;
        assert_eq!([desk.send(0, 1), desk.send(1, 1)], [over, Ok(5)]);
        assert!(!desk.gate.enable(1) && desk.gate.enable(0));
        assert_eq!(desk.send(0, -1), Ok(6));
    }
}
