//! The gate: the only way by which an order reaches the order engine. What is unknown is refused.
//!
//! Each check is one file with one name, one reason code and one sentence for people.
//! `ARCHITECTURE.md` and `docs/risk.md` say in which order.

mod approved;
mod cancel_rate;
mod case;
mod cash;
pub mod check;
mod crossed_quote;
mod daily_loss;
mod drawdown;
mod duplicate_id;
mod duplicate_intent;
mod gross_exposure;
mod halted;
mod killed;
mod limits;
mod margin;
mod memory;
mod min_notional;
mod net_exposure;
mod not_reconciled;
mod note;
mod order_notional;
mod order_quantity;
mod order_rate;
mod overflow;
mod position;
mod price_band;
mod price_collar;
mod price_gap;
mod reduce_only;
mod repeated_execution;
mod resolve;
mod restricted;
mod self_trade;
mod session;
mod short_sale;
mod size;
mod spec;
mod stale_data;
mod state;
mod text;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests_overshoot;
mod unconfirmed;
mod unknown_instrument;
mod vetoed;

pub use approved::{Altered, Approved};
pub use halted::check_halted;
pub use killed::check_killed;
use killed::is_way_out;
pub use margin::Margin;
pub use memory::{Intent, Memory, SeenMemory, Watched};
pub use not_reconciled::not_reconciled;
pub use note::{Note, Tape};
pub use resolve::Roster;
pub use size::size_refusal;
pub use spec::{ByPair, Hours, LimitSpec, Pace, Pairs, RiskSpec};
pub use vetoed::vetoed;

use std::sync::Arc;

use crate::domain::{HalfUnits, Lots, Money, Nanos, Side};
use crate::error::Error;
use crate::order::{Order, OrderKind, Origin};
use crate::portfolio::Portfolio;
use crate::rows::{Rows, Times};

use limits::Limits;

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

/// The gate, with what it remembers. It belongs to the one writer.
#[derive(Debug)]
pub struct RiskGate {
    /// How many times equity the exposure may be; only for margin accounts.
    pub margin: Margin,
    /// Whether orders are sealed: where they pass through channels on their way to a venue.
    pub seals: bool,
    /// Whether all orders are taken back when the connection to the venue is lost.
    cancels_on_disconnect: bool,
    roster: Arc<Roster>,
    spec: Option<Box<RiskSpec>>,
    limits: Option<Box<Limits>>,
}

impl RiskGate {
    /// A gate without limits of its own.
    #[must_use]
    pub fn new(margin: Margin, roster: Roster) -> Self {
        Self {
            margin,
            seals: false,
            cancels_on_disconnect: false,
            roster: Arc::new(roster),
            spec: None,
            limits: None,
        }
    }

    /// Puts limits in force, or takes all away. What was remembered is kept where it still counts.
    ///
    /// # Errors
    /// When they name a trader that there is not; then nothing has changed.
    pub fn set_limits(
        &mut self,
        spec: Option<&RiskSpec>,
        account: &Portfolio,
    ) -> Result<(), Error> {
        let made = match spec {
            None => None,
            Some(spec) => {
                let before = self.limits.as_deref();
                Some(Box::new(spec.resolve(&self.roster, account, before)?))
            }
        };
        self.limits = made;
        self.cancels_on_disconnect = spec.is_some_and(|spec| spec.account.cancel_on_disconnect);
        self.spec = spec.cloned().map(Box::new);
        Ok(())
    }

    /// Whether all orders are taken back when the connection to the venue is lost.
    #[must_use]
    pub const fn cancel_on_disconnect(&self) -> bool {
        self.cancels_on_disconnect
    }

    /// Who trades what.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The limits in force, as they were given.
    #[must_use]
    pub fn spec(&self) -> Option<&RiskSpec> {
        self.spec.as_deref()
    }

    /// Whether there are limits beside those that every account has.
    #[must_use]
    #[inline]
    pub const fn has_limits(&self) -> bool {
        self.limits.is_some()
    }

