//! From limits as a user writes them to limits in the whole numbers of each market.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::{Instrument, Lots, Money, Rate, money_of, ratio_ceil, ratio_floor};
use crate::error::Error;
use crate::portfolio::Portfolio;

use super::limits::{
    ADDING, BucketKey, Control, IsOn, Limits, MarketLimits, Needs, ORDERS, Scope, State, Switched,
    Throttle,
};
use super::spec::{ByPair, Limit, LimitSpec, Pace, RiskSpec};
use super::state::{Bucket, EquityWatch, Quoted, Reach, Seen, Sent};

/// Who trades what in a run: what names in limits mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The pairs by market, and whether the engine was given an instrument for each.
    pub pairs: Vec<(String, bool)>,
    /// The traders: name, what people call the strategy, market.
    pub traders: Vec<(String, String, u32)>,
}

/// The words of each control that may be on: what the user calls it.
const CONTROLS: [(&str, IsOn); 23] = [
    ("max_order_quantity", |s| s.max_order_quantity.is_on()),
    ("max_order_notional", |s| s.max_order_notional.is_on()),
    ("price_collar", |s| s.price_collar.is_on()),
    ("price_band", |s| s.price_band.is_on()),
    ("max_position", |s| s.max_position.is_on()),
    ("max_gross_exposure", |s| s.max_gross_exposure.is_some()),
    ("max_net_exposure", |s| s.max_net_exposure.is_some()),
    ("max_order_rate", |s| s.max_order_rate.is_on()),
    ("max_cancel_rate", |s| s.max_cancel_rate.is_on()),
    ("max_repeats", |s| s.max_repeats.is_some()),
    ("duplicate_window", |s| s.duplicate_window.is_some()),
    ("prevent_self_trade", |s| s.prevent_self_trade),
    ("max_daily_loss", |s| s.max_daily_loss.is_some()),
    ("max_drawdown", |s| s.max_drawdown.is_some()),
    ("max_data_age", |s| s.max_data_age.is_on()),
    ("refuse_crossed_quotes", |s| s.refuse_crossed_quotes),
    ("max_price_gap", |s| s.max_price_gap.is_on()),
    ("known_instruments_only", |s| s.known_instruments_only),
    ("halted", |s| s.halted != super::Pairs::None),
    ("restricted", |s| s.restricted != super::Pairs::None),
    ("session", |s| s.session.is_on()),
    ("reduce_only", |s| s.reduce_only != super::Pairs::None),
    ("cancel_on_disconnect", |s| s.cancel_on_disconnect),
];

impl RiskSpec {
    fn scopes(&self) -> impl Iterator<Item = &LimitSpec> {
        std::iter::once(&self.account).chain(self.traders.iter().map(|(_, spec)| spec))
    }

