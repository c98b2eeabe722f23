//! `no_size`, `no_price`, `below_lot`, `not_finite`, `not_positive`, `overflow`: an order needs a quantity.

use crate::signal::SizeError;

use super::{Refused, check, overflow};

/// The refusal of an order whose size gives no quantity.
#[must_use]
pub fn size_refusal(error: Option<SizeError>) -> Refused {
    match error {
        None => Refused::new(
            check::NO_SIZE,
            "the signal needs a size: give engine.trade(..., size=...) or Signal.long(size=...)",
        ),
        Some(SizeError::NotFinite) => {
            Refused::new(check::NOT_FINITE, "a size or price is NaN or infinite")
        }
        Some(SizeError::NotPositive) => Refused::new(
            check::NOT_POSITIVE,
            "a size or price must be above zero; a limit is rounded to the market's tick first",
        ),
        Some(SizeError::BelowLot) => Refused::new(
            check::BELOW_LOT,
            "the size is less than one lot of the instrument",
        ),
        Some(SizeError::NoPrice) => no_price(),
        Some(SizeError::Overflow) => overflow::refusal(),
    }
}

pub(super) fn nothing_to_reduce() -> Refused {
    Refused::new(
        check::BELOW_LOT,
        "reduce_only: nothing is left of the order, for there is no position of the other side to reduce",
    )
}

pub(super) fn no_price() -> Refused {
    Refused::new(
        check::NO_PRICE,
        "the market has no price yet; wait for its first event",
    )
}
