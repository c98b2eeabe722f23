//! `RunOutput`: what a run has to tell, its tables made when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Float64Array;
use arrow_schema::ArrowError;
use arrow_schema::{DataType, Field};
use pairloom_core::commit::{QuarantineRecord, RiskChange};
use pairloom_core::domain::{Instrument, Side, decimal_string};
use pairloom_core::engine::{Outcome, TradeRow};
use pairloom_core::order::{OrderKind, OrderRecord};
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pyo3::{PyTraverseError, PyVisit};

use crate::broker::{differences, venue_books};
use crate::errors::raise;
use crate::fault::origin;
use crate::table::{
    NamedColumn, Table, integer_column, money_column, text_column, time_column, word_column,
};
use crate::values::held;

/// The outcome of a run, read-only. Money is decimal text, times are ns UTC.
#[pyclass(frozen, module = "pairloom._native", name = "RunOutput")]
pub(crate) struct RunOutput {
    outcome: Outcome,
    quarantined: Py<PyList>,
}

#[pymethods]
impl RunOutput {
    /// An exception's traceback holds the frame that holds the result, so the collector has to see through here.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.quarantined)
    }

    /// One table: `orders`, `fills`, `trades`, `refusals` or `equity_curve`.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let columns = match name {
            "orders" => py.detach(|| self.orders()),
            "fills" => py.detach(|| self.fills()),
            "trades" => py.detach(|| self.trades()),
            "refusals" => py.detach(|| self.refusals()),
            "equity_curve" => py.detach(|| Ok(self.equity_curve())),
            _ => {
                return Err(PyKeyError::new_err(format!(
                    "there is no table {name:?}; there are orders, fills, trades, refusals, equity_curve"
                )));
            }
        };
        self.outcome.check().map_err(|error| raise(py, &error))?;
        columns
            .and_then(|columns| Table::from_columns(name, columns))
            .map_err(|error| PyRuntimeError::new_err(format!("the table {name}: {error}")))
    }

    /// The traders that erred, each a dict of trader, pair, strategy, ts, error and kind.
    #[getter]
    fn quarantined(&self, py: Python<'_>) -> Py<PyList> {
        self.quarantined.clone_ref(py)
    }

    /// The account's equity at the end.
    #[getter]
    fn equity(&self) -> String {
        decimal_string(self.outcome.equity)
    }

    /// The account's equity at the start.
    #[getter]
    fn start_equity(&self) -> String {
        decimal_string(self.outcome.start_equity)
    }

    /// All fees paid.
    #[getter]
    fn fees(&self) -> String {
        decimal_string(self.outcome.fees)
    }

    /// The account's currency.
    #[getter]
    fn currency(&self) -> &str {
        &self.outcome.currency
    }

    /// The balance of each currency at the end.
    #[getter]
    fn cash(&self) -> BTreeMap<&str, String> {
        let cash = self.outcome.cash.iter();
        cash.map(|(currency, amount)| (currency.as_str(), decimal_string(*amount)))
            .collect()
    }

    /// The account's position in each pair traded.
    #[getter]
    fn positions(&self) -> BTreeMap<&str, String> {
        let mut lots = vec![0_i64; self.outcome.markets.len()];
        for ((_, _, market), position) in self.outcome.traders.iter().zip(&self.outcome.positions) {
            let sum = &mut lots[*market as usize];
            *sum = sum.saturating_add(*position);
        }
        let markets = self.outcome.markets.iter().zip(lots);
        markets
            .map(|((name, instrument), lots)| {
                let size = instrument.quantity(lots).map(decimal_string);
                (name.as_str(), size.unwrap_or_default())
            })
            .collect()
    }

    /// The fingerprint of all that was decided.
    #[getter]
    fn digest(&self) -> &str {
        &self.outcome.digest
    }

    /// Market rows seen, each counted once.
    #[getter]
    const fn events(&self) -> u64 {
        self.outcome.events
    }

    /// Steps taken.
    #[getter]
    const fn steps(&self) -> u64 {
        self.outcome.steps
    }

    /// The last step that was in the journal when the run began, zero where it was new; `None` without a journal.
    #[getter]
    const fn resumed_at_step(&self) -> Option<u64> {
        self.outcome.resumed_at_step
    }

    /// Seconds from the first step to the last fill.
    #[getter]
    const fn elapsed(&self) -> f64 {
        self.outcome.timings.elapsed
    }

    /// Seconds spent setting up the traders.
    #[getter]
    const fn setup_s(&self) -> f64 {
        self.outcome.timings.setup
    }

    /// Seconds spent closing the books.
    #[getter]
    const fn finish_s(&self) -> f64 {
        self.outcome.timings.finish
    }

    /// Traders by lane.
    #[getter]
    fn lanes(&self) -> BTreeMap<&'static str, usize> {
        self.outcome.lanes.clone()
    }

    /// What the run took for granted.
    #[getter]
    fn assumptions(&self) -> Vec<String> {
        self.outcome.assumptions.clone()
    }

    /// Whether the run was stopped before the data ended.
    #[getter]
    const fn interrupted(&self) -> bool {
        self.outcome.interrupted
    }

    /// Each trader's name and pair, in commit order.
    #[getter]
    fn traders(&self) -> Vec<(&str, &str)> {
        let names = (0..self.outcome.traders.len()).map(|trader| self.trader_name(trader));
        names
            .zip((0..).map(|trader| self.pair_of(trader)))
            .collect()
    }

    /// The version of each trader's strategy, in commit order.
    #[getter]
    fn versions(&self) -> Vec<&str> {
        self.outcome.versions.iter().map(String::as_str).collect()
    }

    /// What the engine counted about its own work.
    #[getter]
    fn counters(&self) -> BTreeMap<String, u64> {
        self.outcome.counters.clone()
    }

    /// What people, or the engine, changed about the gate: each a dict with `ts, by, kind, what`.
    #[getter]
    fn risk_changes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let changes = self.outcome.records.risk_changes.iter();
        let change = |change: &RiskChange| {
            let dict = PyDict::new(py);
            dict.set_item("ts", change.ts)?;
            dict.set_item("by", &change.by)?;
            dict.set_item("kind", change.kind)?;
            dict.set_item("what", &change.what)?;
            Ok(dict)
        };
        changes.map(change).collect()
    }

    /// What the engine and the venue differed in, each a dict with `ts, pair, kind, what, halted`.
    #[getter]
    fn differences<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let found = self.outcome.records.differences.iter();
        let pair = |market: u32| self.outcome.markets[market as usize].0.as_str();
        differences(py, found.map(|each| (each.market.map(pair), each)))
    }

    /// The venue's own books at the end, where it keeps any.
    #[getter]
    fn venue<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        venue_books(py, &self.outcome)
    }

    /// Cash that is still reserved at the end.
    #[getter]
    fn reserved(&self) -> String {
        decimal_string(self.outcome.reserved)
    }

    /// Fills cut to the cash that was left when they came.
    #[getter]
    const fn cut_at_fill(&self) -> u64 {
        self.outcome.records.cut_at_fill
    }

    fn __repr__(&self) -> String {
        format!(
            "<RunOutput: {} traders, {} events, {} fills, digest {}>",
            self.outcome.traders.len(),
            self.outcome.events,
            self.outcome.records.fills.len(),
            self.outcome.digest
        )
    }
}

