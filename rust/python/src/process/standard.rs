//! What a worker finds around it: standard streams, also where the program has closed its own, whose numbers the next
//! descriptors get that it opens, and the environment.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

/// While it lives, the numbers of closed standard streams are taken.
pub(super) struct Held {
    _files: Vec<File>,
}

impl Held {
    pub(super) fn new() -> io::Result<Self> {
        let mut held = Vec::new();
        loop {
            let nowhere = File::options().read(true).write(true).open("/dev/null")?;
            if nowhere.as_raw_fd() > libc::STDERR_FILENO {
                return Ok(Self { _files: held });
            }
            held.push(nowhere);
        }
    }
}

/// Gives a worker its output and standard error; of what is missing, `/dev/null`.
pub(super) fn give_streams(command: &mut Command, stdout: Option<&OwnedFd>) -> io::Result<()> {
    if let Some(stdout) = stdout {
        command.stdout(Stdio::from(stdout.try_clone()?));
    } else if is_missing(libc::STDOUT_FILENO) {
        command.stdout(Stdio::null());
    }
    if is_missing(libc::STDERR_FILENO) {
        command.stderr(Stdio::null());
    }
    Ok(())
}

/// Gives a worker the variables of its interpreter, unless that is to go without.
pub(super) fn give_environment(command: &mut Command, without: bool) {
    if without {
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PYTHON") {
                command.env_remove(name);
            }
        }
    }
    if without || std::env::var_os("PYTHONHASHSEED").is_none() {
        // The order of a set of texts must be the same in each of its lives.
        command.env("PYTHONHASHSEED", "0");
    }
}

/// Whether a worker would not have this standard stream: it is closed, or its number is now that of something else, which
/// is for this process alone.
pub(super) fn is_missing(fd: i32) -> bool {
    // SAFETY: the call reads the flags of a descriptor, or fails where there is none.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags < 0 || flags & libc::FD_CLOEXEC != 0
}
