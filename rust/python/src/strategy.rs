//! A Python class as the engine's `Strategy`: the python lane, and the free-threaded one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Held, Hook, Hooks, Lane, Outcome, SetupCtx, Stop, Strategy, SystemCtx as CoreCtx, Unkept,
};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCFunction, PyTuple};

use crate::ctx::{Facts, SystemCtx};
use crate::events::PyTimeEvent;
use crate::fault::{not_a_signal, raised, unexpected};
use crate::indicator::Indicator;
use crate::method::Method;
use crate::quick::Quick;
use crate::signal::Signal;
use crate::values::{PyFill, PyOrder, PyRefusal};

static TRADERS: AtomicU64 = AtomicU64::new(1);

/// What the description of a trader says of its Python strategy.
pub(crate) struct PyStrategySpec {
    /// Makes a fresh instance.
    pub(crate) factory: Py<PyAny>,
    /// The hooks its class overrides.
    pub(crate) hooks: Hooks,
    /// The trader's name.
    pub(crate) name: String,
    /// Its pair.
    pub(crate) pair: String,
    /// How many events its arrays hold.
    pub(crate) window: usize,
    /// The run's seed.
    pub(crate) seed: u64,
    /// The lane of this interpreter's classes.
    pub(crate) lane: Lane,
}

/// The signals nearly every strategy returns, known by identity.
struct Constants {
    long: Py<PyAny>,
    short: Py<PyAny>,
    close: Py<PyAny>,
    reverse: Py<PyAny>,
}

impl Constants {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let class = py.get_type::<Signal>();
        let read = |name| class.getattr(name).map(Bound::unbind);
        Ok(Self {
            long: read(intern!(py, "LONG"))?,
            short: read(intern!(py, "SHORT"))?,
            close: read(intern!(py, "CLOSE"))?,
            reverse: read(intern!(py, "REVERSE"))?,
        })
    }
}

/// What is there once `setup` has run.
struct Ready {
    instance: Py<PyAny>,
    generate_signal: Method,
    /// The indicators it asked for, whose `value` is to be that of the event before Python looks.
    indicators: Vec<Py<Indicator>>,
}

impl Ready {
    #[inline]
    fn follow(&self, py: Python<'_>) {
        for indicator in &self.indicators {
            indicator.get().follow(py);
        }
    }
}

