//! Calls into Python on threads of the engine that still run when the process ends.
//!
//! A thread that wants the interpreter while that is being torn down is ended by it in the middle of Rust frames, which
//! aborts the process. So before that the calls are asked to end, and waited for.

use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use parking_lot::{Condvar, Mutex};
use pyo3::exceptions::PySystemExit;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The lanes' threads by Python's own number for them.
static THREADS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

/// Runs a thread of a lane, attached, and keeps its number as long, here and among those of its run.
pub(crate) fn on_lane(of_run: &Mutex<Vec<u64>>, work: &mut (dyn FnMut() + Send)) {
    // Dropped last: who waits for the number to go may tear the interpreter down, which must not see this thread again.
    let mut entry = Entry {
        of_run,
        number: None,
    };
    Python::attach(|py| {
        entry.number = number_of_this_thread(py);
        py.detach(|| {
            THREADS.lock().extend(entry.number);
            of_run.lock().extend(entry.number);
        });
        work();
    });
}

/// A thread's number in the lists, until it has left the interpreter.
struct Entry<'a> {
    of_run: &'a Mutex<Vec<u64>>,
    number: Option<u64>,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let is_other = |other: &u64| Some(*other) != self.number;
        self.of_run.lock().retain(is_other);
        THREADS.lock().retain(is_other);
        CHANGED.notify_all();
    }
}

/// Raises an exception in whatever Python code the threads of these numbers run now, or run next.
pub(crate) fn raise_in(threads: &[u64], exception: &Bound<'_, PyType>) {
    for &number in threads {
        if let Ok(number) = number.try_into() {
            // SAFETY: the interpreter is attached, the exception is a live class, and a number that no thread has any
            // more is one that the function is made to ignore.
            unsafe { ffi::PyThreadState_SetAsyncExc(number, exception.as_ptr()) };
        }
    }
}

fn number_of_this_thread(py: Python<'_>) -> Option<u64> {
    let number = py.import("_thread").ok()?.call_method0("get_ident").ok()?;
    number.extract().ok()
}

/// Raises `SystemExit` in every call on a thread of the engine that still runs, and waits at most `patience` seconds for
/// these threads to end. Whether they did.
#[pyfunction]
pub(crate) fn end_calls(py: Python<'_>, patience: f64) -> bool {
    let waiting = Stopwatch::start();
    let patience = Duration::try_from_secs_f64(patience).unwrap_or_default();
    let calls = py.detach(|| THREADS.lock().clone());
    raise_in(&calls, &py.get_type::<PySystemExit>());
    py.detach(|| {
        let mut threads = THREADS.lock();
        while !threads.is_empty() {
            let Some(left) = patience.checked_sub(waiting.elapsed()) else {
                return false;
            };
            CHANGED.wait_for(&mut threads, left);
        }
        true
    })
}
