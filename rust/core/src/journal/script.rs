//! What traders that are not believed any more did before, out of the journal, for the steps in which they did it.

use std::collections::{HashMap, VecDeque};

use rusqlite::{Connection, Row};
use rust_decimal::Decimal;

use crate::commit::{Act, AgainOrder, Author, QuarantineRecord, Writer, next_where};
use crate::domain::word::word_of;
use crate::domain::{Nanos, Side};
use crate::error::Error;
use crate::order::{OrderId, Reason, reason};
use crate::risk::Refused;
use crate::signal::TimeInForce;
use crate::strategy::{FaultKind, StrategyFault};

use super::spec::{JournalSpec, RunFacts};
use super::store::Store;

/// A trader that is not believed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distrusted {
    /// Its number.
    pub trader: u32,
    /// Why.
    pub reason: String,
}

/// What is left of it.
#[derive(Default)]
pub(super) struct Script {
    pub distrusted: Vec<Distrusted>,
    orders: VecDeque<(u64, AgainOrder)>,
    cancels: VecDeque<(u64, u32, OrderId, Reason)>,
    stopped: VecDeque<(u64, u32, StrategyFault)>,
    /// Who is to be stopped when the run goes on.
    sentenced: Vec<Distrusted>,
}

impl Script {
    /// Those who were to be stopped when the run goes on, of a run that is over.
    pub(super) fn sentence(&mut self, ts: Nanos) -> impl Iterator<Item = QuarantineRecord> {
        let stopped = move |each: Distrusted| QuarantineRecord {
            ts,
            trader: each.trader,
            fault: not_reproducible(each.reason),
        };
        std::mem::take(&mut self.sentenced).into_iter().map(stopped)
    }

    pub(super) fn read(store: &Store, mut distrusted: Vec<Distrusted>) -> Result<Self, Error> {
        let before: Vec<Distrusted> = store.of("quarantines", |connection| {
            let sql = "SELECT trader, coalesce(error, '') FROM quarantines WHERE kind = 'not_reproducible' ORDER BY seq";
            let mut select = connection.prepare(sql)?;
            let found = select.query_map([], |row| {
                Ok(Distrusted {
                    trader: row.get(0)?,
                    reason: row.get(1)?,
                })
            })?;
            found.collect()
        })?;
        distrusted.retain(|new| before.iter().all(|old| old.trader != new.trader));
        let sentenced = distrusted.clone();
        distrusted.extend(before);
        if distrusted.is_empty() {
            return Ok(Self::default());
        }
        distrusted.sort_by_key(|each| each.trader);
        let traders: Vec<String> = distrusted.iter().map(|d| d.trader.to_string()).collect();
        let traders = traders.join(", ");
        store.with(|connection| {
            Ok(Self {
                orders: orders(connection, &traders)?,
                cancels: cancels(connection, &traders)?,
                stopped: stopped(connection, &traders)?,
                distrusted,
                sentenced,
            })
        })
    }

    /// Whether nothing of it is left behind a step, so that the run may go on from there.
    pub(super) fn ends_by(&self, step: u64) -> bool {
        let last = self.orders.back().map(|each| each.0);
        let cancelled = self.cancels.back().map(|each| each.0);
        let stopped = self.stopped.back().map(|each| each.0);
        let last = [last, cancelled, stopped].into_iter().flatten().max();
        let all = self.distrusted.iter().all(|each| {
            self.stopped
                .iter()
                .any(|&(_, trader, _)| trader == each.trader)
        });
        self.sentenced.is_empty() && all && last.is_none_or(|last| last <= step)
    }

    /// The run goes on behind a step: what was done until then is done.
    pub(super) fn forget(&mut self, step: u64) {
        self.orders.retain(|each| each.0 > step);
        self.cancels.retain(|each| each.0 > step);
        self.stopped.retain(|each| each.0 > step);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.cancels.is_empty()
            && self.stopped.is_empty()
            && self.sentenced.is_empty()
    }

    /// Hands over what was done in this step; `stop` hears of traders that are stopped in it.
    pub(super) fn take(
        &mut self,
        step: u64,
        goes_on: bool,
        (writer, acts): (&mut Writer, &mut Vec<Act>),
        mut stop: impl FnMut(u32),
    ) {
        while let Some((_, trader, id, reason)) =
            next_where(&mut self.cancels, |each| each.0 == step)
        {
            writer.again.cancels.push_back((trader, id, reason));
        }
        while let Some((_, order)) = next_where(&mut self.orders, |each| each.0 == step) {
            writer.again.orders.push_back(order);
        }
        let before = acts.len();
        while let Some((_, trader, fault)) = next_where(&mut self.stopped, |each| each.0 == step) {
            acts.push(failed(trader, fault));
            stop(trader);
        }
        if goes_on {
            for Distrusted { trader, reason } in self.sentenced.drain(..) {
                acts.push(failed(trader, not_reproducible(reason)));
                stop(trader);
            }
        }
        if acts.len() > before {
            // What people asked for comes first, in their order, and what waited for the venue with it.
            acts.sort_by_key(|act| match act.author {
                Author::Person | Author::Quarantine | Author::KillSwitch => None,
                Author::Strategy => Some(act.trader),
            });
        }
    }
}

fn not_reproducible(reason: String) -> StrategyFault {
    let mut fault = StrategyFault::raised(reason);
    fault.kind = FaultKind::NotReproducible;
    fault
}

