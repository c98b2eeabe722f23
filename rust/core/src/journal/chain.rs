//! The chain of fingerprints, group by group: what it covers, and what must hold of what it does not.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use crate::error::Error;

use super::record::{CHAIN, Record, Table, chain_of, encode_row};
use super::store::Store;

/// The setting that says what the chain covers. Journals that were begun before there was one have a chain over all rows but
/// the steps themselves.
pub(super) const CHAINED: &str = "chain";

/// Its value: of a step its place, number and time are covered, too.
pub(super) const WITH_STEPS: &str = "rows and steps";

/// How a group of rows is linked to those before it.
#[derive(Debug, Default)]
pub(super) struct Links {
    with_steps: bool,
    bytes: Vec<u8>,
}

impl Links {
    /// As the journal has them, from its first row to its last, whatever version goes on with it.
    pub(super) fn of(store: &Store) -> Result<Self, Error> {
        let with_steps = store.of("settings", |connection| {
            let sql = "SELECT count(*) > 0 FROM settings WHERE key = ? AND value = ?";
            connection.query_row(sql, params![CHAINED, WITH_STEPS], |row| row.get(0))
        })?;
        Ok(Self {
            with_steps,
            bytes: Vec::new(),
        })
    }

    /// Whether what a step says of itself is in the chain.
    pub(super) const fn have_steps(&self) -> bool {
        self.with_steps
    }

    /// The fingerprint of a group behind that of the one before; `step` is what closes it, yet without that fingerprint.
    pub(super) fn link(&mut self, before: &[u8], rows: &[Record], step: &Record) -> [u8; CHAIN] {
        self.begin(before);
        for row in rows {
            row.encode(&mut self.bytes);
        }
        if self.with_steps {
            step.encode(&mut self.bytes);
        }
        chain_of(&self.bytes)
    }

    /// Begins a group whose rows are read from the file.
    pub(super) fn begin(&mut self, before: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(before);
    }

    /// Adds a row as it stands in the file.
    pub(super) fn add(&mut self, table: Table, seq: i64, row: &Row<'_>) -> rusqlite::Result<()> {
        encode_row(table, seq, row, &mut self.bytes)
    }

    /// Ends such a group with the row that closes it.
    pub(super) fn close(&mut self, seq: i64, row: &Row<'_>) -> rusqlite::Result<[u8; CHAIN]> {
        if self.with_steps {
            self.add(Table::Steps, seq, row)?;
        }
        Ok(chain_of(&self.bytes))
    }
}

/// What must hold of numbers and times of steps, as far as that can be told without the chain.
///
/// Both never fall. A group has what happened since the step before it was committed, so that its rows are of that step at the
/// earliest and of its own at the latest, and so are the times that the engine, and not a venue, gave them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// Number and time of the step before.
    before: Option<(i64, i64)>,
    /// First and last numbers and times in the group.
    steps: Option<(i64, i64)>,
    times: Option<(i64, i64)>,
}

impl Order {
    /// Behind the step at that place, where there is one.
    pub(super) fn behind(store: &Store, seq: i64) -> Result<Self, Error> {
        let before = store.of("steps", |connection| {
            let sql = "SELECT seq, step, ts FROM steps WHERE seq = ?";
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query([seq])?;
            Ok(match rows.next()? {
                Some(row) => whole(row)?,
                None => None,
            })
        })?;
        Ok(Self {
            before,
            ..Self::default()
        })
    }

    /// A row of the group.
    pub(super) fn add(&mut self, table: Table, row: &Row<'_>) -> rusqlite::Result<()> {
        let Some((step, ts)) = whole(row)? else {
            return Ok(());
        };
        let wider = |known: Option<(i64, i64)>, value: i64| {
            let (first, last) = known.unwrap_or((value, value));
            Some((first.min(value), last.max(value)))
        };
        self.steps = wider(self.steps, step);
        if matches!(table, Table::Inputs | Table::Intents | Table::Orders) {
            self.times = wider(self.times, ts);
        }
        Ok(())
    }

    /// The step that closes the group; whether it fits the group and the step before.
    pub(super) fn close(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let Some((step, ts)) = whole(row)? else {
            return Ok(false);
        };
        let (steps, times) = (self.steps.take(), self.times.take());
        let (earliest, since) = self.before.replace((step, ts)).unwrap_or((0, i64::MIN));
        let within = |known: Option<(i64, i64)>, (first, last): (i64, i64)| {
            first <= last && known.is_none_or(|(low, high)| first <= low && high <= last)
        };
        Ok(within(steps, (earliest, step)) && within(times, (since, ts)))
    }
}

/// Step and time of a row, which stand behind its place, where it has both.
fn whole(row: &Row<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    Ok(match (row.get_ref(1)?, row.get_ref(2)?) {
        (ValueRef::Integer(step), ValueRef::Integer(ts)) => Some((step, ts)),
        _ => None,
    })
}