    /// The names of the controls that nobody has given a number: they are off.
    pub fn off(&self) -> impl Iterator<Item = &'static str> {
        let off = |is_on: IsOn| !self.scopes().any(is_on);
        CONTROLS
            .into_iter()
            .filter(move |(_, is_on)| off(*is_on))
            .map(|(name, _)| name)
    }

    fn controls(&self, all: &[Switched]) -> Vec<Control> {
        let on = all.iter().filter(|(is_on, _)| self.scopes().any(is_on));
        on.map(|(_, control)| *control).collect()
    }

    fn needs(&self) -> Needs {
        let any = |is_on: IsOn| self.scopes().any(is_on);
        let exposure = any(|s| s.max_gross_exposure.is_some() || s.max_net_exposure.is_some());
        let priced = any(|s| {
            s.price_collar.is_on()
                || s.price_band.is_on()
                || s.max_order_notional.is_on()
                || s.prevent_self_trade
        });
        let judged =
            any(|s| s.max_data_age.is_on() || s.refuse_crossed_quotes || s.max_price_gap.is_on());
        Needs {
            data: exposure || priced || judged,
            exposure,
            reach: exposure || self.account.max_position.is_on(),
            quoted: any(|s| s.prevent_self_trade),
            equity: any(|s| s.max_daily_loss.is_some() || s.max_drawdown.is_some()),
        }
    }

    /// Puts the limits in force over an account. What was remembered under earlier limits is kept where it still counts.
    pub(super) fn resolve(
        &self,
        roster: &Roster,
        account: &Portfolio,
        before: Option<&Limits>,
    ) -> Result<Limits, Error> {
        let needs = self.needs();
        for spec in self.scopes() {
            for (limit, pair) in spec.named_pairs() {
                mistyped(limit, pair, roster)?;
            }
        }
        let mut made = Made {
            old: before.map_or(&[], |limits| &limits.state.buckets),
            buckets: Vec::new(),
            shared: [None; 2],
            trader: None,
        };
        let books = account.markets();
        let market = |spec: &LimitSpec, at: usize, made: &mut Made<'_>| {
            let (pair, known) = &roster.pairs[at];
            market_limits(spec, pair, *known, &books[at].instrument, made)
        };
        let all = 0..roster.pairs.len();
        made.begin(None);
        let markets = all.map(|at| market(&self.account, at, &mut made)).collect();
        let account_scope = scope(&self.account, None, markets);
        let mut traders: Vec<Option<Box<Scope>>> = vec![None; roster.traders.len()];
        for (name, spec) in &self.traders {
            let mut found = false;
            for (place, (own, label, at)) in traders.iter_mut().zip(&roster.traders) {
                // A trader's own name is nearer to it than that of its strategy.
                if own != name && (label != name || place.is_some()) {
                    continue;
                }
                found = true;
                made.begin(Some(own));
                let markets = vec![market(spec, *at as usize, &mut made)];
                *place = Some(Box::new(scope(spec, Some(own), markets)));
            }
            if !found {
                return Err(unknown_trader(name, roster));
            }
        }
        let buckets = made.buckets;
        let mut limits = Limits {
            account: account_scope,
            traders,
            orders: self.controls(&ORDERS),
            adding: self.controls(&ADDING),
            needs,
            state: fresh_state(roster, account, buckets, needs),
        };
        limits.take_over(before, needs);
        Ok(limits)
    }
}

/// Limits may name pairs that nobody trades in this run. What is a traded pair but for its case is none of these: it would let
/// pass what was meant to be stopped.
fn mistyped(limit: &str, pair: &str, roster: &Roster) -> Result<(), Error> {
    let pairs = || roster.pairs.iter().map(|(known, _)| known);
    if pairs().any(|known| known == pair) {
        return Ok(());
    }
    match pairs().find(|known| known.eq_ignore_ascii_case(pair)) {
        Some(known) => Err(Error::config(
            "risk.unknown_pair",
            format!("risk.{limit}: nobody trades {pair:?}; did you mean {known:?}?"),
        )),
        None => Ok(()),
    }
}

fn unknown_trader(name: &str, roster: &Roster) -> Error {
    const SHOWN: usize = 5;
    let mut known: Vec<&str> = roster.traders.iter().map(|t| t.0.as_str()).collect();
    let more = if known.len() > SHOWN { ", ..." } else { "" };
    known.truncate(SHOWN);
    Error::config(
        "risk.unknown_trader",
        format!(
            "risk.per_trader: there is no trader or strategy {name:?}; traders are {}{more}",
            known.join(", ")
        ),
    )
}

fn fresh_state(
    roster: &Roster,
    account: &Portfolio,
    buckets: Vec<(BucketKey, Bucket)>,
    needs: Needs,
) -> State {
    let market_of: Vec<u32> = roster.traders.iter().map(|trader| trader.2).collect();
    let mut quoted = vec![Quoted::default(); roster.pairs.len()];
    for trader in 0..u32::try_from(market_of.len()).unwrap_or(u32::MAX) {
        for order in &account.row(trader).working {
            quoted[order.market as usize].add(order);
        }
    }
    State {
        buckets,
        seen: vec![Seen::default(); roster.pairs.len()],
        quoted,
        equity: EquityWatch::new(account.start()),
        sent: Sent::new(market_of.len()),
        reach: Reach::new(market_of, account, needs.exposure),
    }
}

