//! `unconfirmed`: while the end of an order that is being taken back is not known, a signal adds no exposure: the order
//! may be filled yet, and then there would be twice as much as the signal asked for.

use crate::order::{Order, Origin};
use crate::portfolio::Portfolio;

use super::{Refused, check};

pub(super) fn check(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let from_signal = matches!(order.origin, Origin::Signal { .. });
    match account.row(order.trader).leaving.first() {
        Some((leaving, _)) if from_signal => Err(Refused::new(
            check::UNCONFIRMED,
            format!("order {leaving} is being cancelled and the venue has not confirmed it yet"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::Desk;
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn a_signal_waits_until_the_end_of_the_order_before_it_is_known() {
        let mut desk = Desk::plain(false, 1_000);
        let id = desk.send(0, 5).unwrap();
        desk.account.leave(0, id, "");
        let mut signal = desk.order(0, 5, OrderKind::Market);
        signal.origin = Origin::Signal { target: 5 };
        assert_eq!(desk.submit(signal.clone()), Err(check::UNCONFIRMED));
        assert_eq!(desk.send(0, 5), Ok(2), "an order of its own does not wait");
        desk.cancel(0, id);
        signal.id = 3;
        assert_eq!(desk.submit(signal), Ok(3));
    }
}
