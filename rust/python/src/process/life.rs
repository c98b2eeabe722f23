//! One life of a worker: its process, the memory it shares with the engine, and the pipe whose end is its end.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use pairloom_core::limits::{LONG_ANSWER, WORKER_END, WORKER_LOOKS, WORKER_ROOM};

use super::plan::Plan;
use super::shared::{Region, changed_soon, memory_file, sleep_until_changed, tell};
use super::standard::{Held, give_environment, give_streams};
use super::wire::Garbled;

/// A process that runs, and what belongs to it.
pub(super) struct Life {
    child: Child,
    /// The worker ends when this closes, as it does when the engine's process ends; the engine says that it is still
    /// there by a byte before.
    pipe: Option<PipeWriter>,
    /// The worker's end, so that a byte to a worker that is gone is no broken pipe.
    _end: PipeReader,
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
        // What is made here would get the numbers of standard streams that the program has closed, whose places in the
        // worker are taken by others.
        let _held = Held::new()?;
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
        give_streams(&mut command, plan.stdout.as_ref())?;
        give_environment(&mut command, plan.without_environment);
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
            _end: end,
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
        if has_exited(self.child.id()) {
            // Its number is not given anew before its status is taken, so these are none but its own.
            kill_group(self.child.id());
        }
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(status) => Some(Ended(status)),
            // Somebody else took its status, so it is over.
            Err(_) => Some(Ended(None)),
        }
    }

    /// Ends it and what it has started: gently, then not. How it ended.
    pub(super) fn end(&mut self) -> Ended {
        if let Some(mut pipe) = self.pipe.take() {
            // Without it the worker ends as if the engine were gone.
            let _told = pipe.write_all(&[1]);
        }
        let watch = Stopwatch::start();
        while watch.elapsed() < WORKER_END {
            if let Some(ended) = self.ended() {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        kill_group(self.child.id());
        // One that is gone already cannot be killed, and need not be.
        let _killed = self.child.kill();
        Ended(self.child.wait().ok())
    }
}

/// Whether a child has exited; its status is left for who asks for it.
fn has_exited(pid: u32) -> bool {
    // SAFETY: all zeros are a value of this structure of numbers and pointers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the call writes to `info` alone, which is there; it says whose status it found, or zero.
    unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, how) == 0 && info.si_pid() != 0 }
}

/// Kills what a worker has started and left behind; it leads a group of its own. Its status was not taken yet.
fn kill_group(leader: u32) {
    if let Ok(leader) = libc::pid_t::try_from(leader) {
        // SAFETY: the call sends a signal and touches no memory. A group that is gone is no error that matters.
        unsafe { libc::kill(-leader, libc::SIGKILL) };
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
