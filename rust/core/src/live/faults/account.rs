//! What the venue knows: the orders that work there, what became of the others, and the account's money.

use std::collections::{BTreeMap, HashSet};

use crate::domain::Nanos;
use crate::live::broker::{OpenOrder, Question, Standing};
use crate::order::{Order, OrderId};
use crate::portfolio::Portfolio;
use crate::venue::{Execution, Outcome};

/// The venue's own account. It is settled by the rules of the engine's, in the order in which things happen at the venue.
pub(super) struct VenueAccount {
    account: Portfolio,
    open: BTreeMap<OrderId, Order>,
    seen: HashSet<OrderId>,
    executions: Vec<Execution>,
    /// What liquidations filled. The engine knows of it, so it has no numbers.
    liquidated: Vec<Execution>,
}

impl VenueAccount {
    pub(super) fn new(account: Portfolio) -> Self {
        Self {
            account,
            open: BTreeMap::new(),
            seen: HashSet::new(),
            executions: Vec::new(),
            liquidated: Vec::new(),
        }
    }

    /// Whether an order of this number has arrived before.
    pub(super) fn knows(&self, id: OrderId) -> bool {
        self.seen.contains(&id)
    }

    /// An order works here now.
    pub(super) fn accept(&mut self, order: &Order) {
        self.seen.insert(order.id);
        self.account.open(order.clone());
        self.open.insert(order.id, order.clone());
    }

    /// An order is refused, under the number of what became of it.
    pub(super) fn refuse(&mut self, order: &Order, ts: Nanos) -> (u64, Execution) {
        self.seen.insert(order.id);
        self.note(Execution {
            order: order.id,
            trader: order.trader,
            ts,
            outcome: Outcome::Rejected,
        })
    }

    /// An order has ended: its fill is settled, and numbered.
    pub(super) fn end(&mut self, execution: Execution) -> Option<(u64, Execution)> {
        let order = self.open.remove(&execution.order)?;
        let outcome = if matches!(execution.outcome, Outcome::Filled { .. }) {
            self.account.take_out(order.trader, order.id);
            self.settled(&order, &execution)?
        } else {
            self.account.close(order.trader, order.id);
            execution.outcome
        };
        Some(self.note(Execution {
            outcome,
            ..execution
        }))
    }

    /// The account was liquidated: this was sold or bought.
    pub(super) fn settle(&mut self, order: &Order, execution: &Execution) {
        if let Some(outcome) = self.settled(order, execution) {
            self.liquidated.push(Execution {
                outcome,
                ..*execution
            });
        }
    }

    /// What liquidations filled.
    pub(super) fn liquidated(&self) -> &[Execution] {
        &self.liquidated
    }

    /// Settles a fill, and says how much of it the cash covered.
    fn settled(&mut self, order: &Order, execution: &Execution) -> Option<Outcome> {
        let Outcome::Filled { price, liquidity } = execution.outcome else {
            return None;
        };
        let settled = self.account.settle(order, price, execution.ts, liquidity);
        Some(Outcome::Settled {
            price,
            liquidity,
            lots: settled.map_or(0, |fill| fill.lots),
        })
    }

    /// The orders that work: market and number.
    pub(super) fn working(&self) -> Vec<(u32, OrderId)> {
        let open = self.open.values();
        open.map(|order| (order.market, order.id)).collect()
    }

    /// What became of an order last.
    pub(super) fn last_of(&self, id: OrderId) -> Option<(u64, Execution)> {
        let at = self.executions.iter().rposition(|e| e.order == id)?;
        Some((at as u64 + 1, self.executions[at]))
    }

    /// How things stand.
    pub(super) fn standing(&self, question: Question, as_of: Nanos) -> Standing {
        let since = usize::try_from(question.since).unwrap_or(usize::MAX);
        let new = self.executions.get(since..).unwrap_or_default();
        let markets = self.account.markets().iter();
        Standing {
            question: question.number,
            as_of,
            upto: self.executions.len() as u64,
            open: self
                .open
                .values()
                .map(|order| OpenOrder {
                    order: Some(order.id),
                    market: order.market,
                    side: order.side,
                    lots: order.lots,
                })
                .collect(),
            executions: (question.since + 1..).zip(new.iter().copied()).collect(),
            positions: markets.map(|book| book.net).collect(),
            cash: self.account.cash(),
        }
    }

    fn note(&mut self, execution: Execution) -> (u64, Execution) {
        self.executions.push(execution);
        (self.executions.len() as u64, execution)
    }
}
