//! The tables of a result: Arrow inside, any DataFrame library outside, none required.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, Int64Array, StringArray, StructArray,
    TimestampNanosecondArray,
};
use arrow_schema::ArrowError;
use arrow_schema::{DataType, Field, FieldRef, Schema, TimeUnit};
use numpy::IntoPyArray;
use pairloom_core::market::scale::decimal_to_f64;
use pyo3::exceptions::{PyImportError, PyIndexError, PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PySlice, PyTuple};
use pyo3_arrow::ffi::{ArrayIterator, to_stream_pycapsule};

use crate::cells::{cell, escaped, with_commas};

/// Decimals of money, as the ledger holds it.
const MONEY_SCALE: i8 = 18;
const MONEY_PRECISION: u8 = 38;
/// NumPy's "not a time".
const NAT: i64 = i64::MIN;
/// Rows shown of a table, half from its head and half from its tail.
const SHOWN: usize = 10;

/// A named column on its way into a table.
pub(crate) type NamedColumn = (FieldRef, ArrayRef);

/// Money, a price or a quantity in units of 10^-18.
pub(crate) fn money_column(
    name: &str,
    values: impl IntoIterator<Item = Option<i128>>,
) -> NamedColumn {
    let array: Decimal128Array = values.into_iter().collect();
    let kind = DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE);
    // Every i128 of the ledger is written as it is; the type only says where the point stands.
    let array =
        Decimal128Array::new(array.values().clone(), array.nulls().cloned()).with_data_type(kind);
    named(name, Arc::new(array))
}

/// Nanoseconds UTC.
pub(crate) fn time_column(
    name: &str,
    values: impl IntoIterator<Item = Option<i64>>,
) -> NamedColumn {
    let array: TimestampNanosecondArray = values.into_iter().collect();
    named(name, Arc::new(array.with_timezone("UTC")))
}

/// Whole numbers, such as ids.
pub(crate) fn integer_column(
    name: &str,
    values: impl IntoIterator<Item = Option<i64>>,
) -> NamedColumn {
    let array: Int64Array = values.into_iter().collect();
    named(name, Arc::new(array))
}

/// Text that differs from row to row, such as reasons.
pub(crate) fn text_column<S: AsRef<str>>(
    name: &str,
    values: impl IntoIterator<Item = Option<S>>,
) -> NamedColumn {
    let array: StringArray = values.into_iter().collect();
    named(name, Arc::new(array))
}

/// Text of few different words, such as names of traders: the words, and each row's index.
///
/// The column is plain text to readers; only here is it built from its words.
///
/// # Errors
/// If an index lies outside the words.
pub(crate) fn word_column<S: AsRef<str>>(
    name: &str,
    words: &[S],
    indices: impl IntoIterator<Item = Option<i32>>,
) -> Result<NamedColumn, ArrowError> {
    let words: StringArray = words.iter().map(|word| Some(word.as_ref())).collect();
    let indices = indices.into_iter().collect();
    let coded = DictionaryArray::<Int32Type>::try_new(indices, Arc::new(words))?;
    let plain = arrow_cast::cast(&coded, &DataType::Utf8)?;
    Ok(named(name, plain))
}

fn named(name: &str, array: ArrayRef) -> NamedColumn {
    (
        Arc::new(Field::new(name, array.data_type().clone(), true)),
        array,
    )
}

/// One table of a result.
///
/// It has an Arrow stream, so `polars.DataFrame(table)`, `pyarrow.table(table)` and DuckDB take it
/// as it is, with exact money; `to_pandas()` and `to_polars()` give money as floats. ``table["price"]``
/// is a column, ``table[0]`` a row, ``table[-5:]`` a table of the last five, and iteration gives rows.
#[pyclass(frozen, module = "pairloom", name = "Table")]
pub(crate) struct Table {
    name: String,
    batch: RecordBatch,
}

impl Table {
    /// A table of a whole batch.
    pub(crate) fn from_batch(name: impl Into<String>, batch: RecordBatch) -> Self {
        Table {
            name: name.into(),
            batch,
        }
    }

    /// A table of columns of one length.
    ///
    /// # Errors
    /// If their lengths differ.
    pub(crate) fn from_columns(name: &str, columns: Vec<NamedColumn>) -> Result<Self, ArrowError> {
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        Ok(Table::from_batch(name, batch))
    }

    /// All of it.
    pub(crate) const fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    fn names(&self) -> Vec<&str> {
        let schema = self.batch.schema_ref();
        schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect()
    }

    fn array(&self, name: &str) -> PyResult<&ArrayRef> {
        self.batch.column_by_name(name).ok_or_else(|| {
            PyKeyError::new_err(format!(
                "the table '{}' has no column '{name}'; it has {}",
                self.name,
                self.names().join(", ")
            ))
        })
    }

