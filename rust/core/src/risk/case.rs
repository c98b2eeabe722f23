//! One order before the controls, and what they look at.

use crate::domain::{HalfUnits, Lots, Money, Nanos, Rate, Side, decimal_string};
use crate::order::{Order, OrderKind};
use crate::portfolio::{MarketBook, Portfolio};

use super::limits::{MarketLimits, Scope, State};
use super::spec::Limit;
use super::state::Seen;
use super::{Refused, check, overflow, size};

/// One order before the limits of the account, or of its trader.
pub(super) struct Case<'a> {
    pub order: &'a Order,
    pub account: &'a Portfolio,
    pub state: &'a State,
    pub scope: &'a Scope,
    pub limits: &'a MarketLimits,
}

/// What a control says: nothing where it has no objection.
pub(super) type Said = Result<(), Refused>;

impl<'a> Case<'a> {
    pub(super) const fn now(&self) -> Nanos {
        self.order.decided
    }

    pub(super) fn book(&self) -> &'a MarketBook {
        self.account.market(self.order.market)
    }

    pub(super) fn seen(&self) -> &'a Seen {
        &self.state.seen[self.order.market as usize]
    }

    /// The limit of a control that is on; `None` where it is off. Without a number for this pair nothing passes.
    pub(super) fn limit<'l, T>(
        &self,
        limit: &'l Limit<T>,
        name: &str,
    ) -> Result<Option<&'l T>, Refused> {
        match limit {
            Limit::Off => Ok(None),
            Limit::At(limit) => Ok(Some(limit)),
            Limit::Missing => Err(Refused::new(
                check::MISSING_LIMIT,
                format!(
                    "{name}{} has no number for this pair; name the pair, or \"*\" for all others",
                    self.whose()
                ),
            )),
        }
    }

    /// The market's last price.
    pub(super) fn mark(&self) -> Result<HalfUnits, Refused> {
        self.book().mark.ok_or_else(size::no_price)
    }

    /// The price that the order is expected to be filled at: its limit, else the other side of the last quote, else the
    /// last price.
    pub(super) fn expected(&self) -> Result<HalfUnits, Refused> {
        let mark = self.mark()?;
        match (self.order.kind, self.order.side) {
            (OrderKind::Limit(price), _) => price.checked_mul(2).ok_or_else(overflow::refusal),
            (OrderKind::Market, Side::Buy) => Ok(self.seen().quote.map_or(mark, |(_, ask)| ask)),
            (OrderKind::Market, Side::Sell) => Ok(self.seen().quote.map_or(mark, |(bid, _)| bid)),
        }
    }

    /// Whose limit it is, for a sentence.
    pub(super) fn whose(&self) -> String {
        self.scope
            .trader
            .as_ref()
            .map_or_else(String::new, |name| format!(" of trader {name}"))
    }

    /// A quantity for a sentence.
    pub(super) fn quantity(&self, lots: Lots) -> String {
        let quantity = self.book().instrument.quantity(lots);
        quantity.map_or_else(|| lots.to_string(), decimal_string)
    }

    /// A price for a sentence.
    pub(super) fn price(&self, price: HalfUnits) -> String {
        let money = self.book().instrument.price(price);
        money.map_or_else(|| price.to_string(), decimal_string)
    }
}

/// Whether two numbers lie further apart than a part of the first one.
pub(super) fn is_beyond(from: HalfUnits, to: HalfUnits, part: Rate) -> Result<bool, Refused> {
    let apart = (i128::from(to) - i128::from(from)).abs();
    let apart = apart.checked_mul(part.denominator);
    let allowed = i128::from(from).checked_mul(part.mantissa);
    match (apart, allowed) {
        (Some(apart), Some(allowed)) => Ok(apart > allowed),
        _ => Err(overflow::refusal()),
    }
}

/// Refuses what is more than a limit in money.
pub(super) fn at_most(
    value: Option<Money>,
    most: Money,
    refuse: impl FnOnce(String, String) -> Refused,
) -> Said {
    match value {
        None => Err(overflow::refusal()),
        Some(value) if value > most => Err(refuse(decimal_string(value), decimal_string(most))),
        Some(_) => Ok(()),
    }
}

/// A time span for a sentence.
pub(super) fn seconds(nanos: Nanos) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 {
        return format!("{whole} s");
    }
    let rest = format!("{rest:09}");
    format!("{whole}.{} s", rest.trim_end_matches('0'))
}
