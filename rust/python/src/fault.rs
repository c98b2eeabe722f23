//! What a Python strategy did wrong, in a sentence, with the original kept.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};

use pairloom_core::strategy::{FaultKind, Stop, StrategyFault};
use pyo3::exceptions::{PyBaseException, PyKeyboardInterrupt};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::compiled::CompiledFault;
use crate::ctx::Facts;
use crate::errors::{STRATEGY, shown};
use crate::signal::Signal;

/// Whether this process hears Ctrl-C. A worker does not, so there it is the strategy that raises `KeyboardInterrupt`.
static HEARS_INTERRUPT: AtomicBool = AtomicBool::new(true);

/// Says that this process does not hear Ctrl-C.
#[cfg(target_os = "linux")]
pub(crate) fn hears_no_interrupt() {
    HEARS_INTERRUPT.store(false, Ordering::Relaxed);
}

/// An exception that a strategy let through: it quarantines its trader, whatever it is, but for Ctrl-C.
#[cold]
pub(crate) fn raised(py: Python<'_>, error: &PyErr) -> Stop {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) && HEARS_INTERRUPT.load(Ordering::Relaxed) {
        return Stop::Interrupted;
    }
    let origin = error.clone_ref(py).into_value(py);
    let message = described(origin.bind(py));
    Stop::Fault(StrategyFault {
        kind: FaultKind::Raised,
        message,
        origin: Some(boxed(origin)),
    })
}

/// `Type: text` of an exception; one whose text cannot be made is named by its type.
pub(crate) fn described(error: &Bound<'_, PyBaseException>) -> String {
    let name = crate::errors::type_name(error.as_any());
    match error.str().and_then(|text| text.extract::<String>()) {
        Ok(text) if text.is_empty() => name,
        Ok(text) => format!("{name}: {text}"),
        Err(_) => format!("{name} (its text cannot be made)"),
    }
}

/// A method that may return a signal returned something else.
#[cold]
pub(crate) fn not_a_signal(
    facts: &Facts,
    method: &str,
    returned: &Bound<'_, PyAny>,
) -> StrategyFault {
    let hint = hint(returned).unwrap_or_else(|| {
        "return Signal.LONG, Signal.SHORT, Signal.CLOSE, Signal.REVERSE, Signal.target(size) or None".to_owned()
    });
    wrong(
        returned,
        format!(
            "{}.{method} returned {}; {hint}",
            facts.strategy,
            shown(returned)
        ),
    )
}

/// A method that returns nothing returned something.
#[cold]
pub(crate) fn unexpected(
    facts: &Facts,
    method: &str,
    returned: &Bound<'_, PyAny>,
) -> StrategyFault {
    let hint = match hint(returned) {
        Some(hint) if !returned.is_instance_of::<Signal>() => hint,
        _ => "only generate_signal, on_fill and on_time may return a signal; here, order with ctx.buy or ctx.sell"
            .to_owned(),
    };
    wrong(
        returned,
        format!(
            "{}.{method} returned {}; {hint}",
            facts.strategy,
            shown(returned)
        ),
    )
}

fn wrong(returned: &Bound<'_, PyAny>, message: String) -> StrategyFault {
    let py = returned.py();
    // A coroutine that nobody awaits complains when it goes, which would hide what is really wrong.
    if is_of(returned, "CoroutineType") {
        let _closed = returned.call_method0(intern!(py, "close"));
    }
    let origin = STRATEGY
        .instance(py, "strategy.not_a_signal", &message)
        .and_then(|error| Ok(error.cast_into::<PyBaseException>()?.unbind()));
    StrategyFault {
        kind: FaultKind::NotASignal,
        message,
        origin: origin.ok().map(boxed),
    }
}

/// The way out for what people return by mistake.
fn hint(returned: &Bound<'_, PyAny>) -> Option<String> {
    let py = returned.py();
    let class = py.get_type::<Signal>();
    for name in ["long", "short", "target"] {
        if class.getattr(name).is_ok_and(|method| method.is(returned)) {
            let constant = match name {
                "long" => ", or use Signal.LONG",
                "short" => ", or use Signal.SHORT",
                _ => " with a size, as in Signal.target(1.5)",
            };
            return Some(format!(
                "that is the method Signal.{name} itself: call it{constant}"
            ));
        }
    }
    if is_of(returned, "CoroutineType") {
        return Some("it is async: write it with def, not async def".to_owned());
    }
    if is_of(returned, "GeneratorType") || is_of(returned, "AsyncGeneratorType") {
        return Some("it is a generator: write return, not yield".to_owned());
    }
    None
}

fn is_of(value: &Bound<'_, PyAny>, name: &str) -> bool {
    let class = value
        .py()
        .import("types")
        .and_then(|types| types.getattr(name));
    class.is_ok_and(|class| {
        class
            .cast::<PyType>()
            .is_ok_and(|class| value.is_exact_instance(class))
    })
}

fn boxed(error: Py<PyBaseException>) -> Box<dyn Any + Send + Sync> {
    Box::new(error)
}

/// The exception behind a fault; one is made for a fault that has none, such as a panic of a native strategy.
pub(crate) fn origin<'py>(py: Python<'py>, fault: &StrategyFault) -> PyResult<Bound<'py, PyAny>> {
    let kept = fault
        .origin
        .as_ref()
        .and_then(|origin| origin.downcast_ref::<Py<PyBaseException>>());
    let compiled = fault
        .origin
        .as_ref()
        .and_then(|origin| origin.downcast_ref::<CompiledFault>());
    if let Some(compiled) = compiled {
        return Ok(compiled.exception(py)?.into_any());
    }
    #[cfg(target_os = "linux")]
    if let Some(travelled) = fault
        .origin
        .as_ref()
        .and_then(|origin| origin.downcast_ref::<crate::process::Travelled>())
    {
        return Ok(travelled.exception(py)?.into_any());
    }
    match kept {
        Some(error) => Ok(error.bind(py).clone().into_any()),
        None => {
            let code = format!("strategy.{}", fault.kind.name());
            STRATEGY.instance(py, &code, &fault.message)
        }
    }
}
