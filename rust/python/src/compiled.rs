//! Python functions that numba has compiled: the compiled lane.

use std::sync::Arc;

use pairloom_core::indicator::IndicatorId;
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Coming, CompiledRule, Failure, FaultKind, Lane, Outcome, SetupCtx, Snapshot, Stop, Strategy,
    StrategyFault, SystemCtx, Taken, Unkept,
};
use pyo3::exceptions::{PyAttributeError, PyBaseException, PyIndexError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault::raised;
use crate::indicator::Indicator;
use crate::strategy::PyStrategy;

/// What an event that failed is run again with.
struct Origin {
    /// The strategy after its setup.
    instance: Py<PyAny>,
    /// What the build gave.
    built: Py<PyAny>,
    name: String,
}

/// A failure in compiled code: the exception is made when somebody asks, since here no interpreter is attached.
pub(crate) struct CompiledFault {
    origin: Arc<Origin>,
    snapshot: Box<Snapshot>,
}

impl CompiledFault {
    /// Runs the event again as ordinary Python; gives what that raised.
    pub(crate) fn exception<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBaseException>> {
        let snapshot = &*self.snapshot;
        let raw = PyDict::new(py);
        raw.set_item("kind", snapshot.kind)?;
        raw.set_item("now", snapshot.now)?;
        raw.set_item("event", snapshot.event)?;
        let [size, entry_price, unrealized_pnl] = snapshot.position;
        raw.set_item("position", size)?;
        raw.set_item("entry_price", entry_price)?;
        raw.set_item("unrealized_pnl", unrealized_pnl)?;
        let [equity, cash] = snapshot.account;
        raw.set_item("equity", equity)?;
        raw.set_item("cash", cash)?;
        raw.set_item("window", snapshot.window.as_slice())?;
        raw.set_item("order_count", snapshot.order_count)?;
        raw.set_item("next_id", snapshot.next_id)?;
        let state = pyo3::types::PyBytes::new(py, &snapshot.state);
        let rerun = py
            .import("pairloom._compiled.rerun")?
            .getattr(intern!(py, "rerun"))?;
        let (instance, built) = (&self.origin.instance, &self.origin.built);
        let error = rerun.call1((instance, built, state, &snapshot.values, raw))?;
        Ok(error.cast_into()?)
    }
}

/// A compiled rule as the engine's `Strategy`. Its setup is ordinary Python; after that no call touches the interpreter.
pub(crate) struct CompiledStrategy {
    /// What setup needs; gone once it has run, so that a copy and its end need no interpreter either.
    unset: Option<(PyStrategy, Py<PyAny>)>,
    ready: Option<(Arc<Origin>, CompiledRule)>,
}

impl CompiledStrategy {
    /// `build` makes a strategy after its setup into what `pairloom._compiled.build.Built` says.
    pub(crate) const fn new(python: PyStrategy, build: Py<PyAny>) -> Self {
        Self {
            unset: Some((python, build)),
            ready: None,
        }
    }
}

/// The indicators' values that the rule reads, checked against what the indicators have.
fn slots(
    instance: &Bound<'_, PyAny>,
    wanted: Vec<(String, Option<String>, usize)>,
) -> PyResult<Vec<(IndicatorId, u8, usize)>> {
    let place = |(name, output, back): (String, Option<String>, usize)| {
        let object = instance.getattr(name.as_str())?;
        let indicator = object.cast::<Indicator>()?.get();
        let names = indicator.cell.outputs();
        let output = match output {
            None => Some(0),
            Some(output) => names
                .iter()
                .position(|&known| known == output)
                .ok_or_else(|| {
                    PyAttributeError::new_err(format!(
                        "{name}: {} has no output {output:?}; it has {}",
                        indicator.kind,
                        names.join(", ")
                    ))
                })
                .map(u8::try_from)?
                .ok(),
        };
        if back >= indicator.cell.keep() {
            return Err(PyIndexError::new_err(format!(
                "{name}[-{}]: {} keeps {} values; ask for more with keep={}",
                back + 1,
                indicator.kind,
                indicator.cell.keep(),
                back + 1
            )));
        }
        Ok((indicator.id, output.unwrap_or(0), back))
    };
    wanted.into_iter().map(place).collect()
}

fn rule(
    built: &Bound<'_, PyAny>,
    instance: &Bound<'_, PyAny>,
    ctx: &SetupCtx<'_>,
) -> PyResult<CompiledRule> {
    let py = built.py();
    let state: Vec<u8> = built
        .call_method1(
            intern!(py, "state"),
            (instance.getattr(intern!(py, "__dict__"))?,),
        )?
        .extract()?;
    let slots = slots(instance, built.getattr(intern!(py, "slots"))?.extract()?)?;
    let address: usize = built.getattr(intern!(py, "address"))?.extract()?;
    let reads: u32 = built.getattr(intern!(py, "reads"))?.extract()?;
    // SAFETY: `pairloom._compiled.build` compiled the function for this interface and this state, which is plain
    // numbers, and keeps what it compiled for the life of the process.
    Ok(unsafe { CompiledRule::new(address, reads, ctx.kind, &slots, &state) })
}

impl Strategy for CompiledStrategy {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        let Some((mut python, build)) = self.unset.take() else {
            return Ok(());
        };
        python.setup(ctx)?;
        Python::attach(|py| {
            let Some(instance) = python.instance(py) else {
                return Ok(());
            };
            let made = build
                .bind(py)
                .call1((&instance, ctx.kind.name()))
                .and_then(|built| {
                    let rule = rule(&built, &instance, ctx)?;
                    let origin = Origin {
                        name: crate::errors::type_name(&instance),
                        instance: instance.unbind(),
                        built: built.unbind(),
                    };
                    Ok((Arc::new(origin), rule))
                });
            self.ready = Some(made.map_err(|error| raised(py, &error))?);
            // Compiled code reads values from the graph; the objects that setup was given show nothing from here on.
            ctx.graph.tell_nobody();
            Ok(())
        })
    }

    #[inline]
    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some((origin, rule)) = &mut self.ready else {
            return Ok(None);
        };
        rule.call(ctx).map_err(|failure| stop(origin, failure))
    }

    fn take_rows(&mut self, coming: &mut Coming<'_>) -> Taken {
        let Some((origin, rule)) = &mut self.ready else {
            return Taken::idle(0);
        };
        let (rows, last) = rule.take_rows(coming);
        let last = last.map_err(|failure| stop(origin, failure));
        Taken { rows, last }
    }

    fn lane(&self) -> Lane {
        Lane::Compiled
    }

    fn is_market_local(&self) -> bool {
        self.ready
            .as_ref()
            .is_some_and(|(_, rule)| rule.is_market_local())
    }

    fn may_pass_orders(&self) -> bool {
        self.ready
            .as_ref()
            .is_some_and(|(_, rule)| rule.may_pass_orders())
    }

    fn memory(&mut self) -> Result<Vec<u8>, Unkept> {
        match &self.ready {
            Some((_, rule)) => Ok(rule.memory()),
            None => Err(Unkept::Never("its setup has failed".to_owned())),
        }
    }

    fn recall(&mut self, memory: &[u8]) -> Result<(), String> {
        let recalled = self
            .ready
            .as_mut()
            .is_some_and(|(_, rule)| rule.recall(memory));
        if recalled {
            Ok(())
        } else {
            Err("its state has another size".to_owned())
        }
    }

    fn fork(&self) -> Option<Box<dyn Strategy>> {
        let (origin, rule) = self.ready.as_ref()?;
        Some(Box::new(Self {
            unset: None,
            ready: Some((Arc::clone(origin), rule.clone())),
        }))
    }
}

/// Why a call of a compiled rule gave no answer, as a fault of the strategy.
fn stop(origin: &Arc<Origin>, failure: Failure) -> Stop {
    let name = &origin.name;
    Stop::Fault(match failure {
        Failure::Failed(snapshot) => StrategyFault {
            kind: FaultKind::Raised,
            message: format!("{name}.generate_signal failed"),
            origin: Some(Box::new(CompiledFault {
                origin: Arc::clone(origin),
                snapshot,
            })),
        },
        Failure::Wrong(problem) => StrategyFault {
            kind: FaultKind::NotASignal,
            message: format!("{name}: {problem}"),
            origin: None,
        },
    })
}
