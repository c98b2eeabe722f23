//! Sweeps: many runs over the same data, summed up.

use pairloom_core::domain::decimal_string;
use pairloom_core::engine::{
    Combination, STATISTICS, Summary, Sweep, SweepHost, Swept, TraderConfig,
};
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList};

use crate::config::{engine_config, run_options, trader_configs};
use crate::data::MarketData;
use crate::engine::{Interrupts, PythonHost, defect};
use crate::errors::raise;
use crate::output::{float_column, quarantined};
use crate::table::{NamedColumn, Table, integer_column, text_column};

/// What came of combinations, by their numbers.
type Summaries = Vec<(usize, Py<PyAny>)>;

/// Runs combinations over the same data: native ones at the same time, each on one of the engine's threads and without
/// the interpreter; those with Python strategies one after another, on the calling thread.
///
/// ``combinations`` yields ``(number, traders)``, ``count`` of them. What comes back are ``(number, summary)`` in the
/// order in which they ended, and whether Ctrl-C ended the sweep before all had.
#[pyfunction]
#[pyo3(signature = (config, combinations, count, data, run, progress))]
pub(crate) fn sweep(
    py: Python<'_>,
    config: &Bound<'_, PyDict>,
    combinations: &Bound<'_, PyAny>,
    count: usize,
    data: &Bound<'_, MarketData>,
    run: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Summaries, bool)> {
    let data = data.get().core();
    let sweep = Sweep::new(engine_config(config, run)?, &data, run_options(run)?);
    let mut caller = Caller {
        combinations: combinations.try_iter()?.unbind(),
        config: config.clone().unbind(),
        progress,
        count,
        done: Vec::with_capacity(count),
        error: None,
        over: false,
        held: None,
        before: Interrupts::so_far(),
    };
    caller.run_python(py, &sweep);
    if caller.held.is_some() {
        // From the first native combination on: all have the same lanes but where strategies were mixed up.
        py.detach(|| sweep.run_all(&mut caller))
            .map_err(|error| raise(py, &error))?;
    }
    // The caller hears of the end, too, so that a bar is full and an interrupt in the last moment is not lost.
    if !caller.over {
        caller.poll();
    }
    match caller.error {
        Some(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
        _ => Ok((caller.done, caller.over)),
    }
}

/// Python on the other side of a sweep.
struct Caller {
    combinations: Py<PyIterator>,
    config: Py<PyDict>,
    progress: Option<Py<PyAny>>,
    count: usize,
    done: Summaries,
    /// What a signal handler, the progress function or the source of combinations raised.
    error: Option<PyErr>,
    over: bool,
    /// The first native combination.
    held: Option<Combination>,
    /// What was heard of Ctrl-C before the sweep.
    before: Interrupts,
}

impl Caller {
    /// The next combination whose traders can be made, and whether any of them is a Python one.
    fn take(&mut self, py: Python<'_>) -> Option<(Combination, bool)> {
        loop {
            let next = self.combinations.bind(py).clone().next()?;
            let taken = next.and_then(|next| next.extract());
            let (number, traders): (usize, Vec<Bound<'_, PyDict>>) = match taken {
                Ok(taken) => taken,
                Err(error) => {
                    self.stop(Some(error));
                    return None;
                }
            };
            match trader_configs(&traders, self.config.bind(py)) {
                Ok((traders, python)) => return Some((Combination { number, traders }, python)),
                Err(error) => self.failed(py, number, error),
            }
        }
    }

    /// Runs combinations on this thread, attached, until a native one comes.
    fn run_python(&mut self, py: Python<'_>, sweep: &Sweep<'_>) {
        while !self.over
            && let Some((combination, python)) = self.take(py)
        {
            if !python {
                self.held = Some(combination);
                return;
            }
            let Combination { number, traders } = combination;
            self.run_here(py, sweep, number, traders);
        }
    }

    fn run_here(
        &mut self,
        py: Python<'_>,
        sweep: &Sweep<'_>,
        number: usize,
        traders: Vec<TraderConfig>,
    ) {
        let progress = self
            .progress
            .as_ref()
            .map(|progress| progress.clone_ref(py));
        let host = PythonHost::of_part(progress, self.share(), 1.0 / self.count.max(1) as f64);
        let swept = sweep.run(traders, &host);
        let error = host.into_error();
        if error.is_some() {
            self.stop(error);
        }
        self.ended(py, number, swept);
    }

    #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
    fn share(&self) -> f64 {
        self.done.len() as f64 / self.count.max(1) as f64
    }

    fn stop(&mut self, error: Option<PyErr>) {
        self.over = true;
        self.error = self.error.take().or(error);
    }

    fn failed(&mut self, py: Python<'_>, number: usize, error: PyErr) {
        let summary = PyDict::new(py);
        match summary.set_item("error", error.into_value(py)) {
            Ok(()) => self.done.push((number, summary.into_any().unbind())),
            Err(error) => self.stop(Some(error)),
        }
    }

    fn ended(&mut self, py: Python<'_>, number: usize, swept: Swept) {
        match swept {
            Swept::Done(summary) => match described(py, &summary) {
                Ok(summary) => self.done.push((number, summary.into_any().unbind())),
                Err(error) => self.stop(Some(error)),
            },
            Swept::Failed(error) => self.failed(py, number, raise(py, &error)),
            Swept::Panicked(text) => self.failed(py, number, defect(py, &text)),
            Swept::Stopped => self.over = true,
        }
    }
}

impl SweepHost for Caller {
    fn next(&mut self) -> Option<Combination> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        if self.over {
            return None;
        }
        Python::attach(|py| {
            loop {
                let (combination, python) = self.take(py)?;
                if !python {
                    return Some(combination);
                }
                // The pool must never wait for the interpreter.
                let text = "its strategies are Python classes, those of the combinations before it are not";
                self.failed(py, combination.number, PyValueError::new_err(text));
            }
        })
    }

    fn done(&mut self, number: usize, swept: Swept) {
        Python::attach(|py| self.ended(py, number, swept));
    }

    fn poll(&mut self) -> bool {
        Python::attach(|py| {
            let told = py.check_signals().and_then(|()| match &self.progress {
                Some(progress) => progress.bind(py).call1((self.share(),)).map(drop),
                None => Ok(()),
            });
            match told {
                Err(error) => self.stop(Some(error)),
                Ok(()) if self.before.is_past() => self.stop(None),
                Ok(()) => {}
            }
        });
        !self.over
    }
}

