//! Memory that the engine and a worker share, and how each tells the other to look: a number that counts up, at which
//! the other side looks for a moment, and then sleeps until it is woken.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// An anonymous file in memory. It has no name, and is gone when nobody holds it any more.
pub(super) fn memory_file(name: &std::ffi::CStr) -> io::Result<File> {
    // SAFETY: the name is a text that ends with a zero; the call touches nothing else.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// A file in memory, seen by this process.
pub(super) struct Region {
    file: File,
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone within this process; it may be used from any one thread.
unsafe impl Send for Region {}

/// What both sides look at; it stands at the beginning of the region of requests.
#[repr(C)]
pub(super) struct Header {
    /// Counts requests.
    pub request: AtomicU32,
    /// Counts answers.
    pub answer: AtomicU32,
    /// Whether the worker sleeps until there is a request.
    pub worker_sleeps: AtomicU32,
    /// Whether the engine sleeps until there is an answer.
    pub engine_sleeps: AtomicU32,
    /// Bytes of the newest request.
    pub request_len: AtomicU64,
    /// Bytes of the newest answer.
    pub answer_len: AtomicU64,
    /// The call that is being made, by a number that no other call has; zero between calls.
    pub call: AtomicU64,
    /// Whose call it is.
    pub slot: AtomicU32,
}

/// Where bytes begin after the header.
const PAGE: usize = 4096;

const _: () = assert!(size_of::<Header>() <= PAGE);

impl Region {
    /// A new one with room for so many bytes.
    pub(super) fn new(name: &std::ffi::CStr, room: usize) -> io::Result<Self> {
        let file = memory_file(name)?;
        file.set_len((PAGE + room) as u64)?;
        Self::open(file)
    }

    /// One that another process has made.
    ///
    /// # Safety
    /// `fd` is an open descriptor of a region that nobody else in this process uses.
    pub(super) unsafe fn inherited(fd: RawFd) -> io::Result<Self> {
        // SAFETY: the caller says so.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        close_on_exec(&file)?;
        Self::open(file)
    }

    fn open(file: File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        let start = map(&file, len)?;
        Ok(Self { file, start, len })
    }

    pub(super) fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    pub(super) const fn header(&self) -> &Header {
        // SAFETY: the mapping begins at a page and is at least a page long. All of the header is atomic, every pattern of
        // bits is a value of it, and the mapping lives as long as `self`; a new one of the same file shows the same.
        unsafe { self.start.cast::<Header>().as_ref() }
    }

    /// Puts bytes behind the header, making room where needed. The other side must not be reading them.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let needed = PAGE + bytes.len();
        if needed > self.len {
            let len = needed.next_power_of_two();
            self.file.set_len(len as u64)?;
            self.remap(len)?;
        }
        // SAFETY: there is room behind the header, checked just above. The protocol has one side at a time here: the other
        // one reads only after it is told, and this side writes only when that is over.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(PAGE), bytes.len());
        }
        Ok(())
    }

    /// Copies the first `len` bytes behind the header. The other side must have finished writing them.
    pub(super) fn read(&mut self, len: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let needed = PAGE.saturating_add(len);
        if needed > self.len {
            // A length that the file does not have would be read beyond its end.
            let real = usize::try_from(self.file.metadata()?.len()).unwrap_or(0);
            if needed > real {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.remap(real)?;
        }
        into.clear();
        into.reserve(len);
        // SAFETY: so many bytes are mapped, checked just above, and reserved in the vector, whose own memory they do not
        // overlap. The other side does not write them now, see `write`.
        unsafe {
            ptr::copy_nonoverlapping(self.start.as_ptr().add(PAGE), into.as_mut_ptr(), len);
            into.set_len(len);
        }
        Ok(())
    }

    fn remap(&mut self, len: usize) -> io::Result<()> {
        let start = map(&self.file, len)?;
        self.unmap();
        self.start = start;
        self.len = len;
        Ok(())
    }

    fn unmap(&mut self) {
        // SAFETY: this mapping was made by `map`, and nothing borrowed from it outlives a call that has `&mut self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.unmap();
    }
}

fn map(file: &File, len: usize) -> io::Result<NonNull<u8>> {
    if len < PAGE {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // SAFETY: a new mapping of an open file at a place that the system chooses; nothing that exists is touched.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Keeps a descriptor from what this process starts.
pub(super) fn close_on_exec(file: &File) -> io::Result<()> {
    // SAFETY: the call changes a flag of an open descriptor.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Looks for a short while whether a number has changed.
pub(super) fn changed_soon(word: &AtomicU32, old: u32, looks: u32) -> bool {
    for look in 0..looks {
        if word.load(Ordering::Acquire) != old {
            return true;
        }
        // Where there are more processes than cores, whoever is to change the number needs this one. No pause: a virtual
        // machine takes many of them for a reason to stop this core.
        if look % 16 == 15 {
            std::thread::yield_now();
        }
    }
    false
}

/// Sleeps until a number changes, at most so long.
pub(super) fn sleep_until_changed(word: &AtomicU32, sleeps: &AtomicU32, old: u32, most: Duration) {
    sleeps.store(1, Ordering::SeqCst);
    if word.load(Ordering::SeqCst) == old {
        let most = libc::timespec {
            tv_sec: libc::time_t::try_from(most.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: most.subsec_nanos().into(),
        };
        // SAFETY: the word and the time live across the call, which only reads them.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                ptr::from_ref(word),
                libc::FUTEX_WAIT,
                old,
                ptr::from_ref(&most),
            );
        }
    }
    sleeps.store(0, Ordering::SeqCst);
}

/// Counts up, and wakes the other side where it sleeps.
pub(super) fn tell(word: &AtomicU32, sleeps: &AtomicU32) {
    word.fetch_add(1, Ordering::SeqCst);
    if sleeps.load(Ordering::SeqCst) != 0 {
        // SAFETY: the word lives across the call, which only uses its address.
        unsafe {
            libc::syscall(libc::SYS_futex, ptr::from_ref(word), libc::FUTEX_WAKE, 1);
        }
    }
}
