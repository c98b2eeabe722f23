//! `Signal`: what a strategy returns.

use std::hash::{DefaultHasher, Hash, Hasher};

use pairloom_core::domain::{Amount, Side};
use pairloom_core::signal::{SizeSpec, TradeSignal};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};

use crate::errors::shown;
use crate::numbers::{amount, optional_amount};
use crate::plain::{Field, Reduced, reduced_as, side_of};

/// What a strategy wants its position to be.
///
/// `Signal.LONG`, `Signal.SHORT`, `Signal.CLOSE` and `Signal.REVERSE` are about the side, at the trader's own
/// size; `Signal.long(size=..., limit=...)`, `Signal.short(...)` and `Signal.target(size)` name a quantity.
/// Sizes are a number (of the base currency), `{"base": q}`, `{"quote": n}` or `{"equity": fraction}`.
#[pyclass(frozen, module = "pairloom", name = "Signal")]
pub(crate) struct Signal {
    pub(crate) value: TradeSignal,
}

#[pymethods]
impl Signal {
    #[classattr]
    const LONG: Self = Self {
        value: TradeSignal::LONG,
    };
    #[classattr]
    const SHORT: Self = Self {
        value: TradeSignal::SHORT,
    };
    #[classattr]
    const CLOSE: Self = Self {
        value: TradeSignal::Close,
    };
    #[classattr]
    const REVERSE: Self = Self {
        value: TradeSignal::Reverse,
    };

    /// Be long: with `size` exactly that much, with `limit` at that price or better.
    #[staticmethod]
    #[pyo3(signature = (size = None, *, limit = None))]
    fn long(size: Option<&Bound<'_, PyAny>>, limit: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        side(Side::Buy, size, limit)
    }

    /// Be short: with `size` exactly that much, with `limit` at that price or better.
    #[staticmethod]
    #[pyo3(signature = (size = None, *, limit = None))]
    fn short(size: Option<&Bound<'_, PyAny>>, limit: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        side(Side::Sell, size, limit)
    }

    /// Hold exactly this much, negative for short; 0 is flat.
    #[staticmethod]
    fn target(size: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            value: TradeSignal::Target(size_spec(size)?),
        })
    }

    fn __repr__(&self) -> String {
        match self.value {
            TradeSignal::LONG => "Signal.LONG".to_owned(),
            TradeSignal::SHORT => "Signal.SHORT".to_owned(),
            TradeSignal::Close => "Signal.CLOSE".to_owned(),
            TradeSignal::Reverse => "Signal.REVERSE".to_owned(),
            TradeSignal::Target(size) => format!("Signal.target({})", size_text(&size)),
            TradeSignal::Side { side, size, limit } => {
                let name = if side == Side::Buy { "long" } else { "short" };
                let size = size.map(|size| format!("size={}", size_text(&size)));
                let limit = limit.map(|limit| format!("limit={}", amount_text(&limit)));
                let inside: Vec<String> = size.into_iter().chain(limit).collect();
                format!("Signal.{name}({})", inside.join(", "))
            }
        }
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Self>()
            .is_ok_and(|other| other.get().value == self.value)
    }

    fn __hash__(&self) -> u64 {
        // Equal signals print alike.
        let mut hasher = DefaultHasher::new();
        self.__repr__().hash(&mut hasher);
        hasher.finish()
    }

    /// The constants come back as themselves, others as what they name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let py = slf.py();
        let (word, size, limit) = match slf.get().value {
            TradeSignal::LONG => return constant(py, "LONG"),
            TradeSignal::SHORT => return constant(py, "SHORT"),
            TradeSignal::Close => return constant(py, "CLOSE"),
            TradeSignal::Reverse => return constant(py, "REVERSE"),
            TradeSignal::Target(size) => (TARGET, Some(size), None),
            TradeSignal::Side { side, size, limit } => (side.name(), size, limit),
        };
        let (unit, size) = size.map(|size| unit_of(&size)).unzip();
        let fields = [
            Some(word.to_owned()),
            unit.map(str::to_owned),
            size.map(|amount| kept_text(&amount)),
            limit.map(|amount| kept_text(&amount)),
        ];
        reduced_as(py, "Signal", fields.map(Field::Text).to_vec())
    }
}

/// What a signal that names a position is called where it is kept.
const TARGET: &str = "target";

fn constant<'py>(py: Python<'py>, name: &str) -> PyResult<Reduced<'py>> {
    let getattr = py.import("builtins")?.getattr("getattr")?;
    let class = py.get_type::<Signal>();
    Ok((getattr, (class, name).into_pyobject(py)?))
}

