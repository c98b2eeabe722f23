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