impl Limits {
    /// Keeps what was remembered under earlier limits. What was not followed then is not known, and begins anew.
    fn take_over(&mut self, before: Option<&Self>, needs: Needs) {
        if let Some(before) = before {
            self.state.sent = before.state.sent.clone();
            self.state.equity = before.state.equity.clone();
            if before.needs.data && needs.data {
                self.state.seen.clone_from(&before.state.seen);
            }
        }
        let scopes = || {
            std::iter::once(&self.account)
                .chain(self.traders.iter().flatten().map(|scope| &**scope))
        };
        let repeats = scopes()
            .filter_map(|scope| scope.repeats)
            .map(|pace| pace.count);
        let windows = scopes().filter_map(|scope| scope.duplicate_window);
        let kept = usize::try_from(repeats.max().unwrap_or(0)).unwrap_or(usize::MAX);
        let window = windows.max().unwrap_or(0);
        self.state.sent.keep(kept, window);
    }
}

/// The buckets made so far. One for all pairs is made once a scope.
struct Made<'a> {
    old: &'a [(BucketKey, Bucket)],
    buckets: Vec<(BucketKey, Bucket)>,
    shared: [Option<usize>; 2],
    trader: Option<Arc<str>>,
}

impl Made<'_> {
    /// Begins another scope.
    fn begin(&mut self, trader: Option<&str>) {
        self.shared = [None; 2];
        self.trader = trader.map(Arc::from);
    }

    fn of(&mut self, throttle: Throttle, pace: &ByPair<Pace>, pair: &str) -> Limit<usize> {
        match pace {
            ByPair::All(pace) => {
                let made = self.shared[throttle as usize];
                let place = made.unwrap_or_else(|| self.add(throttle, None, *pace));
                self.shared[throttle as usize] = Some(place);
                Limit::At(place)
            }
            each => each.of(pair, |pace| self.add(throttle, Some(pair), pace)),
        }
    }

    /// A bucket whose pace has not changed keeps its tokens.
    fn add(&mut self, throttle: Throttle, pair: Option<&str>, pace: Pace) -> usize {
        let key = BucketKey {
            trader: self.trader.clone(),
            throttle,
            pair: pair.map(Arc::from),
        };
        let old = self.old.iter().find(|(own, _)| *own == key);
        let old = old.filter(|(_, old)| old.pace() == pace);
        let bucket = old.map_or_else(|| Bucket::full(pace), |(_, old)| old.clone());
        self.buckets.push((key, bucket));
        self.buckets.len() - 1
    }
}

fn market_limits(
    spec: &LimitSpec,
    pair: &str,
    known: bool,
    instrument: &Instrument,
    made: &mut Made<'_>,
) -> MarketLimits {
    // What is finer than a lot nobody can order, so whole lots say the same; and nobody can order more than fits.
    let lots = |quantity: Decimal| instrument.lots_of(quantity).unwrap_or(Lots::MAX);
    MarketLimits {
        order_quantity: spec.max_order_quantity.of(pair, lots),
        order_notional: spec.max_order_notional.of(pair, money),
        price_collar: spec.price_collar.of(pair, Rate::from_decimal),
        price_band: spec
            .price_band
            .of(pair, |(low, high)| half_units(low, high, instrument)),
        position: spec.max_position.of(pair, lots),
        data_age: spec.max_data_age.of(pair, |age| age),
        price_gap: spec.max_price_gap.of(pair, Rate::from_decimal),
        session: spec.session.of(pair, |hours| hours),
        order_rate: made.of(Throttle::Orders, &spec.max_order_rate, pair),
        cancel_rate: made.of(Throttle::Cancels, &spec.max_cancel_rate, pair),
        is_unknown: spec.known_instruments_only && !known,
        is_halted: spec.halted.has(pair),
        is_restricted: spec.restricted.has(pair),
        reduce_only: spec.reduce_only.has(pair),
    }
}

/// An amount beyond all that there can be is no limit.
fn money(amount: Decimal) -> Money {
    money_of(amount).unwrap_or(Money::MAX)
}