/// The traders that erred, each a dict; `traders` are names, labels and markets.
pub(crate) fn quarantined<'py, 'a>(
    py: Python<'py>,
    records: &[QuarantineRecord],
    traders: &[(String, String, u32)],
    pair: impl Fn(u32) -> &'a str,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for record in records {
        let (name, label, market) = &traders[record.trader as usize];
        let entry = PyDict::new(py);
        entry.set_item("trader", name)?;
        entry.set_item("pair", pair(*market))?;
        entry.set_item("strategy", label)?;
        entry.set_item("ts", record.ts)?;
        entry.set_item("error", origin(py, &record.fault)?)?;
        entry.set_item("kind", record.fault.kind.name())?;
        list.append(entry)?;
    }
    Ok(list)
}

type Columns = Result<Vec<NamedColumn>, ArrowError>;

impl RunOutput {
    pub(crate) fn new(py: Python<'_>, mut outcome: Outcome) -> PyResult<Self> {
        let pair = |market: u32| outcome.markets[market as usize].0.as_str();
        let quarantined =
            quarantined(py, &outcome.records.quarantined, &outcome.traders, pair)?.unbind();
        // The list has the exceptions now. References from here would keep the collector from ever freeing them.
        for record in &mut outcome.records.quarantined {
            record.fault.origin = None;
        }
        Ok(Self {
            outcome,
            quarantined,
        })
    }

    fn trader_name(&self, trader: usize) -> &str {
        &self.outcome.traders[trader].0
    }

    fn market(&self, trader: u32) -> &(String, Instrument) {
        let market = self.outcome.traders[trader as usize].2;
        &self.outcome.markets[market as usize]
    }

    fn pair_of(&self, trader: u32) -> &str {
        &self.market(trader).0
    }

