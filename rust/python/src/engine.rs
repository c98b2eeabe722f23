//! Runs: from Python's descriptions through the engine to a `RunOutput`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pairloom_core::clock::Stopwatch;
#[cfg(target_os = "linux")]
use pairloom_core::engine::{Config, Core};
use pairloom_core::engine::{Host, Outcome, Patience, backtest as core_backtest};
use pairloom_core::error::Error;
#[cfg(target_os = "linux")]
use pairloom_core::market::MarketData as CoreData;
use pairloom_core::strategy::Interpreter;
#[cfg(target_os = "linux")]
use pairloom_core::trader::Remote;
use parking_lot::Mutex;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::{engine_config, run_options, trader_configs};
use crate::data::MarketData;
use crate::errors::{PAIRLOOM, raise};
use crate::interpreter::CPython;
use crate::output::RunOutput;
#[cfg(target_os = "linux")]
use crate::{
    config::workers,
    process::{Workers, crew},
};

/// How often Ctrl-C has been pressed while some run listened. A strategy that catches everything catches what the signal's
/// handler raises, too, so the handler leaves this behind.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

/// Ctrl-C was pressed: runs that go on are to end, even if nobody hears of the exception.
#[pyfunction]
pub(crate) fn note_interrupt() {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// A moment, as Ctrl-C has it; `None` for a run of another thread than the main one, which Python tells of no signal.
#[derive(Clone, Copy)]
pub(crate) struct Interrupts(Option<u64>);

impl Interrupts {
    pub(crate) fn so_far() -> Self {
        let here = || INTERRUPTS.load(Ordering::Relaxed);
        Self(is_main_thread().then(here))
    }

    /// Whether it was pressed since.
    pub(crate) fn is_past(self) -> bool {
        self.0
            .is_some_and(|before| INTERRUPTS.load(Ordering::Relaxed) != before)
    }
}

/// Whether Python calls the handlers of signals on this thread.
fn is_main_thread() -> bool {
    Python::attach(|py| {
        let threading = py.import("threading")?;
        let main = threading.call_method0("main_thread")?;
        Ok::<_, PyErr>(main.is(&threading.call_method0("current_thread")?))
    })
    .unwrap_or(false)
}

/// What a look at the interpreter is taken to cost at least. Where there is a bar to draw it is drawn at once; where only an
/// interrupt is looked for, a busy thread's switch interval is reckoned with, so that a short run never waits.
fn least_wait(progress: Option<&Py<PyAny>>) -> Duration {
    match progress {
        Some(_) => Duration::ZERO,
        None => Duration::from_millis(5),
    }
}

/// Python while a run goes on: it may interrupt, and wants to see progress.
pub(crate) struct PythonHost {
    progress: Option<Py<PyAny>>,
    /// How much was done when this run began, and how much of all it is: a sweep has many runs.
    part: (f64, f64),
    /// When the interpreter may be asked for again.
    patience: Mutex<Patience>,
    /// What a signal handler or the progress function raised, other than Ctrl-C.
    error: Mutex<Option<PyErr>>,
    /// What was heard of Ctrl-C before the run.
    before: Interrupts,
    /// What the run says of its workers, until they are started.
    #[cfg(target_os = "linux")]
    workers: Mutex<Option<Workers>>,
}

impl PythonHost {
    pub(crate) fn new(progress: Option<Py<PyAny>>) -> Self {
        Self::of_part(progress, 0.0, 1.0)
    }

    /// For a run that begins when the share `done` of all is done, and is the share `part` of it.
    pub(crate) fn of_part(progress: Option<Py<PyAny>>, done: f64, part: f64) -> Self {
        Self {
            patience: Mutex::new(Patience::after(least_wait(progress.as_ref()))),
            progress,
            part: (done, part),
            error: Mutex::new(None),
            before: Interrupts::so_far(),
            #[cfg(target_os = "linux")]
            workers: Mutex::new(None),
        }
    }

    /// The same for a run with workers.
    #[cfg(target_os = "linux")]
    pub(crate) fn with(mut self, workers: Option<Workers>) -> Self {
        self.workers = Mutex::new(workers);
        self
    }

    /// Whether the run goes on after this.
    fn hear(&self, py: Python<'_>, told: PyResult<()>) -> bool {
        let Err(error) = told else {
            return !self.before.is_past();
        };
        if !error.is_instance_of::<PyKeyboardInterrupt>(py) {
            *self.error.lock() = Some(error);
        }
        false
    }

    /// What was raised while the run went on.
    pub(crate) fn into_error(self) -> Option<PyErr> {
        self.error.into_inner()
    }
}

impl Host for PythonHost {
    fn poll(&self, share_done: f64) -> bool {
        if share_done < 1.0 && !self.patience.lock().is_over() {
            return true;
        }
        let asked = Stopwatch::start();
        Python::attach(|py| {
            *self.patience.lock() =
                Patience::after(asked.elapsed().max(least_wait(self.progress.as_ref())));
            let told = py.check_signals().and_then(|()| match &self.progress {
                Some(progress) => {
                    let share = self.part.1.mul_add(share_done, self.part.0);
                    progress.bind(py).call1((share,)).map(drop)
                }
                None => Ok(()),
            });
            self.hear(py, told)
        })
    }

    fn goes_on(&self) -> bool {
        Python::attach(|py| self.hear(py, py.check_signals()))
    }

    fn interpreter(&self) -> Option<Arc<dyn Interpreter>> {
        Some(Arc::new(CPython::default()))
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        Python::attach(|py| py.detach(work));
    }

    #[cfg(target_os = "linux")]
    fn remote(
        &self,
        config: &Config,
        core: &Core,
        data: &Arc<CoreData>,
    ) -> Result<Option<Box<dyn Remote>>, Error> {
        let workers = self.workers.lock().take();
        workers
            .map(|workers| crew(workers, config, core, data))
            .transpose()
    }
}

/// Runs traders over recorded data, as fast as it goes.
///
/// With Python strategies the run stays on the calling thread, attached; without any it is detached, and other Python
/// threads run meanwhile. Ctrl-C ends it, and what there is so far comes back.
#[pyfunction]
#[pyo3(signature = (config, traders, data, run, progress))]
pub(crate) fn backtest(
    py: Python<'_>,
    config: &Bound<'_, PyDict>,
    traders: Vec<Bound<'_, PyDict>>,
    data: &Bound<'_, MarketData>,
    run: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<RunOutput> {
    let settings = engine_config(config, run)?;
    let options = run_options(run)?;
    let host = PythonHost::new(progress);
    #[cfg(target_os = "linux")]
    let host = host.with(workers(run, &traders, config)?);
    let (traders, python) = trader_configs(&traders, config)?;
    let data = data.get().core();
    let drive = || guarded(|| core_backtest(&settings, traders, &data, &options, &host));
    let outcome = if python { drive() } else { py.detach(drive) };
    finish(py, host, outcome)
}

/// A panic of the engine is a defect of it, and still no reason to take the interpreter down.
pub(crate) fn guarded(run: impl FnOnce() -> Result<Outcome, Error>) -> Result<Outcome, Failure> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) => outcome.map_err(Failure::Said),
        Err(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned());
            Err(Failure::Panicked(text.unwrap_or_default()))
        }
    }
}

pub(crate) enum Failure {
    Said(Error),
    Panicked(String),
}

pub(crate) fn finish(
    py: Python<'_>,
    host: PythonHost,
    outcome: Result<Outcome, Failure>,
) -> PyResult<RunOutput> {
    if let Some(error) = host.into_error() {
        return Err(error);
    }
    match outcome {
        Ok(outcome) => RunOutput::new(py, outcome),
        Err(Failure::Said(error)) => Err(raise(py, &error)),
        Err(Failure::Panicked(text)) => Err(defect(py, &text)),
    }
}

pub(crate) fn defect(py: Python<'_>, text: &str) -> PyErr {
    PAIRLOOM.error(
        py,
        "engine.defect",
        &format!("a defect in the engine ended the run: {text}; please report it"),
    )
}