    /// Everything but money as it is, money as floats.
    fn with_floats(&self) -> Result<RecordBatch, ArrowError> {
        let schema = self.batch.schema_ref();
        let columns = schema.fields().iter().zip(self.batch.columns());
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns
            .map(|(field, array)| match array.data_type() {
                DataType::Decimal128(_, scale) => {
                    let floats = array
                        .as_primitive::<Decimal128Type>()
                        .unary::<_, Float64Type>(|units| decimal_to_f64(units, i32::from(*scale)));
                    named(field.name(), Arc::new(floats))
                }
                _ => (field.clone(), array.clone()),
            })
            .unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// The name of the table, such as ``fills``.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<&str> {
        self.names()
    }

    /// One column as a NumPy array: float64 for money, datetime64[ns] (UTC) for times.
    ///
    /// Missing money is NaN, a missing time NaT, missing text None.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        to_numpy(py, self.array(name)?)
    }

    /// A column by its name, a row by its number (a dict of the columns' values), or some rows in a row as a table.
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Ok(name) = key.extract::<String>() {
            return self.column(py, &name);
        }
        if let Ok(slice) = key.cast::<PySlice>() {
            let rows = slice.indices(isize::try_from(self.batch.num_rows())?)?;
            if rows.step != 1 {
                let message = "rows of a table are taken without a step; to_pandas() knows others";
                return Err(PyValueError::new_err(message));
            }
            let (first, count) = (rows.start.unsigned_abs(), rows.slicelength);
            let part = Table::from_batch(self.name.clone(), self.batch.slice(first, count));
            return Ok(Bound::new(py, part)?.into_any());
        }
        let Ok(number) = key.extract::<isize>() else {
            let message = "a table is asked for a column by name, or for rows by number";
            return Err(PyTypeError::new_err(message));
        };
        Ok(self.row(py, number)?.into_any())
    }

    /// The rows, each a dict of the columns' values.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let builtins = py.import("builtins")?;
        let (map, zip) = (builtins.getattr("map")?, builtins.getattr("zip")?);
        let columns = self.batch.columns().iter().map(|a| to_numpy(py, a));
        let columns = PyTuple::new(py, columns.collect::<PyResult<Vec<_>>>()?)?;
        let names = py
            .import("itertools")?
            .call_method1("repeat", (self.names(),))?;
        let pairs = map.call1((&zip, names, zip.call1(columns)?))?;
        map.call1((builtins.getattr("dict")?, pairs))
    }

    fn __contains__(&self, name: &str) -> bool {
        self.batch.column_by_name(name).is_some()
    }

    /// The table as a stream of the Arrow PyCapsule interface.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        stream(py, self.batch.clone(), requested_schema)
    }

    /// The table as a pandas frame; times are UTC, money is float64.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = library(py, "pandas")?;
        let frame = PyDict::new(py);
        for (name, array) in self.names().into_iter().zip(self.batch.columns()) {
            let values = to_numpy(py, array)?;
            let values = match array.data_type() {
                DataType::Timestamp(..) => {
                    let utc = PyDict::new(py);
                    utc.set_item("utc", true)?;
                    pandas.call_method("to_datetime", (values,), Some(&utc))?
                }
                // Without rows there is nothing to infer the type of texts from.
                DataType::Utf8 if array.is_empty() => {
                    let texts = pandas.getattr("Series")?.call1(([""],))?;
                    texts.call_method1("head", (0,))?
                }
                _ => values,
            };
            frame.set_item(name, values)?;
        }
        let columns = PyDict::new(py);
        columns.set_item("columns", self.names())?;
        pandas.getattr("DataFrame")?.call((frame,), Some(&columns))
    }

    /// The table as a polars frame; times are UTC, money is Float64.
    fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let polars = library(py, "polars")?;
        let batch = self.with_floats().map_err(arrow_error)?;
        let floats = Bound::new(py, Table::from_batch(self.name.clone(), batch))?;
        polars.getattr("DataFrame")?.call1((floats,))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (rows, gap) = self.shown(py)?;
        let names = self.names();
        let widths: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cells = rows.iter().map(|row| row[at].chars().count());
                cells.chain([name.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: Vec<&str>| -> String {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, w)| format!("{cell:>w$}"));
            padded.collect::<Vec<_>>().join("  ")
        };
        let mut lines = vec![self.title(), line(names)];
        for (index, row) in rows.iter().enumerate() {
            if Some(index) == gap {
                lines.push("...".into());
            }
            lines.push(line(row.iter().map(String::as_str).collect()));
        }
        Ok(lines.join("\n"))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (rows, gap) = self.shown(py)?;
        let cells = |tag: &str, row: &[String]| -> String {
            row.iter()
                .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)))
                .collect()
        };
        let names: Vec<String> = self.names().into_iter().map(str::to_owned).collect();
        let mut html = format!(
            "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>",
            escaped(&self.title()),
            cells("th", &names)
        );
        for (index, row) in rows.iter().enumerate() {
            if Some(index) == gap {
                html.push_str(&format!(
                    "<tr><td colspan=\"{}\">...</td></tr>",
                    names.len()
                ));
            }
            html.push_str(&format!("<tr>{}</tr>", cells("td", row)));
        }
        Ok(html + "</tbody></table>")
    }
}

