//! Python's exceptions from Rust: `pairloom.errors` made on demand, each with its stable code.

use std::collections::BTreeMap;

use pairloom_core::error::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

/// An exception class of `pairloom.errors`, imported once.
///
/// The package imports this module, so the classes can only be fetched when the first error is made.
pub(crate) struct ErrorClass {
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

/// The parent of all.
pub(crate) static PAIRLOOM: ErrorClass = ErrorClass::new("PairloomError");
/// Settings and arguments that make no sense.
pub(crate) static CONFIG: ErrorClass = ErrorClass::new("ConfigError");
/// Data that cannot be used.
pub(crate) static DATA: ErrorClass = ErrorClass::new("DataError");
/// What a strategy did wrong with what it was given.
pub(crate) static STRATEGY: ErrorClass = ErrorClass::new("StrategyError");
/// A journal that cannot be written, read or continued.
pub(crate) static JOURNAL: ErrorClass = ErrorClass::new("JournalError");
/// The order engine or its broker.
pub(crate) static BROKER: ErrorClass = ErrorClass::new("BrokerError");

impl ErrorClass {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            class: PyOnceLock::new(),
        }
    }

    /// The error with its text for people and its code for programs.
    pub(crate) fn error(&self, py: Python<'_>, code: &str, message: &str) -> PyErr {
        self.instance(py, code, message)
            .map_or_else(|error| error, PyErr::from_value)
    }

    /// The same as an object.
    pub(crate) fn instance<'py>(
        &self,
        py: Python<'py>,
        code: &str,
        message: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let class = self.class.import(py, "pairloom.errors", self.name)?;
        let keywords = PyDict::new(py);
        keywords.set_item("code", code)?;
        class.call((message,), Some(&keywords))
    }
}

/// The exception that an error of the engine becomes.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error.kind {
        ErrorKind::Config => &CONFIG,
        ErrorKind::Data => &DATA,
        ErrorKind::Broker => &BROKER,
        ErrorKind::Journal => &JOURNAL,
    };
    let raised = class.error(py, error.code, &error.message);
    if error.kind == ErrorKind::Journal && !error.details.is_empty() {
        let details: BTreeMap<&str, &str> = error
            .details
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // Programs may want them; the sentence has them all.
        let _ = raised.value(py).setattr("details", details);
    }
    raised
}

/// `repr(value)` for a message, cut where it gets long; a value whose `repr` fails is named by its type.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 120;
    let Ok(text) = value.repr().and_then(|text| text.extract::<String>()) else {
        return format!("a {}", type_name(value));
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}...")
}

/// The name of a value's type.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value
        .get_type()
        .name()
        .and_then(|name| name.extract::<String>());
    name.unwrap_or_else(|_| "value of a type without a name".to_owned())
}
