//! The gate: the only way by which an order reaches the order engine. What is unknown is refused.
//!
//! Each check is one file with one name, one reason code and one sentence for people.

mod approved;
mod cash;
mod margin;
mod min_notional;
mod overflow;
mod short_sale;
mod size;
mod unconfirmed;

pub use approved::Approved;
pub use margin::Margin;
pub use size::size_refusal;

use crate::domain::{HalfUnits, Lots, Money, Side};
use crate::order::{Order, OrderKind};
use crate::portfolio::Portfolio;

/// Why an order, or a part of it, does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The check's name: the stable reason code.
    pub check: &'static str,
    /// The sentence for people.
    pub reason: String,
}

impl Refused {
    /// A refusal by a check.
    #[must_use]
    pub fn new(check: &'static str, reason: impl Into<String>) -> Self {
        Self {
            check,
            reason: reason.into(),
        }
    }
}

/// Names of the checks, which are also the reason codes in `orders.reason` and `refusals.check`.
pub mod check {
    /// A purchase on a spot account costs more than the free cash.
    pub const CASH: &str = "cash";
    /// A fill was dearer than what was reserved, and free cash did not cover it.
    pub const CASH_AT_FILL: &str = "cash_at_fill";
    /// The account's exposure would pass leverage times equity.
    pub const MARGIN: &str = "margin";
    /// A spot account sells no more than the trader holds.
    pub const SHORT_SALE: &str = "short_sale";
    /// A signal needs a size and the trader has none.
    pub const NO_SIZE: &str = "no_size";
    /// The market has no price yet.
    pub const NO_PRICE: &str = "no_price";
    /// The quantity is less than one lot.
    pub const BELOW_LOT: &str = "below_lot";
    /// A number is NaN or infinite.
    pub const NOT_FINITE: &str = "not_finite";
    /// A number is zero or less.
    pub const NOT_POSITIVE: &str = "not_positive";
    /// An order of the trader is being taken back, and nobody knows yet whether it was filled.
    pub const UNCONFIRMED: &str = "unconfirmed";
    /// The kill switch is set.
    pub const KILLED: &str = "killed";
    /// A number does not fit.
    pub const OVERFLOW: &str = "overflow";
    /// The order is worth less than the instrument's minimum.
    pub const MIN_NOTIONAL: &str = "min_notional";
}

/// What the gate says of an order.
#[derive(Debug)]
pub enum Verdict {
    /// It may go, perhaps reduced to the part that only makes the position smaller; then the rest is refused.
    Approved {
        /// What may go.
        order: Approved<Order>,
        /// Why the rest may not.
        refused: Option<Refused>,
    },
    /// It may not.
    Refused {
        /// The order as it was asked for.
        order: Order,
        /// Why.
        refused: Refused,
    },
}

/// The gate's settings.
#[derive(Clone, Copy, Debug)]
pub struct RiskGate {
    /// How many times equity the exposure may be; only for margin accounts.
    pub margin: Margin,
}

impl RiskGate {
    /// Judges an order as the account stands now, orders approved earlier in this step included.
    ///
    /// What only reduces exposure always passes; the rest passes when every check agrees.
    #[must_use]
    pub fn judge(&self, mut order: Order, account: &Portfolio) -> Verdict {
        let reducing = account
            .row(order.trader)
            .reducible(order.side)
            .min(order.lots);
        if order.reduce_only {
            if reducing == 0 {
                return Verdict::refuse(order, size::nothing_to_reduce());
            }
            order.lots = reducing;
        }
        let rest = order.lots - reducing;
        if rest == 0 {
            return Verdict::approve(order);
        }
        match self.check_adding(&order, account) {
            Ok(reserved) => {
                order.reserved = reserved;
                Verdict::approve(order)
            }
            Err(refused) if reducing > 0 => {
                order.lots = reducing;
                if let crate::order::Origin::Signal { target } = &mut order.origin {
                    *target = account.row(order.trader).position + order.side.sign() * reducing;
                }
                Verdict::Approved {
                    order: Approved::new(order),
                    refused: Some(refused),
                }
            }
            Err(refused) => Verdict::refuse(order, refused),
        }
    }

    /// Every check that an order adding exposure must pass; returns the cash to reserve.
    fn check_adding(&self, order: &Order, account: &Portfolio) -> Result<Money, Refused> {
        let price = reference_price(order, account)?;
        overflow::check(order, account)?;
        unconfirmed::check(order, account)?;
        short_sale::check(order, account)?;
        min_notional::check(order, price, account)?;
        if account.is_spot() {
            cash::reserve(order, price, account)
        } else {
            self.margin.check(order, account)?;
            Ok(0)
        }
    }
}

/// The price an order is measured at: its limit, else the ask for a purchase on quotes, else the last price. Without
/// a last price nothing is known of the market, and what is unknown is refused.
fn reference_price(order: &Order, account: &Portfolio) -> Result<HalfUnits, Refused> {
    let book = account.market(order.market);
    let mark = book.mark.ok_or_else(size::no_price)?;
    match (order.kind, order.side) {
        (OrderKind::Limit(price), _) => price.checked_mul(2).ok_or_else(overflow::refusal),
        (OrderKind::Market, Side::Buy) => Ok(book.ask.unwrap_or(mark)),
        (OrderKind::Market, Side::Sell) => Ok(mark),
    }
}

impl Verdict {
    fn approve(order: Order) -> Self {
        Self::Approved {
            order: Approved::new(order),
            refused: None,
        }
    }

    fn refuse(order: Order, refused: Refused) -> Self {
        Self::Refused { order, refused }
    }
}

/// Lots as the gate adds them up: a sum that does not fit is a refusal, never a wrap.
fn sum(lots: &[Lots]) -> Option<Lots> {
    lots.iter().try_fold(0_i64, |acc, &x| acc.checked_add(x))
}
