//! What happened on the market, as `ctx` shows it: small objects that never change.

use pairloom_core::domain::{Nanos, Side};
use pairloom_core::market::{Candle, MarketEvent, Quote, Trade};
use pairloom_core::strategy::TimeEvent;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::times::datetime;
use crate::values::{float, text};

/// A candle: the prices of one interval, known whole at its close.
///
/// `ts` is its opening, `close_ts` when it was known, both ns UTC. `volume` is NaN where the data have none.
#[pyclass(frozen, get_all, module = "pairloom", name = "Candle")]
pub(crate) struct PyCandle {
    /// When it opened, ns UTC.
    ts: Nanos,
    /// When it closed and was known, ns UTC.
    close_ts: Nanos,
    /// First price.
    open: f64,
    /// Highest price.
    high: f64,
    /// Lowest price.
    low: f64,
    /// Last price.
    close: f64,
    /// Traded quantity of the base currency; NaN where the data have none.
    volume: f64,
}

#[pymethods]
impl PyCandle {
    /// The opening as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Candle(ts={}, open={}, high={}, low={}, close={}, volume={})",
            self.ts,
            float(self.open),
            float(self.high),
            float(self.low),
            float(self.close),
            float(self.volume)
        )
    }
}

impl From<Candle> for PyCandle {
    fn from(candle: Candle) -> Self {
        Self {
            ts: candle.open_ts,
            close_ts: candle.close_ts,
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume: candle.volume,
        }
    }
}

/// The best bid and ask at a time; sizes are NaN where the data have none.
#[pyclass(frozen, get_all, module = "pairloom", name = "Quote")]
pub(crate) struct PyQuote {
    /// When it was seen, ns UTC.
    ts: Nanos,
    /// Best price to sell at.
    bid: f64,
    /// Best price to buy at.
    ask: f64,
    /// Quantity at the bid; NaN where the data have none.
    bid_size: f64,
    /// Quantity at the ask; NaN where the data have none.
    ask_size: f64,
}

#[pymethods]
impl PyQuote {
    /// When it was seen, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Quote(ts={}, bid={}, ask={}, bid_size={}, ask_size={})",
            self.ts,
            float(self.bid),
            float(self.ask),
            float(self.bid_size),
            float(self.ask_size)
        )
    }
}

impl From<Quote> for PyQuote {
    fn from(quote: Quote) -> Self {
        Self {
            ts: quote.ts,
            bid: quote.bid,
            ask: quote.ask,
            bid_size: quote.bid_size,
            ask_size: quote.ask_size,
        }
    }
}

/// A trade between others; `side` is who took, `"buy"`, `"sell"`, or `None` where the data do not say.
#[pyclass(frozen, get_all, module = "pairloom", name = "Trade")]
pub(crate) struct PyTrade {
    /// When it happened, ns UTC.
    ts: Nanos,
    /// Its price.
    price: f64,
    /// Its quantity of the base currency.
    quantity: f64,
    /// Who took: `"buy"`, `"sell"`, or `None` where the data do not say.
    side: Option<&'static str>,
}

#[pymethods]
impl PyTrade {
    /// When it happened, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Trade(ts={}, price={}, quantity={}, side={})",
            self.ts,
            float(self.price),
            float(self.quantity),
            text(self.side)
        )
    }
}

impl From<Trade> for PyTrade {
    fn from(trade: Trade) -> Self {
        Self {
            ts: trade.ts,
            price: trade.price,
            quantity: trade.quantity,
            side: trade.side.map(Side::name),
        }
    }
}

/// A market event as the object that shows it.
pub(crate) fn event_object(py: Python<'_>, event: MarketEvent) -> PyResult<Py<PyAny>> {
    Ok(match event {
        MarketEvent::Candle(candle) => Py::new(py, PyCandle::from(candle))?.into_any(),
        MarketEvent::Quote(quote) => Py::new(py, PyQuote::from(quote))?.into_any(),
        MarketEvent::Trade(trade) => Py::new(py, PyTrade::from(trade))?.into_any(),
    })
}

/// A time that the strategy's `schedule` asked for.
#[pyclass(frozen, get_all, module = "pairloom", name = "TimeEvent")]
pub(crate) struct PyTimeEvent {
    /// When it is, ns UTC.
    ts: Nanos,
    /// What it is, as in `schedule`: `"1d"`, `"midnight"`, ...
    name: String,
}

impl PyTimeEvent {
    pub(crate) fn new(event: &TimeEvent) -> Self {
        Self {
            ts: event.ts,
            name: event.name.clone(),
        }
    }
}

#[pymethods]
impl PyTimeEvent {
    /// The same as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!("TimeEvent(ts={}, name={:?})", self.ts, self.name)
    }
}
