//! The paper broker's own books: a file of its own that remembers every order it accepted, by its number, and every fill it
//! told, whatever becomes of the engine. An order it has accepted before is refused and noted as a duplicate.
//!
//! Orders and fills are committed before the broker tells a fill; cancellations with them, or soon after.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, params};

use crate::clock;
use crate::domain::Liquidity;
use crate::domain::word::{Word, word_of};
use crate::error::Error;
use crate::journal::{LedgerSpec, WriteAheadLog, begin_log, is_disturbed, make_private};
use crate::limits::JOURNAL_PATIENCE;
use crate::order::{Order, OrderId};
use crate::venue::Execution;

use super::broker::BrokerError;
use super::ledger_rows::{End, LedgerMark, Terms, count};

const SCHEMA: &str = "
CREATE TABLE account (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE accepted (order_id INTEGER PRIMARY KEY, at INTEGER NOT NULL, ts INTEGER NOT NULL, trader INTEGER NOT NULL,
    pair TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, lots INTEGER NOT NULL, limit_units INTEGER, tif TEXT NOT NULL) STRICT;
CREATE TABLE duplicates (n INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE cancels (order_id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE executions (trade_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL UNIQUE, ts INTEGER NOT NULL,
    outcome TEXT NOT NULL, half_units INTEGER, liquidity TEXT) STRICT;
";

/// What is to be written with the next commit.
enum Note {
    Accepted(OrderId, Terms),
    Duplicate(OrderId),
    Cancel(OrderId),
    End(OrderId, End),
}

/// The books, open.
pub(super) struct Ledger {
    path: PathBuf,
    connection: Connection,
    log: WriteAheadLog,
    /// Whether nobody has looked yet at what they have of before this process.
    unread: bool,
    /// Orders of before this process that have not been told of again.
    accepted: HashMap<OrderId, Terms>,
    ends: HashMap<OrderId, End>,
    /// The last order that was accepted by this process: numbers rise.
    last: OrderId,
    /// What the books have so far, of this process and of before.
    mark: LedgerMark,
    /// All that were, where orders overtake each other on their way here.
    seen: Option<HashSet<OrderId>>,
    notes: Vec<Note>,
    /// One row as bytes, to be summed.
    bytes: Vec<u8>,
}

impl Ledger {
    /// Opens the books, or begins them for a new run. Either [`Ledger::pass`] or [`Ledger::begin`] comes next.
    pub(super) fn open(spec: &LedgerSpec) -> Result<Self, Error> {
        let path = &spec.path;
        let fault = |error: rusqlite::Error| fault_of(path, &error);
        make_private(path).map_err(|error| unmade(path, &error))?;
        let mut connection = Connection::open(path).map_err(fault)?;
        connection.busy_timeout(JOURNAL_PATIENCE).map_err(fault)?;
        prepare(&mut connection, &spec.key).map_err(fault)?;
        let owner: Option<String> = connection
            .query_row("SELECT value FROM account WHERE key = 'run'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(fault)?;
        if owner.as_deref() != Some(&spec.key) {
            let message = format!(
                "{} has the orders of another run; move it away, or name another journal",
                path.display()
            );
            return Err(Error::broker("broker.other_run", message));
        }
        let newest = "SELECT max(order_id) FROM accepted";
        let newest: Option<i64> = connection
            .query_row(newest, [], |row| row.get(0))
            .map_err(fault)?;
        let newest = newest.map(i64::unsigned_abs);
        if let Some(foreign) = newest.filter(|&id| id > spec.last_order) {
            let message = format!(
                "{} has order {foreign}, which the journal lacks: it ends at order {}; was the journal replaced by an older copy?",
                path.display(),
                spec.last_order
            );
            return Err(Error::broker("broker.unknown_order", message));
        }
        Ok(Self {
            path: path.clone(),
            connection,
            log: WriteAheadLog::hold(path),
            last: 0,
            mark: LedgerMark::default(),
            seen: None,
            unread: true,
            accepted: HashMap::new(),
            ends: HashMap::new(),
            notes: Vec::new(),
            bytes: Vec::new(),
        })
    }

    /// Takes orders in any order from now on: some are late.
    pub(super) fn in_any_order(&mut self) {
        self.seen = Some(HashSet::new());
    }

    fn note_number(&mut self, id: OrderId, terms: &Terms) {
        self.last = self.last.max(id);
        self.mark.last = self.last;
        count(&mut self.mark.accepted, id, terms, &mut self.bytes);
        if let Some(seen) = &mut self.seen {
            seen.insert(id);
        }
    }

    /// What it has so far.
    pub(super) fn mark(&self) -> LedgerMark {
        self.mark.clone()
    }

    /// Goes on where it stood before: the orders of then are not told of again, and those that `works` says had not ended.
    ///
    /// # Errors
    /// When the books are not those of then.
    pub(super) fn pass(
        &mut self,
        mark: &LedgerMark,
        works: impl Fn(OrderId) -> bool,
    ) -> Result<(), Error> {
        let mut found = LedgerMark {
            last: mark.last,
            ..LedgerMark::default()
        };
        self.unread = false;
        let bytes = &mut self.bytes;
        // Only what comes behind is remembered: the rest may be a year of orders.
        let (accepted, sum) = (&mut self.accepted, &mut found.accepted);
        let read = read_accepted(&self.connection, |id, terms| {
            if id <= mark.last {
                count(sum, id, &terms, bytes);
            } else {
                accepted.insert(id, terms);
            }
        });
        let (ends, sum) = (&mut self.ends, &mut found.ended);
        let read = read.and_then(|()| {
            read_ends(&self.connection, |id, end| {
                if id <= mark.last && !works(id) {
                    count(sum, id, &end, bytes);
                } else {
                    ends.insert(id, end);
                }
            })
        });
        read.map_err(|error| fault_of(&self.path, &error))?;
        if found.accepted.0 < mark.accepted.0 {
            let message = format!(
                "{} lacks {} of the {} orders that it had at the snapshot of order {}; was the file lost?",
                self.path.display(),
                mark.accepted.0 - found.accepted.0,
                mark.accepted.0,
                mark.last
            );
            return Err(Error::broker("broker.lost_order", message));
        }
        if found != *mark {
            let message = format!(
                "{}: the orders up to {} are not those that it had at the snapshot after them",
                self.path.display(),
                mark.last
            );
            return Err(Error::broker("broker.disagrees", message));
        }
        self.last = mark.last;
        self.mark = found;
        Ok(())
    }

    /// Begins where they begin: all orders of before are told of again. Nothing where somebody has [passed](Ledger::pass) them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if !std::mem::replace(&mut self.unread, false) {
            return Ok(());
        }
        let (accepted, ends) = (&mut self.accepted, &mut self.ends);
        let insert = |id, terms| {
            accepted.insert(id, terms);
        };
        let read = read_accepted(&self.connection, insert).and_then(|()| {
            read_ends(&self.connection, |id, end| {
                ends.insert(id, end);
            })
        });
        read.map_err(|error| fault_of(&self.path, &error))
    }

    /// The orders of before this process that it has.
    pub(super) fn left(&self) -> HashSet<OrderId> {
        self.accepted.keys().copied().collect()
    }

    /// An order is handed over.
    pub(super) fn submit(&mut self, order: &Order, pair: &str) -> Result<(), BrokerError> {
        let known = match &self.seen {
            Some(seen) => seen.contains(&order.id),
            None => order.id <= self.last,
        };
        if known || self.accepted.contains_key(&order.id) {
            self.notes.push(Note::Duplicate(order.id));
            let reason = format!("order {} was accepted before", order.id);
            return Err(BrokerError::Rejected(reason));
        }
        let terms = Terms::of(order, pair);
        self.note_number(order.id, &terms);
        self.notes.push(Note::Accepted(order.id, terms));
        Ok(())
    }

    /// An order that left before is told of again.
    pub(super) fn restore(
        &mut self,
        order: &Order,
        pair: &str,
        newest: bool,
    ) -> Result<(), BrokerError> {
        let terms = Terms::of(order, pair);
        match self.accepted.remove(&order.id) {
            Some(before) if before == terms => {
                self.note_number(order.id, &terms);
                Ok(())
            }
            Some(before) => {
                let message = format!(
                    "{}: order {} was accepted as {before:?}, the journal has {terms:?}",
                    self.path.display(),
                    order.id
                );
                Err(BrokerError::Failed(Error::broker(
                    "broker.disagrees",
                    message,
                )))
            }
            // It was committed, and the engine died before it left.
            None if newest => self.submit(order, pair),
            None => {
                let message = format!(
                    "{} does not know order {}, which left long ago; was the file lost?",
                    self.path.display(),
                    order.id
                );
                Err(BrokerError::Failed(Error::broker(
                    "broker.lost_order",
                    message,
                )))
            }
        }
    }

    /// An order is to be taken back.
    pub(super) fn cancel(&mut self, order: OrderId) {
        self.notes.push(Note::Cancel(order));
    }

    /// Orders have ended: what was told of one before is told again as it was.
    pub(super) fn tell(&mut self, executions: &[Execution]) -> Result<(), Error> {
        for execution in executions {
            let end = End::of(execution);
            count(&mut self.mark.ended, execution.order, &end, &mut self.bytes);
            match self.ends.remove(&execution.order) {
                None => self.notes.push(Note::End(execution.order, end)),
                Some(before) if before == end => {}
                Some(before) => {
                    let message = format!(
                        "{}: order {} ended as {before:?}, and now as {end:?}",
                        self.path.display(),
                        execution.order
                    );
                    return Err(Error::broker("broker.disagrees", message));
                }
            }
        }
        Ok(())
    }

    /// Writes what was noted.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        if self.notes.is_empty() {
            return Ok(());
        }
        let (connection, notes) = (&mut self.connection, &self.notes);
        let written = write(connection, notes);
        // Where the log is lost, that is why whatever failed did.
        self.log
            .check(&self.connection)
            .and(written)
            .map_err(|error| fault_of(&self.path, &error))?;
        self.notes.clear();
        Ok(())
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The last cancellations of a run; nobody is left who could hear that they were not written.
        let _ = self.commit();
        self.log.let_go();
    }
}

