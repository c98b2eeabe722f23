//! The limits in force and what they remember: which controls there are, and in which order an order meets them.

use std::sync::Arc;

use crate::domain::{HalfUnits, Lots, Money, Nanos, Rate};
use crate::order::Order;
use crate::portfolio::{MarketBook, Portfolio};
use crate::rows::{Rows, Times};

use super::case::{Case, Said};
use super::spec::{Hours, Limit, LimitSpec, Pace, Pairs};
use super::state::{Bucket, EquityWatch, Quoted, Reach, Seen, Sent};
use super::{
    Refused, crossed_quote, daily_loss, drawdown, duplicate_intent, gross_exposure, halted,
    net_exposure, order_notional, order_quantity, order_rate, position, price_band, price_collar,
    price_gap, reduce_only, repeated_execution, restricted, self_trade, session, stale_data,
    unknown_instrument,
};

/// What the account, or a trader, has of limits on one market.
#[derive(Clone, Debug, Default)]
pub(super) struct MarketLimits {
    pub order_quantity: Limit<Lots>,
    pub order_notional: Limit<Money>,
    pub price_collar: Limit<Rate>,
    pub price_band: Limit<(HalfUnits, HalfUnits)>,
    pub position: Limit<Lots>,
    pub data_age: Limit<Nanos>,
    pub price_gap: Limit<Rate>,
    pub session: Limit<Hours>,
    /// The place of a bucket.
    pub order_rate: Limit<usize>,
    /// The place of a bucket.
    pub cancel_rate: Limit<usize>,
    pub is_unknown: bool,
    pub is_halted: bool,
    pub is_restricted: bool,
    pub reduce_only: bool,
}

/// The limits of the account, or of one trader.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Whose they are, where not the account's.
    pub trader: Option<Arc<str>>,
    /// By market; of a trader its own market alone.
    pub markets: Vec<MarketLimits>,
    pub gross_exposure: Option<Money>,
    pub net_exposure: Option<Money>,
    pub daily_loss: Option<Money>,
    pub drawdown: Option<Rate>,
    pub repeats: Option<Pace>,
    pub duplicate_window: Option<Nanos>,
    pub no_self_trade: bool,
    pub no_crossed_quotes: bool,
}

/// Which of the two throttles a bucket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Throttle {
    Orders,
    Cancels,
}

/// Whose bucket it is: of the account or a trader, for one pair or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BucketKey {
    pub trader: Option<Arc<str>>,
    pub throttle: Throttle,
    pub pair: Option<Arc<str>>,
}

/// What the gate remembers.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub buckets: Vec<(BucketKey, Bucket)>,
    pub seen: Vec<Seen>,
    pub reach: Reach,
    pub quoted: Vec<Quoted>,
    pub equity: EquityWatch,
    pub sent: Sent,
}

/// What has to be followed for the limits in force.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// The events of every market.
    pub data: bool,
    /// Positions and working orders.
    pub reach: bool,
    /// What they are worth.
    pub exposure: bool,
    /// The limits of working orders.
    pub quoted: bool,
    /// The equity of every step.
    pub equity: bool,
}

/// What a control says of an order.
pub(super) type Control = fn(&Case<'_>) -> Said;

/// Whether limits have a number for a control.
pub(super) type IsOn = fn(&LimitSpec) -> bool;

/// A control, and whether limits have a number for it.
pub(super) type Switched = (IsOn, Control);

/// What every order meets, in this order. A trader that was stopped stays so, whatever limits
/// come after, unless all are taken away in between.
pub(super) const ORDERS: [Switched; 10] = [
    (|s| s.known_instruments_only, unknown_instrument::check),
    (|s| s.halted != Pairs::None, halted::check),
    (|s| s.restricted != Pairs::None, restricted::check),
    (|s| s.session.is_on(), session::check),
    (|_| true, repeated_execution::check),
    (|s| s.duplicate_window.is_some(), duplicate_intent::check),
    (|s| s.prevent_self_trade, self_trade::check),
    (|s| s.price_band.is_on(), price_band::check),
    (|s| s.price_collar.is_on(), price_collar::check),
    (|s| s.max_order_rate.is_on(), order_rate::check),
];

/// What an order meets that does not only make a position smaller, in this order.
pub(super) const ADDING: [Switched; 11] = [
    (|s| s.reduce_only != Pairs::None, reduce_only::check),
    (|s| s.max_order_quantity.is_on(), order_quantity::check),
    (|s| s.max_order_notional.is_on(), order_notional::check),
    (|s| s.max_data_age.is_on(), stale_data::check),
    (|s| s.refuse_crossed_quotes, crossed_quote::check),
    (|s| s.max_price_gap.is_on(), price_gap::check),
    (|s| s.max_position.is_on(), position::check),
    (|s| s.max_gross_exposure.is_some(), gross_exposure::check),
    (|s| s.max_net_exposure.is_some(), net_exposure::check),
    (|s| s.max_daily_loss.is_some(), daily_loss::check),
    (|s| s.max_drawdown.is_some(), drawdown::check),
];

/// The limits in force.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub account: Scope,
    /// By trader.
    pub traders: Vec<Option<Box<Scope>>>,
    /// The controls that are on: what every order meets, and what adds exposure.
    pub orders: Vec<Control>,
    pub adding: Vec<Control>,
    pub needs: Needs,
    pub state: State,
}

