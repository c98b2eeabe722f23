//! What `ctx` shows of the account: small objects that never change.
//!
//! None is changed while a strategy holds it, so that what a strategy keeps stays as it was.

use std::borrow::Cow;

use pairloom_core::domain::{Nanos, Side};
use pairloom_core::strategy::{ExitView, FillView, OrderView, PositionView, RefusalView};
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

use crate::plain::{Reduced, equal, hashed, reduced};
use crate::shown::Show;
use crate::slot::{FloatSlot, Member, add_members};
use crate::times::datetime;

/// A float as Python prints it.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    format!("{value:?}")
}

/// A text as Python prints it, or `None`.
pub(crate) fn text(value: Option<&str>) -> String {
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

/// What a trader holds: false when it holds nothing.
#[pyclass(frozen, module = "pairloom", name = "Position")]
pub(crate) struct PyPosition {
    size: FloatSlot,
    entry_price: FloatSlot,
    unrealized_pnl: FloatSlot,
}

#[pymethods]
impl PyPosition {
    /// Quantity of the base currency, negative when short.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn size(&self, py: Python<'_>) -> f64 {
        self.size.get(py)
    }

    /// Average price of what is held; NaN when flat.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn entry_price(&self, py: Python<'_>) -> f64 {
        self.entry_price.get(py)
    }

    /// Value at the last price less what it cost, without fees.
    #[cfg(Py_GIL_DISABLED)]
    #[getter]
    fn unrealized_pnl(&self, py: Python<'_>) -> f64 {
        self.unrealized_pnl.get(py)
    }

    /// `"long"`, `"short"` or `"flat"`.
    #[getter]
    fn side(&self, py: Python<'_>) -> &'static str {
        let size = self.size.get(py);
        if size > 0.0 {
            "long"
        } else if size < 0.0 {
            "short"
        } else {
            "flat"
        }
    }

    fn __bool__(&self, py: Python<'_>) -> bool {
        self.size.get(py) != 0.0
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Position(size={}, side={:?}, entry_price={}, unrealized_pnl={})",
            float(self.size.get(py)),
            self.side(py),
            float(self.entry_price.get(py)),
            float(self.unrealized_pnl.get(py))
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

impl PyPosition {
    pub(crate) fn shown(&self, py: Python<'_>) -> PositionView {
        PositionView {
            size: self.size.get(py),
            entry_price: self.entry_price.get(py),
            unrealized_pnl: self.unrealized_pnl.get(py),
        }
    }
}

impl Show for PyPosition {
    type Of = PositionView;

    fn new(py: Python<'_>, position: &PositionView) -> Self {
        Self {
            size: FloatSlot::new(py, position.size),
            entry_price: FloatSlot::new(py, position.entry_price),
            unrealized_pnl: FloatSlot::new(py, position.unrealized_pnl),
        }
    }

    #[inline]
    fn show(&self, py: Python<'_>, position: &PositionView) {
        self.size.set(py, position.size);
        self.entry_price.set(py, position.entry_price);
        self.unrealized_pnl.set(py, position.unrealized_pnl);
    }
}

/// A fill of one of the trader's orders.
///
/// `id` is the number that `ctx.buy` or `ctx.sell` gave, `None` for an order that a signal made; `order_id` is the
/// engine's number, as in the result's tables.
#[pyclass(frozen, get_all, module = "pairloom", name = "Fill")]
pub(crate) struct PyFill {
    /// When it was filled, ns UTC.
    pub(crate) ts: Nanos,
    /// The market pair.
    pub(crate) pair: String,
    /// The strategy's own number of the order; `None` for an order that a signal made.
    pub(crate) id: Option<u64>,
    /// The engine's number of the order, as in the result's tables.
    pub(crate) order_id: u64,
    /// `"buy"` or `"sell"`.
    pub(crate) side: Cow<'static, str>,
    /// How much of the base currency.
    pub(crate) quantity: f64,
    /// At what price.
    pub(crate) price: f64,
    /// The fee, in the quote currency.
    pub(crate) fee: f64,
    /// `"maker"` or `"taker"`.
    pub(crate) liquidity: Cow<'static, str>,
    /// The strategy's word for the order.
    pub(crate) tag: Option<String>,
}

impl PyFill {
    pub(crate) fn new(pair: &str, fill: &FillView) -> Self {
        Self {
            ts: fill.ts,
            pair: pair.to_owned(),
            id: fill.client_id,
            order_id: fill.order_id,
            side: Cow::Borrowed(fill.side.name()),
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            liquidity: Cow::Borrowed(fill.liquidity.name()),
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

/// One of the trader's orders as it stood when this was made.
///
/// `id` is the number that `ctx.buy` or `ctx.sell` gave, `None` for an order that a signal made; `order_id` is the
/// engine's number, as in the result's tables. `limit` is `None` for a market order.
#[pyclass(frozen, get_all, module = "pairloom", name = "Order")]
pub(crate) struct PyOrder {
    /// The market pair.
    pub(crate) pair: String,
    /// The strategy's own number of the order; `None` for an order that a signal made.
    pub(crate) id: Option<u64>,
    /// The engine's number of the order, as in the result's tables.
    pub(crate) order_id: u64,
    /// `"buy"` or `"sell"`.
    pub(crate) side: Cow<'static, str>,
    /// How much of the base currency.
    pub(crate) quantity: f64,
    /// Its limit price; `None` for a market order.
    pub(crate) limit: Option<f64>,
    /// `"working"`, `"filled"`, `"cancelled"`, `"refused"` or `"expired"`.
    pub(crate) status: Cow<'static, str>,
    /// Why it ended so, as in the result's table of orders.
    pub(crate) reason: Cow<'static, str>,
    /// The strategy's word for the order.
    pub(crate) tag: Option<String>,
}

impl PyOrder {
    pub(crate) fn new(pair: &str, order: &OrderView) -> Self {
        Self {
            pair: pair.to_owned(),
            id: order.client_id,
            order_id: order.order_id,
            side: Cow::Borrowed(order.side.name()),
            quantity: order.quantity,
            limit: order.limit,
            status: Cow::Borrowed(order.status),
            reason: Cow::Borrowed(order.reason),
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

/// A refusal of one of the trader's orders, or of a part of it: `check` is the name, `reason` the sentence.
#[pyclass(frozen, get_all, module = "pairloom", name = "Refusal")]
pub(crate) struct PyRefusal {
    /// When, ns UTC.
    pub(crate) ts: Nanos,
    /// The market pair.
    pub(crate) pair: String,
    /// The strategy's own number of the order; `None` for an order that a signal made.
    pub(crate) id: Option<u64>,
    /// The name of the check, such as `"short_sale"`.
    pub(crate) check: Cow<'static, str>,
    /// The sentence for people.
    pub(crate) reason: String,
}

impl PyRefusal {
    pub(crate) fn new(pair: &str, refusal: &RefusalView) -> Self {
        Self {
            ts: refusal.ts,
            pair: pair.to_owned(),
            id: refusal.client_id,
            check: Cow::Borrowed(refusal.check),
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

/// How the trader's last position ended.
#[pyclass(frozen, get_all, module = "pairloom", name = "Exit")]
pub(crate) struct PyExit {
    /// When it ended, ns UTC.
    pub(crate) ts: Nanos,
    /// What it was: `"long"` or `"short"`.
    pub(crate) side: Cow<'static, str>,
    /// Average exit price.
    pub(crate) price: f64,
    /// What it brought, fees taken off.
    pub(crate) pnl: f64,
    /// Why it ended, as in the result's table of trades.
    pub(crate) reason: Cow<'static, str>,
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

impl From<ExitView> for PyExit {
    fn from(exit: ExitView) -> Self {
        Self {
            ts: exit.ts,
            side: Cow::Borrowed(held(exit.side)),
            price: exit.price,
            pnl: exit.pnl,
            reason: Cow::Borrowed(exit.reason),
        }
    }
}

/// Makes the numbers of a position attributes that the interpreter reads without a call.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<PyPosition>()?;
    let flat = PositionView {
        size: 0.0,
        entry_price: f64::NAN,
        unrealized_pnl: 0.0,
    };
    let size = c"Quantity of the base currency, negative when short.";
    let entry_price = c"Average price of what is held; NaN when flat.";
    let pnl = c"Value at the last price less what it cost, without fees.";
    add_members(
        &Bound::new(py, PyPosition::new(py, &flat))?,
        &[
            Member::new(c"size", size, |it: &PyPosition| it.size.place()),
            Member::new(c"entry_price", entry_price, |it| it.entry_price.place()),
            Member::new(c"unrealized_pnl", pnl, |it| it.unrealized_pnl.place()),
        ],
    )
}
