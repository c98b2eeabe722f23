//! A gate with an account, for the tests of the controls.

use rust_decimal::Decimal;

use super::{LimitSpec, Margin, RiskGate, RiskSpec, Roster, Verdict};
use crate::domain::{
    FeeRates, Instrument, InstrumentSpec, Liquidity, Lots, Money, Nanos, Rate, Side,
};
use crate::order::{Order, OrderId, OrderKind, Origin};
use crate::portfolio::Portfolio;
use crate::signal::TimeInForce;

pub(super) const SECOND: Nanos = 1_000_000_000;
pub(super) const UNIT: Money = 1_000_000_000_000_000_000;

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// What the gate said: the number of the order that works now, or the check that refused it, or a part of it.
pub(super) type Said = Result<OrderId, &'static str>;

/// Markets `A/USD` and `B/USD` with lots of one and prices in hundredths; traders `a` and `b` on the first, `c` on the
/// second, `a` and `c` of one strategy. Both markets are at 100 unless a test says otherwise.
pub(super) struct Desk {
    pub gate: RiskGate,
    pub account: Portfolio,
    pub now: Nanos,
    sent: OrderId,
}

impl Desk {
    pub(super) fn account(limits: LimitSpec) -> Self {
        Self::new(&RiskSpec {
            account: limits,
            traders: Vec::new(),
        })
    }

    pub(super) fn trader(name: &str, limits: LimitSpec) -> Self {
        Self::new(&RiskSpec {
            account: LimitSpec::default(),
            traders: vec![(name.to_owned(), limits)],
        })
    }

    pub(super) fn new(spec: &RiskSpec) -> Self {
        let mut desk = Self::unpriced(spec);
        for market in 0..2 {
            desk.price(market, 10_000);
        }
        desk
    }

    pub(super) fn unpriced(spec: &RiskSpec) -> Self {
        Self::with(spec, false, 1_000_000 * UNIT)
    }

    /// The same on a spot account, or with other cash.
    pub(super) fn with(spec: &RiskSpec, spot: bool, cash: Money) -> Self {
        Self::on(spec, spot, cash, None)
    }

    /// The same where an order has a least value.
    pub(super) fn on(spec: &RiskSpec, spot: bool, cash: Money, least: Option<Decimal>) -> Self {
        let none = Rate::ZERO;
        let rules = InstrumentSpec {
            lot: Some(Decimal::ONE),
            min_notional: least,
            ..InstrumentSpec::default()
        };
        let fees = FeeRates {
            maker: none,
            taker: none,
        };
        let instrument = Instrument::new(2, &rules, fees).unwrap();
        let account = Portfolio::new(spot, cash, vec![instrument; 2], 3);
        let trader = |name: &str, label: &str, market| (name.to_owned(), label.to_owned(), market);
        let roster = Roster {
            pairs: vec![("A/USD".to_owned(), true), ("B/USD".to_owned(), false)],
            traders: vec![
                trader("a", "cross", 0),
                trader("b", "other", 0),
                trader("c", "cross", 1),
            ],
        };
        let leverage = Rate::from_decimal(Decimal::from(1_000));
        let mut gate = RiskGate::new(Margin { leverage }, roster);
        gate.set_limits(Some(spec), &account).unwrap();
        Self {
            gate,
            account,
            now: SECOND,
            sent: 0,
        }
    }

    /// Without limits, on a spot account or not, with so much cash, and both markets at 100.
    pub(super) fn plain(spot: bool, cash: i64) -> Self {
        let mut desk = Self::with(&RiskSpec::default(), spot, Money::from(cash) * UNIT);
        for market in 0..2 {
            desk.price(market, 10_000);
        }
        desk
    }

    /// A trade at so many hundredths.
    pub(super) fn price(&mut self, market: u32, units: i64) {
        self.event(market, 2 * units, None);
    }

    pub(super) fn quote(&mut self, market: u32, bid: i64, ask: i64) {
        self.event(market, bid + ask, Some(2 * ask));
    }

    fn event(&mut self, market: u32, mark: i64, ask: Option<i64>) {
        self.account.mark(market, mark, ask);
        self.gate.see(market, self.now, ask, &self.account);
    }

    pub(super) fn order(&self, trader: u32, delta: Lots, kind: OrderKind) -> Order {
        Order {
            id: self.sent + 1,
            trader,
            market: u32::from(trader == 2),
            client_id: None,
            side: Side::of(delta),
            lots: delta.abs(),
            kind,
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Strategy,
            reserved: 0,
            decided: self.now,
            tag: None,
        }
    }

    /// Sends a market order.
    pub(super) fn send(&mut self, trader: u32, delta: Lots) -> Said {
        self.submit(self.order(trader, delta, OrderKind::Market))
    }

    /// Sends a limit order.
    pub(super) fn limit(&mut self, trader: u32, delta: Lots, units: i64) -> Said {
        self.submit(self.order(trader, delta, OrderKind::Limit(units)))
    }

    pub(super) fn submit(&mut self, order: Order) -> Said {
        match self.gate.judge(order, &self.account) {
            Verdict::Refused { refused, .. } => Err(refused.check),
            Verdict::Approved { order, refused } => {
                let order = order.into_inner();
                self.sent = order.id;
                self.account.open(order.clone());
                self.gate.opened(&order, &self.account);
                refused.map_or(Ok(order.id), |refused| Err(refused.check))
            }
        }
    }

    /// Fills a working order at the market's last price.
    pub(super) fn fill(&mut self, trader: u32, id: OrderId) {
        let order = self.account.close(trader, id).unwrap();
        let mark = self.account.market(order.market).mark.unwrap();
        let settled = self
            .account
            .settle(&order, mark, self.now, Liquidity::Taker);
        assert!(settled.is_some());
        self.gate.closed(&order, &self.account);
    }

    /// Takes a working order back.
    pub(super) fn cancel(&mut self, trader: u32, id: OrderId) {
        let order = self.account.close(trader, id).unwrap();
        self.gate.closed(&order, &self.account);
    }

    /// A market order that is filled at once, whatever the gate would say of it.
    pub(super) fn hold(&mut self, trader: u32, delta: Lots) {
        let order = self.order(trader, delta, OrderKind::Market);
        self.sent = order.id;
        self.account.open(order.clone());
        self.gate.opened(&order, &self.account);
        self.fill(trader, order.id);
    }
}
