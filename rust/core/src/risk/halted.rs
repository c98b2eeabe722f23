//! `halted`: nothing is sent to a market that is halted, by a limit or, while the run goes on, by reconciliation.

use crate::order::{Order, Origin};
use crate::portfolio::Portfolio;

use super::case::{Case, Said};
use super::{Refused, check};

/// Refuses an order to a market that reconciliation has halted.
///
/// # Errors
/// Unless a person sends it, or the engine for a quarantined trader, to make a position smaller.
pub fn check_halted(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let reduces = order.lots <= account.row(order.trader).reducible(order.side);
    if matches!(order.origin, Origin::Command | Origin::Quarantine) && reduces {
        return Ok(());
    }
    Err(Refused::new(
        check::HALTED,
        "the pair is halted: the venue and the engine differ about it; find out why, then enable the pair",
    ))
}

pub(super) fn check(case: &Case<'_>) -> Said {
    if !case.limits.is_halted {
        return Ok(());
    }
    Err(Refused::new(
        check::HALTED,
        format!(
            "the pair is halted{}; take it out of `halted` to trade it",
            case.whose()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, Pairs, test_support::Desk};
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn of_a_pair_that_reconciliation_halted_only_what_gets_out_is_sent() {
        let mut desk = Desk::account(LimitSpec::default());
        desk.hold(0, 5);
        for (delta, origin, passes) in [
            (-5, Origin::Command, true),
            (-6, Origin::Command, false),
            (1, Origin::Command, false),
            (-5, Origin::Quarantine, true),
            (-5, Origin::Strategy, false),
            (-5, Origin::Signal { target: 0 }, false),
        ] {
            let order = Order {
                origin,
                ..desk.order(0, delta, OrderKind::Market)
            };
            let said = check_halted(&order, &desk.account).map_err(|refused| refused.check);
            assert_eq!(said, if passes { Ok(()) } else { Err(check::HALTED) });
        }
    }

    #[test]
    fn nothing_is_sent_to_a_halted_pair() {
        let mut desk = Desk::account(LimitSpec {
            halted: Pairs::These(vec!["A/USD".to_owned()]),
            ..LimitSpec::default()
        });
        desk.hold(0, 5);
        assert_eq!([desk.send(0, 1), desk.send(0, -5)], [Err(check::HALTED); 2]);
        assert_eq!(desk.send(2, 1), Ok(2));
    }
}
