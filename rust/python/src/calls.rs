//! Calls of the live python lane that still run when the process ends.
//!
//! A thread that wants the interpreter while that is being torn down is ended by it in the middle of Rust frames, which
//! aborts the process. So before that the calls are asked to end, and waited for.

use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use parking_lot::{Condvar, Mutex};
use pyo3::ffi;
use pyo3::prelude::*;

/// The lanes' threads by Python's own number for them.
static THREADS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

/// Runs a thread of a lane, attached, and keeps its number as long.
pub(crate) fn on_lane(work: &mut (dyn FnMut() + Send)) {
    Python::attach(|py| {
        let number = number_of_this_thread(py);
        py.detach(|| THREADS.lock().extend(number));
        work();
        py.detach(|| {
            THREADS.lock().retain(|&other| Some(other) != number);
            CHANGED.notify_all();
        });
    });
}

fn number_of_this_thread(py: Python<'_>) -> Option<u64> {
    let number = py
        .import("threading")
        .ok()?
        .call_method0("get_ident")
        .ok()?;
    number.extract().ok()
}

/// Raises `SystemExit` in every call of a live python lane that still runs, and waits at most `patience` seconds for
/// the lanes to end. Whether they did.
#[pyfunction]
pub(crate) fn end_calls(py: Python<'_>, patience: f64) -> bool {
    let waiting = Stopwatch::start();
    let patience = Duration::try_from_secs_f64(patience).unwrap_or_default();
    for number in py.detach(|| THREADS.lock().clone()) {
        let exit = py.get_type::<pyo3::exceptions::PySystemExit>();
        if let Ok(number) = number.try_into() {
            // SAFETY: the interpreter is attached, the exception is a live class, and a number that no thread has any
            // more is one that the function is made to ignore.
            unsafe { ffi::PyThreadState_SetAsyncExc(number, exit.as_ptr()) };
        }
    }
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
