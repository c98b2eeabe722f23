//! `SystemCtx`: all that a Python strategy may see, and the only way in which it may order.

use pairloom_core::domain::{Nanos, Side};
use pairloom_core::market::{EventKind, Field};
use pairloom_core::signal::TimeInForce;
use pairloom_core::strategy::SystemCtx as CoreCtx;
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict, PyList, PyString};

use crate::arrays::{Owners, copied};
use crate::call::{Loan, NotLent};
use crate::errors::STRATEGY;
use crate::events::{PyCandle, PyQuote, PyTrade};
use crate::indicator::Indicator;
use crate::numbers::{amount, argument, optional_amount};
use crate::shown::{Show, Shown};
use crate::spec::add_indicator;
use crate::times::datetime;
use crate::values::{PyExit, PyOrder, PyPosition};
use crate::views::Views;

/// What is fixed about the trader whose context it is.
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) pair: String,
    pub(crate) strategy: String,
    pub(crate) window: usize,
    pub(crate) seed: u64,
    /// A number that no other trader of this process has: indicators belong to one trader.
    pub(crate) number: u64,
}

/// What an order's number is, for errors.
const ORDER_NUMBER: &str = "the number that ctx.buy or ctx.sell returned";

/// All that a strategy may see of its market, its position and the account, and its way to order.
///
/// It is valid inside the strategy's methods. The object itself is used again for the next call, but nothing taken from
/// it ever changes afterwards. All numbers are floats.
#[pyclass(frozen, module = "pairloom", name = "SystemCtx")]
pub(crate) struct SystemCtx {
    facts: Facts,
    pair: Py<PyString>,
    loan: Loan,
    owners: Owners,
    views: Views,
    /// What `setup` asked for, until the strategy takes it over.
    handles: Mutex<Vec<Py<Indicator>>>,
    /// The hook's own event, which woke the strategy instead of a market event.
    woken_by: Mutex<Option<Py<PyAny>>>,
    random: Mutex<Option<Py<PyAny>>>,
    log: Mutex<Option<Py<PyAny>>>,
}

#[pymethods]
impl SystemCtx {
    /// The market pair, as in `"ETH/BTC"`.
    #[getter]
    fn pair(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        self.open_call(py, "pair")?;
        Ok(self.pair.clone_ref(py))
    }

    /// The step's time in ns UTC: a candle's close, never its opening.
    #[getter]
    fn ts(&self, py: Python<'_>) -> PyResult<Nanos> {
        self.look(py, "ts", |ctx| ctx.ts())
    }

