//! What `ctx` gives a strategy: small objects that never change.
//!
//! Every one is made for the reader and shared with nobody, so that what a strategy keeps stays as it was.

use pairloom_core::domain::{Nanos, Side};
use pairloom_core::market::{Candle, MarketEvent, Quote, Trade};
use pairloom_core::strategy::{
    ExitView, FillView, OrderView, PositionView, RefusalView, TimeEvent,
};
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::times::datetime;

/// A float as Python prints it.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    format!("{value:?}")
}

fn text(value: Option<&str>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("{value:?}"))
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

/// `long` or `short`, as a position's or a round trip's side is called.
pub(crate) const fn held(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

/// A candle: the prices of one interval, known whole at its close.
///
/// `ts` is its opening, `close_ts` when it was known, both ns UTC. `volume` is NaN where the data have none.
#[pyclass(frozen, get_all, module = "pairloom", name = "Candle")]
pub(crate) struct PyCandle {
    ts: Nanos,
    close_ts: Nanos,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
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
    ts: Nanos,
    bid: f64,
    ask: f64,
    bid_size: f64,
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
    ts: Nanos,
    price: f64,
    quantity: f64,
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

/// What a trader holds: false when it holds nothing.
#[pyclass(frozen, get_all, module = "pairloom", name = "Position")]
pub(crate) struct PyPosition {
    /// Quantity of the base currency, negative when short.
    size: f64,
    /// Average price of what is held; NaN when flat.
    entry_price: f64,
    /// Value at the last price less what it cost, without fees.
    unrealized_pnl: f64,
}

#[pymethods]
impl PyPosition {
    /// `"long"`, `"short"` or `"flat"`.
    #[getter]
    const fn side(&self) -> &'static str {
        if self.size > 0.0 {
            "long"
        } else if self.size < 0.0 {
            "short"
        } else {
            "flat"
        }
    }

    const fn __bool__(&self) -> bool {
        self.size != 0.0
    }

    fn __repr__(&self) -> String {
        format!(
            "Position(size={}, side={:?}, entry_price={}, unrealized_pnl={})",
            float(self.size),
            self.side(),
            float(self.entry_price),
            float(self.unrealized_pnl)
        )
    }
}

impl From<PositionView> for PyPosition {
    fn from(position: PositionView) -> Self {
        Self {
            size: position.size,
            entry_price: position.entry_price,
            unrealized_pnl: position.unrealized_pnl,
        }
    }
}

/// A fill of one of the trader's orders.
///
/// `id` is the number that `ctx.buy` or `ctx.sell` gave, `None` for an order that a signal made; `order_id` is the
/// engine's number, as in the result's tables.
#[pyclass(frozen, get_all, module = "pairloom", name = "Fill")]
pub(crate) struct PyFill {
    ts: Nanos,
    pair: String,
    id: Option<u64>,
    order_id: u64,
    side: &'static str,
    quantity: f64,
    price: f64,
    fee: f64,
    liquidity: &'static str,
    tag: Option<String>,
}

impl PyFill {
    pub(crate) fn new(pair: &str, fill: &FillView) -> Self {
        Self {
            ts: fill.ts,
            pair: pair.to_owned(),
            id: fill.client_id,
            order_id: fill.order_id,
            side: fill.side.name(),
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            liquidity: fill.liquidity.name(),
            tag: fill.tag.clone(),
        }
    }
}

#[pymethods]
impl PyFill {
    /// When it was filled, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Fill(ts={}, id={}, pair={:?}, side={:?}, quantity={}, price={}, fee={}, liquidity={:?}, tag={})",
            self.ts,
            number(self.id),
            self.pair,
            self.side,
            float(self.quantity),
            float(self.price),
            float(self.fee),
            self.liquidity,
            text(self.tag.as_deref())
        )
    }
}

/// One of the trader's orders as it stood when this was made.
///
/// `id` is the number that `ctx.buy` or `ctx.sell` gave, `None` for an order that a signal made; `order_id` is the
/// engine's number, as in the result's tables. `limit` is `None` for a market order.
#[pyclass(frozen, get_all, module = "pairloom", name = "Order")]
pub(crate) struct PyOrder {
    pair: String,
    id: Option<u64>,
    order_id: u64,
    side: &'static str,
    quantity: f64,
    limit: Option<f64>,
    status: &'static str,
    reason: &'static str,
    tag: Option<String>,
}

impl PyOrder {
    pub(crate) fn new(pair: &str, order: &OrderView) -> Self {
        Self {
            pair: pair.to_owned(),
            id: order.client_id,
            order_id: order.order_id,
            side: order.side.name(),
            quantity: order.quantity,
            limit: order.limit,
            status: order.status,
            reason: order.reason,
            tag: order.tag.clone(),
        }
    }
}

#[pymethods]
impl PyOrder {
    /// `"market"` or `"limit"`.
    #[getter]
    const fn r#type(&self) -> &'static str {
        if self.limit.is_some() {
            "limit"
        } else {
            "market"
        }
    }

    fn __repr__(&self) -> String {
        let limit = self.limit.map_or_else(|| "None".to_owned(), float);
        format!(
            "Order(id={}, pair={:?}, side={:?}, quantity={}, limit={limit}, status={:?}, reason={:?}, tag={})",
            number(self.id),
            self.pair,
            self.side,
            float(self.quantity),
            self.status,
            self.reason,
            text(self.tag.as_deref())
        )
    }
}

/// A refusal of one of the trader's orders, or of a part of it: `check` is the name, `reason` the sentence.
#[pyclass(frozen, get_all, module = "pairloom", name = "Refusal")]
pub(crate) struct PyRefusal {
    ts: Nanos,
    pair: String,
    id: Option<u64>,
    check: &'static str,
    reason: String,
}

impl PyRefusal {
    pub(crate) fn new(pair: &str, refusal: &RefusalView) -> Self {
        Self {
            ts: refusal.ts,
            pair: pair.to_owned(),
            id: refusal.client_id,
            check: refusal.check,
            reason: refusal.reason.clone(),
        }
    }
}

#[pymethods]
impl PyRefusal {
    /// When, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Refusal(ts={}, id={}, pair={:?}, check={:?}, reason={:?})",
            self.ts,
            number(self.id),
            self.pair,
            self.check,
            self.reason
        )
    }
}

/// A time that the strategy's `schedule` asked for.
#[pyclass(frozen, get_all, module = "pairloom", name = "TimeEvent")]
pub(crate) struct PyTimeEvent {
    ts: Nanos,
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

/// How the trader's last position ended.
#[pyclass(frozen, get_all, module = "pairloom", name = "Exit")]
pub(crate) struct PyExit {
    ts: Nanos,
    side: &'static str,
    price: f64,
    pnl: f64,
    reason: &'static str,
}

#[pymethods]
impl PyExit {
    /// When it ended, as an aware datetime.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.ts)
    }

    fn __repr__(&self) -> String {
        format!(
            "Exit(ts={}, side={:?}, price={}, pnl={}, reason={:?})",
            self.ts,
            self.side,
            float(self.price),
            float(self.pnl),
            self.reason
        )
    }
}

impl From<ExitView> for PyExit {
    fn from(exit: ExitView) -> Self {
        Self {
            ts: exit.ts,
            side: held(exit.side),
            price: exit.price,
            pnl: exit.pnl,
            reason: exit.reason,
        }
    }
}
