//! What is in a journal already, read step by step while a run is made again.

use crate::error::Error;
use crate::limits::JOURNAL_STEPS;

use super::input::Input;
use super::record::Record;
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
}

impl Stored {
    pub(super) fn new(store: Store) -> Result<Self, Error> {
        let (left, last) = store.with(|connection| {
            let sql = "SELECT count(*), coalesce(max(step), 0) FROM steps";
            connection.query_row(sql, [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
        })?;
        Ok(Self {
            store,
            next: Vec::new(),
            read_to: 0,
            left: left.unsigned_abs(),
            last: last.unsigned_abs(),
        })
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    pub(super) fn into_store(self) -> Store {
        self.store
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
        let mut found: Vec<StoredStep> = store.with(|connection| {
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

    /// What people told the run, in their order.
    pub(super) fn inputs(&self) -> Result<Vec<Input>, Error> {
        self.store.with(|connection| {
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