    /// The columns that say whose a row is.
    fn whose<'a>(
        &'a self,
        traders: impl Iterator<Item = u32> + Clone + 'a,
    ) -> Result<[NamedColumn; 2], ArrowError> {
        let names: Vec<&str> = self
            .outcome
            .traders
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        let pairs: Vec<&str> = self
            .outcome
            .markets
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let place = |index: u32| i32::try_from(index).ok();
        let trader = word_column("trader", &names, traders.clone().map(place))?;
        let markets = traders.map(move |trader| place(self.outcome.traders[trader as usize].2));
        Ok([trader, word_column("pair", &pairs, markets)?])
    }

    fn orders(&self) -> Columns {
        let rows = self.outcome.records.orders.since(0);
        let [trader, pair] = self.whose(rows.iter().map(|row| row.trader))?;
        let limit = |row: &OrderRecord| match row.kind {
            // One that was refused for its limit has none.
            OrderKind::Market | OrderKind::Limit(0) => None,
            OrderKind::Limit(units) => units
                .checked_mul(2)
                .and_then(|price| self.market(row.trader).1.price(price)),
        };
        Ok(vec![
            time_column("ts", rows.iter().map(|row| Some(row.ts))),
            integer_column(
                "order_id",
                rows.iter().map(|row| i64::try_from(row.id).ok()),
            ),
            trader,
            pair,
            text_column("side", rows.iter().map(|row| Some(row.side.name()))),
            text_column("type", rows.iter().map(|row| Some(row.kind.name()))),
            money_column(
                "quantity",
                rows.iter()
                    .map(|row| self.market(row.trader).1.quantity(row.lots)),
            ),
            money_column("limit_price", rows.iter().map(limit)),
            text_column("status", rows.iter().map(|row| Some(row.status.name()))),
            text_column("reason", rows.iter().map(|row| Some(row.reason))),
        ])
    }

    fn fills(&self) -> Columns {
        let rows = self.outcome.records.fills.since(0);
        let [trader, pair] = self.whose(rows.iter().map(|row| row.trader))?;
        let currency = [self.outcome.currency.as_str()];
        Ok(vec![
            time_column("ts", rows.iter().map(|row| Some(row.ts))),
            trader,
            pair,
            text_column("side", rows.iter().map(|row| Some(row.side.name()))),
            money_column(
                "quantity",
                rows.iter()
                    .map(|row| self.market(row.trader).1.quantity(row.lots)),
            ),
            money_column(
                "price",
                rows.iter()
                    .map(|row| self.market(row.trader).1.price(row.price)),
            ),
            money_column("fee", rows.iter().map(|row| Some(row.fee))),
            word_column("fee_currency", &currency, rows.iter().map(|_| Some(0)))?,
            integer_column(
                "order_id",
                rows.iter().map(|row| i64::try_from(row.order).ok()),
            ),
            text_column(
                "liquidity",
                rows.iter().map(|row| Some(row.liquidity.name())),
            ),
        ])
    }

    fn trades(&self) -> Columns {
        let rows: Vec<TradeRow> = self.outcome.trade_rows().collect();
        let [trader, pair] = self.whose(rows.iter().map(|row| row.trader))?;
        let side = |side: Side| Some(held(side));
        Ok(vec![
            trader,
            pair,
            time_column("entry_ts", rows.iter().map(|row| Some(row.entry_ts))),
            time_column("exit_ts", rows.iter().map(|row| row.exit_ts)),
            text_column("side", rows.iter().map(|row| side(row.side))),
            money_column("quantity", rows.iter().map(|row| Some(row.quantity))),
            money_column("entry_price", rows.iter().map(|row| Some(row.entry_price))),
            money_column("exit_price", rows.iter().map(|row| row.exit_price)),
            money_column("pnl", rows.iter().map(|row| row.pnl)),
            float_column("return", rows.iter().map(|row| row.returns)),
            money_column("fees", rows.iter().map(|row| Some(row.fees))),
            text_column("exit_reason", rows.iter().map(|row| row.exit_reason)),
        ])
    }

    fn refusals(&self) -> Columns {
        let rows = &self.outcome.records.refusals;
        let [trader, pair] = self.whose(rows.iter().map(|row| row.trader))?;
        Ok(vec![
            time_column("ts", rows.iter().map(|row| Some(row.ts))),
            trader,
            pair,
            text_column("check", rows.iter().map(|row| Some(row.check))),
            text_column("reason", rows.iter().map(|row| Some(row.reason.as_str()))),
        ])
    }

    fn equity_curve(&self) -> Vec<NamedColumn> {
        let curve = &self.outcome.records.curve;
        vec![
            time_column("ts", curve.ts.iter().map(Some)),
            money_column("equity", curve.equity.iter().map(Some)),
        ]
    }
}

/// Ratios, which are no money.
pub(crate) fn float_column(name: &str, values: impl Iterator<Item = Option<f64>>) -> NamedColumn {
    let array: Float64Array = values.collect();
    (
        Arc::new(Field::new(name, DataType::Float64, true)),
        Arc::new(array),
    )
}