/// The prices of the market's own grid that lie between two prices.
fn half_units(low: Decimal, high: Decimal, instrument: &Instrument) -> (i64, i64) {
    let (up, down) = instrument.half_units_per_price().unwrap_or((1, 1));
    let parts = |price: Decimal| {
        let scale = crate::domain::pow10(price.scale()).unwrap_or(i128::MAX);
        ([price.mantissa(), up], [scale, down])
    };
    // A border beyond all prices that there can be lies where they end.
    let units = |ratio: Option<i128>| {
        ratio
            .and_then(|units| i64::try_from(units).ok())
            .unwrap_or(i64::MAX)
    };
    let (low, high) = (parts(low), parts(high));
    (
        units(ratio_ceil(&low.0, &low.1)),
        units(ratio_floor(&high.0, &high.1)),
    )
}

fn scope(spec: &LimitSpec, trader: Option<&String>, markets: Vec<MarketLimits>) -> Scope {
    Scope {
        trader: trader.map(|name| Arc::from(name.as_str())),
        markets,
        gross_exposure: spec.max_gross_exposure.map(money),
        net_exposure: spec.max_net_exposure.map(money),
        daily_loss: spec.max_daily_loss.map(money),
        drawdown: spec.max_drawdown.map(Rate::from_decimal),
        repeats: spec.max_repeats,
        duplicate_window: spec.duplicate_window,
        no_self_trade: spec.prevent_self_trade,
        no_crossed_quotes: spec.refuse_crossed_quotes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Desk, decimal};
    use super::super::{ByPair, LimitSpec, RiskSpec, check};

    #[test]
    fn limits_beyond_all_that_there_can_be_stop_nothing() {
        let huge = decimal("9999999999999999999999999999");
        let mut desk = Desk::account(LimitSpec {
            max_order_quantity: ByPair::All(huge),
            max_order_notional: ByPair::All(huge),
            price_band: ByPair::All((decimal("0"), huge)),
            max_position: ByPair::All(huge),
            max_gross_exposure: Some(huge),
            max_net_exposure: Some(huge),
            max_daily_loss: Some(huge),
            ..LimitSpec::default()
        });
        assert_eq!([desk.send(0, 1_000), desk.send(2, -1_000)], [Ok(1), Ok(2)]);
        let mut desk = Desk::account(LimitSpec {
            price_band: ByPair::All((huge, huge)),
            ..LimitSpec::default()
        });
        assert_eq!(desk.send(0, 1), Err(check::PRICE_BAND));
    }

    #[test]
    fn a_traders_own_name_is_nearer_than_that_of_its_strategy() {
        let most = |most: &str| LimitSpec {
            max_order_quantity: ByPair::All(decimal(most)),
            ..LimitSpec::default()
        };
        for names in [["a", "cross"], ["cross", "a"]] {
            let limits = |name| most(if name == "a" { "1" } else { "5" });
            let mut desk = Desk::new(&RiskSpec {
                account: most("9"),
                traders: names.map(|name| (name.to_owned(), limits(name))).into(),
            });
            let over = Err(check::ORDER_QUANTITY);
            assert_eq!([desk.send(0, 1), desk.send(0, 2)], [Ok(1), over]);
            assert_eq!([desk.send(2, 5), desk.send(2, 6)], [Ok(2), over]);
            assert_eq!([desk.send(1, 9), desk.send(1, 10)], [Ok(3), over]);
        }
    }

    #[test]
    fn a_bucket_whose_pace_stays_keeps_its_tokens() {
        use super::super::Pace;
        let pace = |count| RiskSpec {
            account: LimitSpec {
                max_order_rate: ByPair::All(Pace {
                    count,
                    nanos: 1_000_000_000,
                }),
                ..LimitSpec::default()
            },
            traders: Vec::new(),
        };
        let mut desk = Desk::new(&pace(1));
        assert_eq!(desk.send(0, 1), Ok(1));
        for (count, said) in [(1, Err(check::ORDER_RATE)), (2, Ok(2))] {
            desk.gate
                .set_limits(Some(&pace(count)), &desk.account)
                .unwrap();
            assert_eq!(desk.send(0, 1), said);
        }
        desk.gate.set_limits(None, &desk.account).unwrap();
        assert_eq!(desk.send(0, 1), Ok(3));
    }
}
