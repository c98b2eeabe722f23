//! Live runs: the paper driver on recorded data, and engines in the background.

use std::sync::Arc;
use std::time::Duration;

use pairloom_core::live::{
    Cast, Factory, Feed, LiveCommand, LiveOptions, RunHandle, Status, paper as core_paper,
    start_while,
};
use pairloom_core::market::synthetic::{
    SyntheticFeed as CoreFeed, SyntheticFeedSpec, SyntheticMarketSpec,
};
use pairloom_core::market::{EventKind, Market, MarketData as CoreData};
use pairloom_core::strategy::{Stop, StrategyFault, money_f64};
use pairloom_core::trader::TraderState;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rust_decimal::Decimal;

use crate::broker::{broker_options, differences};
#[cfg(target_os = "linux")]
use crate::config::workers;
use crate::config::{
    broker_link, engine_config, live_options, risk_link, run_options, strategy_anew, trader_configs,
};
use crate::data::MarketData;
use crate::engine::{PythonHost, finish, guarded};
use crate::errors::{CONFIG, raise};
use crate::interpreter::CPython;
use crate::output::RunOutput;
use crate::risk::risk_spec;

/// How long a wait for the end of a run lasts before Python's signals are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Synthetic markets in real time, so many events a second from each.
#[pyclass(frozen, module = "pairloom._native", name = "SyntheticFeed")]
pub(crate) struct SyntheticFeed {
    feed: CoreFeed,
    markets: Arc<CoreData>,
    rate: f64,
}

#[pymethods]
impl SyntheticFeed {
    /// `markets` holds `(pair, price, digits, volatility)` of each.
    #[new]
    #[pyo3(signature = (kind, markets, *, rate, interval, seed, correlation))]
    fn new(
        py: Python<'_>,
        kind: &str,
        markets: Vec<(String, f64, u32, f64)>,
        rate: f64,
        interval: i64,
        seed: u64,
        correlation: f64,
    ) -> PyResult<Self> {
        let kind = EventKind::parse(kind).ok_or_else(|| {
            let message = format!("kind={kind:?} is unknown; there are candle, quote and trade");
            CONFIG.error(py, "config.kind", &message)
        })?;
        let spec = SyntheticFeedSpec {
            seed,
            kind,
            start: 0,
            interval,
            correlation,
            missing: 0.0,
        };
        let walks: Vec<_> = markets
            .iter()
            .map(|&(_, price, digits, volatility)| SyntheticMarketSpec {
                price,
                digits,
                volatility,
            })
            .collect();
        let feed = CoreFeed::new(spec, &walks).map_err(|error| raise(py, &error))?;
        let markets = markets
            .into_iter()
            .map(|(pair, _, digits, _)| Market::of_kind(&pair, digits, kind))
            .collect();
        Ok(Self {
            feed,
            markets: Arc::new(CoreData { markets }),
            rate,
        })
    }
}

/// Recorded data, or a feed in real time.
#[derive(FromPyObject)]
pub(crate) enum Source<'py> {
    Recorded(Bound<'py, MarketData>),
    Synthetic(Bound<'py, SyntheticFeed>),
}

impl Source<'_> {
    fn feed(&self) -> Feed {
        match self {
            Self::Recorded(data) => Feed::Recorded(data.get().core()),
            Self::Synthetic(synthetic) => {
                let synthetic = synthetic.get();
                Feed::Synthetic {
                    markets: Arc::clone(&synthetic.markets),
                    feed: synthetic.feed.clone(),
                    rate: synthetic.rate,
                }
            }
        }
    }
}

