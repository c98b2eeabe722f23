//! What a worker may not do: allocate more than it is allowed, and print what was printed before.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Limits what this process may allocate.
pub(super) fn limit_memory(limit: u64) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let used = status
        .lines()
        .find_map(|line| line.strip_prefix("VmData:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .map_or(0, |kilobytes: u64| kilobytes << 10);
    if used >= limit {
        return Err(format!(
            "memory_limit={limit}: a worker needs {used} bytes before any strategy runs; allow it more than that"
        ));
    }
    let both = libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    };
    // SAFETY: the limit is a value of the caller's, which the call only reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const both) } < 0 {
        return Err(format!(
            "memory_limit={limit}: {}",
            io::Error::last_os_error()
        ));
    }
    Ok(())
}

/// While it lives, what this process prints goes nowhere.
pub(super) struct Quiet([Option<OwnedFd>; 2]);

impl Quiet {
    pub(super) fn new() -> Self {
        let nowhere = File::options().write(true).open("/dev/null").ok();
        Self([1, 2].map(|fd| {
            let nowhere = nowhere.as_ref()?;
            // SAFETY: duplicates an open descriptor; the new one is nobody else's.
            let kept = unsafe {
                let kept = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
                (kept >= 0).then(|| OwnedFd::from_raw_fd(kept))?
            };
            // SAFETY: replaces the descriptor of the output by another open one.
            unsafe { libc::dup2(nowhere.as_raw_fd(), fd) };
            Some(kept)
        }))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        for (kept, fd) in self.0.iter().zip([1, 2]) {
            if let Some(kept) = kept {
                // SAFETY: puts the descriptor that stood there before back into its place.
                unsafe { libc::dup2(kept.as_raw_fd(), fd) };
            }
        }
    }
}