    /// The step's time as an aware datetime (UTC).
    #[getter]
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.look(py, "now", |ctx| ctx.ts())?)
    }

    /// What woke the strategy: a `Candle`, `Quote`, `Trade` or `TimeEvent`; in other hooks the last event of its market.
    #[getter]
    fn event(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let kind = self.look(py, "event", |ctx| ctx.event().map(|event| event.kind()))?;
        let woken_by = self
            .woken_by
            .lock()
            .as_ref()
            .map(|object| object.clone_ref(py));
        Ok(match (woken_by, kind) {
            (Some(object), _) => Some(object),
            (None, Some(EventKind::Candle)) => Some(self.candle(py)?.into_any()),
            (None, Some(EventKind::Quote)) => Some(self.quote(py)?.into_any()),
            (None, Some(EventKind::Trade)) => Some(self.trade(py)?.into_any()),
            (None, None) => None,
        })
    }

    /// The candle that just closed.
    #[getter]
    fn candle(&self, py: Python<'_>) -> PyResult<Py<PyCandle>> {
        let read = |ctx: &mut CoreCtx<'_>| ctx.event().and_then(|event| event.candle());
        self.shown(py, "candle", &self.views.candle, read)?
            .ok_or_else(|| self.no_event(py, EventKind::Candle))
    }

    /// The quote that just came.
    #[getter]
    fn quote(&self, py: Python<'_>) -> PyResult<Py<PyQuote>> {
        let read = |ctx: &mut CoreCtx<'_>| ctx.event().and_then(|event| event.quote());
        self.shown(py, "quote", &self.views.quote, read)?
            .ok_or_else(|| self.no_event(py, EventKind::Quote))
    }

    /// The trade that just happened.
    #[getter]
    fn trade(&self, py: Python<'_>) -> PyResult<Py<PyTrade>> {
        let read = |ctx: &mut CoreCtx<'_>| ctx.event().and_then(|event| event.trade());
        self.shown(py, "trade", &self.views.trade, read)?
            .ok_or_else(|| self.no_event(py, EventKind::Trade))
    }

    /// First prices of the last `window` events, oldest first, read-only.
    #[getter]
    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.array(py, "open", Field::Open)
    }

    /// Highest prices of the last `window` events, oldest first, read-only.
    #[getter]
    fn high<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.array(py, "high", Field::High)
    }

    /// Lowest prices of the last `window` events, oldest first, read-only.
    #[getter]
    fn low<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.array(py, "low", Field::Low)
    }

    /// Last prices of the last `window` events, oldest first, read-only.
    #[getter]
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.array(py, "close", Field::Close)
    }

    /// Volumes of the last `window` events, oldest first, read-only; NaN where the data have none.
    #[getter]
    fn volume<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.array(py, "volume", Field::Volume)
    }

    /// A numeric column of the data over the last `window` events, oldest first, read-only.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let what = format!("column({name:?})");
        let field = self.look(py, &what, |ctx| {
            Field::named(name, ctx.extra()).ok_or_else(|| {
                ctx.extra()
                    .iter()
                    .map(|column| column.name.clone())
                    .collect::<Vec<_>>()
            })
        })?;
        match field {
            Ok(field) => self.array(py, &what, field),
            Err(known) => Err(self.no_column(py, name, &known)),
        }
    }

    /// The trader's own position; false when it is flat.
    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<Py<PyPosition>> {
        let read = |ctx: &mut CoreCtx<'_>| Some(ctx.position());
        self.shown(py, "position", &self.views.position, read)?
            .ok_or_else(|| self.not_lent(py, "position", NotLent::Outside))
    }

    /// The account's equity at this step's snapshot, in the account's currency.
    #[getter]
    fn equity(&self, py: Python<'_>) -> PyResult<f64> {
        self.look(py, "equity", |ctx| ctx.equity())
    }

    /// The account's free cash at this step's snapshot, in the pair's quote currency.
    #[getter]
    fn cash(&self, py: Python<'_>) -> PyResult<f64> {
        self.look(py, "cash", |ctx| ctx.cash())
    }

    /// The trader's own working orders.
    #[getter]
    fn orders<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let orders = self.look(py, "orders", |ctx| ctx.orders())?;
        PyList::new(
            py,
            orders
                .iter()
                .map(|order| Py::new(py, PyOrder::new(&self.facts.pair, order)))
                .collect::<PyResult<Vec<_>>>()?,
        )
    }

    /// How the trader's last position ended; `None` before the first.
    #[getter]
    fn last_exit(&self, py: Python<'_>) -> PyResult<Option<PyExit>> {
        Ok(self
            .look(py, "last_exit", |ctx| ctx.last_exit())?
            .map(PyExit::from))
    }

    /// A `random.Random` of the trader's own, seeded by the engine's seed and the trader's name.
    #[getter]
    fn random(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.open_call(py, "random")?;
        self.source(py)
    }

    /// A logger that adds the trader's name and pair to each record.
    #[getter]
    fn log(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.open_call(py, "log")?;
        kept(py, &self.log, || {
            let logging = py.import("logging")?;
            let logger = logging.call_method1("getLogger", ("pairloom.trader",))?;
            let extra = PyDict::new(py);
            extra.set_item("trader", &self.facts.name)?;
            extra.set_item("pair", &self.facts.pair)?;
            logging.call_method1("LoggerAdapter", (logger, extra))
        })
    }

    /// Asks for an indicator, updated before every call from now on; only in `setup`.
    ///
    /// With `required=False` the strategy is called before it has a value, which is NaN until then.
    #[pyo3(signature = (spec, *, required = true))]
    fn indicator(
        &self,
        py: Python<'_>,
        spec: &Bound<'_, PyAny>,
        required: bool,
    ) -> PyResult<Py<Indicator>> {
        let added = add_indicator(spec, &self.loan, &self.facts, required)
            .map_err(|error| error.raise(py, |why| self.not_lent(py, "indicator", why)))?;
        let handle = Py::new(py, added)?;
        self.handles.lock().push(handle.clone_ref(py));
        Ok(handle)
    }

    /// Orders a purchase of `quantity` of the base currency; returns the strategy's own number for the order.
    #[pyo3(
        signature = (quantity, *, limit = None, reduce_only = None, tif = None, tag = None),
        text_signature = "($self, quantity, *, limit=None, reduce_only=False, tif='GTC', tag=None)"
    )]
    fn buy(
        &self,
        quantity: &Bound<'_, PyAny>,
        limit: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        tif: Option<&Bound<'_, PyAny>>,
        tag: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.order(Side::Buy, quantity, limit, reduce_only, tif, tag)
    }

    /// Orders a sale of `quantity` of the base currency; returns the strategy's own number for the order.
    #[pyo3(
        signature = (quantity, *, limit = None, reduce_only = None, tif = None, tag = None),
        text_signature = "($self, quantity, *, limit=None, reduce_only=False, tif='GTC', tag=None)"
    )]
    fn sell(
        &self,
        quantity: &Bound<'_, PyAny>,
        limit: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        tif: Option<&Bound<'_, PyAny>>,
        tag: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.order(Side::Sell, quantity, limit, reduce_only, tif, tag)
    }

    /// Cancels a working order of `ctx.buy` or `ctx.sell` and sends it anew; without one of that number it does nothing.
    #[pyo3(signature = (id, *, quantity = None, limit = None))]
    fn replace(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        quantity: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let id = argument(id, "id", ORDER_NUMBER)?;
        let quantity = optional_amount(quantity, "quantity")?;
        let limit = optional_amount(limit, "limit")?;
        self.look(py, "replace", |ctx| ctx.replace(id, quantity, limit))
    }

    /// Cancels the working order of that number, or all of the trader's orders.
    #[pyo3(signature = (id = None))]
    fn cancel(&self, py: Python<'_>, id: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let id = id
            .map(|given| argument(given, "id", ORDER_NUMBER))
            .transpose()?;
        self.look(py, "cancel", |ctx| ctx.cancel(id))
    }

    fn __repr__(&self) -> String {
        format!(
            "<SystemCtx of {:?} on {}>",
            self.facts.name, self.facts.pair
        )
    }
}

