//! The plain case of a commit: all that was asked for in a step are market orders of traders that have nothing else at
//! work. There is nothing to take back and nothing to resolve, so each of them is known by the position it leads to.
//! Gate, records and account are those of every order.

use crate::domain::{HalfUnits, Lots, Nanos, Side};
use crate::order::{Order, OrderKind, Origin};
use crate::risk::Verdict;
use crate::signal::{Intent, TimeInForce, TradeSignal};

use super::{Act, Author, Command, Writer};

/// A trader without working orders, and the position that it is to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plain {
    /// Whose it is.
    pub trader: u32,
    /// Where it leads to.
    pub target: Lots,
    /// The side that its signal said to be on: what a reversal turned to is a side. `None` is flat.
    pub side: Option<Side>,
    /// The market's price.
    pub mark: HalfUnits,
    /// When its order fills, and what the market's price is then.
    pub fill: (Nanos, f64),
}

impl From<Plain> for Act {
    fn from(plain: Plain) -> Self {
        let signal = match plain.side {
            Some(Side::Buy) => TradeSignal::LONG,
            Some(Side::Sell) => TradeSignal::SHORT,
            None => TradeSignal::Close,
        };
        Self {
            trader: plain.trader,
            author: Author::Strategy,
            intents: vec![Intent::Signal(signal)],
            failure: None,
        }
    }
}

impl Writer {
    /// Commits a step in which nothing else was asked for. `plain` come by trader.
    pub fn commit_plain(&mut self, now: Nanos, plain: &[Plain], out: &mut Vec<Command>) {
        let curve = &self.records.curve;
        self.gate.begin(&curve.ts, &curve.equity, &self.account);
        self.in_turn(plain, |writer, plain| {
            let order = writer.plain_order(now, plain);
            match writer.gate.judge(order, &writer.account) {
                Verdict::Approved { order, refused } => writer.let_go(now, order, refused, out),
                Verdict::Refused { order, refused } => writer.refuse(now, &order, refused),
            }
        });
    }

    /// Calls `send` for each: first for those that only reduce, which is judged before the first is sent.
    pub(super) fn in_turn(&mut self, plain: &[Plain], mut send: impl FnMut(&mut Self, Plain)) {
        if let [only] = plain {
            return send(self, *only);
        }
        let mut reducing = std::mem::take(&mut self.reducing);
        reducing.clear();
        reducing.extend(plain.iter().map(|plain| self.leads_to_less(*plain)));
        for first in [true, false] {
            for (plain, &reduces) in plain.iter().zip(&reducing) {
                if reduces == first {
                    send(self, *plain);
                }
            }
        }
        self.reducing = reducing;
    }

    fn leads_to_less(&self, plain: Plain) -> bool {
        let row = self.account.row(plain.trader);
        let delta = plain.target.saturating_sub(row.position);
        delta.saturating_abs() <= row.reducible(Side::of(delta))
    }

    /// The order that leads there, before the gate.
    #[inline]
    pub(super) fn plain_order(&self, now: Nanos, plain: Plain) -> Order {
        let trader = plain.trader;
        // A difference that does not fit was not foreseen.
        let delta = plain
            .target
            .saturating_sub(self.account.row(trader).position);
        Order {
            id: self.records.next_id(),
            trader,
            market: self.market_of(trader),
            client_id: None,
            side: Side::of(delta),
            lots: delta.saturating_abs(),
            kind: OrderKind::Market,
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Signal {
                target: plain.target,
            },
            reserved: 0,
            decided: now,
            tag: None,
        }
    }
}
