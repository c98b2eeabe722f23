//! The lock that keeps a second process from a file, and that dies with its owner.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

use super::fault::journal_error;
use super::private::own;

/// What the lock says behind the process's number where that sets its kill switch on a signal.
const LISTENS: &str = "SIGUSR1";

static LISTENING: AtomicBool = AtomicBool::new(false);

/// Notes whether this process sets its kill switch on a signal: the locks that it takes from now on say so, so that others know
/// that it will not be ended by one.
pub fn note_listening(listens: bool) {
    LISTENING.store(listens, Ordering::Release);
}

/// Held as long as this lives. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum Unlocked {
    /// Another process has it: its number, where that can be read.
    Held(String),
    /// The file beside cannot be made, locked or written.
    Failed(PathBuf, std::io::Error),
}

impl Unlocked {
    /// It as an error about a journal.
    #[must_use]
    pub fn of_journal(self, path: &Path) -> Error {
        match self {
            Self::Held(owner) => {
                let message = format!(
                    "{} is in use by process {owner}; one process writes a journal at a time: end that one, or name another file",
                    path.display()
                );
                journal_error("journal.locked", message)
            }
            Self::Failed(beside, error) => {
                let shown = beside.display();
                let message =
                    format!("{shown}: {error}; the journal's folder must exist and be writable");
                journal_error("journal.unreachable", message)
            }
        }
    }
}

impl Lock {
    /// Takes the lock of a file, which is one on `FILE.lock` beside it: SQLite's own locks on the file stay as they are, so
    /// that others may read it.
    ///
    /// # Errors
    /// When another process has it, or the file beside cannot be made.
    pub fn take(path: &Path) -> Result<Self, Unlocked> {
        let beside = beside(path);
        let failed = |error: std::io::Error| Unlocked::Failed(beside.clone(), error);
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = own(&mut options).open(&beside).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who it is only helps a person; not being able to read it changes nothing.
                let _ = file.read_to_string(&mut text);
                let owner = text.lines().next().filter(|owner| !owner.is_empty());
                return Err(Unlocked::Held(owner.unwrap_or("?").to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // In one go, so that nobody reads a half of it.
        let mut text = format!("{}\n", std::process::id());
        if LISTENING.load(Ordering::Acquire) {
            text.push_str(LISTENS);
            text.push('\n');
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The file of the lock. A file that is reached by a link has the lock of what the link leads to.
fn beside(path: &Path) -> PathBuf {
    let real = path.canonicalize();
    let mut name = match real {
        Ok(real) if path.is_symlink() => real.into_os_string(),
        _ => path.as_os_str().to_owned(),
    };
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_that_another_has_is_held() {
        let folder = std::env::temp_dir().join(format!("pairloom-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.db");
        let lock = Lock::take(&path).unwrap();
        let held = Lock::take(&path).unwrap_err();
        assert!(matches!(&held, Unlocked::Held(owner) if *owner == std::process::id().to_string()));
        assert_eq!(held.of_journal(&path).code, "journal.locked");
        let link = folder.join("latest.db");
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Lock::take(&link), Err(Unlocked::Held(_))));
        drop(lock);
        std::fs::remove_file(beside(&path)).unwrap();
        std::fs::create_dir(beside(&path)).unwrap();
        let failed = Lock::take(&path).unwrap_err().of_journal(&path);
        assert_eq!(failed.code, "journal.unreachable");
        assert!(failed.message.contains("run.db.lock"), "{failed}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