impl Limits {
    /// What every order meets. A trader that did the same too often is stopped here.
    pub(super) fn admit(&mut self, order: &Order, account: &Portfolio) -> Result<(), Refused> {
        let said = self.ask(&self.orders, order, account);
        if let Err(refused) = &said
            && refused.check == super::check::REPEATED_EXECUTION
        {
            self.state.sent.stop(order.trader);
        }
        said
    }

    /// What an order meets that does not only make a position smaller.
    pub(super) fn admit_adding(&self, order: &Order, account: &Portfolio) -> Result<(), Refused> {
        self.ask(&self.adding, order, account)
    }

    fn ask(&self, controls: &[Control], order: &Order, account: &Portfolio) -> Said {
        let case = |scope| Self::case(scope, &self.state, order, account);
        let account_case = case(&self.account);
        let trader = self.traders[order.trader as usize].as_deref();
        let Some(trader) = trader.map(case) else {
            return controls.iter().try_for_each(|ask| ask(&account_case));
        };
        controls.iter().try_for_each(|ask| {
            ask(&account_case)?;
            ask(&trader)
        })
    }

    fn case<'a>(
        scope: &'a Scope,
        state: &'a State,
        order: &'a Order,
        account: &'a Portfolio,
    ) -> Case<'a> {
        let market = if scope.trader.is_some() {
            0
        } else {
            order.market as usize
        };
        Case {
            order,
            account,
            state,
            scope,
            limits: &scope.markets[market],
        }
    }

    /// Notes that an order passed; `asked` is its quantity before it was cut.
    pub(super) fn sent(&mut self, order: &Order, asked: Lots) {
        for place in self.places(order.trader, order.market, |limits| &limits.order_rate) {
            self.state.buckets[place].1.take(order.decided);
        }
        self.state.sent.note(order, asked);
    }

    /// An order that counted as sent did not leave after all.
    pub(super) fn unsent(&mut self, order: &Order) {
        for place in self.places(order.trader, order.market, |limits| &limits.order_rate) {
            self.state.buckets[place].1.give_back();
        }
        self.state.sent.forget(order);
    }

    /// The buckets that an order or a cancellation takes from.
    fn places(
        &self,
        trader: u32,
        market: u32,
        which: fn(&MarketLimits) -> &Limit<usize>,
    ) -> impl Iterator<Item = usize> + use<> {
        let place = |limits: &MarketLimits| match which(limits) {
            Limit::At(place) => Some(*place),
            _ => None,
        };
        let own = self.traders[trader as usize].as_deref();
        let own = own.and_then(|scope| place(&scope.markets[0]));
        let account = place(&self.account.markets[market as usize]);
        account.into_iter().chain(own)
    }

    pub(super) fn see(
        &mut self,
        market: u32,
        ts: Nanos,
        ask: Option<HalfUnits>,
        book: &MarketBook,
    ) {
        if let Some(mark) = book.mark {
            self.state.seen[market as usize].take_in(ts, mark, ask);
        }
        if self.needs.exposure {
            self.state.reach.remark(market, book);
        }
    }

    pub(super) fn begin(&mut self, times: &Times, equity: &Rows<Money>, account: &Portfolio) {
        if self.needs.equity {
            self.state.equity.follow(times, equity);
        }
        debug_assert!(
            !self.needs.reach || self.state.reach.agrees(account),
            "running sums of positions and exposures differ from sums over everything"
        );
    }

    pub(super) fn opened(&mut self, order: &Order, account: &Portfolio) {
        if self.needs.quoted {
            self.state.quoted[order.market as usize].add(order);
        }
        self.moved(order.trader, account);
    }

    pub(super) fn closed(&mut self, order: &Order, account: &Portfolio) {
        if self.needs.quoted {
            self.state.quoted[order.market as usize].remove(order);
        }
        self.moved(order.trader, account);
    }

    pub(super) fn moved(&mut self, trader: u32, account: &Portfolio) {
        if self.needs.reach {
            self.state.reach.take_in(trader, account);
        }
    }

    /// Whether an order may be taken back now.
    pub(super) fn may_cancel(&self, order: &Order, now: Nanos) -> Result<(), Refused> {
        let own = self.traders[order.trader as usize].as_deref();
        let scopes = std::iter::once(&self.account).chain(own);
        for scope in scopes {
            let market = if scope.trader.is_some() {
                0
            } else {
                order.market as usize
            };
            super::cancel_rate::check(scope, &scope.markets[market], &self.state, now)?;
        }
        Ok(())
    }

    /// Notes that one is taken back.
    pub(super) fn cancelled(&mut self, trader: u32, market: u32, now: Nanos) {
        for place in self.places(trader, market, |limits| &limits.cancel_rate) {
            self.state.buckets[place].1.take(now);
        }
    }
}
