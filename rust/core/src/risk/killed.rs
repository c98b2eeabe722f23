//! `killed`: while the kill switch is set, nothing leaves but what a person sends to make a position smaller: it is how one
//! gets out.

use crate::order::{Order, Origin};
use crate::portfolio::Portfolio;

use super::{Refused, check};

/// Whether a person sends an order to make a position smaller.
pub(super) fn is_way_out(order: &Order, account: &Portfolio) -> bool {
    order.origin == Origin::Command && order.lots <= account.row(order.trader).reducible(order.side)
}

/// Refuses an order while the kill switch is set.
///
/// # Errors
/// Unless a person sends it to make a position smaller.
pub fn check_killed(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    if is_way_out(order, account) {
        return Ok(());
    }
    Err(Refused::new(
        check::KILLED,
        "the kill switch is set: no order leaves until somebody clears it, with `pairloom journal clear-kill` where the run \
         has a journal, or starts a new run",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, test_support::Desk};
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn nothing_leaves_but_a_persons_way_out() {
        let mut desk = Desk::account(LimitSpec::default());
        desk.hold(0, 5);
        for (delta, origin, passes) in [
            (-4, Origin::Command, true),
            (-5, Origin::Command, true),
            (-6, Origin::Command, false),
            (1, Origin::Command, false),
            (-5, Origin::Strategy, false),
            (-5, Origin::Signal { target: 0 }, false),
        ] {
            let order = Order {
                origin,
                ..desk.order(0, delta, OrderKind::Market)
            };
            let said = check_killed(&order, &desk.account).map_err(|refused| refused.check);
            assert_eq!(said, if passes { Ok(()) } else { Err(check::KILLED) });
        }
    }
}
