//! The numbers that strategies give: exact decimals, or why they are none.

use pairloom_core::domain::Amount;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyType};
use rust_decimal::Decimal;

use crate::errors::{shown, type_name};

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// A number as a user gave it: a float means its shortest decimal, all others mean what they say.
///
/// `what` names it in the `TypeError` for what is no number.
pub(crate) fn amount(value: &Bound<'_, PyAny>, what: &str) -> PyResult<Amount> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(Amount::from_f64(float.value()));
    }
    if value.is_instance_of::<PyBool>() {
        return Err(no_number(value, what));
    }
    if let Ok(whole) = value.cast::<PyInt>() {
        return match whole.extract::<i64>() {
            Ok(small) => Ok(Amount::Exact(Decimal::from(small))),
            Err(_) => huge(whole.as_any(), what),
        };
    }
    if let Ok(text) = value.cast::<PyString>() {
        return parsed(value, text, what);
    }
    if value.is_instance(DECIMAL.import(value.py(), "decimal", "Decimal")?)? {
        return parsed(value, &value.str()?, what);
    }
    match numpy_scalar(value)? {
        Some(plain) => amount(&plain, what),
        None => Err(no_number(value, what)),
    }
}

/// An optional number.
pub(crate) fn optional_amount(
    value: Option<&Bound<'_, PyAny>>,
    what: &str,
) -> PyResult<Option<Amount>> {
    value.map(|value| amount(value, what)).transpose()
}

/// An integer beyond 64 bits; one with more digits than a decimal has is only known to be too large.
fn huge(value: &Bound<'_, PyAny>, what: &str) -> PyResult<Amount> {
    match value.str() {
        Ok(text) => parsed(value, &text, what),
        // Python refuses to print integers of thousands of digits.
        Err(_) => Ok(Amount::TooLarge {
            negative: value.lt(0)?,
        }),
    }
}

fn parsed(value: &Bound<'_, PyAny>, text: &Bound<'_, PyString>, what: &str) -> PyResult<Amount> {
    Amount::parse(text.to_str()?).map_err(|_| no_number(value, what))
}

/// The plain number behind a NumPy scalar (or an array without dimensions).
fn numpy_scalar<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    let module = value.get_type().module();
    if !module.is_ok_and(|name| name.to_str().is_ok_and(|name| name == "numpy")) {
        return Ok(None);
    }
    if value.getattr(intern!(py, "ndim"))?.ne(0)? {
        return Ok(None);
    }
    let item = value.call_method0(intern!(py, "item"))?;
    if item.is_exact_instance_of::<PyFloat>() && !value.is_instance_of::<PyFloat>() {
        // A float32 means its own shortest decimal: 0.1, not 0.10000000149011612.
        return Ok(Some(value.str()?.into_any()));
    }
    let plain = item.is_instance_of::<PyFloat>() || item.is_instance_of::<PyInt>();
    Ok((plain && !item.is_instance_of::<PyBool>()).then_some(item))
}

fn no_number(value: &Bound<'_, PyAny>, what: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{what} is {}, {}; give a number (float, int, Decimal, or text such as \"1.5\")",
        shown(value),
        with_article(&type_name(value))
    ))
}

/// Another argument than a number, by its name in the `TypeError` for what it is not; `wanted` says what it is.
pub(crate) fn argument<'py, T>(value: &Bound<'py, PyAny>, what: &str, wanted: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    value.extract().map_err(|_| {
        PyTypeError::new_err(format!(
            "{what} is {}, {}; give {wanted}",
            shown(value),
            with_article(&type_name(value))
        ))
    })
}

fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
