//! The demo: synthetic markets in real time, on paper.

use std::time::Duration;

use pairloom_core::error::Error;
use pairloom_core::live::{DemoOptions, LiveCounts, RunHandle, demo};
use pairloom_core::strategy::money_f64;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::raise;
use crate::live::wait;

/// Starts the demo: synthetic markets in real time, on paper.
#[pyfunction]
#[pyo3(signature = (*, markets, threads, duration, rate, seed, fill_delay_ns))]
pub(crate) fn demo_run(
    py: Python<'_>,
    markets: usize,
    threads: usize,
    duration: Option<f64>,
    rate: f64,
    seed: u64,
    fill_delay_ns: u64,
) -> PyResult<DemoRun> {
    let span = duration
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| {
                Error::config("config.range", format!("duration={seconds} is too long"))
            })
        })
        .transpose()
        .map_err(|error| raise(py, &error))?;
    let options = DemoOptions {
        markets,
        threads,
        duration: span,
        rate,
        seed,
        fill_delay: Duration::from_nanos(fill_delay_ns),
    };
    let handle = py
        .detach(|| demo(&options))
        .map_err(|error| raise(py, &error))?;
    Ok(DemoRun { handle, options })
}

/// The running demo.
#[pyclass(frozen, module = "pairloom._native", name = "DemoRun")]
pub(crate) struct DemoRun {
    handle: RunHandle,
    options: DemoOptions,
}

#[pymethods]
impl DemoRun {
    /// Whether the demo is over.
    #[getter]
    fn finished(&self) -> bool {
        self.handle.finished()
    }

    /// The present prices, signals, positions and totals.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let status = py
            .detach(|| self.handle.status())
            .map_err(|error| raise(py, &error))?;
        let dict = PyDict::new(py);
        dict.set_item("elapsed", status.elapsed)?;
        let markets = PyList::empty(py);
        for trader in &status.traders {
            let each = PyDict::new(py);
            each.set_item("pair", &*trader.pair)?;
            each.set_item("price", trader.last_price)?;
            each.set_item("signal", trader.last_signal)?;
            each.set_item("position", trader.position)?;
            each.set_item("pnl", trader.realized_pnl + trader.unrealized_pnl)?;
            markets.append(each)?;
        }
        dict.set_item("markets", markets)?;
        let totals = PyDict::new(py);
        totals.set_item("equity", money_f64(status.equity))?;
        totals.set_item("events", status.counts.events)?;
        totals.set_item("evaluations", status.counts.evaluations)?;
        totals.set_item("orders", status.counts.orders)?;
        totals.set_item("fills", status.counts.fills)?;
        dict.set_item("totals", totals)?;
        Ok(dict)
    }

    /// Asks the demo to end.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.handle.ask_to_stop());
    }

    /// Waits for the end and tells what was counted, stage by stage.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let outcome = wait(py, &self.handle)?;
        let status = py
            .detach(|| self.handle.status())
            .map_err(|error| raise(py, &error))?;
        let dict = PyDict::new(py);
        dict.set_item("markets", self.options.markets)?;
        dict.set_item("threads", self.options.threads)?;
        dict.set_item("rate", self.options.rate)?;
        dict.set_item("seed", self.options.seed)?;
        dict.set_item("elapsed_s", outcome.timings.elapsed)?;
        count(&dict, &status.counts)?;
        dict.set_item("equity", money_f64(outcome.equity))?;
        dict.set_item("fees", money_f64(outcome.fees))?;
        Ok(dict)
    }
}

/// Counts by stage, in the order in which events pass them.
fn count(dict: &Bound<'_, PyDict>, counts: &LiveCounts) -> PyResult<()> {
    let py = dict.py();
    let group = |entries: &[(&str, Option<u64>)]| -> PyResult<Py<PyDict>> {
        let group = PyDict::new(py);
        for (name, value) in entries {
            group.set_item(name, value)?;
        }
        Ok(group.unbind())
    };
    dict.set_item("events", counts.events)?;
    dict.set_item("steps", counts.steps)?;
    dict.set_item("deliveries", counts.deliveries)?;
    dict.set_item("conflated", counts.conflated)?;
    dict.set_item("dropped", counts.dropped)?;
    dict.set_item("inbox_high_water", counts.inbox_high_water)?;
    let evaluations = [
        ("all", Some(counts.evaluations)),
        ("least", Some(counts.evaluations_least)),
        ("most", Some(counts.evaluations_most)),
    ];
    dict.set_item("evaluations", group(&evaluations)?)?;
    dict.set_item("late", counts.late)?;
    let hold = [
        ("count", Some(counts.lock_holds)),
        ("mean_ns", Some(counts.lock_hold_mean_ns)),
        ("max_ns", Some(counts.lock_hold_max_ns)),
    ];
    dict.set_item("lock_hold", group(&hold)?)?;
    dict.set_item("signals", counts.signals)?;
    dict.set_item("orders", counts.orders)?;
    dict.set_item("refusals", counts.refusals)?;
    let latency = [
        ("p50_ns", counts.tick_to_order_p50_ns),
        ("p99_ns", counts.tick_to_order_p99_ns),
    ];
    dict.set_item("tick_to_order", group(&latency)?)?;
    dict.set_item("fills", counts.fills)?;
    dict.set_item("orders_open_at_end", counts.orders_open)
}
