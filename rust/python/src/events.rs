//! What happened on the market, as `ctx` shows it: small objects that never change once a strategy holds them.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use pairloom_core::domain::{Nanos, Side};
use pairloom_core::market::{Candle, Quote, Trade};
use pairloom_core::strategy::TimeEvent;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::plain::{Reduced, equal, hashed, reduced};
use crate::shown::Show;
use crate::slot::{FloatSlot, Member, add_members};
use crate::times::datetime;
use crate::values::{float, text};

/// A candle: the prices of one interval, known whole at its close.
///
/// `ts` is its opening, `close_ts` when it was known, both ns UTC. `volume` is NaN where the data have none.
#[pyclass(frozen, module = "pairloom", name = "Candle")]
pub(crate) struct PyCandle {
    ts: AtomicI64,
    close_ts: AtomicI64,
    open: FloatSlot,
    high: FloatSlot,
    low: FloatSlot,
    close: FloatSlot,
    volume: FloatSlot,
}

#[pymethods]
impl PyCandle {
    /// When it opened, ns UTC.
    #[getter]
    fn ts(&self) -> Nanos {
        self.ts.load(Relaxed)
    }

    /// When it closed and was known, ns UTC.
    #[getter]
    fn close_ts(&self) -> Nanos {
        self.close_ts.load(Relaxed)
    }

    /// The opening as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts())
    }

    /// First price.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn open(&self, py: Python<'_>) -> f64 {
        self.open.get(py)
    }

    /// Highest price.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn high(&self, py: Python<'_>) -> f64 {
        self.high.get(py)
    }

    /// Lowest price.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn low(&self, py: Python<'_>) -> f64 {
        self.low.get(py)
    }

    /// Last price.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn close(&self, py: Python<'_>) -> f64 {
        self.close.get(py)
    }

    /// Traded quantity of the base currency; NaN where the data have none.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn volume(&self, py: Python<'_>) -> f64 {
        self.volume.get(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Candle(ts={}, open={}, high={}, low={}, close={}, volume={})",
            self.ts(),
            float(self.open.get(py)),
            float(self.high.get(py)),
            float(self.low.get(py)),
            float(self.close.get(py)),
            float(self.volume.get(py))
        )
    }

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, Self>) -> bool {
        equal(py, self, other.get())
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        hashed(py, self)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        reduced(py, self)
    }
}

impl PyCandle {
    pub(crate) fn shown(&self, py: Python<'_>) -> Candle {
        Candle {
            open_ts: self.ts(),
            close_ts: self.close_ts(),
            open: self.open.get(py),
            high: self.high.get(py),
            low: self.low.get(py),
            close: self.close.get(py),
            volume: self.volume.get(py),
        }
    }
}

impl Show for PyCandle {
    type Of = Candle;

    fn new(py: Python<'_>, candle: &Candle) -> Self {
        let slot = |value| FloatSlot::new(py, value);
        Self {
            ts: candle.open_ts.into(),
            close_ts: candle.close_ts.into(),
            open: slot(candle.open),
            high: slot(candle.high),
            low: slot(candle.low),
            close: slot(candle.close),
            volume: slot(candle.volume),
        }
    }

    #[inline]
    fn show(&self, py: Python<'_>, candle: &Candle) {
        self.ts.store(candle.open_ts, Relaxed);
        self.close_ts.store(candle.close_ts, Relaxed);
        self.open.set(py, candle.open);
        self.high.set(py, candle.high);
        self.low.set(py, candle.low);
        self.close.set(py, candle.close);
        self.volume.set(py, candle.volume);
    }
}

/// The best bid and ask at a time; sizes are NaN where the data have none.
#[pyclass(frozen, module = "pairloom", name = "Quote")]
pub(crate) struct PyQuote {
    ts: AtomicI64,
    bid: FloatSlot,
    ask: FloatSlot,
    bid_size: FloatSlot,
    ask_size: FloatSlot,
}

#[pymethods]
impl PyQuote {
    /// When it was seen, ns UTC.
    #[getter]
    fn ts(&self) -> Nanos {
        self.ts.load(Relaxed)
    }

    /// When it was seen, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts())
    }

    /// Best price to sell at.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn bid(&self, py: Python<'_>) -> f64 {
        self.bid.get(py)
    }

    /// Best price to buy at.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn ask(&self, py: Python<'_>) -> f64 {
        self.ask.get(py)
    }

    /// Quantity at the bid; NaN where the data have none.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn bid_size(&self, py: Python<'_>) -> f64 {
        self.bid_size.get(py)
    }

    /// Quantity at the ask; NaN where the data have none.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn ask_size(&self, py: Python<'_>) -> f64 {
        self.ask_size.get(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Quote(ts={}, bid={}, ask={}, bid_size={}, ask_size={})",
            self.ts(),
            float(self.bid.get(py)),
            float(self.ask.get(py)),
            float(self.bid_size.get(py)),
            float(self.ask_size.get(py))
        )
    }

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, Self>) -> bool {
        equal(py, self, other.get())
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        hashed(py, self)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        reduced(py, self)
    }
}

impl PyQuote {
    pub(crate) fn shown(&self, py: Python<'_>) -> Quote {
        Quote {
            ts: self.ts(),
            bid: self.bid.get(py),
            ask: self.ask.get(py),
            bid_size: self.bid_size.get(py),
            ask_size: self.ask_size.get(py),
        }
    }
}

impl Show for PyQuote {
    type Of = Quote;

    fn new(py: Python<'_>, quote: &Quote) -> Self {
        let slot = |value| FloatSlot::new(py, value);
        Self {
            ts: quote.ts.into(),
            bid: slot(quote.bid),
            ask: slot(quote.ask),
            bid_size: slot(quote.bid_size),
            ask_size: slot(quote.ask_size),
        }
    }