/// Whom a run is told not to believe.
pub(super) fn distrusted(spec: &JournalSpec, facts: &RunFacts) -> Vec<Distrusted> {
    let named = spec.distrusted.iter().filter_map(|(name, reason)| {
        let trader = facts.traders.iter().position(|own| own.name == *name)?;
        Some(Distrusted {
            trader: u32::try_from(trader).ok()?,
            reason: reason.clone(),
        })
    });
    named.collect()
}

const fn failed(trader: u32, fault: StrategyFault) -> Act {
    Act {
        trader,
        author: Author::Strategy,
        intents: Vec::new(),
        failure: Some(fault),
    }
}

fn orders(connection: &Connection, traders: &str) -> rusqlite::Result<VecDeque<(u64, AgainOrder)>> {
    // Orders of people, of a quarantine and of a liquidation come about again by themselves.
    let sentences = sentences(connection, traders)?;
    let sql = format!(
        "SELECT step, order_id, trader, side, quantity, limit_price, tif, reduce_only, origin, client_id, tag, \
         verdict, reason FROM intents WHERE trader IN ({traders}) AND (verdict = 'refused' \
         OR verdict = 'approved' AND origin IN ('signal', 'order')) ORDER BY seq"
    );
    let mut select = connection.prepare(&sql)?;
    let found = select.query_map([], |row| order(row, &sentences))?;
    found.collect()
}

/// Why orders were refused, by step, trader and check.
type Sentences = HashMap<(i64, u32, String), String>;

/// The first sentence of each check in a step.
fn sentences(connection: &Connection, traders: &str) -> rusqlite::Result<Sentences> {
    let sql = format!(
        "SELECT step, trader, \"check\", reason FROM refusals WHERE trader IN ({traders}) ORDER BY seq DESC"
    );
    let mut select = connection.prepare(&sql)?;
    let found = select.query_map([], |row| {
        Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
    })?;
    found.collect()
}

fn order(row: &Row<'_>, sentences: &Sentences) -> rusqlite::Result<(u64, AgainOrder)> {
    let text = |at: usize| row.get::<_, Option<String>>(at);
    let number = |at: usize| -> rusqlite::Result<Option<Decimal>> {
        Ok(text(at)?.and_then(|text| text.parse().ok()))
    };
    let check = text(12)?;
    let sentence = check.as_ref().map(|check| {
        let key = (row.get(0)?, row.get(2)?, check.clone());
        Ok::<_, rusqlite::Error>(sentences.get(&key).cloned().unwrap_or_default())
    });
    let sentence = sentence.transpose()?.unwrap_or_default();
    let order = AgainOrder {
        id: row.get::<_, i64>(1)?.unsigned_abs(),
        trader: row.get(2)?,
        side: if text(3)?.as_deref() == Some(Side::Buy.name()) {
            Side::Buy
        } else {
            Side::Sell
        },
        quantity: number(4)?.unwrap_or_default(),
        limit: number(5)?,
        tif: text(6)?
            .and_then(|name| TimeInForce::parse(&name))
            .unwrap_or_default(),
        reduce_only: row.get::<_, Option<i64>>(7)? == Some(1),
        from_signal: text(8)?.as_deref() == Some("signal"),
        client_id: row.get::<_, Option<i64>>(9)?.map(i64::cast_unsigned),
        tag: text(10)?,
        refused: check.map(|check| Refused::new(word_of(check), sentence)),
    };
    Ok((row.get::<_, i64>(0)?.unsigned_abs(), order))
}

fn cancels(
    connection: &Connection,
    traders: &str,
) -> rusqlite::Result<VecDeque<(u64, u32, OrderId, Reason)>> {
    // Those of people, of a quarantine, of a liquidation and of the venue come about again by themselves.
    let sql = format!(
        "SELECT o.step, i.trader, order_id, o.reason FROM orders o JOIN intents i USING (order_id) \
         WHERE i.trader IN ({traders}) AND o.status = 'cancelled' AND (o.reason IN ('replaced', 'close') \
         OR o.reason IS NULL AND i.tif = 'GTC') ORDER BY o.seq"
    );
    let mut select = connection.prepare(&sql)?;
    let found = select.query_map([], |row| {
        let why = match row.get::<_, Option<String>>(3)?.as_deref() {
            Some(reason::REPLACED) => reason::REPLACED,
            Some(reason::CLOSE) => reason::CLOSE,
            _ => reason::NONE,
        };
        let (step, order) = (row.get::<_, i64>(0)?, row.get::<_, i64>(2)?);
        Ok((step.unsigned_abs(), row.get(1)?, order.unsigned_abs(), why))
    })?;
    found.collect()
}

fn stopped(
    connection: &Connection,
    traders: &str,
) -> rusqlite::Result<VecDeque<(u64, u32, StrategyFault)>> {
    let sql = format!(
        "SELECT step, trader, kind, error FROM quarantines WHERE trader IN ({traders}) ORDER BY seq"
    );
    let mut select = connection.prepare(&sql)?;
    let found = select.query_map([], |row| {
        let error: Option<String> = row.get(3)?;
        let mut fault = StrategyFault::raised(error.unwrap_or_default());
        fault.kind = FaultKind::parse(&row.get::<_, String>(2)?).unwrap_or(fault.kind);
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, fault))
    })?;
    found.collect()
}
