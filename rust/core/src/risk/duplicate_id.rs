//! `duplicate_id`: a trader's number names one working order. Needs no number, so it is always on.

use crate::order::Order;
use crate::portfolio::Portfolio;

use super::{Refused, check};

pub(super) fn check(order: &Order, account: &Portfolio) -> Result<(), Refused> {
    let Some(id) = order.client_id else {
        return Ok(());
    };
    let row = account.row(order.trader);
    // An order that is being taken back gives its number to the one that takes its place.
    let mut working = row.working.iter().filter(|other| !row.is_leaving(other.id));
    if working.any(|other| other.client_id == Some(id)) {
        return Err(Refused::new(
            check::DUPLICATE_ID,
            format!("the trader's order {id} is working already"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{LimitSpec, test_support::Desk};
    use super::*;
    use crate::order::OrderKind;

    #[test]
    fn a_number_names_one_working_order() {
        let mut desk = Desk::account(LimitSpec::default());
        let named = |desk: &Desk, trader, id| Order {
            client_id: Some(id),
            ..desk.order(trader, 1, OrderKind::Market)
        };
        assert_eq!(desk.submit(named(&desk, 0, 4)), Ok(1));
        assert_eq!(desk.submit(named(&desk, 0, 4)), Err(check::DUPLICATE_ID));
        assert_eq!(desk.submit(named(&desk, 0, 5)), Ok(2));
        assert_eq!(desk.submit(named(&desk, 1, 4)), Ok(3));
        desk.account.leave(0, 1, "");
        assert_eq!(
            desk.submit(named(&desk, 0, 4)),
            Ok(4),
            "it takes the other's place"
        );
    }
}
