//! Tables of market data from files and Arrow streams, as NumPy columns.
//!
//! What comes out is private to `pairloom._data`, which gives the columns their meaning: a list of
//! `(name, kind, ...)` in the order of the input, where kind is one of
//!
//! * `("float", values)`: float64 or float32, missing values are NaN,
//! * `("half", values)`: the same, float32 that were float16,
//! * `("int", values, missing)`: int64 or uint64, and the rows without a value or `None`,
//! * `("bool", values)`,
//! * `("time", values)`: int64 nanoseconds UTC, missing values are NumPy's NaT,
//! * `("text", codes, words)`: int32 indices into the list of words, missing values are -1,
//! * `("ignored", what)`: a column that no one asked for, or that holds no numbers.

mod arrow_columns;
mod arrow_guard;
mod check;
mod column;
mod csv_file;
mod iso_time;
mod source;

use std::path::Path;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pairloom_core::domain::widened;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use pyo3_arrow::PyRecordBatchReader;

use crate::errors::DATA;
use column::{Column, Named, ReadError, Wanted};

/// Reads a CSV, Parquet or Feather file.
///
/// `text` names the columns (lower case) whose text matters, `labels` those that are text even if
/// they look like numbers; other columns of text are not read at all.
#[pyfunction]
pub(crate) fn read_table<'py>(
    py: Python<'py>,
    path: &str,
    origin: &str,
    text: Vec<String>,
    labels: Vec<String>,
) -> PyResult<Bound<'py, PyList>> {
    let wanted = Wanted { text, labels };
    let read = py.detach(|| guarded(|| source::read(Path::new(path), &wanted)));
    columns_to_python(py, read.map_err(|error| data_error(py, origin, error))?)
}

/// Reads any object with `__arrow_c_stream__`.
#[pyfunction]
pub(crate) fn read_stream<'py>(
    py: Python<'py>,
    table: &Bound<'py, PyAny>,
    origin: &str,
    text: Vec<String>,
    labels: Vec<String>,
) -> PyResult<Bound<'py, PyList>> {
    let wanted = Wanted { text, labels };
    let fail = |error: PyErr| {
        data_error(
            py,
            origin,
            ReadError::new("data.type", format!("is not a table of columns: {error}")),
        )
    };
    let reader = table
        .extract::<PyRecordBatchReader>()
        .and_then(PyRecordBatchReader::into_reader)
        .map_err(fail)?;
    let read = py.detach(|| guarded(|| arrow_columns::from_batches(reader, &wanted)));
    columns_to_python(py, read.map_err(|error| data_error(py, origin, error))?)
}

/// Parses ISO 8601 times; what is none comes back as NaT with its row in the second list. The third says which name a zone.
#[pyfunction]
pub(crate) fn parse_times<'py>(py: Python<'py>, texts: Vec<Option<String>>) -> Parsed<'py> {
    let mut bad = Vec::new();
    let mut times = Vec::with_capacity(texts.len());
    let mut zoned = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let time = text.as_deref().and_then(iso_time::parse);
        if time.is_none() {
            bad.push(row);
        }
        times.push(time.map_or(column::NAT, |time| time.nanos));
        zoned.push(time.is_some_and(|time| time.zoned));
    }
    (times.into_pyarray(py), bad, zoned.into_pyarray(py))
}

/// See [`parse_times`].
type Parsed<'py> = (
    Bound<'py, PyArray1<i64>>,
    Vec<usize>,
    Bound<'py, PyArray1<bool>>,
);

/// Numbers of single precision as the decimals that they were written as.
#[pyfunction]
pub(crate) fn widen<'py>(
    py: Python<'py>,
    singles: PyReadonlyArray1<'py, f32>,
) -> Bound<'py, PyArray1<f64>> {
    let singles = singles.as_array();
    let wide: Vec<f64> = singles.iter().map(|&single| widened(single)).collect();
    wide.into_pyarray(py)
}

/// Adds the functions of this folder to the native module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_table, module)?)?;
    module.add_function(wrap_pyfunction!(read_stream, module)?)?;
    module.add_function(wrap_pyfunction!(parse_times, module)?)?;
    module.add_function(wrap_pyfunction!(widen, module)?)?;
    module.add_function(wrap_pyfunction!(check::first_offence, module)?)?;
    module.add_function(wrap_pyfunction!(check::offending_rows, module)?)
}

/// A decoder that panics on a damaged file must not take the interpreter's error path with it.
fn guarded(read: impl FnOnce() -> Result<Vec<Named>, ReadError>) -> Result<Vec<Named>, ReadError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(ReadError::new(
            "data.corrupt",
            "is damaged: its contents contradict its own description".into(),
        ))
    })
}

/// A `pairloom.errors.DataError` that names the input.
fn data_error(py: Python<'_>, origin: &str, error: ReadError) -> PyErr {
    DATA.error(py, error.code, &format!("{origin} {}", error.message))
}

fn columns_to_python(py: Python<'_>, columns: Vec<Named>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for (name, column) in columns {
        list.append(column_to_python(py, name, column)?)?;
    }
    Ok(list)
}

fn column_to_python(py: Python<'_>, name: String, column: Column) -> PyResult<Bound<'_, PyTuple>> {
    match column {
        Column::Float(values) => (name, "float", values.into_pyarray(py)).into_pyobject(py),
        Column::Single(values) => (name, "float", values.into_pyarray(py)).into_pyobject(py),
        Column::Half(values) => (name, "half", values.into_pyarray(py)).into_pyobject(py),
        Column::Int(values, missing) => {
            (name, "int", values.into_pyarray(py), rows(py, missing)).into_pyobject(py)
        }
        Column::Unsigned(values, missing) => {
            (name, "int", values.into_pyarray(py), rows(py, missing)).into_pyobject(py)
        }
        Column::Bool(values) => (name, "bool", values.into_pyarray(py)).into_pyobject(py),
        Column::Time(values) => (name, "time", values.into_pyarray(py)).into_pyobject(py),
        Column::Text(codes, words) => {
            (name, "text", codes.into_pyarray(py), words.into_words()).into_pyobject(py)
        }
        Column::Ignored(what) => (name, "ignored", what).into_pyobject(py),
    }
}

/// Numbers of rows, if there are any.
fn rows(py: Python<'_>, rows: Vec<i64>) -> Option<Bound<'_, PyArray1<i64>>> {
    (!rows.is_empty()).then(|| rows.into_pyarray(py))
}
