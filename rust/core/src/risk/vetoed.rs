//! `risk_unreachable`, and whatever the risk process says: an order that the gate approved does not leave without its word.

use super::{Refused, check};

/// The refusal of an order for which the risk process did not give its word.
#[must_use]
pub fn vetoed(check: &'static str) -> Refused {
    let sentence = match check {
        check::RISK_UNREACHABLE => {
            "the risk process is gone, slower than risk_timeout, or not reconciled yet; only cancellations leave".to_owned()
        }
        check::KILLED => {
            "the kill switch of the risk process is set: no order leaves; start it anew to trade again".to_owned()
        }
        other => format!("the risk process refused it: {other}; its log says more"),
    };
    Refused::new(check, sentence)
}
