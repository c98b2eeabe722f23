//! What a call may leave behind in a worker and its neighbours there would meet: a copy of the process, a timer that
//! runs, a function that traces.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyList;

/// Whether this process is a copy that a strategy made of a worker.
static FORKED: AtomicBool = AtomicBool::new(false);

/// Whether the call that is on its way has set a timer or a function that traces.
static SET: AtomicBool = AtomicBool::new(false);

/// How often what is left behind is taken away: a signal's handler, which runs then, may set it again.
const ROUNDS: usize = 8;

/// Notes, in a copy of a worker that a strategy made with `os.fork`, that it is none.
#[pyfunction]
pub(crate) fn worker_forked() {
    FORKED.store(true, Ordering::Relaxed);
}

/// Notes that a timer or a function that traces was set.
#[pyfunction]
pub(crate) fn worker_set() {
    SET.store(true, Ordering::Relaxed);
}

/// Ends such a copy once the strategy's own code in it is through: two processes that answer for one worker would each
/// give the engine something else.
#[inline]
pub(super) fn leave_if_forked(py: Python<'_>) {
    if FORKED.load(Ordering::Relaxed) {
        // It never returns, unless there is no such function; then nothing is left but to go on waiting for the engine.
        let _ = py
            .import("os")
            .and_then(|os| os.call_method1("_exit", (0,)));
    }
}

/// Whether there is something to take away after a call.
#[inline]
pub(super) fn is_set() -> bool {
    SET.load(Ordering::Relaxed)
}

/// Takes it away by calling each of `undo`: built-in functions, since one of Python's own would be traced.
#[cold]
pub(super) fn take_away(undo: &Bound<'_, PyList>) {
    for _ in 0..ROUNDS {
        if !SET.swap(false, Ordering::Relaxed) {
            return;
        }
        for step in undo.iter() {
            let _undone = step.call0();
        }
        // A signal that came before has its handler run here, where it is still this trader's call, rather than in the
        // next one's. What the handler raises comes too late for anybody to hear.
        for _ in 0..ROUNDS {
            if undo.py().check_signals().is_ok() {
                break;
            }
        }
    }
}
