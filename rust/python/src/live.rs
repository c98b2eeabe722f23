//! Live runs: the paper driver on recorded data, engines in the background, the demo.

use std::sync::Arc;
use std::time::Duration;

use pairloom_core::error::Error;
use pairloom_core::live::{
    Cast, DemoOptions, Factory, Feed, LiveCommand, LiveCounts, LiveOptions, RunHandle, Status,
    demo, paper as core_paper, start as core_start,
};
use pairloom_core::market::synthetic::{
    SyntheticFeed as CoreFeed, SyntheticFeedSpec, SyntheticMarketSpec,
};
use pairloom_core::market::{EventKind, Market, MarketData as CoreData};
use pairloom_core::strategy::{Stop, StrategyFault, money_f64};
use pairloom_core::trader::TraderState;
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

/// Starts traders in the background, on the paper broker.
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
    let handle = py
        .detach(|| core_start(settings, cast, feed, options))
        .map_err(|error| raise(py, &error))?;
    Ok(LiveRun { handle })
}

/// An engine that runs in the background.
#[pyclass(frozen, module = "pairloom._native", name = "LiveRun")]
pub(crate) struct LiveRun {
    handle: RunHandle,
}

impl LiveRun {
    fn order(&self, py: Python<'_>, command: LiveCommand) -> PyResult<()> {
        py.detach(|| self.handle.send(command))
            .map(drop)
            .map_err(|error| raise(py, &error))
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

/// Waits for the end of a run; Ctrl-C ends it.
fn wait(py: Python<'_>, handle: &RunHandle) -> PyResult<pairloom_core::engine::Outcome> {
    while !py.detach(|| handle.wait_for(LOOK)) {
        if py.check_signals().is_err() {
            py.detach(|| handle.ask_to_stop());
        }
    }
    py.detach(|| handle.wait())
        .map_err(|error| raise(py, &error))
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