impl SystemCtx {
    pub(crate) fn new(py: Python<'_>, facts: Facts) -> Self {
        Self {
            pair: PyString::new(py, &facts.pair).unbind(),
            facts,
            loan: Loan::default(),
            owners: Owners::default(),
            views: Views::default(),
            handles: Mutex::default(),
            woken_by: Mutex::default(),
            random: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Lends the engine's context to Python while `call` runs.
    #[inline]
    pub(crate) fn lend<R>(
        &self,
        py: Python<'_>,
        ctx: &mut CoreCtx<'_>,
        call: impl FnOnce() -> R,
    ) -> R {
        self.views.stale(py);
        self.loan.lend(py, ctx, call)
    }

    /// Of no trader, for who asks how it is laid out.
    #[cfg(not(Py_GIL_DISABLED))]
    pub(crate) fn blank(py: Python<'_>) -> Self {
        let facts = Facts {
            name: String::new(),
            pair: String::new(),
            strategy: String::new(),
            window: 0,
            seed: 0,
            number: 0,
        };
        Self::new(py, facts)
    }

    #[cfg(not(Py_GIL_DISABLED))]
    #[inline]
    pub(crate) const fn views(&self) -> &Views {
        &self.views
    }

    #[inline]
    pub(crate) const fn loan(&self) -> &Loan {
        &self.loan
    }

    /// The trader's own `random.Random`, made when it is first wanted.
    pub(crate) fn source(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let seed = || format!("{}:{}", self.facts.seed, self.facts.name);
        kept(py, &self.random, || {
            let random = py.import("random")?;
            random.call_method1(intern!(py, "Random"), (seed(),))
        })
    }

    /// The same where it was wanted before.
    pub(crate) fn drawn_from(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        Some(self.random.lock().as_ref()?.clone_ref(py))
    }

    /// The indicators that `setup` asked for.
    pub(crate) fn take_handles(&self) -> Vec<Py<Indicator>> {
        std::mem::take(&mut *self.handles.lock())
    }

    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Says what woke the strategy in place of a market event.
    pub(crate) fn set_woken_by(&self, object: Option<Py<PyAny>>) {
        // The old one is dropped after the lock is: dropping may run Python code.
        let _old = std::mem::replace(&mut *self.woken_by.lock(), object);
    }

    /// Reads the engine's context; `look` must not run Python code.
    #[inline]
    fn look<R>(
        &self,
        py: Python<'_>,
        what: &str,
        look: impl for<'a, 'b> FnOnce(&'a mut CoreCtx<'b>) -> R,
    ) -> PyResult<R> {
        self.loan
            .run(py, look)
            .map_err(|why| self.not_lent(py, what, why))
    }

    /// The object that shows a part of the engine's context, made or filled when it is first asked for in a call.
    #[inline]
    fn shown<T: Show>(
        &self,
        py: Python<'_>,
        what: &str,
        shown: &Shown<T>,
        read: impl for<'a, 'b> FnOnce(&'a mut CoreCtx<'b>) -> Option<T::Of>,
    ) -> PyResult<Option<Py<T>>> {
        let now = self.look(py, what, |ctx| match shown.again(py) {
            Some(object) => Err(object),
            None => Ok(read(ctx)),
        })?;
        match now {
            Err(object) => Ok(Some(object)),
            Ok(None) => Ok(None),
            Ok(Some(of)) => shown.give(py, &of).map(Some),
        }
    }

    fn open_call(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        if self.loan.is_open(py) {
            return Ok(());
        }
        Err(self.not_lent(py, what, NotLent::Outside))
    }

    fn array<'py>(&self, py: Python<'py>, what: &str, field: Field) -> PyResult<Bound<'py, PyAny>> {
        let column = self.look(py, what, |ctx| {
            ctx.window().map(|window| window.column(field))
        })?;
        match column {
            Some(column) => self.owners.array(py, column),
            None if self.facts.window == 0 => Err(STRATEGY.error(
                py,
                "strategy.window",
                &format!(
                    "{} reads ctx.{what}; declare its length: window: int = 200",
                    self.facts.strategy
                ),
            )),
            // A window was declared, but its market has had no event yet.
            None => copied(py, Vec::new()),
        }
    }

