//! What the writer remembers, as plain data: what stands, which is small, and what grows, which is told in parts.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::{Nanos, unpack};
use crate::order::{OrderId, OrderRecord, RefusalRecord};
use crate::portfolio::{AccountMemory, TradeRecord};
use crate::risk::Memory;
use crate::rows::Rows;
use crate::strategy::{FaultKind, StrategyFault};

use super::curve::CurvePart;
use super::{Author, FillRecord, QuarantineRecord, Records, RiskChange, Writer};

/// What stands of the writer between two steps.
#[derive(Debug, Serialize, Deserialize)]
pub struct WriterMemory {
    account: AccountMemory,
    gate: Option<(Memory, usize)>,
    killed: bool,
    exits: Vec<(u32, Author)>,
    halts: Vec<u32>,
    cut_at_fill: u64,
    counted: [usize; 7],
}

/// One trader stopped, without what only the process that saw it has.
#[derive(Debug, Serialize, Deserialize)]
struct Stopped {
    ts: Nanos,
    trader: u32,
    kind: FaultKind,
    message: String,
}

/// What was recorded since the part before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Growth {
    /// Orders of before that were open then, as they stand now, and those that are new.
    changed_orders: Vec<OrderRecord>,
    orders: Vec<OrderRecord>,
    fills: Vec<FillRecord>,
    refusals: Vec<RefusalRecord>,
    stopped: Vec<Stopped>,
    risk_changes: Vec<RiskChange>,
    /// The same of round trips.
    changed_trades: Vec<(usize, TradeRecord)>,
    trades: Vec<TradeRecord>,
    curve: CurvePart,
}

/// Up to where the records were told.
#[derive(Debug, Default)]
pub struct Told {
    counted: [usize; 7],
    open_orders: Vec<OrderId>,
    open_trades: Vec<usize>,
}

fn counted(writer: &Writer) -> [usize; 7] {
    let records = &writer.records;
    [
        records.orders.len(),
        records.fills.len(),
        records.refusals.len(),
        records.quarantined.len(),
        records.risk_changes.len(),
        writer.account.trades().len(),
        records.curve.ts.len(),
    ]
}

impl Told {
    /// Everything was told that the writer has recorded.
    #[must_use]
    pub fn all(writer: &Writer) -> Self {
        Self {
            counted: counted(writer),
            open_orders: writer.account.open_orders(),
            open_trades: writer.account.open_trades(),
        }
    }
}

impl Growth {
    /// What the writer has recorded since.
    #[must_use]
    pub fn since(told: &Told, writer: &Writer) -> Self {
        let records = &writer.records;
        let [orders, fills, refusals, stopped, changes, trades, curve] = told.counted;
        let order = |id: &OrderId| records.order(*id);
        let trade = |&at: &usize| Some((at, writer.account.trades().get(at)?));
        let stopped = records.quarantined[stopped..].iter().map(|each| Stopped {
            ts: each.ts,
            trader: each.trader,
            kind: each.fault.kind,
            message: each.fault.message.clone(),
        });
        Self {
            changed_orders: told.open_orders.iter().filter_map(order).collect(),
            orders: records.orders.since(orders).into_owned(),
            fills: records.fills.since(fills).into_owned(),
            refusals: records.refusals[refusals..].to_vec(),
            stopped: stopped.collect(),
            risk_changes: records.risk_changes[changes..].to_vec(),
            changed_trades: told.open_trades.iter().filter_map(trade).collect(),
            trades: writer.account.trades().since(trades).into_owned(),
            curve: CurvePart::of(
                &records.curve.ts.since(curve),
                &records.curve.equity.since(curve),
            ),
        }
    }

