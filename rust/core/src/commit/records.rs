//! What happened, in columns and rows of whole numbers: the material of every table and of the digest.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::word::Word;
use crate::domain::{HalfUnits, Liquidity, Lots, Money, Nanos, Side};
use crate::order::{OrderId, OrderRecord, OrderStatus, Reason, RefusalRecord, reason};
use crate::rows::{Row, Rows, Times};
use crate::strategy::StrategyFault;

/// One fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillRecord {
    /// When.
    pub ts: Nanos,
    /// Whose.
    pub trader: u32,
    /// Which way.
    pub side: Side,
    /// How much.
    pub lots: Lots,
    /// At what price, in half units.
    pub price: HalfUnits,
    /// The fee.
    pub fee: Money,
    /// The order filled.
    pub order: OrderId,
    /// Whether it made or took.
    pub liquidity: Liquidity,
}

crate::spare::shelves!(FillRecord);

impl Row for FillRecord {
    const BYTES: usize = 72;
}

/// One trader stopped for an error of its strategy.
#[derive(Debug)]
pub struct QuarantineRecord {
    /// The step at which it erred.
    pub ts: Nanos,
    /// Who.
    pub trader: u32,
    /// How.
    pub fault: StrategyFault,
}

/// A change of what the gate lets pass, made by a person or by the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskChange {
    /// The time of the step from which it held.
    pub ts: Nanos,
    /// Who made it.
    pub by: String,
    /// What it was: `limits`, `enable`, `kill` or `halt`.
    #[serde(with = "crate::domain::word")]
    pub kind: Word,
    /// What holds since then, in words.
    pub what: String,
}

/// Something in which the engine and the venue differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The time of the step that found it.
    pub ts: Nanos,
    /// On which market, where it is on one.
    pub market: Option<u32>,
    /// What differs: `position`, `cash`, `late_fill`, `vanished_order`, `misnamed_order`, `unknown_order`,
    /// `foreign_order`, `unsettled`.
    pub kind: &'static str,
    /// The difference, in words.
    pub what: String,
    /// Whether the pair was halted for it, or all pairs.
    pub halts: bool,
}

/// The venue's own books, as a broker that keeps some leaves them behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueBooks {
    /// Orders that worked there at the end, by the engine's number; none where somebody else sent one.
    pub open: Vec<Option<OrderId>>,
    /// What it filled: order, quantity and price in half units.
    pub fills: Vec<(OrderId, Lots, HalfUnits)>,
    /// The account's position in each market.
    pub positions: Vec<Lots>,
    /// The account's cash.
    pub cash: Money,
}

/// Equity over time, one row a step.
#[derive(Debug, Default)]
pub struct Curve {
    /// The step's time.
    pub ts: Times,
    /// Equity at the step's snapshot.
    pub equity: Rows<Money>,
}

impl Curve {
    /// Makes room for so many rows.
    pub fn reserve(&mut self, rows: usize) {
        self.ts.make_room(rows);
        self.equity.make_room(rows);
    }

    /// Adds a row.
    #[inline]
    pub fn push(&mut self, ts: Nanos, equity: Money) {
        self.ts.push(ts);
        self.equity.push(equity);
    }
}

/// Everything the writer has recorded.
#[derive(Debug, Default)]
pub struct Records {
    /// By order number: the order with number `n` is at `n - 1`.
    pub orders: Rows<OrderRecord>,
    /// In the order in which they were applied.
    pub fills: Rows<FillRecord>,
    /// In the order in which they came to be.
    pub refusals: Vec<RefusalRecord>,
    /// In the order in which they came to be.
    pub quarantined: Vec<QuarantineRecord>,
    /// In the order in which they were made.
    pub risk_changes: Vec<RiskChange>,
    /// What the venue and the engine differed in, in the order in which it was found.
    pub differences: Vec<Difference>,
    /// The venue's own books at the end, where it keeps any.
    pub venue: Option<VenueBooks>,
    /// Equity over time.
    pub curve: Curve,
    /// How many fills were cut because the cash did not cover them.
    pub cut_at_fill: u64,
    /// Orders that have ended since a journal looked last, in the order in which they did; nothing where there is none.
    pub ended: Option<Vec<OrderId>>,
}

/// How many rows there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Orders that reached the gate.
    pub orders: usize,
    /// Fills.
    pub fills: usize,
    /// Refusals.
    pub refusals: usize,
}

impl Records {
    /// Makes room for so many orders and their fills.
    pub fn reserve(&mut self, orders: usize) {
        self.orders.make_room(orders);
        self.fills.make_room(orders);
    }

    /// The number of the next order.
    #[must_use]
    pub fn next_id(&self) -> OrderId {
        self.orders.len() as OrderId + 1
    }

    /// How many rows there are of each kind.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            orders: self.orders.len(),
            fills: self.fills.len(),
            refusals: self.refusals.len(),
        }
    }

    /// Sets old rows aside in a folder, where they are many.
    ///
    /// # Errors
    /// What the disk says; then they stay.
    #[inline]
    pub fn set_aside(&mut self, folder: &Path) -> io::Result<()> {
        self.orders.set_aside(folder)?;
        self.fills.set_aside(folder)?;
        self.curve.ts.set_aside(folder)?;
        self.curve.equity.set_aside(folder)
    }

    /// Whether all rows that were set aside could be read so far.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let curve = self.curve.ts.is_whole() && self.curve.equity.is_whole();
        curve && self.orders.is_whole() && self.fills.is_whole()
    }

    /// The row of an order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<OrderRecord> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.orders.get(index)
    }

    /// An order that had ended works again.
    pub(super) fn reopen(&mut self, id: OrderId) {
        let index = usize::try_from(id).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(order) = self.orders.get_mut(index) {
            order.status = OrderStatus::Working;
            order.reason = reason::NONE;
        }
    }

    /// Notes how an order ended. A fill or the end of the data leaves the reason it was sent with.
    pub(super) fn end(&mut self, id: OrderId, status: OrderStatus, reason: Reason) -> Reason {
        let index = usize::try_from(id).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(order) = self.orders.get_mut(index) {
            order.status = status;
            if status == OrderStatus::Cancelled || !reason.is_empty() {
                order.reason = reason;
            }
            if let Some(ended) = &mut self.ended {
                ended.push(id);
            }
            return order.reason;
        }
        reason
    }
}
