//! Objects that are nothing but what they show: two that show the same are equal, and they are pickled as that.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use pairloom_core::domain::Side;
use pairloom_core::market::{Candle, Quote, Trade};
use pairloom_core::strategy::PositionView;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::events::{PyCandle, PyQuote, PyTimeEvent, PyTrade};
use crate::shown::Show;
use crate::signal::Signal;
use crate::values::{PyExit, PyFill, PyOrder, PyPosition, PyRefusal};

/// One of the things that an object shows.
#[derive(Clone, Debug, IntoPyObject)]
pub(crate) enum Field {
    Whole(i64),
    Number(Option<u64>),
    Float(f64),
    Price(Option<f64>),
    Text(Option<String>),
}

impl Field {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }

    /// What is equal, where no number is equal to no number: an object is to be equal to itself.
    fn bits(value: f64) -> u64 {
        if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            // Both zeroes become the positive one.
            (value + 0.0).to_bits()
        }
    }

    fn key(&self) -> (Option<u64>, Option<&str>) {
        match self {
            Self::Whole(value) => (Some(value.cast_unsigned()), None),
            Self::Number(value) => (*value, None),
            Self::Float(value) => (Some(Self::bits(*value)), None),
            Self::Price(value) => (value.map(Self::bits), None),
            Self::Text(text) => (None, text.as_deref()),
        }
    }
}

/// Such an object.
pub(crate) trait Plain {
    /// The name of its class.
    const KIND: &'static str;

    /// What it shows, in the order in which [`shown_again`] takes it.
    fn fields(&self, py: Python<'_>) -> Vec<Field>;
}

/// What `__reduce__` returns of one.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// The same from its class's name and fields.
pub(crate) fn reduced_as<'py>(
    py: Python<'py>,
    kind: &str,
    fields: Vec<Field>,
) -> PyResult<Reduced<'py>> {
    let again = py.import("pairloom._native")?.getattr("shown_again")?;
    let mut parts = vec![kind.into_pyobject(py)?.into_any()];
    for field in fields {
        parts.push(field.into_pyobject(py)?);
    }
    Ok((again, PyTuple::new(py, parts)?))
}

pub(crate) fn reduced<'py, T: Plain>(py: Python<'py>, object: &T) -> PyResult<Reduced<'py>> {
    reduced_as(py, T::KIND, object.fields(py))
}

pub(crate) fn equal<T: Plain>(py: Python<'_>, one: &T, other: &T) -> bool {
    let (one, other) = (one.fields(py), other.fields(py));
    one.iter().map(Field::key).eq(other.iter().map(Field::key))
}

pub(crate) fn hashed<T: Plain>(py: Python<'_>, object: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    for field in object.fields(py) {
        field.key().hash(&mut hasher);
    }
    hasher.finish()
}

/// The object of this class that shows this, as it was pickled.
#[pyfunction]
#[pyo3(signature = (kind, *fields))]
pub(crate) fn shown_again(
    py: Python<'_>,
    kind: &str,
    fields: &Bound<'_, PyTuple>,
) -> PyResult<Py<PyAny>> {
    Ok(match kind {
        "Signal" => Py::new(py, Signal::again(fields)?)?.into_any(),
        "Candle" => Py::new(py, candle(fields)?)?.into_any(),
        "Quote" => Py::new(py, quote(fields)?)?.into_any(),
        "Trade" => Py::new(py, trade(fields)?)?.into_any(),
        "TimeEvent" => Py::new(py, time_event(fields)?)?.into_any(),
        "Position" => Py::new(py, position(fields)?)?.into_any(),
        "Fill" => Py::new(py, fill(fields)?)?.into_any(),
        "Order" => Py::new(py, order(fields)?)?.into_any(),
        "Refusal" => Py::new(py, refusal(fields)?)?.into_any(),
        "Exit" => Py::new(py, exit(fields)?)?.into_any(),
        _ => return Err(PyValueError::new_err(format!("there is no class {kind:?}"))),
    })
}

impl Plain for PyCandle {
    const KIND: &'static str = "Candle";

    fn fields(&self, py: Python<'_>) -> Vec<Field> {
        let shown = self.shown(py);
        vec![
            Field::Whole(shown.open_ts),
            Field::Whole(shown.close_ts),
            Field::Float(shown.open),
            Field::Float(shown.high),
            Field::Float(shown.low),
            Field::Float(shown.close),
            Field::Float(shown.volume),
        ]
    }
}

fn candle(fields: &Bound<'_, PyTuple>) -> PyResult<PyCandle> {
    let (open_ts, close_ts, open, high, low, close, volume) = fields.extract()?;
    let candle = Candle {
        open_ts,
        close_ts,
        open,
        high,
        low,
        close,
        volume,
    };
    Ok(PyCandle::new(fields.py(), &candle))
}

impl Plain for PyQuote {
    const KIND: &'static str = "Quote";

    fn fields(&self, py: Python<'_>) -> Vec<Field> {
        let shown = self.shown(py);
        vec![
            Field::Whole(shown.ts),
            Field::Float(shown.bid),
            Field::Float(shown.ask),
            Field::Float(shown.bid_size),
            Field::Float(shown.ask_size),
        ]
    }
}

fn quote(fields: &Bound<'_, PyTuple>) -> PyResult<PyQuote> {
    let (ts, bid, ask, bid_size, ask_size) = fields.extract()?;
    let quote = Quote {
        ts,
        bid,
        ask,
        bid_size,
        ask_size,
    };
    Ok(PyQuote::new(fields.py(), &quote))
}

