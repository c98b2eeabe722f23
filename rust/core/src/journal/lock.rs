//! The lock that keeps a second process from a file, and that dies with its owner.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::fault::journal_error;

/// Held as long as this lives. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a file, which is one on `FILE.lock` beside it: SQLite's own locks on the file stay as they are, so
    /// that others may read it.
    ///
    /// # Errors
    /// When another process has it, or the file beside cannot be made.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let beside = beside(path);
        let unreachable = |error: std::io::Error| {
            let shown = beside.display();
            let message =
                format!("{shown}: {error}; the journal's folder must exist and be writable");
            journal_error("journal.unreachable", message)
        };
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = options.open(&beside).map_err(unreachable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Who it is only helps a person; not being able to read it changes nothing.
                let _ = file.read_to_string(&mut owner);
                let message = format!(
                    "{} is in use by process {}; one process writes a journal at a time: end that one, or name another file",
                    path.display(),
                    if owner.trim().is_empty() {
                        "?"
                    } else {
                        owner.trim()
                    }
                );
                return Err(journal_error("journal.locked", message));
            }
            Err(TryLockError::Error(error)) => return Err(unreachable(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(unreachable)?;
        Ok(Self { _file: file })
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
