//! The interpreter as the engine's lanes need it.

use pairloom_core::strategy::{Interpreter, Lane};
use parking_lot::Mutex;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::calls::{on_lane, raise_in};

/// CPython, and which of its threads run calls of one run.
#[derive(Default)]
pub(crate) struct CPython {
    threads: Mutex<Vec<u64>>,
}

impl Interpreter for CPython {
    fn attached(&self, work: &mut (dyn FnMut() + Send)) {
        on_lane(&self.threads, work);
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        Python::attach(|py| py.detach(work));
    }

    fn batch(&self, work: &mut (dyn FnMut() + Send)) {
        Python::attach(|_| work());
    }

    fn note(&self, text: &str) {
        let told = Python::attach(|py| -> PyResult<()> {
            let logging = py.import("logging")?;
            let logger = logging.call_method1("getLogger", ("pairloom",))?;
            logger.call_method1("warning", ("%s", text))?;
            Ok(())
        });
        // A handler of the user's that fails is no reason to end a run.
        drop(told);
    }

    fn interrupt(&self) {
        Python::attach(|py| {
            let threads = py.detach(|| self.threads.lock().clone());
            raise_in(&threads, &py.get_type::<PyKeyboardInterrupt>());
        });
    }
}

/// The lane of Python classes: without a global lock in the interpreter they run on the engine's pool.
///
/// Asked for each run, because an extension that does not declare itself safe without that lock turns it on when it is
/// imported.
pub(crate) fn lane_of_classes(py: Python<'_>) -> PyResult<Lane> {
    let enabled = py.import("sys")?.getattr_opt("_is_gil_enabled")?;
    let locked = match enabled {
        Some(enabled) => enabled.call0()?.is_truthy()?,
        // Interpreters before 3.13 have always had it.
        None => true,
    };
    Ok(if locked {
        Lane::Python
    } else {
        Lane::FreeThreaded
    })
}