/// The traders, and how their strategies are made anew.
fn cast(traders: &[Bound<'_, PyDict>], config: &Bound<'_, PyDict>) -> PyResult<Cast> {
    let (configs, _) = trader_configs(traders, config)?;
    let factories = traders
        .iter()
        .map(|trader| factory(trader, config))
        .collect();
    Ok(Cast {
        traders: configs,
        factories,
        interpreter: Arc::new(CPython::default()),
    })
}

fn factory(trader: &Bound<'_, PyDict>, config: &Bound<'_, PyDict>) -> Option<Factory> {
    let (trader, config) = (trader.clone().unbind(), config.clone().unbind());
    Some(Box::new(move || {
        Python::attach(|py| {
            strategy_anew(trader.bind(py), config.bind(py))
                .map_err(|error| Stop::Fault(StrategyFault::raised(error.to_string())))
        })
    }))
}

/// The settings of a live run, beyond those of any run.
fn options(config: &Bound<'_, PyDict>, run: &Bound<'_, PyDict>) -> PyResult<LiveOptions> {
    let (speed, duration) = live_options(run)?;
    let mut options = LiveOptions {
        run: run_options(run)?,
        speed,
        duration,
        apart: broker_link(config)?,
        risk: risk_link(config)?,
        ..LiveOptions::default()
    };
    broker_options(config, &mut options)?;
    Ok(options)
}

/// Runs traders through the live driver, on the paper broker, over recorded data or a synthetic feed.
///
/// `run` has `speed` (times as fast as recorded; `None`: as fast as it goes) and `duration` (ns; `None`: to the end).
#[pyfunction]
#[pyo3(signature = (config, traders, data, run, progress))]
pub(crate) fn paper(
    py: Python<'_>,
    config: &Bound<'_, PyDict>,
    traders: Vec<Bound<'_, PyDict>>,
    data: Source<'_>,
    run: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
) -> PyResult<RunOutput> {
    let settings = engine_config(config, run)?;
    let options = options(config, run)?;
    let cast = cast(&traders, config)?;
    let feed = data.feed();
    let host = PythonHost::new(progress);
    #[cfg(target_os = "linux")]
    let host = host.with(workers(run, &traders, config)?);
    let drive = || guarded(|| core_paper(&settings, cast, feed, options, &host));
    let outcome = py.detach(drive);
    finish(py, host, outcome)
}

/// Starts traders in the background, on the paper broker. Where the run goes on from a journal it is behind it when this
/// returns; Ctrl-C ends the wait, and the run.
#[pyfunction]
#[pyo3(signature = (config, traders, data, run))]
pub(crate) fn start(
    py: Python<'_>,
    config: &Bound<'_, PyDict>,
    traders: Vec<Bound<'_, PyDict>>,
    data: Source<'_>,
    run: &Bound<'_, PyDict>,
) -> PyResult<LiveRun> {
    let settings = engine_config(config, run)?;
    let options = options(config, run)?;
    let cast = cast(&traders, config)?;
    let feed = data.feed();
    let interrupted: Mutex<Option<PyErr>> = Mutex::new(None);
    let goes_on = || {
        Python::attach(|py| match py.check_signals() {
            Ok(()) => true,
            Err(error) => {
                *interrupted.lock() = Some(error);
                false
            }
        })
    };
    let started = py.detach(|| start_while(settings, cast, feed, options, &goes_on));
    if let Some(interrupt) = interrupted.into_inner() {
        // Nobody has the run, so nobody could end it later; how it ended is nothing that anybody waits for.
        let _ = py.detach(|| started.and_then(|handle| handle.stop()));
        return Err(interrupt);
    }
    let handle = started.map_err(|error| raise(py, &error))?;
    Ok(LiveRun { handle })
}

/// An engine that runs in the background.
#[pyclass(frozen, module = "pairloom._native", name = "LiveRun")]
pub(crate) struct LiveRun {
    handle: RunHandle,
}

impl LiveRun {
    fn order(&self, py: Python<'_>, command: LiveCommand) -> PyResult<()> {
        let asked = py.detach(|| self.handle.ask(command));
        let asked = asked.map_err(|error| raise(py, &error))?;
        loop {
            if let Some(answer) = py.detach(|| asked.wait_for(LOOK)) {
                return answer.map(drop).map_err(|error| raise(py, &error));
            }
            // Who has enough of waiting goes on; the command stays where it is.
            py.check_signals()?;
        }
    }
}

#[pymethods]
impl LiveRun {
    /// How things stand.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let status = py
            .detach(|| self.handle.status())
            .map_err(|error| raise(py, &error))?;
        status_dict(py, &status)
    }

    /// Whether the run is over.
    #[getter]
    fn finished(&self) -> bool {
        self.handle.finished()
    }

    fn force_exit(&self, py: Python<'_>, name: String) -> PyResult<()> {
        self.order(py, LiveCommand::ForceExit(name))
    }

    fn close_all(&self, py: Python<'_>) -> PyResult<()> {
        self.order(py, LiveCommand::CloseAll)
    }

    /// `quantity` is the text of a decimal.
    fn add_position(&self, py: Python<'_>, name: String, quantity: &str) -> PyResult<()> {
        let quantity: Decimal = quantity.parse().map_err(|_| {
            let message = format!("quantity={quantity} cannot be represented; give a smaller one");
            CONFIG.error(py, "config.number", &message)
        })?;
        self.order(py, LiveCommand::AddPosition(name, quantity))
    }

    fn pause(&self, py: Python<'_>, name: String) -> PyResult<()> {
        self.order(py, LiveCommand::Pause(name))
    }

    fn resume(&self, py: Python<'_>, name: String) -> PyResult<()> {
        self.order(py, LiveCommand::Resume(name))
    }

    fn restart(&self, py: Python<'_>, name: String) -> PyResult<()> {
        self.order(py, LiveCommand::Restart(name))
    }

    fn kill(&self, py: Python<'_>) -> PyResult<()> {
        self.order(py, LiveCommand::Kill)
    }

    /// `limits` is what `RiskLimits._between` gives, `what` the limits in words.
    fn set_limits(
        &self,
        py: Python<'_>,
        limits: Option<Bound<'_, PyAny>>,
        by: String,
        what: String,
    ) -> PyResult<()> {
        let limits = limits.as_ref().map(risk_spec).transpose()?.map(Box::new);
        self.order(py, LiveCommand::SetLimits { limits, by, what })
    }

    fn enable(&self, py: Python<'_>, name: String, by: String) -> PyResult<()> {
        self.order(py, LiveCommand::Enable { name, by })
    }

    /// Asks the run to end, and does not wait.
    fn ask_to_stop(&self, py: Python<'_>) {
        py.detach(|| self.handle.ask_to_stop());
    }

    /// Waits for the end and returns what there is, once. Ctrl-C ends the run first.
    fn wait(&self, py: Python<'_>) -> PyResult<RunOutput> {
        let outcome = wait(py, &self.handle)?;
        RunOutput::new(py, outcome)
    }
}