/// The interpreter, for a strategy that is being called.
#[inline]
fn attached<R>(call: impl FnOnce(Python<'_>) -> R) -> R {
    #[cfg(not(Py_GIL_DISABLED))]
    {
        // SAFETY: a strategy of the python lane is called by who evaluates its trader, and that is a thread which is
        // attached the whole time: the one that called `backtest` or `sweep`, or one of the live lane's (`on_lane`).
        // Asking again costs more than all else that is done for a call.
        call(unsafe { Python::assume_attached() })
    }
    #[cfg(Py_GIL_DISABLED)]
    Python::attach(call)
}

/// One Python object and the trader it serves. Its calls come one after another: in the python lane from its one
/// thread, in the free-threaded lane from whichever thread of the pool has the trader.
pub(crate) struct PyStrategy {
    factory: Py<PyAny>,
    hooks: Hooks,
    lane: Lane,
    constants: Constants,
    ctx: Py<SystemCtx>,
    quick: Quick,
    ready: Option<Ready>,
}

impl PyStrategy {
    /// Nothing of the user's runs yet: the instance is made in `setup`, where its errors have a place.
    pub(crate) fn new(py: Python<'_>, spec: PyStrategySpec) -> PyResult<Self> {
        let owner = spec.factory.bind(py).getattr_opt(intern!(py, "__self__"))?;
        let strategy = owner.and_then(|owner| {
            owner
                .get_type()
                .name()
                .and_then(|name| name.extract::<String>())
                .ok()
        });
        let facts = Facts {
            strategy: strategy.unwrap_or_else(|| spec.name.clone()),
            name: spec.name,
            pair: spec.pair,
            window: spec.window,
            seed: spec.seed,
            number: TRADERS.fetch_add(1, Relaxed),
        };
        Ok(Self {
            factory: spec.factory,
            hooks: spec.hooks,
            lane: spec.lane,
            constants: Constants::new(py)?,
            ctx: Py::new(py, SystemCtx::new(py, facts))?,
            quick: Quick::default(),
            ready: None,
        })
    }

    /// The user's object, once `setup` has run.
    pub(crate) fn instance<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let ready = self.ready.as_ref()?;
        Some(ready.instance.bind(py).clone())
    }

    /// What a method returned, as a signal.
    #[inline]
    fn signal(&self, method: &str, returned: &Bound<'_, PyAny>) -> Outcome<Option<TradeSignal>> {
        let known = &self.constants;
        // Each answer is written where it goes: to put a signal together first costs more than all of the comparisons.
        if returned.is_none() {
            Ok(None)
        } else if known.long.is(returned) {
            Ok(Some(TradeSignal::LONG))
        } else if known.short.is(returned) {
            Ok(Some(TradeSignal::SHORT))
        } else if known.close.is(returned) {
            Ok(Some(TradeSignal::Close))
        } else if known.reverse.is(returned) {
            Ok(Some(TradeSignal::Reverse))
        } else {
            self.other_signal(method, returned)
        }
    }

    #[cold]
    fn other_signal(
        &self,
        method: &str,
        returned: &Bound<'_, PyAny>,
    ) -> Outcome<Option<TradeSignal>> {
        match returned.cast_exact::<Signal>() {
            Ok(signal) => Ok(Some(signal.get().value)),
            Err(_) => Err(Stop::Fault(not_a_signal(
                self.ctx.get().facts(),
                method,
                returned,
            ))),
        }
    }

    fn call_hook<'py>(
        &self,
        py: Python<'py>,
        ctx: &mut CoreCtx<'_>,
        method: &str,
        argument: Option<Bound<'py, PyAny>>,
    ) -> Outcome<Bound<'py, PyAny>> {
        let Some(ready) = &self.ready else {
            return Ok(py.None().into_bound(py));
        };
        ready.follow(py);
        let instance = ready.instance.bind(py);
        self.ctx
            .get()
            .lend(py, ctx, || match argument {
                Some(argument) => instance.call_method1(method, (&self.ctx, argument)),
                None => instance.call_method1(method, (&self.ctx,)),
            })
            .map_err(|error| raised(py, &error))
    }
}

