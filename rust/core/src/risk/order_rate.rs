//! `order_rate`: no more orders leave in a time than its bucket has tokens for.

use super::case::{Case, Said, seconds};
use super::{Refused, check};

pub(super) fn check(case: &Case<'_>) -> Said {
    let Some(&place) = case.limit(&case.limits.order_rate, "max_order_rate")? else {
        return Ok(());
    };
    let bucket = &case.state.buckets[place].1;
    if bucket.has(case.now()) {
        return Ok(());
    }
    let pace = bucket.pace();
    Err(Refused::new(
        check::ORDER_RATE,
        format!(
            "max_order_rate{} allows {} orders in {}",
            case.whose(),
            pace.count,
            seconds(pace.nanos)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ByPair, LimitSpec, Pace,
        test_support::{Desk, SECOND, decimal},
    };
    use super::*;
    use crate::order::{OrderKind, Origin};

    #[test]
    fn orders_leave_no_faster_than_the_bucket_fills() {
        let pace = Pace {
            count: 2,
            nanos: 10 * SECOND,
        };
        let limits = LimitSpec {
            max_order_rate: ByPair::All(pace),
            ..LimitSpec::default()
        };
        let over = Err(check::ORDER_RATE);
        let mut desk = Desk::account(limits.clone());
        assert_eq!(
            [desk.send(0, 1), desk.send(2, 1), desk.send(1, 1)],
            [Ok(1), Ok(2), over]
        );
        for (nanos, said) in [(5 * SECOND - 1, over), (1, Ok(3)), (1, over)] {
            desk.now += nanos;
            assert_eq!(desk.send(0, 1), said);
        }
        // By trader, each of a strategy's traders has its own.
        let mut desk = Desk::trader("cross", limits);
        assert_eq!(
            [desk.send(0, 1), desk.send(0, 1), desk.send(0, 1)],
            [Ok(1), Ok(2), over]
        );
        assert_eq!([desk.send(2, 1), desk.send(1, 1)], [Ok(3), Ok(4)]);
    }

    #[test]
    fn what_is_refused_takes_nothing_and_who_gets_out_is_not_held_up() {
        let limits = LimitSpec {
            max_order_rate: ByPair::All(Pace {
                count: 1,
                nanos: SECOND,
            }),
            max_order_quantity: ByPair::All(decimal("5")),
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits);
        assert_eq!(desk.send(0, 6), Err(check::ORDER_QUANTITY));
        let id = desk.send(0, 5).unwrap();
        desk.fill(0, id);
        assert_eq!(desk.send(0, -5), Err(check::ORDER_RATE));
        let mut exit = desk.order(0, -5, OrderKind::Market);
        exit.origin = Origin::Command;
        assert_eq!(desk.submit(exit), Ok(2));
    }

    #[test]
    fn each_pair_has_its_own_bucket_where_paces_are_given_by_pair() {
        let limits = LimitSpec {
            max_order_rate: ByPair::Each {
                pairs: Vec::new(),
                default: Some(Pace {
                    count: 1,
                    nanos: SECOND,
                }),
            },
            ..LimitSpec::default()
        };
        let mut desk = Desk::account(limits);
        assert_eq!([desk.send(0, 1), desk.send(2, 1)], [Ok(1), Ok(2)]);
        assert_eq!(desk.send(1, 1), Err(check::ORDER_RATE));
    }
}