    /// Whether the gate has to be shown every event of every market.
    #[must_use]
    #[inline]
    pub fn watches_data(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.needs.data)
    }

    /// Shows an event of a market: when it happened and, of a quote, its ask. The account has taken in its mark.
    pub fn see(&mut self, market: u32, ts: Nanos, ask: Option<HalfUnits>, account: &Portfolio) {
        if let Some(limits) = &mut self.limits {
            limits.see(market, ts, ask, account.market(market));
        }
    }

    /// Begins a commit: shows the equity of all steps so far.
    pub fn begin(&mut self, times: &Times, equity: &Rows<Money>, account: &Portfolio) {
        if let Some(limits) = &mut self.limits {
            limits.begin(times, equity, account);
        }
    }

    /// Takes in the equity of one step, where nobody keeps the curve.
    pub fn row(&mut self, ts: Nanos, equity: Money) {
        if let Some(limits) = &mut self.limits
            && limits.needs.equity
        {
            limits.state.equity.take_in(ts, equity);
        }
    }

    /// An order that passed did not leave after all: it takes no token and is no repetition.
    pub fn unsent(&mut self, order: &Order) {
        if let Some(limits) = &mut self.limits {
            limits.unsent(order);
        }
    }

    /// An order works now.
    #[inline]
    pub fn opened(&mut self, order: &Order, account: &Portfolio) {
        if let Some(limits) = &mut self.limits {
            limits.opened(order, account);
        }
    }

    /// An order works no more. What it brought has been settled.
    #[inline]
    pub fn closed(&mut self, order: &Order, account: &Portfolio) {
        if let Some(limits) = &mut self.limits {
            limits.closed(order, account);
        }
    }

    /// A trader's position changed without an order that worked.
    pub fn moved(&mut self, trader: u32, account: &Portfolio) {
        if let Some(limits) = &mut self.limits {
            limits.moved(trader, account);
        }
    }

    /// Whether a strategy may take a working order back now; then it is counted.
    ///
    /// # Errors
    /// When cancellations come too fast.
    pub fn cancel(&mut self, order: &Order, now: Nanos) -> Result<(), Refused> {
        if let Some(limits) = &mut self.limits {
            limits.may_cancel(order, now)?;
            limits.cancelled(order.trader, order.market, now);
        }
        Ok(())
    }

    /// A person lets a trader go on that was stopped for its many orders. Whether it was.
    pub fn enable(&mut self, trader: u32) -> bool {
        let limits = self.limits.as_mut();
        limits.is_some_and(|limits| limits.state.sent.enable(trader))
    }

    /// Judges an order as the account stands now, orders approved earlier in this step included.
    ///
    /// What only reduces exposure passes all that limits exposure; the rest passes when every check agrees.
    #[must_use]
    pub fn judge(&mut self, mut order: Order, account: &Portfolio) -> Verdict {
        let asked = order.lots;
        match self.pass(&mut order, account) {
            Ok(refused) => {
                let way_out = self.seals && is_way_out(&order, account);
                Verdict::Approved {
                    order: Approved::new(order, asked, self.seals).known_as_way_out(way_out),
                    refused,
                }
            }
            Err(refused) => Verdict::Refused { order, refused },
        }
    }

    /// The same where nothing lies between the gate and the fill, so that an order needs no proof that it passed. It becomes what may
    /// go; why the rest may not, if anything.
    ///
    /// # Errors
    /// Why it does not pass.
    #[inline]
    pub fn pass(
        &mut self,
        order: &mut Order,
        account: &Portfolio,
    ) -> Result<Option<Refused>, Refused> {
        let asked = order.lots;
        let reducing = account
            .row(order.trader)
            .reducible(order.side)
            .min(order.lots);
        if order.client_id.is_some() || self.limits.is_some() {
            self.admit(order, reducing, account)?;
        }
        if order.reduce_only {
            order.lots = reducing;
            if reducing == 0 {
                return Err(size::nothing_to_reduce());
            }
        }
        let mut cut = None;
        if order.lots == reducing {
            overflow::check_reducing(order, account)?;
        } else {
            match self.check_adding(order, account) {
                Ok(reserved) => order.reserved = reserved,
                Err(refused) if reducing > 0 => {
                    let whole = std::mem::replace(&mut order.lots, reducing);
                    if let Err(refused) = overflow::check_reducing(order, account) {
                        order.lots = whole;
                        return Err(refused);
                    }
                    if let Origin::Signal { target } = &mut order.origin {
                        *target = account.row(order.trader).position + order.side.sign() * reducing;
                    }
                    cut = Some(refused);
                }
                Err(refused) => return Err(refused),
            }
        }
        if let Some(limits) = &mut self.limits {
            limits.sent(order, asked);
        }
        Ok(cut)
    }

    /// What every order meets, whatever it does to exposure. A person who makes a position smaller, or the engine that
    /// closes that of a quarantined trader, meets no limit here: it is how one gets out.
    fn admit(&mut self, order: &Order, reducing: Lots, account: &Portfolio) -> Result<(), Refused> {
        duplicate_id::check(order, account)?;
        let Some(limits) = &mut self.limits else {
            return Ok(());
        };
        let gets_out = matches!(order.origin, Origin::Command | Origin::Quarantine);
        if gets_out && order.lots == reducing {
            return Ok(());
        }
        limits.admit(order, account)
    }

    /// Every check that an order adding exposure must pass; returns the cash to reserve.
    fn check_adding(&self, order: &Order, account: &Portfolio) -> Result<Money, Refused> {
        let price = reference_price(order, account)?;
        overflow::check(order, account)?;
        unconfirmed::check(order, account)?;
        short_sale::check(order, account)?;
        min_notional::check(order, price, account)?;
        if let Some(limits) = &self.limits {
            limits.admit_adding(order, account)?;
        }
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