/// Waits for the end of a run; Ctrl-C ends it, and what there is of it says so.
pub(crate) fn wait(py: Python<'_>, handle: &RunHandle) -> PyResult<pairloom_core::engine::Outcome> {
    let mut interrupted = false;
    while !py.detach(|| handle.wait_for(LOOK)) {
        if py.check_signals().is_err() {
            // A run that is over was not interrupted.
            interrupted |= !handle.finished();
            py.detach(|| handle.ask_to_stop());
        }
    }
    let mut outcome = py
        .detach(|| handle.wait())
        .map_err(|error| raise(py, &error))?;
    if interrupted {
        outcome.interrupt();
    }
    Ok(outcome)
}

fn status_dict<'py>(py: Python<'py>, status: &Status) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("ts", status.now)?;
    dict.set_item("elapsed", status.elapsed)?;
    dict.set_item("equity", money_f64(status.equity))?;
    dict.set_item("cash", money_f64(status.cash))?;
    dict.set_item("working_orders", status.working_orders)?;
    dict.set_item("killed", status.killed)?;
    dict.set_item("connected", status.connected)?;
    dict.set_item("reconciled", status.reconciled)?;
    let halted: Vec<&str> = status.halted.iter().map(AsRef::as_ref).collect();
    dict.set_item("halted", halted)?;
    let found = status.differences.iter();
    let found = found.map(|(pair, each)| (pair.as_deref(), each));
    dict.set_item("differences", differences(py, found)?)?;
    let process = status.risk_process.as_ref();
    let process = process.map(|asked| {
        asked
            .as_ref()
            .map_or_else(|lost| lost.as_str(), |()| "reconciled")
    });
    dict.set_item("risk_process", process)?;
    dict.set_item("refusals", status.counts.refusals)?;
    dict.set_item("events", status.counts.events)?;
    dict.set_item("steps", status.counts.steps)?;
    let traders = PyList::empty(py);
    for trader in &status.traders {
        let each = PyDict::new(py);
        each.set_item("trader", &*trader.name)?;
        each.set_item("pair", &*trader.pair)?;
        each.set_item("state", state_name(trader.state))?;
        each.set_item("position", trader.position)?;
        each.set_item("entry_price", trader.entry_price)?;
        each.set_item("unrealized_pnl", trader.unrealized_pnl)?;
        each.set_item("realized_pnl", trader.realized_pnl)?;
        each.set_item("last_price", trader.last_price)?;
        each.set_item("last_signal", trader.last_signal)?;
        each.set_item("evaluations", trader.evaluations)?;
        each.set_item("inbox", trader.inbox)?;
        each.set_item("late", trader.late)?;
        each.set_item("working_orders", trader.working_orders)?;
        traders.append(each)?;
    }
    dict.set_item("traders", traders)?;
    Ok(dict)
}

const fn state_name(state: TraderState) -> &'static str {
    match state {
        TraderState::Active => "active",
        TraderState::Paused => "paused",
        TraderState::Quarantined => "quarantined",
    }
}
