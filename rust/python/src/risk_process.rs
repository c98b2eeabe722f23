//! The risk process: the gate behind a socket.

use std::path::PathBuf;

use pairloom_core::guard::{ServeOptions, Served, Supervisor, serve};
use pairloom_core::live::kill_switch;
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::errors::raise;
use crate::risk::risk_spec;

/// The interpreter that the process was started from.
struct PythonSupervisor {
    /// Is called with what befell the process, and with its detail.
    says: Py<PyAny>,
    /// What a signal's handler or that raised.
    error: Mutex<Option<PyErr>>,
}

impl PythonSupervisor {
    fn keep(&self, came: PyResult<()>) -> bool {
        let Err(error) = came else { return true };
        self.error.lock().get_or_insert(error);
        false
    }
}

impl Supervisor for PythonSupervisor {
    fn goes_on(&self) -> bool {
        if self.error.lock().is_some() {
            return false;
        }
        Python::attach(|py| self.keep(py.check_signals()))
    }

    fn is_killed(&self) -> bool {
        kill_switch::is_set()
    }

    fn hear(&self, what: &Served) {
        Python::attach(|py| {
            let said = self.says.bind(py).call1((what.name(), what.detail()));
            self.keep(said.map(drop));
        });
    }
}

/// Serves engines on a socket until a signal's handler raises; `limits` is what `RiskLimits._between` gives.
#[pyfunction]
#[pyo3(signature = (socket, log, limits, says))]
pub(crate) fn serve_risk(
    py: Python<'_>,
    socket: PathBuf,
    log: Option<PathBuf>,
    limits: Option<Bound<'_, PyAny>>,
    says: Py<PyAny>,
) -> PyResult<()> {
    let limits = limits.as_ref().map(risk_spec).transpose()?;
    let options = ServeOptions {
        socket,
        log,
        limits,
    };
    let supervisor = PythonSupervisor {
        says,
        error: Mutex::new(None),
    };
    let came = py.detach(|| serve(&options, &supervisor));
    if let Some(error) = supervisor.error.into_inner() {
        return Err(error);
    }
    came.map_err(|error| raise(py, &error))
}
