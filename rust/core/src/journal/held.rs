//! Locks on an open file that nothing else in the process gives up.
//!
//! Those that `SQLite` takes belong to the process, and go when anybody in it closes the file (see the module of the write-ahead
//! log). These belong to a file that was opened for them alone (<https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html>),
//! and stand beside the others: as long as they are held no other library of `SQLite` takes itself for the only user of the file,
//! which would remove its log, or clear the memory by which its users know of each other, under whoever has it mapped.

use std::path::Path;

#[cfg(target_os = "linux")]
use std::fs::File;

/// The locks; without any where the system has none of the kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    #[cfg(target_os = "linux")]
    files: Vec<(File, Bytes)>,
}

/// First byte and number of bytes.
#[cfg(target_os = "linux")]
type Bytes = (i64, i64);

/// What readers of a file hold in it: `SHARED_FIRST` and `SHARED_SIZE` of <https://sqlite.org/src/file?name=src/os.h>.
#[cfg(target_os = "linux")]
const READERS: Bytes = (0x4000_0002, 510);

/// What whoever has it open holds of the memory beside the log: `UNIX_SHM_DMS` of
/// <https://sqlite.org/src/file?name=src/os_unix.c>.
#[cfg(target_os = "linux")]
const OPENED: Bytes = (128, 1);

#[cfg(target_os = "linux")]
impl Held {
    /// Those on a database that this process has open, with its log.
    pub(super) fn take(database: &Path) -> Self {
        let mut memory = database.as_os_str().to_owned();
        memory.push("-shm");
        let mut held = Self::default();
        for (path, bytes) in [(database, READERS), (Path::new(&memory), OPENED)] {
            let locked = File::open(path).and_then(|file| {
                lock(&file, bytes, nix::libc::F_RDLCK)?;
                Ok(file)
            });
            match locked {
                Ok(file) => held.files.push((file, bytes)),
                // What they prevent is noticed when it has happened, too.
                Err(error) => tracing::debug!(path = ?path, %error, "no lock of its own"),
            }
        }
        held
    }

    /// Gives them up, so that the file can be closed as by its last user. What was opened for them stays open: closing it would
    /// give up the locks of the process.
    pub(super) fn let_go(&self) {
        for (file, bytes) in &self.files {
            // Nothing holds after the file was closed, at the latest.
            let _ = lock(file, *bytes, nix::libc::F_UNLCK);
        }
    }
}

#[cfg(target_os = "linux")]
fn lock(file: &File, (first, count): Bytes, kind: i32) -> std::io::Result<()> {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    let short = |value: i32| libc::c_short::try_from(value).map_err(std::io::Error::other);
    let wanted = libc::flock {
        l_type: short(kind)?,
        l_whence: short(libc::SEEK_SET)?,
        l_start: first,
        l_len: count,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&wanted))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
impl Held {
    pub(super) fn take(_database: &Path) -> Self {
        Self::default()
    }

    pub(super) const fn let_go(&self) {}
}
