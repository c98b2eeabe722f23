//! The loan of the engine's context to Python for the length of one call.
//!
//! The engine lends a strategy its context by reference; Python keeps objects as long as it likes. In between stands a
//! pointer that exists only while the engine's call does, and only for the thread that makes it.
//!
//! Nothing here relies on a global lock of the interpreter. A thread that reads finds its own mark only between its own
//! writes, since nobody else writes that mark; so it finds the pointer that it has put there itself, and every other
//! thread finds a foreign mark or none. When the next call comes from another thread, the engine has handed the trader
//! over to it, and with it all that was written here.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

use pairloom_core::strategy::{SetupCtx, SystemCtx};

/// What of the engine can be reached just now.
#[derive(Default)]
pub(crate) struct Loan {
    run: AtomicPtr<SystemCtx<'static>>,
    setup: AtomicPtr<SetupCtx<'static>>,
    thread: AtomicUsize,
}

/// Why there is nothing to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLent {
    /// No call is on its way, or it is another thread's.
    Outside,
    /// The call that is on its way is `setup`.
    InSetup,
    /// The call that is on its way is not `setup`.
    AfterSetup,
}

/// An address that no other living thread has.
fn this_thread() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    MARK.with(|mark| ptr::from_ref(mark).addr())
}

/// Ends a loan when it goes, by return or by unwinding.
struct End<'a>(&'a Loan);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.thread.store(0, Relaxed);
        self.0.run.store(ptr::null_mut(), Relaxed);
        self.0.setup.store(ptr::null_mut(), Relaxed);
    }
}

impl Loan {
    /// Lends a context while `call` runs.
    #[inline]
    pub(crate) fn lend<R>(&self, ctx: &mut SystemCtx<'_>, call: impl FnOnce() -> R) -> R {
        let end = End(self);
        self.run.store(ptr::from_mut(ctx).cast(), Relaxed);
        self.thread.store(this_thread(), Relaxed);
        let result = call();
        drop(end);
        result
    }

    /// Lends the context of `setup` while `call` runs.
    pub(crate) fn lend_setup<R>(&self, ctx: &mut SetupCtx<'_>, call: impl FnOnce() -> R) -> R {
        let end = End(self);
        self.setup.store(ptr::from_mut(ctx).cast(), Relaxed);
        self.thread.store(this_thread(), Relaxed);
        let result = call();
        drop(end);
        result
    }

    /// Uses the lent context. `look` must not run any Python code: what it gives back holds nothing of the context.
    #[inline]
    pub(crate) fn run<R>(
        &self,
        look: impl for<'a, 'b> FnOnce(&'a mut SystemCtx<'b>) -> R,
    ) -> Result<R, NotLent> {
        let pointer = self.run.load(Relaxed);
        if pointer.is_null() || self.thread.load(Relaxed) != this_thread() {
            return Err(self.why(NotLent::InSetup));
        }
        // SAFETY: the pointer was made from an exclusive reference by `lend`, which is still running (it clears the pointer
        // before it returns, and when it unwinds) and does not touch the reference meanwhile. It runs on this very
        // thread, so no other thread is here. `look` runs no Python code and so cannot come back here, which makes this
        // the only reference; it names no lifetime of the context, so nothing borrowed leaves it.
        Ok(look(unsafe { &mut *pointer }))
    }

    /// The same for the context of `setup`.
    pub(crate) fn setup<R>(
        &self,
        look: impl for<'a, 'b> FnOnce(&'a mut SetupCtx<'b>) -> R,
    ) -> Result<R, NotLent> {
        let pointer = self.setup.load(Relaxed);
        if pointer.is_null() || self.thread.load(Relaxed) != this_thread() {
            return Err(self.why(NotLent::AfterSetup));
        }
        // SAFETY: as in `run`, with `lend_setup`.
        Ok(look(unsafe { &mut *pointer }))
    }

    /// Whether a call is on its way on this thread.
    pub(crate) fn is_open(&self) -> bool {
        self.thread.load(Relaxed) == this_thread()
    }

    #[cold]
    fn why(&self, other_phase: NotLent) -> NotLent {
        if self.is_open() {
            other_phase
        } else {
            NotLent::Outside
        }
    }
}
