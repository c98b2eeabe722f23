//! Locks on an open file that nothing else in the process gives up.
//!
//! Those that `SQLite` takes belong to the process, and go when anybody in it closes the file (see the module of the write-ahead
//! log). These belong to a file that was opened for them alone (<https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html>),
//! and stand beside the others: as long as they are held no other library of `SQLite` takes itself for the only user of the file,
//! which would remove its log, or clear the memory by which its users know of each other, under whoever has it mapped.
//!
//! What was opened for them must not be closed while the process has the file open in any other way, or its other locks go. So
//! all that have a file open through here share what was opened, and the last of them closes it.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// What a process has open of a database besides `SQLite`'s own.
#[derive(Debug, Default)]
struct Shared {
    files: Mutex<Vec<Arc<File>>>,
}

/// What tells a file from another one of the same name, and what is open of it.
type Known = ((u64, u64), Weak<Shared>);

/// What is open, by database.
static OPEN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// A part in it, and the locks of who writes; without any where the system has none of the kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    shared: Option<Arc<Shared>>,
    #[cfg(target_os = "linux")]
    locked: Vec<(Arc<File>, linux::Bytes)>,
}

impl Held {
    /// A part in what is open of a database, for who only reads it.
    pub(super) fn share(database: &Path) -> Self {
        let mut held = Self::default();
        let Some(id) = super::wal::id_of(database) else {
            return held;
        };
        let mut open = OPEN.lock();
        open.retain(|(_, shared)| shared.strong_count() > 0);
        let known = open.iter().find(|(known, _)| *known == id);
        let shared = known.and_then(|(_, shared)| shared.upgrade());
        held.shared = Some(shared.unwrap_or_else(|| {
            let shared = Arc::default();
            open.push((id, Arc::downgrade(&shared)));
            shared
        }));
        held
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::path::Path;
    use std::sync::Arc;

    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::Held;

    /// First byte and number of bytes.
    pub(super) type Bytes = (libc::off_t, libc::off_t);

    /// What readers of a file hold in it: `SHARED_FIRST` and `SHARED_SIZE` of <https://sqlite.org/src/file?name=src/os.h>.
    const READERS: Bytes = (0x4000_0002, 510);

    /// What whoever has it open holds of the memory beside the log: `UNIX_SHM_DMS` of
    /// <https://sqlite.org/src/file?name=src/os_unix.c>.
    const OPENED: Bytes = (128, 1);

    impl Held {
        /// The locks on a database that this process has open to write, with its log.
        pub(in super::super) fn take(database: &Path) -> Self {
            let mut held = Self::share(database);
            let mut memory = database.as_os_str().to_owned();
            memory.push("-shm");
            for (path, bytes) in [(database, READERS), (Path::new(&memory), OPENED)] {
                let Ok(file) = File::open(path).map(Arc::new) else {
                    continue;
                };
                if let Some(shared) = &held.shared {
                    shared.files.lock().push(Arc::clone(&file));
                }
                // Where there are none such, what they prevent is noticed when it has happened.
                let _ = lock(&file, bytes, libc::F_RDLCK);
                held.locked.push((file, bytes));
            }
            held
        }

        /// Gives the locks up, so that the file can be closed as by its last user.
        pub(in super::super) fn let_go(&self) {
            for (file, bytes) in &self.locked {
                // Nothing holds after the file was closed, at the latest.
                let _ = lock(file, *bytes, libc::F_UNLCK);
            }
        }
    }

    fn lock(file: &File, (first, count): Bytes, kind: i32) -> std::io::Result<()> {
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
}

#[cfg(not(target_os = "linux"))]
impl Held {
    pub(super) fn take(database: &Path) -> Self {
        Self::share(database)
    }

    pub(super) const fn let_go(&self) {}
}