    #[inline]
    fn show(&self, py: Python<'_>, quote: &Quote) {
        self.ts.store(quote.ts, Relaxed);
        self.bid.set(py, quote.bid);
        self.ask.set(py, quote.ask);
        self.bid_size.set(py, quote.bid_size);
        self.ask_size.set(py, quote.ask_size);
    }
}

/// A trade between others; `side` is who took, `"buy"`, `"sell"`, or `None` where the data do not say.
#[pyclass(frozen, module = "pairloom", name = "Trade")]
pub(crate) struct PyTrade {
    ts: AtomicI64,
    price: FloatSlot,
    quantity: FloatSlot,
    /// The sign of the side; 0 where the data do not say.
    side: AtomicI64,
}

#[pymethods]
impl PyTrade {
    /// When it happened, ns UTC.
    #[getter]
    fn ts(&self) -> Nanos {
        self.ts.load(Relaxed)
    }

    /// When it happened, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts())
    }

    /// Its price.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn price(&self, py: Python<'_>) -> f64 {
        self.price.get(py)
    }

    /// Its quantity of the base currency.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn quantity(&self, py: Python<'_>) -> f64 {
        self.quantity.get(py)
    }

    /// Who took: `"buy"`, `"sell"`, or `None` where the data do not say.
    #[getter]
    fn side(&self) -> Option<&'static str> {
        self.taker().map(Side::name)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Trade(ts={}, price={}, quantity={}, side={})",
            self.ts(),
            float(self.price.get(py)),
            float(self.quantity.get(py)),
            text(self.side())
        )
    }

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, Self>) -> bool {
        equal(py, self, other.get())
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        hashed(py, self)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        reduced(py, self)
    }
}

impl PyTrade {
    pub(crate) fn shown(&self, py: Python<'_>) -> Trade {
        Trade {
            ts: self.ts(),
            price: self.price.get(py),
            quantity: self.quantity.get(py),
            side: self.taker(),
        }
    }

    fn taker(&self) -> Option<Side> {
        match self.side.load(Relaxed) {
            0 => None,
            sign if sign > 0 => Some(Side::Buy),
            _ => Some(Side::Sell),
        }
    }
}

impl Show for PyTrade {
    type Of = Trade;

    fn new(py: Python<'_>, trade: &Trade) -> Self {
        Self {
            ts: trade.ts.into(),
            price: FloatSlot::new(py, trade.price),
            quantity: FloatSlot::new(py, trade.quantity),
            side: sign(trade.side).into(),
        }
    }

    #[inline]
    fn show(&self, py: Python<'_>, trade: &Trade) {
        self.ts.store(trade.ts, Relaxed);
        self.price.set(py, trade.price);
        self.quantity.set(py, trade.quantity);
        self.side.store(sign(trade.side), Relaxed);
    }
}

fn sign(side: Option<Side>) -> i64 {
    side.map_or(0, Side::sign)
}

/// A time that the strategy's `schedule` asked for.
#[pyclass(frozen, get_all, module = "pairloom", name = "TimeEvent")]
pub(crate) struct PyTimeEvent {
    /// When it is, ns UTC.
    pub(crate) ts: Nanos,
    /// What it is, as in `schedule`: `"1d"`, `"midnight"`, ...
    pub(crate) name: String,
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

    fn __eq__(&self, py: Python<'_>, other: Bound<'_, Self>) -> bool {
        equal(py, self, other.get())
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        hashed(py, self)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        reduced(py, self)
    }
}

/// Makes the numbers of the events attributes that the interpreter reads without a call.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<PyCandle>()?;
    module.add_class::<PyQuote>()?;
    module.add_class::<PyTrade>()?;
    let nan = f64::NAN;
    let candle = Candle {
        open_ts: 0,
        close_ts: 0,
        open: nan,
        high: nan,
        low: nan,
        close: nan,
        volume: nan,
    };
    let volume = c"Traded quantity of the base currency; NaN where the data have none.";
    add_members(
        &Bound::new(py, PyCandle::new(py, &candle))?,
        &[
            Member::new(c"open", c"First price.", |it: &PyCandle| it.open.place()),
            Member::new(c"high", c"Highest price.", |it| it.high.place()),
            Member::new(c"low", c"Lowest price.", |it| it.low.place()),
            Member::new(c"close", c"Last price.", |it| it.close.place()),
            Member::new(c"volume", volume, |it| it.volume.place()),
        ],
    )?;
    let quote = Quote {
        ts: 0,
        bid: nan,
        ask: nan,
        bid_size: nan,
        ask_size: nan,
    };
    let (bid, ask) = (c"Best price to sell at.", c"Best price to buy at.");
    let bid_size = c"Quantity at the bid; NaN where the data have none.";
    let ask_size = c"Quantity at the ask; NaN where the data have none.";
    add_members(
        &Bound::new(py, PyQuote::new(py, &quote))?,
        &[
            Member::new(c"bid", bid, |it: &PyQuote| it.bid.place()),
            Member::new(c"ask", ask, |it| it.ask.place()),
            Member::new(c"bid_size", bid_size, |it| it.bid_size.place()),
            Member::new(c"ask_size", ask_size, |it| it.ask_size.place()),
        ],
    )?;
    let trade = Trade {
        ts: 0,
        price: nan,
        quantity: nan,
        side: None,
    };
    let quantity = c"Its quantity of the base currency.";
    add_members(
        &Bound::new(py, PyTrade::new(py, &trade))?,
        &[
            Member::new(c"price", c"Its price.", |it: &PyTrade| it.price.place()),
            Member::new(c"quantity", quantity, |it| it.quantity.place()),
        ],
    )
}
