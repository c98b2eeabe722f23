//! The file: opened, made where there is none, checked for its version, and written to in transactions.

use std::path::{Path, PathBuf};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use crate::clock;
use crate::error::Error;
use crate::limits::JOURNAL_PATIENCE;
use crate::order::OrderId;

use super::chain::{CHAINED, WITH_STEPS};
use super::check::check;
use super::fault::{WHOLE, fault_in, fault_of, journal_error};
use super::lock::{Lock, Unlocked};
use super::private::make_private;
use super::record::{Record, Table};
use super::schema::{self, APPLICATION, MIGRATIONS, SCHEMA};
use super::snapshot::{self, Snapshot};
use super::spec::{JournalSpec, RunFacts};
use super::wal::{WriteAheadLog, begin_log};

/// The event that ends a run.
pub(super) const FINISHED: &str = "finished";

/// What the settings say of rows that were taken out.
const PRUNED: &str = "pruned";

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To write; one process at a time may.
    Write,
    /// The same, where there is a journal already.
    Existing,
    /// To read; also while another process writes.
    Read,
}

/// An event in the life of a run.
#[derive(Clone, Debug)]
pub(super) struct RunEvent {
    pub event: &'static str,
    pub step: u64,
    pub after_seq: i64,
    pub digest: Option<String>,
    pub author: Option<String>,
}

/// An open journal.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    log: WriteAheadLog,
    _lock: Option<Lock>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.log.let_go();
    }
}

impl Store {
    /// Opens a journal; for writing, makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be opened, is in use by another process, is no journal, is damaged or has a newer version.
    pub fn open(path: &Path, access: Access) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if access != Access::Write && !path.is_file() {
            let message = format!("{}: there is no such journal", path.display());
            return Err(journal_error("journal.missing", message));
        }
        let (lock, flags) = match access {
            Access::Write | Access::Existing => (
                Some(Lock::take(path).map_err(|unlocked| unlocked.of_journal(path))?),
                flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            ),
            Access::Read => (None, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
        };
        let fault = |error: rusqlite::Error| fault_of(path, &error);
        if access == Access::Write {
            let unmade = |error| Unlocked::Failed(path.to_owned(), error).of_journal(path);
            make_private(path).map_err(unmade)?;
        }
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(JOURNAL_PATIENCE).map_err(fault)?;
        let mut store = Self {
            path: path.to_owned(),
            connection,
            log: WriteAheadLog::of(path),
            _lock: lock,
        };
        store.check_version(access)?;
        if access != Access::Read {
            store.prepare().map_err(|error| fault_of(path, &error))?;
            store.log = WriteAheadLog::hold(path);
            sync_folder(path);
        } else {
            let pragma = store.connection.pragma_update(None, "query_only", true);
            pragma.map_err(|error| fault_of(path, &error))?;
        }
        Ok(store)
    }

