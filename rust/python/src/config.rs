//! From Python's descriptions of an engine, its traders and a run to the engine's settings.
//!
//! `pairloom` has checked what people wrote; a setting that is missing or malformed here is a defect of the package, and
//! is said as an ordinary `ConfigError` that names the key.

use std::path::PathBuf;
use std::time::Duration;

use pairloom_core::commit::OnError;
use pairloom_core::domain::{FeeRates, InstrumentSpec, Money, Rate, money_of};
use pairloom_core::engine::{Account, Config, Handover, RunOptions, TimeMark, TraderConfig};
use pairloom_core::guard::RiskLink;
use pairloom_core::live::BrokerLink;
use pairloom_core::market::EventKind;
use pairloom_core::strategy::{
    Elsewhere, Hooks, ParameterValue, Strategy, builtin, builtin_version,
};
use pairloom_core::venue::{FillModel, VenueConfig};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::compiled::CompiledStrategy;
use crate::errors::{CONFIG, shown};
use crate::interpreter::lane_of_classes;
use crate::journal::Asked;
use crate::plugin::plugin_strategy;
#[cfg(target_os = "linux")]
use crate::process::{Workers, duplicated};
use crate::risk::run_limits;
use crate::signal::size_setting;
use crate::strategy::{PyStrategy, PyStrategySpec};

/// Settings by key, which errors name.
struct Settings<'a, 'py> {
    what: &'a str,
    dict: &'a Bound<'py, PyDict>,
}

impl<'py> Settings<'_, 'py> {
    fn error(&self, key: &str, problem: &str) -> PyErr {
        let message = format!("{}[{key:?}] {problem}", self.what);
        CONFIG.error(self.dict.py(), "config.native", &message)
    }

    /// The value of a key; `None` where it is missing or `None`.
    fn find(&self, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.dict.get_item(key)?.filter(|value| !value.is_none()))
    }

    fn value(&self, key: &str) -> PyResult<Bound<'py, PyAny>> {
        self.find(key)?.ok_or_else(|| self.error(key, "is missing"))
    }

    fn read<T>(&self, key: &str) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py>,
    {
        let value = self.value(key)?;
        value
            .extract()
            .map_err(|_| self.error(key, &format!("cannot be {}", shown(&value))))
    }

    fn read_optional<T>(&self, key: &str) -> PyResult<Option<T>>
    where
        T: for<'a> FromPyObject<'a, 'py>,
    {
        match self.find(key)? {
            Some(_) => self.read(key).map(Some),
            None => Ok(None),
        }
    }

    fn choice<T>(&self, key: &str, choose: impl FnOnce(&str) -> Option<T>) -> PyResult<T> {
        let word: String = self.read(key)?;
        choose(&word).ok_or_else(|| self.error(key, &format!("cannot be {word:?}")))
    }

    fn decimal(&self, key: &str) -> PyResult<Decimal> {
        self.read_optional::<String>(key)?
            .ok_or_else(|| self.error(key, "is missing"))
            .and_then(|text| {
                parse(&text).ok_or_else(|| self.error(key, &format!("cannot be {text:?}")))
            })
    }

    fn decimal_optional(&self, key: &str) -> PyResult<Option<Decimal>> {
        match self.find(key)? {
            Some(_) => self.decimal(key).map(Some),
            None => Ok(None),
        }
    }
}

