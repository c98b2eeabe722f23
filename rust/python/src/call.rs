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
use std::sync::atomic::{
    AtomicPtr, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use pairloom_core::strategy::{SetupCtx, SystemCtx};
use pyo3::ffi;
use pyo3::prelude::*;

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

/// An address that no other living thread has: that of the thread's state in the interpreter.
#[inline]
fn this_thread(_: Python<'_>) -> usize {
    // SAFETY: attached, so there is a thread state.
    unsafe { ffi::PyThreadState_Get() }.addr()
}

/// Ends a loan when it goes, by return or by unwinding.
struct End<'a, T>(&'a AtomicPtr<T>);

impl<T> Drop for End<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(ptr::null_mut(), Relaxed);
    }
}

impl Loan {
    /// Lends a context while `call` runs.
    #[inline]
    pub(crate) fn lend<R>(
        &self,
        py: Python<'_>,
        ctx: &mut SystemCtx<'_>,
        call: impl FnOnce() -> R,
    ) -> R {
        self.thread.store(this_thread(py), Relaxed);
        self.run.store(ptr::from_mut(ctx).cast(), Release);
        let end = End(&self.run);
        let result = call();
        drop(end);
        result
    }

    /// Lends the context of `setup` while `call` runs.
    pub(crate) fn lend_setup<R>(
        &self,
        py: Python<'_>,
        ctx: &mut SetupCtx<'_>,
        call: impl FnOnce() -> R,
    ) -> R {
        self.thread.store(this_thread(py), Relaxed);
        self.setup.store(ptr::from_mut(ctx).cast(), Release);
        let end = End(&self.setup);
        let result = call();
        drop(end);
        result
    }

    /// Uses the lent context. `look` must not run any Python code: what it gives back holds nothing of the context.
    #[inline]
    pub(crate) fn run<R>(
        &self,
        py: Python<'_>,
        look: impl for<'a, 'b> FnOnce(&'a mut SystemCtx<'b>) -> R,
    ) -> Result<R, NotLent> {
        let pointer = self.run.load(Acquire);
        if pointer.is_null() || self.thread.load(Relaxed) != this_thread(py) {
            return Err(self.why(py, NotLent::InSetup));
        }
        // SAFETY: the pointer was made from an exclusive reference by `lend`, which is still running (it clears the pointer
        // before it returns, and when it unwinds) and does not touch the reference meanwhile. It runs on this very
        // thread, whose mark was set before the pointer was, so no other thread is here. `look` runs no Python code and so cannot come back here, which makes this
        // the only reference; it names no lifetime of the context, so nothing borrowed leaves it.
        Ok(look(unsafe { &mut *pointer }))
    }

    /// The same for the context of `setup`.
    pub(crate) fn setup<R>(
        &self,
        py: Python<'_>,
        look: impl for<'a, 'b> FnOnce(&'a mut SetupCtx<'b>) -> R,
    ) -> Result<R, NotLent> {
        let pointer = self.setup.load(Acquire);
        if pointer.is_null() || self.thread.load(Relaxed) != this_thread(py) {
            return Err(self.why(py, NotLent::AfterSetup));
        }
        // SAFETY: as in `run`, with `lend_setup`.
        Ok(look(unsafe { &mut *pointer }))
    }

    /// Whether a call is on its way on this thread.
    pub(crate) fn is_open(&self, py: Python<'_>) -> bool {
        let lent = !self.run.load(Relaxed).is_null() || !self.setup.load(Relaxed).is_null();
        lent && self.thread.load(Relaxed) == this_thread(py)
    }

    #[cold]
    fn why(&self, py: Python<'_>, other_phase: NotLent) -> NotLent {
        if self.is_open(py) {
            other_phase
        } else {
            NotLent::Outside
        }
    }
}