impl Plain for PyTrade {
    const KIND: &'static str = "Trade";

    fn fields(&self, py: Python<'_>) -> Vec<Field> {
        let shown = self.shown(py);
        vec![
            Field::Whole(shown.ts),
            Field::Float(shown.price),
            Field::Float(shown.quantity),
            Field::Text(shown.side.map(|side| side.name().to_owned())),
        ]
    }
}

fn trade(fields: &Bound<'_, PyTuple>) -> PyResult<PyTrade> {
    let (ts, price, quantity, side): (_, _, _, Option<String>) = fields.extract()?;
    let trade = Trade {
        ts,
        price,
        quantity,
        side: side.as_deref().map(side_of).transpose()?,
    };
    Ok(PyTrade::new(fields.py(), &trade))
}

pub(crate) fn side_of(name: &str) -> PyResult<Side> {
    let sides = [Side::Buy, Side::Sell];
    let side = sides.into_iter().find(|side| side.name() == name);
    side.ok_or_else(|| PyValueError::new_err(format!("{name:?} is no side")))
}

impl Plain for PyTimeEvent {
    const KIND: &'static str = "TimeEvent";

    fn fields(&self, _: Python<'_>) -> Vec<Field> {
        vec![Field::Whole(self.ts), Field::text(&self.name)]
    }
}

fn time_event(fields: &Bound<'_, PyTuple>) -> PyResult<PyTimeEvent> {
    let (ts, name) = fields.extract()?;
    Ok(PyTimeEvent { ts, name })
}

impl Plain for PyPosition {
    const KIND: &'static str = "Position";

    fn fields(&self, py: Python<'_>) -> Vec<Field> {
        let shown = self.shown(py);
        vec![
            Field::Float(shown.size),
            Field::Float(shown.entry_price),
            Field::Float(shown.unrealized_pnl),
        ]
    }
}

fn position(fields: &Bound<'_, PyTuple>) -> PyResult<PyPosition> {
    let (size, entry_price, unrealized_pnl) = fields.extract()?;
    let position = PositionView {
        size,
        entry_price,
        unrealized_pnl,
    };
    Ok(PyPosition::new(fields.py(), &position))
}

impl Plain for PyFill {
    const KIND: &'static str = "Fill";

    fn fields(&self, _: Python<'_>) -> Vec<Field> {
        vec![
            Field::Whole(self.ts),
            Field::text(&self.pair),
            Field::Number(self.id),
            Field::Number(Some(self.order_id)),
            Field::text(&self.side),
            Field::Float(self.quantity),
            Field::Float(self.price),
            Field::Float(self.fee),
            Field::text(&self.liquidity),
            Field::Text(self.tag.clone()),
        ]
    }
}

fn fill(fields: &Bound<'_, PyTuple>) -> PyResult<PyFill> {
    let (ts, pair, id, order_id, side, quantity, price, fee, liquidity, tag): (
        _,
        _,
        _,
        _,
        String,
        _,
        _,
        _,
        String,
        _,
    ) = fields.extract()?;
    Ok(PyFill {
        ts,
        pair,
        id,
        order_id,
        side: Cow::Owned(side),
        quantity,
        price,
        fee,
        liquidity: Cow::Owned(liquidity),
        tag,
    })
}

impl Plain for PyOrder {
    const KIND: &'static str = "Order";

    fn fields(&self, _: Python<'_>) -> Vec<Field> {
        vec![
            Field::text(&self.pair),
            Field::Number(self.id),
            Field::Number(Some(self.order_id)),
            Field::text(&self.side),
            Field::Float(self.quantity),
            Field::Price(self.limit),
            Field::text(&self.status),
            Field::text(&self.reason),
            Field::Text(self.tag.clone()),
        ]
    }
}

fn order(fields: &Bound<'_, PyTuple>) -> PyResult<PyOrder> {
    let (pair, id, order_id, side, quantity, limit, status, reason, tag): (
        _,
        _,
        _,
        String,
        _,
        _,
        String,
        String,
        _,
    ) = fields.extract()?;
    Ok(PyOrder {
        pair,
        id,
        order_id,
        side: Cow::Owned(side),
        quantity,
        limit,
        status: Cow::Owned(status),
        reason: Cow::Owned(reason),
        tag,
    })
}

impl Plain for PyRefusal {
    const KIND: &'static str = "Refusal";

    fn fields(&self, _: Python<'_>) -> Vec<Field> {
        vec![
            Field::Whole(self.ts),
            Field::text(&self.pair),
            Field::Number(self.id),
            Field::text(&self.check),
            Field::text(&self.reason),
        ]
    }
}

fn refusal(fields: &Bound<'_, PyTuple>) -> PyResult<PyRefusal> {
    let (ts, pair, id, check, reason): (_, _, _, String, _) = fields.extract()?;
    Ok(PyRefusal {
        ts,
        pair,
        id,
        check: Cow::Owned(check),
        reason,
    })
}

impl Plain for PyExit {
    const KIND: &'static str = "Exit";

    fn fields(&self, _: Python<'_>) -> Vec<Field> {
        vec![
            Field::Whole(self.ts),
            Field::text(&self.side),
            Field::Float(self.price),
            Field::Float(self.pnl),
            Field::text(&self.reason),
        ]
    }
}

fn exit(fields: &Bound<'_, PyTuple>) -> PyResult<PyExit> {
    let (ts, side, price, pnl, reason): (_, String, _, _, String) = fields.extract()?;
    Ok(PyExit {
        ts,
        side: Cow::Owned(side),
        price,
        pnl,
        reason: Cow::Owned(reason),
    })
}
