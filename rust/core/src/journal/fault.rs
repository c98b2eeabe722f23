//! What can go wrong with a file, as errors with stable codes.

use std::path::Path;

use rusqlite::{Error as Fault, ErrorCode, ffi};

use crate::error::{Error, ErrorKind};

/// The way out of damage.
pub(super) const WHOLE: &str = "take the last copy that `pairloom journal check` finds whole";

/// An error about a journal.
#[must_use]
pub fn journal_error(code: &'static str, message: impl Into<String>) -> Error {
    Error {
        kind: ErrorKind::Journal,
        code,
        message: message.into(),
        details: Vec::new(),
    }
}

/// Rows of the run that were set aside on disk do not come back.
#[must_use]
pub fn rows_lost() -> Error {
    journal_error(
        "journal.rows",
        "the disk does not give back rows of the run that were set aside on it; what it decided is in its journal: \
         `pairloom journal export` writes its tables, and a run on recorded data is made again by the same command",
    )
}

/// What SQLite says of a file, as an error that names the file and the way out.
#[must_use]
pub fn fault_of(path: &Path, error: &rusqlite::Error) -> Error {
    let file = path.display();
    let (code, way) = match error.sqlite_error_code() {
        _ if is_disturbed(error) => (
            "journal.disturbed",
            "nothing left after the last committed step; run the same command again",
        ),
        Some(ErrorCode::DiskFull) => (
            "journal.full",
            "the disk is full; nothing left after the last committed step; make room and run the same command again",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            "journal.io",
            "the disk failed; nothing left after the last committed step; mend it and run the same command again",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            "journal.damaged",
            "the file is damaged or no journal; name the journal of a run, or put a copy of it in its place",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "journal.locked",
            "another program is writing to the file; end it first",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => (
            "journal.unreachable",
            "the file cannot be opened for writing; check the path and its rights",
        ),
        _ if is_damage(error) => return damage(path, "a table", error),
        _ => ("journal.defect", "please report it"),
    };
    journal_error(code, format!("{file}: {error}: {way}"))
}

/// The same where one table is read.
#[must_use]
pub fn fault_in(path: &Path, table: &str, error: &rusqlite::Error) -> Error {
    if is_damage(error) {
        return damage(path, &format!("its table {table}"), error);
    }
    fault_of(path, error)
}

/// Whether the file has what no run writes: another kind of value, a text that is none, or no such table or column.
fn is_damage(error: &Fault) -> bool {
    match error {
        Fault::InvalidColumnType(..)
        | Fault::FromSqlConversionFailure(..)
        | Fault::IntegralValueOutOfRange(..)
        | Fault::Utf8Error(..) => true,
        other => {
            let said = other.to_string();
            other.sqlite_error_code() == Some(ErrorCode::Unknown)
                && (said.contains("no such table") || said.contains("no such column"))
        }
    }
}

fn damage(path: &Path, table: &str, error: &Fault) -> Error {
    let what = match error {
        Fault::InvalidColumnType(_, column, kind) => {
            format!("the value {kind} in the column {column}")
        }
        Fault::FromSqlConversionFailure(..) | Fault::Utf8Error(..) => {
            "a text that is not UTF-8".to_owned()
        }
        Fault::IntegralValueOutOfRange(_, value) => format!("the number {value}"),
        other => {
            let file = path.display();
            let message = format!("{file}: {other}: the file is damaged; {WHOLE}");
            return journal_error("journal.damaged", message);
        }
    };
    let message = format!(
        "{}: {table} has {what}, which no run writes; {WHOLE}",
        path.display()
    );
    journal_error("journal.damaged", message)
}

/// Whether somebody took the log of an open file away.
#[must_use]
pub fn is_disturbed(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED)
}