fn described<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let pair = |market: u32| summary.markets[market as usize].as_str();
    let statistics = PyDict::new(py);
    for (name, value) in STATISTICS.iter().zip(summary.statistics) {
        statistics.set_item(name, value)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("start_equity", decimal_string(summary.start_equity))?;
    dict.set_item("equity", decimal_string(summary.equity))?;
    dict.set_item("orders", summary.orders)?;
    dict.set_item("fills", summary.fills)?;
    dict.set_item("refusals", &summary.refusals)?;
    dict.set_item("statistics", statistics)?;
    dict.set_item("digest", &summary.digest)?;
    dict.set_item("events", summary.events)?;
    dict.set_item("elapsed", summary.elapsed)?;
    dict.set_item(
        "quarantined",
        quarantined(py, &summary.quarantined, &summary.traders, pair)?,
    )?;
    dict.set_item("lanes", &summary.lanes)?;
    dict.set_item("assumptions", &summary.assumptions)?;
    Ok(dict)
}

/// A table of Python's columns, each its name, what it holds (``integer``, ``number`` or ``text``) and its values;
/// ``None`` is missing.
#[pyfunction]
pub(crate) fn make_table(
    name: &str,
    columns: Vec<(String, String, Bound<'_, PyList>)>,
) -> PyResult<Table> {
    let columns = columns
        .iter()
        .map(|(name, kind, values)| column(name, kind, values))
        .collect::<PyResult<_>>()?;
    Table::from_columns(name, columns).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn column(name: &str, kind: &str, values: &Bound<'_, PyList>) -> PyResult<NamedColumn> {
    match kind {
        "integer" => {
            let numbers: Vec<Option<i64>> = values.extract()?;
            Ok(integer_column(name, numbers))
        }
        "number" => {
            let numbers: Vec<Option<f64>> = values.extract()?;
            Ok(float_column(name, numbers.into_iter()))
        }
        _ => {
            let texts = values.iter().map(|value| {
                let text = (!value.is_none()).then(|| value.str());
                text.transpose()
                    .map(|text| text.map(|text| text.to_string_lossy().into_owned()))
            });
            Ok(text_column(name, texts.collect::<PyResult<Vec<_>>>()?))
        }
    }
}