    /// Adds it to what was told before. `false` where it does not follow on that.
    fn add_to(self, records: &mut Records, trades: &mut Rows<TradeRecord>) -> bool {
        for order in self.changed_orders {
            let at = usize::try_from(order.id).unwrap_or(0).wrapping_sub(1);
            let Some(row) = records.orders.get_mut(at) else {
                return false;
            };
            *row = order;
        }
        for (at, trade) in self.changed_trades {
            let Some(row) = trades.get_mut(at) else {
                return false;
            };
            *row = trade;
        }
        records.orders.extend(self.orders);
        records.fills.extend(self.fills);
        records.refusals.extend(self.refusals);
        records.risk_changes.extend(self.risk_changes);
        trades.extend(self.trades);
        let stopped = self.stopped.into_iter().map(|each| QuarantineRecord {
            ts: each.ts,
            trader: each.trader,
            fault: StrategyFault {
                kind: each.kind,
                message: each.message,
                origin: None,
            },
        });
        records.quarantined.extend(stopped);
        self.curve.add_to(&mut records.curve)
    }
}

/// What a writer had recorded.
#[derive(Default)]
pub struct Recorded {
    records: Records,
    trades: Rows<TradeRecord>,
}

impl Recorded {
    /// Reads it out of its parts. Old rows are set aside in the folder, where there is one.
    ///
    /// # Errors
    /// In words, why they are of no use.
    pub fn read(parts: Vec<Vec<u8>>, folder: Option<&Path>) -> Result<Self, String> {
        let mut read = Self::default();
        // Each part is let go when it was taken in.
        for part in parts {
            let part: Growth = unpack(&part)?;
            if !part.add_to(&mut read.records, &mut read.trades) {
                return Err("its parts do not follow each other".to_owned());
            }
            if let Some(folder) = folder {
                // Where the disk does not take them they stay in memory.
                let trades = &mut read.trades;
                let _ = read
                    .records
                    .set_aside(folder)
                    .and_then(|()| trades.set_aside(folder));
            }
        }
        Ok(read)
    }
}

impl Writer {
    /// What stands; nothing while something is under way that is not kept.
    #[must_use]
    pub fn memory(&self) -> Option<WriterMemory> {
        let records = &self.records;
        let idle = self.told.is_empty() && self.again.is_empty() && self.reconciled;
        // Who compares with a venue, or tells a process of every change, is not kept.
        let alone = records.differences.is_empty() && self.tape.is_none();
        let noted = records.ended.as_ref().is_none_or(Vec::is_empty);
        if !(idle && alone && noted) {
            return None;
        }
        Some(WriterMemory {
            account: self.account.memory()?,
            gate: self
                .gate
                .memory()
                .map(|kept| (kept, self.gate.rows_watched())),
            killed: self.killed,
            exits: self.exits.clone(),
            halts: self.halts.iter().copied().collect(),
            cut_at_fill: records.cut_at_fill,
            counted: counted(self),
        })
    }

    /// Remembers what the same writer of another process did, with all that it had recorded. The limits in force must be those
    /// of that time.
    ///
    /// # Errors
    /// In words, why it cannot; then it is of no use any more.
    pub fn recall(&mut self, memory: WriterMemory, recorded: Recorded) -> Result<(), String> {
        let Recorded { records, trades } = recorded;
        // Whether a journal follows is no matter of what was recorded.
        let ended = self.records.ended.take();
        self.records = Records { ended, ..records };
        if !self.account.recall(memory.account, trades) {
            return Err("the account is another one".to_owned());
        }
        if counted(self) != memory.counted {
            return Err("it lacks rows of the records".to_owned());
        }
        self.records.cut_at_fill = memory.cut_at_fill;
        self.killed = memory.killed;
        self.exits = memory.exits;
        self.halts = memory.halts.into_iter().collect();
        // What works and is held counts with the limits from now on.
        let spec = self.gate.spec().cloned();
        self.gate
            .set_limits(spec.as_ref(), &self.account)
            .map_err(|error| error.message)?;
        let same = match memory.gate {
            Some((kept, rows)) => self.gate.recall_at(kept, rows),
            None => spec.is_none(),
        };
        if same {
            Ok(())
        } else {
            Err("the limits are other ones".to_owned())
        }
    }

    /// Puts limits in force that a person had set before, of which the records tell already.
    ///
    /// # Errors
    /// When they name what there is not.
    pub fn set_limits_again(
        &mut self,
        spec: Option<&crate::risk::RiskSpec>,
    ) -> Result<(), crate::error::Error> {
        self.gate.set_limits(spec, &self.account)
    }
}
