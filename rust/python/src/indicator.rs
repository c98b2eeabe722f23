//! `Indicator`: the values of an indicator as its strategy reads them, and indicators over whole columns.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pairloom_core::indicator::{
    Cell, Graph, IndicatorError, IndicatorId, Kind, Spec, compute_columns,
};
use pairloom_core::market::Field;
use pyo3::exceptions::{PyAttributeError, PyIndexError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyType};

use crate::errors::{CONFIG, shown};
use crate::slot::{FloatSlot, Member, add_members};
use crate::values::float;

/// An indicator that a strategy asked for in `setup`, updated before each of its calls.
///
/// `value` is the current value (NaN until `ready`), `[-1]` the same, `[-2]` the one before. Outputs of an indicator
/// that has several are attributes: `macd.signal`, `boll.upper`.
#[pyclass(frozen, module = "pairloom", name = "Indicator")]
pub(crate) struct Indicator {
    /// What `value` gives. It follows the cell: see [`Indicator::follow`].
    value: FloatSlot,
    pub(crate) cell: Arc<Cell>,
    pub(crate) id: IndicatorId,
    pub(crate) trader: u64,
    pub(crate) kind: &'static str,
}

/// One output of an indicator as it was when it was read: a float that can still be asked for a crossing.
#[pyclass(frozen, extends = PyFloat, module = "pairloom._native", name = "Output")]
pub(crate) struct Output {
    pub(crate) cell: Arc<Cell>,
    pub(crate) id: IndicatorId,
    pub(crate) trader: u64,
    pub(crate) output: u8,
}

#[pymethods]
impl Output {
    /// Whether this output rose above the other with the last update: it was not above it before.
    fn crossed_above(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(Line {
            cell: &self.cell,
            output: self.output,
        }
        .crossed_above(&Level::of(other)?))
    }

    /// Whether this output fell below the other with the last update: it was not below it before.
    fn crossed_below(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(Line {
            cell: &self.cell,
            output: self.output,
        }
        .crossed_below(&Level::of(other)?))
    }

    /// The number that it is, NaN until the indicator is ready.
    #[getter]
    fn value(slf: &Bound<'_, Self>) -> f64 {
        slf.as_super().value()
    }

    /// Whether the indicator has a value.
    #[getter]
    fn ready(&self) -> bool {
        self.cell.ready()
    }

    /// This output so many updates ago: `[-1]` is the current one, `[-2]` the one before; NaN where there was none.
    fn __getitem__(&self, index: isize) -> PyResult<f64> {
        let name = self.cell.outputs().get(usize::from(self.output));
        updates_ago(&self.cell, self.output, name.unwrap_or(&"value"), index)
    }

    /// A copy, or what was pickled, is the number alone: the indicator belongs to its run.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (f64,)) {
        (slf.py().get_type::<PyFloat>(), (slf.as_super().value(),))
    }
}

#[pymethods]
impl Indicator {
    /// The current value; NaN until the indicator is ready.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn value(&self) -> f64 {
        self.cell.value(0)
    }

    /// Whether there is a value.
    #[getter]
    fn ready(&self) -> bool {
        self.cell.ready()
    }

    /// The difference of the fast and the slow average, of a MACD.
    #[getter]
    fn macd<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "macd")
    }

    /// The average of the MACD line.
    #[getter]
    fn signal<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "signal")
    }

    /// The MACD line less its signal line.
    #[getter]
    fn histogram<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "histogram")
    }

    /// The average in the middle, of Bollinger bands.
    #[getter]
    fn middle<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "middle")
    }

    /// The upper Bollinger band.
    #[getter]
    fn upper<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "upper")
    }

    /// The lower Bollinger band.
    #[getter]
    fn lower<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "lower")
    }

    /// The average directional index.
    #[getter]
    fn adx<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "adx")
    }

    /// The positive directional indicator, of an ADX.
    #[getter]
    fn plus_di<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "plus_di")
    }

    /// The negative directional indicator, of an ADX.
    #[getter]
    fn minus_di<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "minus_di")
    }

    /// The %K line of a stochastic oscillator.
    #[getter]
    fn k<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "k")
    }

    /// The %D line of a stochastic oscillator.
    #[getter]
    fn d<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "d")
    }

    /// The opening of a Heikin-Ashi candle.
    #[getter]
    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "open")
    }

    /// The high of a Heikin-Ashi candle.
    #[getter]
    fn high<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "high")
    }

    /// The low of a Heikin-Ashi candle.
    #[getter]
    fn low<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "low")
    }

    /// The close of a Heikin-Ashi candle.
    #[getter]
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.output(py, "close")
    }

    /// The value of so many updates ago: `[-1]` is the current one, `[-2]` the one before; NaN where there was none.
    fn __getitem__(&self, index: isize) -> PyResult<f64> {
        updates_ago(&self.cell, 0, self.kind, index)
    }

    /// Whether the indicator rose above the other (an indicator, one of its outputs or a number) with the last update.
    fn crossed_above(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.line().crossed_above(&Level::of(other)?))
    }

    /// Whether the indicator fell below the other (an indicator, one of its outputs or a number) with the last update.
    fn crossed_below(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.line().crossed_below(&Level::of(other)?))
    }

    fn __float__(&self) -> f64 {
        self.cell.value(0)
    }

    fn __repr__(&self) -> String {
        let outputs: Vec<String> = (0_u8..)
            .zip(self.cell.outputs())
            .map(|(output, name)| format!("{name}={}", float(self.cell.value(output))))
            .collect();
        format!("<Indicator {}: {}>", self.kind, outputs.join(", "))
    }
}

