//! `not_reconciled`: until what the engine believes agrees with what the venue says, nothing leaves but cancellations.

use super::{Refused, check};

/// The refusal of an order that comes before reconciliation is done.
#[must_use]
pub fn not_reconciled() -> Refused {
    Refused::new(
        check::NOT_RECONCILED,
        "orders and positions are not reconciled with the venue yet; only cancellations leave",
    )
}
