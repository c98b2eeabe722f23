//! `risk_unreachable`, and whatever the risk process says: an order that the gate approved does not leave without its word, nor
//! once the kill switch has been thrown.

use super::{Refused, check};

/// The refusal of an order that the gate had approved.
#[must_use]
pub fn vetoed(check: &'static str) -> Refused {
    let sentence = match check {
        check::RISK_UNREACHABLE => {
            "the risk process is gone, slower than risk_timeout, or not reconciled yet; only cancellations leave".to_owned()
        }
        check::KILLED => {
            "the kill switch was set while it was on its way, here or in the risk process: no order leaves until somebody clears it"
                .to_owned()
        }
        other => format!("the risk process refused it: {other}; its log says more"),
    };
    Refused::new(check, sentence)
}
