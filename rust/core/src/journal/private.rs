//! Files that hold a user's trades: made for that user alone, whatever the process's mask allows.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

/// Lets a file that is made be its owner's alone; one that is there keeps its mode.
#[cfg(unix)]
pub(super) fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    options.mode(0o600)
}

/// Elsewhere a file has the rights of its folder.
#[cfg(not(unix))]
pub(super) fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes an empty file for its owner alone, where there is none. SQLite takes it for a new database, and gives its log and its
/// shared memory the same mode.
///
/// # Errors
/// When it cannot be made.
pub fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    // A file that is there is not even opened: to close it would take away the locks that SQLite has on it in this process.
    match own(options.write(true).create_new(true)).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
