//! The checks of market rows, for Python's messages and for `repair="drop"`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pairloom_core::market::validate::{
    CandleRows, Offence, QuoteRows, TradeRows, Value, first_offence as first,
    offending as all_offending,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Times<'py> = PyReadonlyArray1<'py, i64>;

/// What Python is told of an offence: row, column, value, code and the rule in words.
type Found = (
    usize,
    &'static str,
    Option<f64>,
    i64,
    &'static str,
    &'static str,
);

/// The columns of one kind, borrowed from NumPy.
struct Borrowed<'py> {
    ts: Times<'py>,
    close_ts: Option<Times<'py>>,
    columns: Vec<(&'static str, Floats<'py>)>,
}

impl<'py> Borrowed<'py> {
    fn new(
        kind: &str,
        ts: Times<'py>,
        close_ts: Option<Times<'py>>,
        given: &Bound<'py, PyDict>,
    ) -> PyResult<Self> {
        let names: &[&'static str] = match kind {
            "candle" => &["open", "high", "low", "close", "volume"],
            "quote" => &["bid", "ask", "bid_size", "ask_size"],
            "trade" => &["price", "quantity"],
            _ => return Err(PyValueError::new_err(format!("no kind of rows: {kind}"))),
        };
        let mut columns = Vec::new();
        for name in names {
            if let Some(array) = given.get_item(name)? {
                columns.push((*name, array.extract::<Floats<'py>>()?));
            }
        }
        Ok(Borrowed {
            ts,
            close_ts,
            columns,
        })
    }

    fn optional(&self, name: &str) -> PyResult<Option<&[f64]>> {
        let found = self.columns.iter().find(|(column, _)| *column == name);
        Ok(found.map(|(_, array)| array.as_slice()).transpose()?)
    }

    fn column(&self, name: &str) -> PyResult<&[f64]> {
        self.optional(name)?
            .ok_or_else(|| PyValueError::new_err(format!("lacks the column {name}")))
    }

    fn candles(&self) -> PyResult<CandleRows<'_>> {
        Ok(CandleRows {
            ts: self.ts.as_slice()?,
            close_ts: self.close_ts.as_ref().map(|c| c.as_slice()).transpose()?,
            open: self.column("open")?,
            high: self.column("high")?,
            low: self.column("low")?,
            close: self.column("close")?,
            volume: self.optional("volume")?,
        })
    }

    fn quotes(&self) -> PyResult<QuoteRows<'_>> {
        Ok(QuoteRows {
            ts: self.ts.as_slice()?,
            bid: self.column("bid")?,
            ask: self.column("ask")?,
            bid_size: self.optional("bid_size")?,
            ask_size: self.optional("ask_size")?,
        })
    }

    fn trades(&self) -> PyResult<TradeRows<'_>> {
        Ok(TradeRows {
            ts: self.ts.as_slice()?,
            price: self.column("price")?,
            quantity: self.column("quantity")?,
        })
    }
}

fn found(offence: Offence) -> Found {
    let (number, time) = match offence.value {
        Value::Number(number) => (Some(number), 0),
        Value::Time(time) => (None, time),
    };
    let rule = offence.rule;
    (
        offence.row,
        offence.column,
        number,
        time,
        rule.code(),
        rule.sentence(),
    )
}

/// The first row that breaks a rule, or `None`.
#[pyfunction]
pub(super) fn first_offence<'py>(
    kind: &str,
    ts: Times<'py>,
    close_ts: Option<Times<'py>>,
    columns: &Bound<'py, PyDict>,
) -> PyResult<Option<Found>> {
    let rows = Borrowed::new(kind, ts, close_ts, columns)?;
    let offence = match kind {
        "candle" => first(&rows.candles()?),
        "quote" => first(&rows.quotes()?),
        _ => first(&rows.trades()?),
    };
    Ok(offence.map(found))
}

/// All the rows to drop so that the others break no rule.
#[pyfunction]
pub(super) fn offending_rows<'py>(
    py: Python<'py>,
    kind: &str,
    ts: Times<'py>,
    close_ts: Option<Times<'py>>,
    columns: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let rows = Borrowed::new(kind, ts, close_ts, columns)?;
    let bad = match kind {
        "candle" => all_offending(&rows.candles()?),
        "quote" => all_offending(&rows.quotes()?),
        _ => all_offending(&rows.trades()?),
    };
    let bad: Vec<i64> = bad.into_iter().map(|row| row as i64).collect();
    Ok(bad.into_pyarray(py))
}
