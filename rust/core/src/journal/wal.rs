//! The write-ahead log of an open file, which must stay the one that was opened.
//!
//! SQLite's locks are of POSIX: they belong to the process, and closing a file anywhere in it gives all of them up
//! (<https://sqlite.org/howtocorrupt.html>, "Multiple copies of `SQLite` linked into the same application"). So when Python's own
//! `sqlite3` closes the file of a run in the same process, it believes to be its last user and removes the log, into which the
//! run goes on writing: rows that are "on disk" and that nobody will find. Whoever writes prevents that with locks of another
//! kind, where the system has them; elsewhere it is noticed here, and mended where the other one only read.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ffi};

use super::held::Held;

/// Makes a database write to a log first.
///
/// # Errors
/// When the file cannot be made so: then it would be written to in the old way, in which who reads holds up who writes.
pub fn begin_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut begin = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut answer = begin.query([])?;
    let mut is_begun = false;
    // It is asked to the end: the file is changed only behind the row that says so, and that may fail.
    while let Some(row) = answer.next()? {
        is_begun = row.get::<_, String>(0)? == "wal";
    }
    if is_begun {
        return Ok(());
    }
    Err(Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_IOERR),
        Some("no write-ahead log can be begun beside it".to_owned()),
    ))
}

/// The log of an open file.
#[derive(Debug)]
pub struct WriteAheadLog {
    path: PathBuf,
    file: Option<FileId>,
    held: Held,
}

/// The file itself, after which SQLite names what lies beside it, and not after a link to it.
fn behind_links(database: &Path) -> PathBuf {
    std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned())
}

/// What tells a file from another one of the same name.
type FileId = (u64, u64);

impl WriteAheadLog {
    /// That of a database file; it need not be there yet.
    pub fn of(database: &Path) -> Self {
        let database = behind_links(database);
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let path = PathBuf::from(path);
        Self {
            file: id_of(&path),
            path,
            held: Held::share(&database),
        }
    }

    /// That of a database file that a connection has opened to write, so that it stays.
    pub fn hold(database: &Path) -> Self {
        Self {
            held: Held::take(&behind_links(database)),
            ..Self::of(database)
        }
    }

    /// The connection is about to close: as the last one it brings the log into the file.
    pub fn let_go(&self) {
        self.held.let_go();
    }

    /// To be asked after each commit of the connection.
    ///
    /// # Errors
    /// When the log is another one than before, or gone.
    pub fn check(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let now = id_of(&self.path);
        if self.file.is_none() {
            self.file = now;
        }
        if now == self.file {
            return Ok(());
        }
        if self.is_written() {
            // Others have written since, so what stands in the lost log must not be brought into the file any more.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        } else {
            // The lost log is open here still, and the file is what it was at some moment of the log.
            connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))?;
        }
        let message = "its write-ahead log was removed, by another SQLite library in this process (that of Python's \
            sqlite3, say) that opened and closed the file: read it with pairloom.Journal, or from another process";
        Err(Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED),
            Some(message.to_owned()),
        ))
    }

    /// Whether somebody has written to a new log of this name.
    fn is_written(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() > 0)
    }
}

#[cfg(unix)]
pub(super) fn id_of(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere locks belong to whoever opened the file, and an open file cannot be removed.
#[cfg(not(unix))]
pub(super) const fn id_of(_path: &Path) -> Option<FileId> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::is_disturbed;
    use super::*;

    /// A file with one row in it and one in its log, and the log as its writer knows it.
    fn written(name: &str) -> (PathBuf, Connection, WriteAheadLog) {
        let folder =
            std::env::temp_dir().join(format!("pairloom-log-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.db");
        let connection = Connection::open(&path).unwrap();
        let make =
            "PRAGMA journal_mode = WAL; CREATE TABLE rows (value); INSERT INTO rows VALUES (1);";
        connection.execute_batch(make).unwrap();
        let mut log = WriteAheadLog::hold(&path);
        log.check(&connection).unwrap();
        (path, connection, log)
    }

    fn rows(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        let ask = "SELECT count(*) FROM rows";
        connection.query_row(ask, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_log_that_was_removed_is_noticed_and_brought_into_the_file() {
        let (path, connection, mut log) = written("removed");
        std::fs::remove_file(&log.path).unwrap();
        connection
            .execute("INSERT INTO rows VALUES (2)", [])
            .unwrap();
        assert!(is_disturbed(&log.check(&connection).unwrap_err()));
        // Already before the connection closes.
        let copy = path.with_extension("copy");
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(rows(&copy), 2);
        log.let_go();
        drop(connection);
        assert_eq!(rows(&path), 2);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_lost_log_is_not_brought_into_a_file_to_which_others_have_written() {
        let (path, connection, mut log) = written("replaced");
        connection
            .query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))
            .unwrap();
        std::fs::remove_file(&log.path).unwrap();
        std::fs::write(&log.path, "another log").unwrap();
        connection
            .execute("INSERT INTO rows VALUES (2)", [])
            .unwrap();
        assert!(is_disturbed(&log.check(&connection).unwrap_err()));
        log.let_go();
        drop(connection);
        std::fs::remove_file(&log.path).unwrap_or_default();
        assert_eq!(rows(&path), 1);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
