//! Processes behind a socket: the gate, and the paper broker.

use std::path::PathBuf;

use pairloom_core::error::Error;
use pairloom_core::guard::{ServeOptions, Served, Supervisor, serve};
use pairloom_core::live::{
    BrokerProcess, BrokerSupervisor, kill_switch, serve_broker as core_serve_broker,
};
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
    const fn new(says: Py<PyAny>) -> Self {
        Self {
            says,
            error: Mutex::new(None),
        }
    }

    fn lets_go_on(&self) -> bool {
        if self.error.lock().is_some() {
            return false;
        }
        Python::attach(|py| self.keep(py.check_signals()))
    }

    fn say(&self, event: &str, detail: &str) {
        Python::attach(|py| {
            let said = self.says.bind(py).call1((event, detail));
            self.keep(said.map(drop));
        });
    }

    /// What came of serving.
    fn came(self, py: Python<'_>, came: Result<(), Error>) -> PyResult<()> {
        if let Some(error) = self.error.into_inner() {
            return Err(error);
        }
        came.map_err(|error| raise(py, &error))
    }

    fn keep(&self, came: PyResult<()>) -> bool {
        let Err(error) = came else { return true };
        self.error.lock().get_or_insert(error);
        false
    }
}

impl Supervisor for PythonSupervisor {
    fn goes_on(&self) -> bool {
        self.lets_go_on()
    }

    fn is_killed(&self) -> bool {
        kill_switch::is_set()
    }

    fn hear(&self, what: &Served) {
        self.say(what.name(), &what.detail());
    }
}

impl BrokerSupervisor for PythonSupervisor {
    fn goes_on(&self) -> bool {
        self.lets_go_on()
    }

    fn hear(&self, event: &'static str, detail: &str) {
        self.say(event, detail);
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
    let supervisor = PythonSupervisor::new(says);
    let came = py.detach(|| serve(&options, &supervisor));
    supervisor.came(py, came)
}

/// Is the paper broker of engines on a socket until a signal's handler raises.
#[pyfunction]
pub(crate) fn serve_broker(
    py: Python<'_>,
    socket: PathBuf,
    books: PathBuf,
    says: Py<PyAny>,
) -> PyResult<()> {
    let options = BrokerProcess { socket, books };
    let supervisor = PythonSupervisor::new(says);
    let came = py.detach(|| core_serve_broker(&options, &supervisor));
    supervisor.came(py, came)
}