fn prepare(connection: &mut Connection, key: &str) -> rusqlite::Result<()> {
    begin_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        change.execute_batch(SCHEMA)?;
        change.execute("INSERT INTO account VALUES ('run', ?)", [key])?;
        change.pragma_update(None, "user_version", 1)?;
    }
    change.commit()
}

/// A text of which there are few.
fn word(row: &Row<'_>, column: usize) -> rusqlite::Result<Word> {
    Ok(word_of(row.get_ref(column)?.as_str()?))
}

/// Shows all orders that were accepted.
fn read_accepted(
    connection: &Connection,
    mut see: impl FnMut(OrderId, Terms),
) -> rusqlite::Result<()> {
    let sql = "SELECT order_id, ts, trader, pair, side, type, lots, limit_units, tif FROM accepted";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([], |row| {
        let terms = Terms {
            ts: row.get(1)?,
            trader: row.get(2)?,
            pair: word(row, 3)?,
            side: word(row, 4)?,
            kind: word(row, 5)?,
            lots: row.get(6)?,
            limit: row.get(7)?,
            tif: word(row, 8)?,
        };
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), terms))
    })?;
    for row in rows {
        let (id, terms) = row?;
        see(id, terms);
    }
    Ok(())
}

/// Shows how all of them ended that have.
fn read_ends(connection: &Connection, mut see: impl FnMut(OrderId, End)) -> rusqlite::Result<()> {
    let sql = "SELECT order_id, ts, outcome, half_units, liquidity FROM executions";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([], |row| {
        let outcome = row.get_ref(2)?.as_str()?;
        let liquidity = row.get_ref(4)?.as_str_or_null()?;
        let end = End {
            ts: row.get(1)?,
            outcome: ["filled", "missed", "cancelled", "rejected"]
                .into_iter()
                .find(|word| *word == outcome)
                .unwrap_or("unknown"),
            half_units: row.get(3)?,
            liquidity: liquidity.map(|word| {
                let maker = Liquidity::Maker.name();
                if word == maker {
                    maker
                } else {
                    Liquidity::Taker.name()
                }
            }),
        };
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), end))
    })?;
    for row in rows {
        let (id, end) = row?;
        see(id, end);
    }
    Ok(())
}

