//! `reduce_only`: an order that may only make the position smaller needs a position to make smaller.

use super::{Refused, check};

pub(super) fn refusal() -> Refused {
    Refused::new(
        check::REDUCE_ONLY,
        "a reduce-only order found no position of the other side to reduce",
    )
}
