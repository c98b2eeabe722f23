//! What is in a journal already, read step by step while a run is made again.

use std::collections::VecDeque;

use crate::error::Error;
use crate::limits::JOURNAL_STEPS;

use super::input::{Input, Vetoes};
use super::record::Record;
use super::snapshot::Snapshot;
use super::store::Store;

/// A committed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredStep {
    pub seq: i64,
    pub step: u64,
    pub ts: i64,
    pub chain: Vec<u8>,
}

/// The committed steps that are still to come.
pub(super) struct Stored {
    store: Store,
    /// The next ones, the nearest last.
    next: Vec<StoredStep>,
    read_to: i64,
    /// How many are left, these included.
    left: u64,
    /// The last committed step.
    pub last: u64,
    /// Its time.
    pub last_ts: Option<i64>,
    /// Rows that were read ahead.
    ahead: VecDeque<Record>,
}

impl Stored {
    pub(super) fn new(store: Store) -> Result<Self, Error> {
        let (left, last, last_ts) = store.with(|connection| {
            let sql = "SELECT count(*), coalesce(max(step), 0), max(ts) FROM steps";
            connection.query_row(sql, [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
            })
        })?;
        Ok(Self {
            store,
            next: Vec::new(),
            read_to: 0,
            left: left.unsigned_abs(),
            last: last.unsigned_abs(),
            last_ts,
            ahead: VecDeque::new(),
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    pub(super) fn into_store(self) -> Store {
        self.store
    }

    /// Goes to the committed steps behind a place of the sequence.
    pub(super) fn go_to(&mut self, seq: i64) -> Result<(), Error> {
        let left = self.store.with(|connection| {
            let sql = "SELECT count(*) FROM steps WHERE seq > ?";
            connection.query_row(sql, [seq], |row| row.get::<_, i64>(0))
        })?;
        self.left = left.unsigned_abs();
        self.read_to = seq;
        self.next.clear();
        self.ahead.clear();
        Ok(())
    }

    /// Writes a snapshot of a step that has been made again.
    pub(super) fn add_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let (rows, events) = (std::iter::empty(), std::iter::empty());
        self.store.add(rows, events, std::iter::once(snapshot))
    }

    /// The next committed step, which stays the next.
    pub(super) fn peek(&mut self) -> Result<Option<&StoredStep>, Error> {
        if self.next.is_empty() && self.left > 0 {
            self.read()?;
        }
        Ok(self.next.last())
    }

    /// The next committed step has been made again.
    pub(super) fn pass(&mut self) {
        self.next.pop();
        self.left = self.left.saturating_sub(1);
    }

    fn read(&mut self) -> Result<(), Error> {
        let (read_to, store) = (self.read_to, &self.store);
        let mut found: Vec<StoredStep> = store.of("steps", |connection| {
            let sql = "SELECT seq, step, ts, chain FROM steps WHERE seq > ? ORDER BY seq LIMIT ?";
            let mut select = connection.prepare_cached(sql)?;
            let steps = select.query_map([read_to, JOURNAL_STEPS], |row| {
                Ok(StoredStep {
                    seq: row.get(0)?,
                    step: row.get::<_, i64>(1)?.unsigned_abs(),
                    ts: row.get(2)?,
                    chain: row.get(3)?,
                })
            })?;
            steps.collect()
        })?;
        self.read_to = found.last().map_or(i64::MAX, |step| step.seq);
        found.reverse();
        self.next = found;
        Ok(())
    }

    /// The rows between two places of the sequence.
    pub(super) fn rows(&self, after: i64, to: i64) -> Result<Vec<Record>, Error> {
        self.store.rows(after, to)
    }

    /// The rows of a group, which are asked for in their order: many are read at once.
    pub(super) fn group(&mut self, after: i64, to: i64) -> Result<Vec<Record>, Error> {
        if self.ahead.back().is_none_or(|row| row.seq < to) {
            let most = to.max(after.saturating_add(JOURNAL_STEPS));
            self.ahead = self.store.rows(after, most)?.into();
        }
        let number = self.ahead.partition_point(|row| row.seq <= to);
        Ok(self.ahead.drain(..number).collect())
    }

    /// Orders that the gate approved and the risk process did not, and why: they never left.
    pub(super) fn vetoes(&self) -> Result<Vetoes, Error> {
        self.store.of("orders", |connection| {
            let sql = "SELECT order_id, coalesce(reason, '') FROM orders WHERE status = 'refused' ORDER BY seq";
            let mut select = connection.prepare(sql)?;
            let vetoes = select.query_map([], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
            })?;
            vetoes.collect()
        })
    }

    /// What people told the run, in their order.
    pub(super) fn inputs(&self) -> Result<Vec<Input>, Error> {
        self.store.of("inputs", |connection| {
            let sql = "SELECT step, command, author, at FROM inputs ORDER BY seq";
            let mut select = connection.prepare(sql)?;
            let inputs = select.query_map([], |row| {
                Ok(Input {
                    step: row.get::<_, i64>(0)?.unsigned_abs(),
                    command: row.get(1)?,
                    author: row.get(2)?,
                    at: row.get(3)?,
                })
            })?;
            inputs.collect()
        })
    }
}