impl Strategy for PyStrategy {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        Python::attach(|py| {
            let stop = |error: PyErr| raised(py, &error);
            let instance = self.factory.bind(py).call0().map_err(stop)?;
            let returned = self
                .ctx
                .get()
                .loan()
                .lend_setup(py, ctx, || {
                    instance.call_method1(intern!(py, "setup"), (&self.ctx,))
                })
                .map_err(stop)?;
            if !returned.is_none() {
                return Err(Stop::Fault(unexpected(
                    self.ctx.get().facts(),
                    "setup",
                    &returned,
                )));
            }
            let generate_signal =
                Method::of(&instance, intern!(py, "generate_signal")).map_err(stop)?;
            self.ready = Some(Ready {
                instance: instance.unbind(),
                generate_signal,
                indicators: self.ctx.get().take_handles(),
            });
            Ok(())
        })
    }

    #[inline]
    fn generate_signal(&mut self, ctx: &mut CoreCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some(ready) = &self.ready else {
            return Ok(None);
        };
        attached(|py| {
            ready.follow(py);
            let called = self.quick.lend(py, &self.ctx, ctx, || {
                ready.generate_signal.call(py, &self.ctx)
            });
            match called {
                Ok(returned) => self.signal("generate_signal", &returned),
                Err(error) => Err(raised(py, &error)),
            }
        })
    }

    fn fed(&mut self) {
        if let Some(ready) = &self.ready {
            attached(|py| ready.follow(py));
        }
    }

    fn on_hook(&mut self, ctx: &mut CoreCtx<'_>, hook: &Hook) -> Outcome<Option<TradeSignal>> {
        Python::attach(|py| {
            let pair = &self.ctx.get().facts().pair;
            let (method, argument) = match hook {
                Hook::Start => ("on_start", Ok(None)),
                Hook::Stop => ("on_stop", Ok(None)),
                Hook::Fill(fill) => ("on_fill", object(py, PyFill::new(pair, fill))),
                Hook::Order(order) => ("on_order", object(py, PyOrder::new(pair, order))),
                Hook::Refused(refusal) => ("on_refused", object(py, PyRefusal::new(pair, refusal))),
                Hook::Time(event) => ("on_time", object(py, PyTimeEvent::new(event))),
            };
            let argument = argument.map_err(|error| raised(py, &error))?;
            let timed = matches!(hook, Hook::Time(_));
            if timed {
                self.ctx
                    .get()
                    .set_woken_by(argument.clone().map(Bound::unbind));
            }
            let called = self.call_hook(py, ctx, method, argument);
            if timed {
                self.ctx.get().set_woken_by(None);
            }
            let returned = called?;
            match hook {
                Hook::Fill(_) | Hook::Time(_) => self.signal(method, &returned),
                _ if returned.is_none() => Ok(None),
                _ => Err(Stop::Fault(unexpected(
                    self.ctx.get().facts(),
                    method,
                    &returned,
                ))),
            }
        })
    }

    fn memory(&mut self) -> Result<Vec<u8>, Unkept> {
        let Some(ready) = &self.ready else {
            return Err(Unkept::Never("its setup has failed".to_owned()));
        };
        Python::attach(|py| {
            let random = self.ctx.get().drawn_from(py);
            let remember = py.import("pairloom._memory")?.getattr("remember")?;
            let handles = PyTuple::new(py, &ready.indicators)?;
            remember
                .call1((&ready.instance, handles, &self.ctx, random))?
                .extract()
        })
        .map_err(|error: PyErr| unkept(&error))
    }

    fn held(&mut self) -> Result<Vec<Held>, Unkept> {
        let Some(ready) = &self.ready else {
            return Ok(Vec::new());
        };
        let held: Vec<(u64, String)> = Python::attach(|py| {
            let held = py.import("pairloom._memory")?.getattr("held")?;
            held.call1((&ready.instance,))?.extract()
        })
        .map_err(|error: PyErr| unkept(&error))?;
        let held = held.into_iter();
        Ok(held.map(|(id, what)| Held { id, what }).collect())
    }

    fn recall(&mut self, memory: &[u8]) -> Result<(), String> {
        let Some(ready) = &self.ready else {
            return Err("its setup has failed".to_owned());
        };
        Python::attach(|py| {
            let recall = py.import("pairloom._memory")?.getattr("recall")?;
            let handles = PyTuple::new(py, &ready.indicators)?;
            let ctx = self.ctx.clone_ref(py);
            let random = PyCFunction::new_closure(py, None, None, move |args, _| {
                ctx.get().source(args.py())
            })?;
            let memory = PyBytes::new(py, memory);
            recall.call1((&ready.instance, memory, handles, &self.ctx, random))?;
            Ok(())
        })
        .map_err(|error: PyErr| {
            let why = error.to_string();
            say_again(&error);
            why
        })
    }

    fn hooks(&self) -> Hooks {
        self.hooks
    }

    fn lane(&self) -> Lane {
        self.lane
    }
}

/// Why what a strategy remembers could not be asked for.
fn unkept(error: &PyErr) -> Unkept {
    if Python::attach(|py| error.is_instance_of::<PyKeyboardInterrupt>(py)) {
        return Unkept::Interrupted;
    }
    Unkept::Never(error.to_string())
}

/// Ctrl-C before the run has begun is not for this strategy: whoever called the engine hears of it once that returns.
fn say_again(error: &PyErr) {
    if Python::attach(|py| error.is_instance_of::<PyKeyboardInterrupt>(py)) {
        // SAFETY: it may be called at any time, and only notes that the signal came.
        unsafe { ffi::PyErr_SetInterrupt() };
    }
}

fn object<'py, T>(py: Python<'py>, value: T) -> PyResult<Option<Bound<'py, PyAny>>>
where
    T: pyo3::PyClass + Into<PyClassInitializer<T>>,
{
    Ok(Some(Bound::new(py, value)?.into_any()))
}

impl Drop for PyStrategy {
    fn drop(&mut self) {
        // What a strategy holds is let go while attached: dropped elsewhere, Python objects would wait for a later turn.
        Python::attach(|_| self.ready = None);
    }
}
