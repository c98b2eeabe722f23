//! `pairloom._native`: the Python face of the engine, and the only crate that knows Python.
//!
//! The modules stand in the order in which a run passes them: data in, settings, the strategy and what it is shown, the
//! run, its tables out.

mod read;
mod synthetic;
mod data;

mod config;
mod risk;
mod broker;
mod numbers;
mod signal;
mod signal_class;

mod strategy;
mod plugin;
mod compiled;
mod method;
mod call;
mod calls;
mod cells;
mod interpreter;
mod ctx;
mod ctx_errors;
mod spec;
mod slot;
mod shown;
mod quick;
mod indicator;
mod arrays;
mod events;
mod plain;
mod values;
mod views;
mod times;
mod fault;

#[cfg(target_os = "linux")]
mod process;

mod engine;
mod live;
mod demo;
#[cfg(target_os = "linux")]
mod kill;
#[cfg(target_os = "linux")]
mod processes;
mod sweep;
mod output;
mod journal;
mod table;

mod errors;
mod pages;

use pyo3::prelude::*;

// Safe without the global lock: nothing here relies on it, and importing this must not turn it on.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<data::MarketData>()?;
    module.add_class::<signal::Signal>()?;
    signal_class::register(module.py())?;
    module.add_class::<ctx::SystemCtx>()?;
    quick::register(module)?;
    indicator::register(module)?;
    events::register(module)?;
    values::register(module)?;
    module.add_class::<values::PyFill>()?;
    module.add_class::<values::PyOrder>()?;
    module.add_class::<values::PyRefusal>()?;
    module.add_class::<events::PyTimeEvent>()?;
    module.add_class::<values::PyExit>()?;
    module.add_class::<output::RunOutput>()?;
    module.add_class::<table::Table>()?;
    module.add_class::<journal::JournalFile>()?;
    module.add_function(wrap_pyfunction!(journal::journal_clear_kill, module)?)?;
    module.add_function(wrap_pyfunction!(journal::journal_prune, module)?)?;
    module.add_function(wrap_pyfunction!(journal::journal_vacuum, module)?)?;
    module.add_function(wrap_pyfunction!(engine::backtest, module)?)?;
    module.add_function(wrap_pyfunction!(engine::note_interrupt, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::sweep, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::make_table, module)?)?;
    module.add_class::<live::SyntheticFeed>()?;
    module.add_class::<live::LiveRun>()?;
    module.add_class::<demo::DemoRun>()?;
    module.add_function(wrap_pyfunction!(plain::shown_again, module)?)?;
    module.add_function(wrap_pyfunction!(config::version_of_builtin, module)?)?;
    module.add_function(wrap_pyfunction!(plugin::plugin_facts, module)?)?;
    module.add_function(wrap_pyfunction!(plugin::plugin_library, module)?)?;
    module.add_function(wrap_pyfunction!(calls::end_calls, module)?)?;
    module.add_function(wrap_pyfunction!(live::paper, module)?)?;
    module.add_function(wrap_pyfunction!(live::start, module)?)?;
    module.add_function(wrap_pyfunction!(demo::demo_run, module)?)?;
    module.add_function(wrap_pyfunction!(indicator::compute_indicator, module)?)?;
    module.add_function(wrap_pyfunction!(synthetic::synthetic, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(kill::kill_on_signal, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(kill::kill_no_more, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(processes::serve_risk, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(processes::serve_broker, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(process::serve_worker, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(process::worker_forked, module)?)?;
    #[cfg(target_os = "linux")]
    module.add_function(wrap_pyfunction!(process::worker_set, module)?)?;
    read::register(module)?;
    // Nobody imports everything from here, and the stub need not repeat all the names.
    module.delattr("__all__")
}