fn parse(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// The settings of an engine. Its limits are laid out for the time of a run.
pub(crate) fn engine_config(
    config: &Bound<'_, PyDict>,
    run: &Bound<'_, PyDict>,
) -> PyResult<Config> {
    let settings = Settings {
        what: "config",
        dict: config,
    };
    let slippage = settings.decimal("slippage_bps")?;
    // A basis point is a ten-thousandth.
    let slippage = slippage
        .checked_div(Decimal::from(10_000))
        .ok_or_else(|| settings.error("slippage_bps", "is too small"))?;
    Ok(Config {
        currency: settings.read("currency")?,
        cash: cash(&settings)?,
        account: settings.choice("account", |word| match word {
            "spot" => Some(Account::Spot),
            "margin" => Some(Account::Margin),
            _ => None,
        })?,
        leverage: Rate::from_decimal(settings.decimal("leverage")?),
        fees: FeeRates {
            maker: Rate::from_decimal(settings.decimal("maker_fee")?),
            taker: Rate::from_decimal(settings.decimal("taker_fee")?),
        },
        venue: VenueConfig {
            fill: settings.choice("fill", |word| match word {
                "next_open" => Some(FillModel::NextOpen),
                "close" => Some(FillModel::Close),
                _ => None,
            })?,
            slippage: Rate::from_decimal(slippage),
            latency: settings.read("latency")?,
        },
        instruments: instruments(&settings)?,
        threads: settings.read_optional("num_threads")?,
        block: settings.read_optional("block")?,
        on_error: settings.choice("on_error", |word| match word {
            "keep" => Some(OnError::Keep),
            "close" => Some(OnError::Close),
            _ => None,
        })?,
        risk: run_limits(run)?,
    })
}

fn cash(settings: &Settings<'_, '_>) -> PyResult<Vec<(String, Money)>> {
    let given = settings.value("cash")?;
    let dict = given
        .cast::<PyDict>()
        .map_err(|_| settings.error("cash", "must be a dict"))?;
    let balances = Settings {
        what: "config['cash']",
        dict,
    };
    let mut cash = Vec::with_capacity(dict.len());
    for currency in dict.keys() {
        let currency: String = currency.extract()?;
        let amount = money_of(balances.decimal(&currency)?)
            .ok_or_else(|| balances.error(&currency, "is too large"))?;
        cash.push((currency, amount));
    }
    Ok(cash)
}

fn instruments(settings: &Settings<'_, '_>) -> PyResult<Vec<(String, InstrumentSpec)>> {
    let Some(given) = settings.find("instruments")? else {
        return Ok(Vec::new());
    };
    let dict = given
        .cast::<PyDict>()
        .map_err(|_| settings.error("instruments", "must be a dict"))?;
    let mut instruments = Vec::with_capacity(dict.len());
    for (pair, rules) in dict {
        let pair: String = pair.extract()?;
        let rules = rules
            .cast::<PyDict>()
            .map_err(|_| settings.error("instruments", "must hold dicts"))?;
        let what = format!("config['instruments'][{pair:?}]");
        let rules = Settings {
            what: &what,
            dict: rules,
        };
        let spec = InstrumentSpec {
            tick: rules.decimal_optional("tick")?,
            lot: rules.decimal_optional("lot")?,
            min_notional: rules.decimal_optional("min_notional")?,
        };
        instruments.push((pair, spec));
    }
    Ok(instruments)
}

/// The settings of one run.
pub(crate) fn run_options(run: &Bound<'_, PyDict>) -> PyResult<RunOptions> {
    let settings = Settings {
        what: "run",
        dict: run,
    };
    Ok(RunOptions {
        start: settings.read_optional("start")?,
        end: settings.read_optional("end")?,
        handover: settings.choice("_handover", |word| match word {
            "auto" => Some(Handover::Auto),
            "always" => Some(Handover::Always),
            "never" => Some(Handover::Never),
            _ => None,
        })?,
        shuffle_seed: settings.read_optional("_shuffle_seed")?,
        journal: settings.read_optional::<Asked>("journal")?.map(Asked::spec),
    })
}

/// What a live run has beyond that: how many times as fast as recorded, and for how long.
pub(crate) fn live_options(run: &Bound<'_, PyDict>) -> PyResult<(Option<f64>, Option<Duration>)> {
    let settings = Settings {
        what: "run",
        dict: run,
    };
    let speed = settings.decimal_optional("speed")?;
    let duration = settings.read_optional("duration")?;
    Ok((
        speed.and_then(|speed| speed.to_f64()),
        duration.map(Duration::from_nanos),
    ))
}

/// The risk process of a live run, where it has one.
pub(crate) fn risk_link(config: &Bound<'_, PyDict>) -> PyResult<Option<RiskLink>> {
    let settings = Settings {
        what: "config",
        dict: config,
    };
    let Some(path) = settings.read_optional::<PathBuf>("risk_socket")? else {
        return Ok(None);
    };
    let timeout = Duration::from_nanos(settings.read("risk_timeout")?);
    Ok(Some(RiskLink { path, timeout }))
}

/// The process of the paper broker of a live run, where it lives in one.
pub(crate) fn broker_link(config: &Bound<'_, PyDict>) -> PyResult<Option<BrokerLink>> {
    let settings = Settings {
        what: "config",
        dict: config,
    };
    let path = settings.read_optional::<PathBuf>("broker_socket")?;
    Ok(path.map(|path| BrokerLink { path }))
}

/// A fresh strategy for a trader that is described like that.
pub(crate) fn strategy_anew(
    trader: &Bound<'_, PyDict>,
    config: &Bound<'_, PyDict>,
) -> PyResult<Box<dyn Strategy>> {
    let settings = |what, dict| Settings { what, dict };
    let seed = settings("config", config).read("seed")?;
    strategy(&settings("trader", trader), seed)
}

/// The traders, and whether any of them is a Python one.
pub(crate) fn trader_configs(
    traders: &[Bound<'_, PyDict>],
    config: &Bound<'_, PyDict>,
) -> PyResult<(Vec<TraderConfig>, bool)> {
    let seed = Settings {
        what: "config",
        dict: config,
    }
    .read("seed")?;
    let mut python = false;
    let configs = traders.iter().map(|dict| {
        let settings = Settings {
            what: "trader",
            dict,
        };
        python |= settings.find("factory")?.is_some()
            && settings.find("compiled")?.is_none()
            && settings.find("template")?.is_none();
        trader_config(&settings, seed)
    });
    let configs = configs.collect::<PyResult<_>>()?;
    Ok((configs, python))
}

fn trader_config(settings: &Settings<'_, '_>, seed: u64) -> PyResult<TraderConfig> {
    let size = settings
        .find("size")?
        .map(|size| size_setting(&size))
        .transpose()?;
    let events = settings.read_optional::<Vec<String>>("events")?;
    let events = events
        .map(|names| {
            names
                .iter()
                .map(|name| EventKind::parse(name))
                .collect::<Option<Vec<_>>>()
        })
        .map(|kinds| kinds.ok_or_else(|| settings.error("events", "names an unknown kind")))
        .transpose()?;
    let schedule: Vec<(i64, String)> = settings.read("schedule")?;
    Ok(TraderConfig {
        name: settings.read("name")?,
        label: settings.read("label")?,
        version: settings.read("version")?,
        pair: settings.read("pair")?,
        size,
        events,
        window: settings.read("window")?,
        schedule: schedule
            .into_iter()
            .map(|(ts, name)| TimeMark { ts, name })
            .collect(),
        strategy: strategy(settings, seed)?,
    })
}

/// The version of a built-in strategy; `None` where there is none of that name.
#[pyfunction]
pub(crate) fn version_of_builtin(name: &str) -> Option<&'static str> {
    builtin_version(name)
}

fn strategy(settings: &Settings<'_, '_>, seed: u64) -> PyResult<Box<dyn Strategy>> {
    let py = settings.dict.py();
    if let Some(name) = settings.read_optional::<String>("builtin")? {
        let given = settings.value("parameters")?;
        let parameters = parameters(settings, given.cast::<PyDict>().map_err(PyErr::from)?)?;
        return builtin(&name, &parameters)
            .map_err(|error| CONFIG.error(py, "config.parameter", &error.to_string()));
    }
    if let Some(plugin) = settings.find("plugin")? {
        let given = settings.value("parameters")?;
        let parameters = parameters(settings, given.cast::<PyDict>().map_err(PyErr::from)?)?;
        return Ok(Box::new(plugin_strategy(&plugin, &parameters)?));
    }
    let hooks: Vec<String> = settings.read("hooks")?;
    if settings.find("template")?.is_some() {
        return Ok(Box::new(Elsewhere::new(hook_set(&hooks))));
    }
    let spec = PyStrategySpec {
        factory: settings.value("factory")?.unbind(),
        hooks: hook_set(&hooks),
        name: settings.read("name")?,
        pair: settings.read("pair")?,
        window: settings.read("window")?,
        seed,
        lane: lane_of_classes(py)?,
    };
    let python = PyStrategy::new(py, spec)?;
    match settings.find("compiled")? {
        Some(build) => Ok(Box::new(CompiledStrategy::new(python, build.unbind()))),
        None => Ok(Box::new(python)),
    }
}

fn hook_set(names: &[String]) -> Hooks {
    let hooks = names.iter().filter_map(|name| Hooks::parse(name));
    hooks.fold(Hooks::NONE, Hooks::with)
}

/// The workers of a run, where it has any.
#[cfg(target_os = "linux")]
pub(crate) fn workers(
    run: &Bound<'_, PyDict>,
    traders: &[Bound<'_, PyDict>],
    config: &Bound<'_, PyDict>,
) -> PyResult<Option<Workers>> {
    let settings = |what, dict| Settings { what, dict };
    let Some(given) = settings("run", run).find("workers")? else {
        return Ok(None);
    };
    let workers = settings("workers", given.cast::<PyDict>().map_err(PyErr::from)?);
    let stdout: Option<i32> = workers.read_optional("stdout")?;
    let templates = traders
        .iter()
        .map(|trader| settings("trader", trader).read_optional("template"))
        .collect::<PyResult<_>>()?;
    Ok(Some(Workers {
        count: workers.read("count")?,
        command: workers.read("command")?,
        stdout: stdout.map(duplicated).transpose()?,
        without_environment: workers.read("without_environment")?,
        payload: workers.read("payload")?,
        templates,
        time_limit: workers
            .read_optional("time_limit")?
            .map(Duration::from_nanos),
        memory_limit: workers.read_optional("memory_limit")?,
        seed: settings("config", config).read("seed")?,
    }))
}

pub(crate) fn parameters_of(given: &Bound<'_, PyDict>) -> PyResult<Vec<(String, ParameterValue)>> {
    let settings = Settings {
        what: "plug-in",
        dict: given,
    };
    parameters(&settings, given)
}

fn parameters(
    settings: &Settings<'_, '_>,
    given: &Bound<'_, PyDict>,
) -> PyResult<Vec<(String, ParameterValue)>> {
    let mut parameters = Vec::with_capacity(given.len());
    for (name, value) in given {
        let number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
        let value = if number && !value.is_instance_of::<PyBool>() {
            ParameterValue::Number(value.extract()?)
        } else if value.is_instance_of::<PyString>() {
            ParameterValue::Text(value.extract()?)
        } else {
            let problem = format!(
                "holds {}, which is neither a number nor a text",
                shown(&value)
            );
            return Err(settings.error("parameters", &problem));
        };
        parameters.push((name.extract()?, value));
    }
    Ok(parameters)
}
