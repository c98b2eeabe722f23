//! One life of a worker: its process, the memory it shares with the engine, and the pipe whose end is its end.

use std::fmt;
use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use pairloom_core::limits::{LONG_ANSWER, WORKER_END, WORKER_LOOKS, WORKER_ROOM};

use super::plan::Plan;
use super::shared::{Region, changed_soon, memory_file, sleep_until_changed, tell};
use super::wire::Garbled;

/// A process that runs, and what belongs to it.
pub(super) struct Life {
    child: Child,
    /// Nothing is ever written: the worker ends when this closes, as it does when the engine's process ends.
    pipe: Option<PipeWriter>,
    requests: Region,
    answers: Region,
    /// The number of the last answer that was taken.
    taken: u32,
    /// Since when an answer is waited for, and whether the last one took so long that looking for it was in vain.
    asked: Stopwatch,
    slow: bool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended(Option<ExitStatus>);

impl Life {
    /// Starts a process; it loads its strategies and answers when it has.
    pub(super) fn begin(
        plan: &Plan,
        number: usize,
        (gone, again): (&[bool], bool),
    ) -> io::Result<Self> {
        let mut start = memory_file(c"pairloom-start")?;
        plan.write(number, (gone, again), &mut start)?;
        let requests = Region::new(c"pairloom-requests", WORKER_ROOM)?;
        let answers = Region::new(c"pairloom-answers", WORKER_ROOM)?;
        let (end, pipe) = io::pipe()?;
        let fds = [
            end.as_raw_fd(),
            start.as_raw_fd(),
            requests.fd(),
            answers.fd(),
        ];
        let mut command = Command::new(&plan.command[0]);
        command
            .args(&plan.command[1..])
            .args(fds.map(|fd| fd.to_string()))
            .stdin(Stdio::null())
            // Ctrl-C is for the engine, which ends its workers itself.
            .process_group(0);
        if std::env::var_os("PYTHONHASHSEED").is_none() {
            // The order of a set of texts must be the same in each of its lives.
            command.env("PYTHONHASHSEED", "0");
        }
        if let Some(stdout) = &plan.stdout {
            command.stdout(Stdio::from(stdout.try_clone()?));
        }
        let inherit = move || {
            for fd in fds {
                // SAFETY: the call changes a flag of a descriptor of this process, the child, and nothing else.
                if unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure only calls `fcntl`, which may be called there; it allocates nothing.
        unsafe { command.pre_exec(inherit) };
        let child = command.spawn()?;
        Ok(Self {
            child,
            pipe: Some(pipe),
            requests,
            answers,
            taken: 0,
            asked: Stopwatch::start(),
            slow: true,
        })
    }

    /// Sends a request.
    pub(super) fn ask(&mut self, what: u8, before: &[u8], bytes: &[u8]) {
        let mut request = Vec::with_capacity(1 + before.len() + bytes.len());
        request.push(what);
        request.extend_from_slice(before);
        request.extend_from_slice(bytes);
        if self.requests.write(&request).is_err() {
            // No room for it: an empty request is one that the worker cannot read, and dies of.
            request.clear();
        }
        let header = self.requests.header();
        header.call.store(0, Ordering::Relaxed);
        header
            .request_len
            .store(request.len() as u64, Ordering::Release);
        tell(&header.request, &header.worker_sleeps);
        self.asked = Stopwatch::start();
    }

    /// Whether there is an answer that was not taken.
    pub(super) fn has_answered(&self) -> bool {
        self.requests.header().answer.load(Ordering::Acquire) != self.taken
    }

    /// Takes the answer.
    pub(super) fn answer(&mut self, into: &mut Vec<u8>) -> Result<(), Garbled> {
        self.slow = self.asked.elapsed() > LONG_ANSWER;
        let header = self.requests.header();
        self.taken = header.answer.load(Ordering::Acquire);
        let len = header.answer_len.load(Ordering::Acquire);
        let len = usize::try_from(len).map_err(|_| Garbled)?;
        self.answers.read(len, into).map_err(|_| Garbled)
    }

    /// Waits for an answer: looks for a moment, then sleeps at most so long. Whether there is one.
    pub(super) fn wait(&self, most: Duration) -> bool {
        // Where answers take longer than a look lasts, the workers need the core more.
        let looks = if self.slow { 0 } else { WORKER_LOOKS };
        let header = self.requests.header();
        if !changed_soon(&header.answer, self.taken, looks) {
            sleep_until_changed(&header.answer, &header.engine_sleeps, self.taken, most);
        }
        self.has_answered()
    }

    /// Whose call it is making, and which; zero between calls.
    pub(super) fn call(&self) -> (u32, u64) {
        let header = self.requests.header();
        (
            header.slot.load(Ordering::Relaxed),
            header.call.load(Ordering::Acquire),
        )
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(status) => Some(Ended(status)),
            // Somebody else took its status, so it is over.
            Err(_) => Some(Ended(None)),
        }
    }

    /// Ends it: gently, then not. How it ended.
    pub(super) fn end(&mut self) -> Ended {
        self.pipe = None;
        let watch = Stopwatch::start();
        while watch.elapsed() < WORKER_END {
            if let Some(ended) = self.ended() {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // One that is gone already cannot be killed, and need not be.
        let _killed = self.child.kill();
        Ended(self.child.wait().ok())
    }
}

/// A descriptor of this process, once more.
pub(crate) fn duplicated(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call fails for what is no open descriptor, and makes a new one otherwise.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

impl Ended {
    /// Whether it was killed, which somebody else may have done.
    pub(super) fn is_kill(self) -> bool {
        self.0
            .is_none_or(|status| status.signal() == Some(libc::SIGKILL))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, signal) = (
            self.0.and_then(|status| status.code()),
            self.0.and_then(|status| status.signal()),
        );
        match (code, signal) {
            (Some(code), _) => write!(f, "ended with status {code}"),
            (None, Some(libc::SIGKILL)) => write!(f, "was killed (SIGKILL)"),
            (None, Some(libc::SIGSEGV)) => write!(f, "died of a segmentation fault (SIGSEGV)"),
            (None, Some(libc::SIGABRT)) => write!(f, "aborted (SIGABRT)"),
            (None, Some(signal)) => write!(f, "died of signal {signal}"),
            (None, None) => write!(f, "ended"),
        }
    }
}