    fn order(
        &self,
        side: Side,
        quantity: &Bound<'_, PyAny>,
        limit: Option<&Bound<'_, PyAny>>,
        reduce_only: Option<&Bound<'_, PyAny>>,
        tif: Option<&Bound<'_, PyAny>>,
        tag: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let py = quantity.py();
        let quantity = amount(quantity, "quantity")?;
        let limit = optional_amount(limit, "limit")?;
        let reduce_only = reduce_only.map_or(Ok(false), |given| {
            argument(given, "reduce_only", "True or False")
        })?;
        let tif: String = tif.map_or_else(
            || Ok("GTC".to_owned()),
            |given| argument(given, "tif", "'GTC', 'IOC' or 'FOK'"),
        )?;
        let tag: Option<String> = tag
            .map(|given| argument(given, "tag", "a text (str)"))
            .transpose()?;
        let Some(force) = TimeInForce::parse(&tif) else {
            return Err(PyValueError::new_err(format!(
                "tif={tif:?} is unknown; it is one of 'GTC', 'IOC', 'FOK'"
            )));
        };
        let what = if side == Side::Buy { "buy" } else { "sell" };
        self.look(py, what, |ctx| {
            ctx.order(side, quantity, limit, reduce_only, force, tag)
        })
    }
}

/// An object made when it is first asked for. No lock is held while Python makes it.
fn kept<'py>(
    py: Python<'py>,
    slot: &Mutex<Option<Py<PyAny>>>,
    make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Py<PyAny>> {
    if let Some(object) = slot.lock().as_ref() {
        return Ok(object.clone_ref(py));
    }
    let made = make()?.unbind();
    Ok(slot.lock().get_or_insert(made).clone_ref(py))
}