impl Table {
    fn row<'py>(&self, py: Python<'py>, number: isize) -> PyResult<Bound<'py, PyDict>> {
        let rows = self.batch.num_rows();
        let at = match usize::try_from(number) {
            Ok(at) => Some(at),
            Err(_) => rows.checked_sub(number.unsigned_abs()),
        };
        let Some(at) = at.filter(|&at| at < rows) else {
            let message = format!("there is no row {number}: {}", self.title());
            return Err(PyIndexError::new_err(message));
        };
        let row = PyDict::new(py);
        for (name, array) in self.names().into_iter().zip(self.batch.columns()) {
            row.set_item(name, to_numpy(py, &array.slice(at, 1))?.get_item(0)?)?;
        }
        Ok(row)
    }

    fn title(&self) -> String {
        let rows = self.batch.num_rows();
        let plural = if rows == 1 { "" } else { "s" };
        format!("{}: {} row{plural}", self.name, with_commas(rows))
    }

    /// The cells of the first and last rows, and before which of them rows are left out.
    fn shown(&self, py: Python<'_>) -> PyResult<(Vec<Vec<String>>, Option<usize>)> {
        let rows = self.batch.num_rows();
        let (picked, gap): (Vec<usize>, _) = if rows <= SHOWN {
            ((0..rows).collect(), None)
        } else {
            let half = SHOWN / 2;
            ((0..half).chain(rows - half..rows).collect(), Some(half))
        };
        let cells = picked
            .into_iter()
            .map(|row| {
                self.batch
                    .columns()
                    .iter()
                    .map(|a| cell(py, a, row))
                    .collect()
            })
            .collect::<PyResult<_>>()?;
        Ok((cells, gap))
    }
}

fn arrow_error(error: ArrowError) -> PyErr {
    PyTypeError::new_err(error.to_string())
}

fn stream<'py>(
    py: Python<'py>,
    batch: RecordBatch,
    requested: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    // A stream of tables is a stream of one struct array per batch.
    let fields = DataType::Struct(batch.schema_ref().fields().clone());
    let field = Arc::new(Field::new("", fields, false));
    let arrays = std::iter::once(Ok(Arc::new(StructArray::from(batch)) as ArrayRef));
    let reader = Box::new(ArrayIterator::new(arrays, field));
    Ok(to_stream_pycapsule(py, reader, requested)?)
}

fn library<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyModule>> {
    py.import(name).map_err(|error| {
        if error.is_instance_of::<PyImportError>(py) {
            PyImportError::new_err(format!("to_{name}() needs {name}: pip install {name}"))
        } else {
            error
        }
    })
}

pub(crate) fn to_numpy<'py>(py: Python<'py>, array: &ArrayRef) -> PyResult<Bound<'py, PyAny>> {
    match array.data_type() {
        DataType::Decimal128(_, scale) => {
            let scale = i32::from(*scale);
            let floats = array.as_primitive::<Decimal128Type>().iter();
            let floats: Vec<f64> = floats
                .map(|v| v.map_or(f64::NAN, |units| decimal_to_f64(units, scale)))
                .collect();
            Ok(floats.into_pyarray(py).into_any())
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>().iter();
            let floats: Vec<f64> = floats.map(|v| v.unwrap_or(f64::NAN)).collect();
            Ok(floats.into_pyarray(py).into_any())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let times = array.as_primitive::<TimestampNanosecondType>().iter();
            let times: Vec<i64> = times.map(|v| v.unwrap_or(NAT)).collect();
            times
                .into_pyarray(py)
                .call_method1("view", ("datetime64[ns]",))
        }
        DataType::Int64 if array.null_count() == 0 => {
            let numbers = array.as_primitive::<Int64Type>().values().to_vec();
            Ok(numbers.into_pyarray(py).into_any())
        }
        DataType::Utf8 => {
            let words = PyList::new(py, array.as_string::<i32>().iter())?;
            objects(py, words)
        }
        DataType::Int64 => {
            let numbers = PyList::new(py, array.as_primitive::<Int64Type>().iter())?;
            objects(py, numbers)
        }
        other => Err(PyTypeError::new_err(format!(
            "no NumPy column for Arrow's {other}"
        ))),
    }
}

fn objects<'py>(py: Python<'py>, values: Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
    let kind = PyDict::new(py);
    kind.set_item("dtype", "object")?;
    py.import("numpy")?
        .call_method("array", (values,), Some(&kind))
}
