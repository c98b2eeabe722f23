//! The worker's end of what it shares with the engine.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use pairloom_core::limits::{POLL_INTERVAL, WORKER_LOOKS};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::shared::{Region, changed_soon, close_on_exec, sleep_until_changed, tell};

/// The memory that this process shares with the engine.
pub(super) struct Link {
    requests: Region,
    answers: Region,
    taken: u32,
}

impl Link {
    /// Over memory that the engine has made.
    pub(super) const fn new(requests: Region, answers: Region) -> Self {
        Self {
            requests,
            answers,
            taken: 0,
        }
    }

    /// Waits for the next request.
    pub(super) fn wait(&mut self, py: Python<'_>, request: &mut Vec<u8>) -> PyResult<()> {
        let header = self.requests.header();
        while !changed_soon(&header.request, self.taken, WORKER_LOOKS) {
            let (taken, header) = (self.taken, self.requests.header());
            // Other threads of a strategy run meanwhile.
            py.detach(|| {
                sleep_until_changed(&header.request, &header.worker_sleeps, taken, POLL_INTERVAL);
            });
            py.check_signals()?;
        }
        self.taken = self.taken.wrapping_add(1);
        let len = self.requests.header().request_len.load(Ordering::Acquire);
        let len = usize::try_from(len).map_err(|_| PyOSError::new_err("a request is too long"))?;
        self.requests.read(len, request)?;
        Ok(())
    }

    pub(super) fn answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answers.write(bytes)?;
        let header = self.requests.header();
        header.call.store(0, Ordering::Relaxed);
        header
            .answer_len
            .store(bytes.len() as u64, Ordering::Release);
        tell(&header.answer, &header.engine_sleeps);
        Ok(())
    }

    /// Says whose call begins.
    #[inline]
    pub(super) fn mark(&self, slot: u32, call: u64) {
        let header = self.requests.header();
        header.slot.store(slot, Ordering::Relaxed);
        header.call.store(call, Ordering::Release);
    }
}

/// Ends this process when nobody holds the other end of the pipe any more, whatever it is doing; where the engine has not
/// said before that it is still there, and ends what this process has started, with all of that.
pub(super) fn end_with_the_pipe(pipe: i32) -> io::Result<()> {
    // SAFETY: the engine has opened this descriptor for this process, and nothing else here uses it.
    let mut pipe = File::from(unsafe { OwnedFd::from_raw_fd(pipe) });
    // What strategies start shall not hold it.
    close_on_exec(&pipe)?;
    std::thread::Builder::new()
        .name("pairloom-end".to_owned())
        .spawn(move || {
            let mut nothing = [0];
            // A byte is a word of the engine's; without it the pipe was closed because the engine has ended.
            if matches!(pipe.read(&mut nothing), Ok(0)) {
                kill_own_group();
            }
            // SAFETY: the process ends here, without running anything else of it.
            unsafe { libc::_exit(0) };
        })?;
    Ok(())
}

/// Kills this process and what it has started, where it leads a group of its own, as the engine has it do.
fn kill_own_group() {
    // SAFETY: the calls ask for numbers of this process and send a signal; none touches memory.
    unsafe {
        if libc::getpgrp() == libc::getpid() {
            libc::kill(0, libc::SIGKILL);
        }
    }
}