    /// Refuses what is no journal, or one of a newer version.
    fn check_version(&mut self, access: Access) -> Result<(), Error> {
        let file = self.path.display();
        let read = |name| {
            let value = self
                .connection
                .pragma_query_value(None, name, |row| row.get(0));
            value.map_err(|error| fault_of(&self.path, &error))
        };
        let (application, version): (i32, i32) = (read("application_id")?, read("user_version")?);
        let tables = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
                row.get::<_, i64>(0)
            });
        let is_empty = tables.map_err(|error| fault_of(&self.path, &error))? == 0;
        if is_empty && access == Access::Write {
            return Ok(());
        }
        if application != APPLICATION {
            let message = format!("{file} is no journal of Pairloom; name another file");
            return Err(journal_error("journal.damaged", message));
        }
        if version > SCHEMA {
            let message = format!(
                "{file} has version {version} of the schema, this Pairloom knows {SCHEMA}; use a newer Pairloom"
            );
            return Err(journal_error("journal.version", message));
        }
        Ok(())
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        let connection = &mut self.connection;
        begin_log(connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == SCHEMA {
            return Ok(());
        }
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match usize::try_from(version) {
            Ok(from) if from > 0 => {
                for migration in MIGRATIONS.iter().skip(from - 1) {
                    change.execute_batch(migration)?;
                }
            }
            _ => change.execute_batch(&schema::create())?,
        }
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", SCHEMA)?;
        change.commit()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What reads it, for tools.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs something on the file; its error names the file.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn with<T>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        run(&self.connection).map_err(|error| fault_of(&self.path, &error))
    }

    /// Opens a journal to read it as it is now: all that is read through this is of one moment, whatever is written meanwhile.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_at_once(path: &Path) -> Result<Self, Error> {
        let store = Self::open(path, Access::Read)?;
        // The moment is that of the first look at the file, so there has to be one here. It ends when the file is closed.
        store.with(|connection| {
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        })?;
        Ok(store)
    }

    /// The same on one table, which its error names.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn of<T>(
        &self,
        table: &str,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        run(&self.connection).map_err(|error| fault_in(&self.path, table, &error))
    }

    /// While this is held, all that is read is as it was when the first of it was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn moment(&self) -> Result<Transaction<'_>, Error> {
        let begun = self.connection.unchecked_transaction();
        begun.map_err(|error| fault_of(&self.path, &error))
    }

    /// Whether no run has written to it yet.
    pub(super) fn is_new(&self) -> Result<bool, Error> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) = 0 FROM runs", [], |row| row.get(0))
        })
    }

    /// Whether the file has the versions of the strategies; one of version 1 that is only read has not.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn knows_versions(&self) -> Result<bool, Error> {
        self.with(|connection| {
            let sql =
                "SELECT count(*) FROM pragma_table_info('traders') WHERE name = 'strategy_version'";
            connection.query_row(sql, [], |row| row.get(0))
        })
    }

    /// Writes what a new journal says of its run.
    pub(super) fn begin(&mut self, spec: &JournalSpec, facts: &RunFacts) -> Result<(), Error> {
        let connection = &mut self.connection;
        let mut write = || -> rusqlite::Result<()> {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut add = change.prepare("INSERT INTO settings VALUES (?, ?, ?)")?;
                for (compared, settings) in [(1, &spec.identity), (0, &spec.extras)] {
                    for (key, value) in settings {
                        add.execute(params![key, value, compared])?;
                    }
                }
                add.execute(params![CHAINED, WITH_STEPS, 0])?;
                let mut add = change.prepare("INSERT INTO traders VALUES (?, ?, ?, ?, ?)")?;
                for (trader, of) in (0_i64..).zip(&facts.traders) {
                    add.execute(params![trader, of.name, of.label, of.pair, of.version])?;
                }
            }
            add_event(
                &change,
                &RunEvent {
                    event: "begun",
                    step: 0,
                    after_seq: 0,
                    digest: None,
                    author: None,
                },
            )?;
            change.commit()
        };
        write().map_err(|error| fault_of(&self.path, &error))
    }

    /// Takes the rows of steps before this one out of the journal of a finished run, which can then neither be made
    /// again nor compared. How many they were.
    ///
    /// # Errors
    /// When the run is not finished, the journal is not whole, or the file cannot be written.
    pub fn prune(&mut self, before: u64) -> Result<u64, Error> {
        let file = self.path.display();
        if self.digest()?.is_none() {
            let message = format!(
                "{file}: the run is not finished, and needs all rows to go on; finish it first"
            );
            return Err(journal_error("journal.unfinished", message));
        }
        // Which rows go is said by steps, and what is left can be checked by itself alone.
        if let Some(problem) = check(&self.path)?.problems.first() {
            let message = format!("{file}: {problem}; no rows were taken out; {WHOLE}");
            return Err(journal_error("journal.damaged", message));
        }
        let connection = &mut self.connection;
        let mut write = || -> rusqlite::Result<u64> {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "SELECT seq, hex(chain) FROM steps WHERE step < ? ORDER BY seq DESC LIMIT 1";
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            let found: Option<(i64, String)> = change
                .query_row(sql, [before], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((seq, chain)) = found else {
                return Ok(0);
            };
            let mut rows = 0;
            for table in Table::ALL {
                let sql = format!("DELETE FROM {} WHERE seq <= ?", table.name());
                rows += change.execute(&sql, [seq])? as u64;
            }
            let sql = "INSERT OR REPLACE INTO settings VALUES (?, ?, 0)";
            change.execute(sql, params![PRUNED, format!("{seq} {chain}")])?;
            change.commit()?;
            Ok(rows)
        };
        write().map_err(|error| fault_of(&self.path, &error))
    }

    /// The place in the sequence up to which rows were taken out, and the chain there.
    pub(super) fn pruned(&self) -> Result<Option<(i64, Vec<u8>)>, Error> {
        let text: Option<String> = self.of("settings", |connection| {
            let sql = "SELECT value FROM settings WHERE key = ?";
            connection
                .query_row(sql, [PRUNED], |row| row.get(0))
                .optional()
        })?;
        Ok(text.and_then(|text| {
            let (seq, chain) = text.split_once(' ')?;
            let digits = (0..chain.len() / 2).map(|at| chain.get(2 * at..2 * at + 2));
            let bytes = digits.map(|byte| u8::from_str_radix(byte?, 16).ok());
            Some((seq.parse().ok()?, bytes.collect::<Option<Vec<u8>>>()?))
        }))
    }

    /// Gives the space back that the file no longer needs.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn vacuum(&self) -> Result<(), Error> {
        self.with(|connection| connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);"))
    }

    /// Adds rows, events and snapshots, all or none.
    pub(super) fn add<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a Record>,
        events: impl Iterator<Item = &'a RunEvent>,
        snapshots: impl Iterator<Item = &'a Snapshot>,
    ) -> Result<(), Error> {
        let (connection, log) = (&mut self.connection, &mut self.log);
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut inserts = Table::ALL.map(|_| None);
            for row in rows {
                let insert = match &mut inserts[row.table as usize] {
                    Some(insert) => insert,
                    none => none.insert(change.prepare_cached(insert(row.table))?),
                };
                insert.raw_bind_parameter(1, row.seq)?;
                for (place, value) in (2..).zip(&row.values) {
                    insert.raw_bind_parameter(place, value)?;
                }
                insert.raw_execute()?;
            }
            for snapshot in snapshots {
                snapshot.insert(&change)?;
            }
            for event in events {
                add_event(&change, event)?;
                if event.event == FINISHED {
                    // It is compared from end to end, never continued.
                    snapshot::forget_after(&change, 0)?;
                }
            }
            drop(inserts);
            change.commit()
        };
        let written = write(connection);
        // Where the log is lost, that is why whatever failed did.
        let written = log.check(connection).and(written);
        written.map_err(|error| fault_of(&self.path, &error))
    }

    /// Whether there is a table of snapshots: not in a journal of an earlier version, which is only read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_snapshots(&self) -> Result<bool, Error> {
        self.with(|connection| {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'snapshots'";
            connection.query_row(sql, [], |row| row.get::<_, bool>(0))
        })
    }

    /// The settings of the run, and whether each makes it what it is.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn settings(&self) -> Result<Vec<(String, String, bool)>, Error> {
        self.of("settings", |connection| {
            let sql = "SELECT key, value, compared FROM settings ORDER BY rowid";
            let mut select = connection.prepare(sql)?;
            let found = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            found.collect()
        })
    }

    /// What tells this run from every other.
    pub(super) fn key(&self) -> Result<String, Error> {
        self.of("runs", |connection| {
            let sql = "SELECT at || '-' || pid FROM runs ORDER BY run LIMIT 1";
            connection.query_row(sql, [], |row| row.get(0))
        })
    }

    /// The last order that reached the gate.
    pub(super) fn last_order(&self) -> Result<OrderId, Error> {
        self.with(|connection| {
            let sql = "SELECT coalesce(max(order_id), 0) FROM intents";
            let last = connection.query_row(sql, [], |row| row.get::<_, i64>(0))?;
            Ok(last.unsigned_abs())
        })
    }

    /// The digest of a finished run.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn digest(&self) -> Result<Option<String>, Error> {
        self.of("runs", |connection| {
            let sql = "SELECT digest FROM runs WHERE event = 'finished'";
            connection.query_row(sql, [], |row| row.get(0)).optional()
        })
    }
}

/// The statement is made once for each table.
fn insert(table: Table) -> &'static str {
    static STATEMENTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let statements = STATEMENTS.get_or_init(|| Table::ALL.map(schema::insert).to_vec());
    &statements[table as usize]
}

fn add_event(connection: &Connection, event: &RunEvent) -> rusqlite::Result<()> {
    let sql = "INSERT INTO runs (event, at, step, after_seq, pid, version, digest, author) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = connection.prepare_cached(sql)?;
    insert.execute(params![
        event.event,
        clock::now(),
        i64::try_from(event.step).unwrap_or(i64::MAX),
        event.after_seq,
        std::process::id(),
        env!("CARGO_PKG_VERSION"),
        event.digest,
        event.author,
    ])?;
    Ok(())
}

/// A file is there after a loss of power only when its folder has been written, too.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Not every system lets a folder be opened; then there is nothing more that could be done.
    if let Ok(folder) = std::fs::File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}