impl Indicator {
    pub(crate) fn new(
        py: Python<'_>,
        cell: Arc<Cell>,
        id: IndicatorId,
        trader: u64,
        kind: &'static str,
    ) -> Self {
        Self {
            value: FloatSlot::new(py, cell.value(0)),
            cell,
            id,
            trader,
            kind,
        }
    }

    /// Brings `value` to what the cell says. Whoever updates the cell does this before Python may look.
    #[inline]
    pub(crate) fn follow(&self, py: Python<'_>) {
        self.value.set(py, self.cell.value(0));
    }

    fn line(&self) -> Line<'_> {
        Line {
            cell: &self.cell,
            output: 0,
        }
    }

    fn output<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let place = self.cell.outputs().iter().position(|&known| known == name);
        let Some(output) = place.and_then(|place| u8::try_from(place).ok()) else {
            return Err(PyAttributeError::new_err(format!(
                "{} has no output {name:?}; it has {}",
                self.kind,
                self.cell.outputs().join(", ")
            )));
        };
        let read = Output {
            cell: Arc::clone(&self.cell),
            id: self.id,
            trader: self.trader,
            output,
        };
        let object = Bound::new(py, read)?;
        // SAFETY: `Output` extends float, so its layout begins with a `PyFloatObject`. Nobody else has seen the object yet,
        // so its value, 0.0 since it was made a line ago, can still be written.
        unsafe {
            (*object.as_ptr().cast::<ffi::PyFloatObject>()).ob_fval = self.cell.value(output);
        }
        Ok(object.into_any())
    }
}

/// An output by Python's negative index.
fn updates_ago(cell: &Cell, output: u8, name: &str, index: isize) -> PyResult<f64> {
    let back = index
        .checked_neg()
        .and_then(|back| usize::try_from(back - 1).ok());
    let Some(back) = back else {
        return Err(PyIndexError::new_err(format!(
            "{name}[{index}]: values are counted back from the current one, [-1]; the one before is [-2]"
        )));
    };
    if back >= cell.keep() {
        return Err(PyIndexError::new_err(format!(
            "{name}[{index}]: it keeps {} values; ask for more with keep={}",
            cell.keep(),
            back + 1
        )));
    }
    Ok(cell.history(output, back).unwrap_or(f64::NAN))
}

/// Makes `value` an attribute that the interpreter reads without a call.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<Indicator>()?;
    module.add_class::<Output>()?;
    let mut graph = Graph::new(0, Field::Close);
    let id = graph
        .add(Spec::new(Kind::Sma { period: 1 }))
        .map_err(|error| indicator_error(py, &error))?;
    let any = Indicator::new(py, graph.cell(id), id, 0, "sma");
    let doc = c"The current value; NaN until the indicator is ready.";
    let value = Member::new(c"value", doc, |indicator: &Indicator| {
        indicator.value.place()
    });
    add_members(&Bound::new(py, any)?, &[value])
}

/// One output of an indicator.
#[derive(Clone, Copy)]
struct Line<'a> {
    cell: &'a Cell,
    output: u8,
}

/// What a line can cross.
enum Level {
    Line(Arc<Cell>, u8),
    Number(f64),
}

impl Level {
    fn of(other: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(indicator) = other.cast::<Indicator>() {
            return Ok(Self::Line(Arc::clone(&indicator.get().cell), 0));
        }
        if let Ok(output) = other.cast::<Output>() {
            return Ok(Self::Line(
                Arc::clone(&output.get().cell),
                output.get().output,
            ));
        }
        let number = other.is_instance_of::<PyFloat>() || other.is_instance_of::<PyInt>();
        if number && !other.is_instance_of::<PyBool>() {
            return Ok(Self::Number(other.extract()?));
        }
        Err(PyTypeError::new_err(format!(
            "an indicator crosses another indicator or a number, not {}",
            shown(other)
        )))
    }
}

impl Line<'_> {
    fn last_two(self) -> Option<(f64, f64)> {
        Some((
            self.cell.history(self.output, 1)?,
            self.cell.history(self.output, 0)?,
        ))
    }

    fn both(self, other: &Level) -> Option<((f64, f64), (f64, f64))> {
        let level = match other {
            Level::Line(cell, output) => Line {
                cell,
                output: *output,
            }
            .last_two()?,
            Level::Number(number) => (*number, *number),
        };
        Some((self.last_two()?, level))
    }

    fn crossed_above(self, other: &Level) -> bool {
        self.both(other)
            .is_some_and(|((before, now), (level_before, level))| {
                before <= level_before && now > level
            })
    }

    fn crossed_below(self, other: &Level) -> bool {
        self.both(other)
            .is_some_and(|((before, now), (level_before, level))| {
                before >= level_before && now < level
            })
    }
}

/// An indicator's error as the `ConfigError` it is.
pub(crate) fn indicator_error(py: Python<'_>, error: &IndicatorError) -> PyErr {
    CONFIG.error(py, error.code(), error.message())
}

/// Runs an indicator over whole columns, given as `(name, values)`; one column comes back for each output.
#[pyfunction]
pub(crate) fn compute_indicator<'py>(
    py: Python<'py>,
    kind: &str,
    parameters: Vec<(String, f64)>,
    columns: Vec<(String, PyReadonlyArray1<'py, f64>)>,
) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
    let parameters: Vec<(&str, f64)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let copies: Vec<(&str, Vec<f64>)> = columns
        .iter()
        .map(|(name, values)| (name.as_str(), values.as_array().iter().copied().collect()))
        .collect();
    let slices: Vec<(&str, &[f64])> = copies
        .iter()
        .map(|(name, values)| (*name, values.as_slice()))
        .collect();
    let computed = py
        .detach(|| compute_columns(kind, &parameters, &slices))
        .map_err(|error| indicator_error(py, &error))?;
    Ok(computed
        .into_iter()
        .map(|values| values.into_pyarray(py))
        .collect())
}
