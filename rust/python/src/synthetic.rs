//! `pairloom._native.synthetic`: the core's synthetic markets as NumPy columns.

use numpy::IntoPyArray;
use pairloom_core::domain::Nanos;
use pairloom_core::error::Error;
use pairloom_core::market::EventKind;
use pairloom_core::market::synthetic::{
    SyntheticColumns, SyntheticFeed, SyntheticFeedSpec, SyntheticMarketSpec,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::raise;

/// Rows of markets that do not exist, one dict of columns for each of `markets`.
///
/// `markets` holds `(price, digits, volatility)` of each; `pairloom.synthetic` describes the rest.
#[pyfunction]
#[pyo3(signature = (kind, markets, *, rows, interval, start, seed, correlation, missing))]
#[expect(
    clippy::too_many_arguments,
    reason = "keywords, each named by the one caller"
)]
pub(crate) fn synthetic<'py>(
    py: Python<'py>,
    kind: &str,
    markets: Vec<(f64, u32, f64)>,
    rows: usize,
    interval: Nanos,
    start: Nanos,
    seed: u64,
    correlation: f64,
    missing: f64,
) -> PyResult<Bound<'py, PyList>> {
    let kind = EventKind::parse(kind)
        .ok_or_else(|| Error::config("config.kind", format!("kind={kind:?} is unknown")));
    let spec = |kind| SyntheticFeedSpec {
        seed,
        kind,
        start,
        interval,
        correlation,
        missing,
    };
    let markets: Vec<_> = markets
        .into_iter()
        .map(|(price, digits, volatility)| SyntheticMarketSpec {
            price,
            digits,
            volatility,
        })
        .collect();
    // Ten thousand markets take a second: other Python threads may run meanwhile.
    let columns = py
        .detach(|| SyntheticFeed::new(spec(kind?), &markets)?.columns(rows))
        .map_err(|error| raise(py, &error))?;
    let list = PyList::empty(py);
    for market in columns {
        list.append(to_dict(py, market)?)?;
    }
    Ok(list)
}

fn to_dict(py: Python<'_>, columns: SyntheticColumns) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    let (ts, numbers) = match columns {
        SyntheticColumns::Candles(c) => {
            let numbers = vec![
                ("open", c.open),
                ("high", c.high),
                ("low", c.low),
                ("close", c.close),
                ("volume", c.volume),
            ];
            (c.ts, numbers)
        }
        SyntheticColumns::Quotes(q) => {
            let numbers = vec![
                ("bid", q.bid),
                ("ask", q.ask),
                ("bid_size", q.bid_size),
                ("ask_size", q.ask_size),
            ];
            (q.ts, numbers)
        }
        SyntheticColumns::Trades(t) => {
            dict.set_item("side", t.side.into_pyarray(py))?;
            (t.ts, vec![("price", t.price), ("quantity", t.quantity)])
        }
    };
    dict.set_item("ts", ts.into_pyarray(py))?;
    for (name, values) in numbers {
        dict.set_item(name, values.into_pyarray(py))?;
    }
    Ok(dict)
}