fn write(connection: &mut Connection, notes: &[Note]) -> rusqlite::Result<()> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for note in notes {
        match note {
            Note::Accepted(id, terms) => {
                let sql = "INSERT INTO accepted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
                change.prepare_cached(sql)?.execute(params![
                    id.cast_signed(),
                    clock::now(),
                    terms.ts,
                    terms.trader,
                    terms.pair,
                    terms.side,
                    terms.kind,
                    terms.lots,
                    terms.limit,
                    terms.tif,
                ])?;
            }
            Note::Duplicate(id) => {
                let sql = "INSERT INTO duplicates (order_id, at) VALUES (?, ?)";
                let mut insert = change.prepare_cached(sql)?;
                insert.execute(params![id.cast_signed(), clock::now()])?;
            }
            Note::Cancel(id) => {
                // Asked twice it is one cancellation.
                let sql = "INSERT OR IGNORE INTO cancels VALUES (?, ?)";
                let mut insert = change.prepare_cached(sql)?;
                insert.execute(params![id.cast_signed(), clock::now()])?;
            }
            Note::End(id, end) => {
                let sql = "INSERT INTO executions (order_id, ts, outcome, half_units, liquidity) VALUES (?, ?, ?, ?, ?)";
                let (ts, outcome) = (end.ts, end.outcome);
                let values = params![id.cast_signed(), ts, outcome, end.half_units, end.liquidity];
                change.prepare_cached(sql)?.execute(values)?;
            }
        }
    }
    change.commit()
}

fn unmade(path: &Path, error: &std::io::Error) -> Error {
    let message = format!(
        "the paper broker's books {}: {error}; their folder must exist and be writable",
        path.display()
    );
    Error::broker("broker.books", message)
}

fn fault_of(path: &Path, error: &rusqlite::Error) -> Error {
    let code = match error.sqlite_error_code() {
        _ if is_disturbed(error) => "broker.disturbed",
        Some(ErrorCode::DiskFull) => "broker.full",
        Some(ErrorCode::SystemIoFailure) => "broker.io",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "broker.damaged",
        _ => "broker.books",
    };
    let message = format!(
        "the paper broker's books {}: {error}; nothing it did not write is told; mend it and run the same command again",
        path.display()
    );
    Error::broker(code, message)
}