impl Signal {
    /// The signal that was pickled as this.
    pub(crate) fn again(fields: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let (word, unit, size, limit): (String, Option<String>, Option<String>, Option<String>) =
            fields.extract()?;
        let wrong = || PyValueError::new_err(format!("{fields} is no signal"));
        let size = match (unit.as_deref(), size) {
            (None, _) => None,
            (Some(unit), Some(size)) => {
                let size = kept_amount(&size).ok_or_else(wrong)?;
                Some(match unit {
                    "base" => SizeSpec::Base(size),
                    "quote" => SizeSpec::Quote(size),
                    "equity" => SizeSpec::Equity(size),
                    _ => return Err(wrong()),
                })
            }
            (Some(_), None) => return Err(wrong()),
        };
        let limit = limit.map(|limit| kept_amount(&limit).ok_or_else(wrong));
        let limit = limit.transpose()?;
        let value = if word == TARGET {
            TradeSignal::Target(size.ok_or_else(wrong)?)
        } else {
            let side = side_of(&word)?;
            TradeSignal::Side { side, size, limit }
        };
        Ok(Self { value })
    }
}

const fn unit_of(size: &SizeSpec) -> (&'static str, Amount) {
    match size {
        SizeSpec::Base(amount) => ("base", *amount),
        SizeSpec::Quote(amount) => ("quote", *amount),
        SizeSpec::Equity(amount) => ("equity", *amount),
    }
}

/// An amount as a text that tells all of it, which the one for people does not: what is too large is no infinity.
fn kept_text(amount: &Amount) -> String {
    match amount {
        Amount::Exact(value) => value.to_string(),
        Amount::NotFinite => NOT_FINITE.to_owned(),
        Amount::TooLarge { negative: false } => TOO_LARGE.to_owned(),
        Amount::TooLarge { negative: true } => TOO_SMALL.to_owned(),
    }
}

fn kept_amount(text: &str) -> Option<Amount> {
    Some(match text {
        NOT_FINITE => Amount::NotFinite,
        TOO_LARGE => Amount::TooLarge { negative: false },
        TOO_SMALL => Amount::TooLarge { negative: true },
        _ => Amount::Exact(text.parse().ok()?),
    })
}

const NOT_FINITE: &str = "not finite";
const TOO_LARGE: &str = "too large";
const TOO_SMALL: &str = "too small";

fn side(
    side: Side,
    size: Option<&Bound<'_, PyAny>>,
    limit: Option<&Bound<'_, PyAny>>,
) -> PyResult<Signal> {
    let size = size.map(size_spec).transpose()?;
    let limit = optional_amount(limit, "limit")?;
    Ok(Signal {
        value: TradeSignal::Side { side, size, limit },
    })
}

/// Reads a size: a number, or a dict that says of what.
fn size_spec(size: &Bound<'_, PyAny>) -> PyResult<SizeSpec> {
    let Ok(mapping) = size.cast::<PyMapping>() else {
        return Ok(SizeSpec::Base(amount(size, "size")?));
    };
    let wrong = || {
        PyTypeError::new_err(format!(
            "size is {}; write a number (of the base currency), {{'base': 1.5}}, {{'quote': 100}} or \
             {{'equity': 0.1}}",
            shown(size)
        ))
    };
    let items = mapping.items()?;
    if items.len() != 1 {
        return Err(wrong());
    }
    let (unit, number): (Bound<'_, PyAny>, Bound<'_, PyAny>) = items.get_item(0)?.extract()?;
    let unit = unit.cast::<PyString>().map_err(|_| wrong())?;
    match unit.to_str()? {
        "base" => Ok(SizeSpec::Base(amount(&number, "size['base']")?)),
        "quote" => Ok(SizeSpec::Quote(amount(&number, "size['quote']")?)),
        "equity" => Ok(SizeSpec::Equity(amount(&number, "size['equity']")?)),
        _ => Err(wrong()),
    }
}

/// Reads a size as `pairloom` has already checked it: a dict with one key, the number as text.
pub(crate) fn size_setting(size: &Bound<'_, PyAny>) -> PyResult<SizeSpec> {
    size_spec(size.cast::<PyDict>()?.as_any())
}

fn size_text(size: &SizeSpec) -> String {
    match size {
        SizeSpec::Base(amount) => amount_text(amount),
        SizeSpec::Quote(amount) => format!("{{'quote': {}}}", amount_text(amount)),
        SizeSpec::Equity(amount) => format!("{{'equity': {}}}", amount_text(amount)),
    }
}

fn amount_text(amount: &Amount) -> String {
    match amount {
        Amount::Exact(value) => value.to_string(),
        Amount::NotFinite => "nan".to_owned(),
        Amount::TooLarge { negative: false } => "inf".to_owned(),
        Amount::TooLarge { negative: true } => "-inf".to_owned(),
    }
}
