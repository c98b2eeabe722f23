//! `MarketData`: the input of a run, copied once from Python's columns into the engine's.

use std::collections::HashMap;
use std::sync::Arc;

use numpy::{Element, PyArray1, PyArrayMethods};
use pairloom_core::domain::Nanos;
use pairloom_core::market::validate::{
    CandleRows, Offence, QuoteRows, Rows, TradeRows, first_offence,
};
use pairloom_core::market::{
    CandleSeries, CloseTimes, Column, EventKind, ExtraColumn, Market, MarketData as CoreData,
    PriceScale, QuoteSeries, Times, TradeSeries, contents_of,
};
use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{DATA, type_name};

/// Rows of market data, by pair. Runs share it; nothing changes what was added.
#[pyclass(frozen, module = "pairloom", name = "MarketData")]
pub(crate) struct MarketData {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    data: Arc<CoreData>,
    places: HashMap<String, usize>,
    /// Columns of times by length, first and last: markets recorded together often have the same.
    times: HashMap<(usize, Nanos, Nanos), Vec<Times>>,
}

#[pymethods]
impl MarketData {
    #[new]
    fn new() -> Self {
        Self {
            inner: Mutex::default(),
        }
    }

    /// The pairs in the order in which they were added.
    #[getter]
    fn pairs(&self) -> Vec<String> {
        self.inner
            .lock()
            .data
            .markets
            .iter()
            .map(|market| market.name.clone())
            .collect()
    }

    /// What is in each market: the pair, the number of rows, and a fingerprint of all columns.
    fn contents(&self, py: Python<'_>) -> Vec<(String, usize, String)> {
        let data = Arc::clone(&self.inner.lock().data);
        py.detach(|| contents_of(&data.markets))
    }

    /// The number of rows of all markets together.
    #[getter]
    fn rows(&self) -> usize {
        self.inner.lock().data.rows()
    }

    /// Adds candles: `ts` are their openings; `close_ts`, or else `interval` (ns), says when each is known.
    #[pyo3(signature = (pair, origin, ts, close_ts, interval, open, high, low, close, volume, extra))]
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each column, named by the one caller"
    )]
    fn add_candles(
        &self,
        py: Python<'_>,
        pair: &str,
        origin: &str,
        ts: &Bound<'_, PyAny>,
        close_ts: Option<&Bound<'_, PyAny>>,
        interval: Option<Nanos>,
        open: &Bound<'_, PyAny>,
        high: &Bound<'_, PyAny>,
        low: &Bound<'_, PyAny>,
        close: &Bound<'_, PyAny>,
        volume: Option<&Bound<'_, PyAny>>,
        extra: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let reader = Reader { py, pair, origin };
        let open_ts = reader.column::<i64>("ts", ts)?;
        let close_ts = reader.optional::<i64>("close_ts", close_ts)?;
        let (open, high) = (reader.column("open", open)?, reader.column("high", high)?);
        let (low, close) = (reader.column("low", low)?, reader.column("close", close)?);
        let volume = reader.optional("volume", volume)?;
        let extra = reader.extra(extra, open_ts.len())?;
        reader.check(&CandleRows {
            ts: &open_ts,
            close_ts: close_ts.as_deref(),
            open: &open,
            high: &high,
            low: &low,
            close: &close,
            volume: volume.as_deref(),
        })?;
        let closes = match (close_ts, interval) {
            (Some(times), _) => CloseTimes::Column(self.shared(times)),
            (None, Some(interval)) if interval > 0 => CloseTimes::Interval(interval),
            _ => {
                return Err(
                    reader.error("data.interval", "has neither close times nor an interval")
                );
            }
        };
        let open_ts = self.shared(open_ts);
        let series = CandleSeries {
            open_ts,
            close,
            open,
            high,
            low,
            volume,
            closes,
            extra,
        };
        self.add(&reader, EventKind::Candle, |market| {
            market.candles = Some(series)
        })
    }

    /// Adds quotes.
    #[pyo3(signature = (pair, origin, ts, bid, ask, bid_size, ask_size, extra))]
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each column, named by the one caller"
    )]
    fn add_quotes(
        &self,
        py: Python<'_>,
        pair: &str,
        origin: &str,
        ts: &Bound<'_, PyAny>,
        bid: &Bound<'_, PyAny>,
        ask: &Bound<'_, PyAny>,
        bid_size: Option<&Bound<'_, PyAny>>,
        ask_size: Option<&Bound<'_, PyAny>>,
        extra: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let reader = Reader { py, pair, origin };
        let ts = reader.column::<i64>("ts", ts)?;
        let (bid, ask) = (reader.column("bid", bid)?, reader.column("ask", ask)?);
        let bid_size = reader.optional("bid_size", bid_size)?;
        let ask_size = reader.optional("ask_size", ask_size)?;
        let extra = reader.extra(extra, ts.len())?;
        reader.check(&QuoteRows {
            ts: &ts,
            bid: &bid,
            ask: &ask,
            bid_size: bid_size.as_deref(),
            ask_size: ask_size.as_deref(),
        })?;
        let series = QuoteSeries {
            ts: self.shared(ts),
            bid,
            ask,
            bid_size,
            ask_size,
            extra,
        };
        self.add(&reader, EventKind::Quote, |market| {
            market.quotes = Some(series)
        })
    }

    /// Adds trades; `side` is 1 where the taker bought, -1 where it sold, 0 where it is unknown.
    #[pyo3(signature = (pair, origin, ts, price, quantity, side, extra))]
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each column, named by the one caller"
    )]
    fn add_trades(
        &self,
        py: Python<'_>,
        pair: &str,
        origin: &str,
        ts: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        quantity: &Bound<'_, PyAny>,
        side: Option<&Bound<'_, PyAny>>,
        extra: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let reader = Reader { py, pair, origin };
        let ts = reader.column::<i64>("ts", ts)?;
        let price = reader.column("price", price)?;
        let quantity = reader.column("quantity", quantity)?;
        let side = reader.optional::<i8>("side", side)?;
        let extra = reader.extra(extra, ts.len())?;
        reader.check(&TradeRows {
            ts: &ts,
            price: &price,
            quantity: &quantity,
        })?;
        if side.as_ref().is_some_and(|side| side.len() != ts.len()) {
            return Err(reader.error(
                "data.length",
                "column 'side' has another length than the times",
            ));
        }
        let series = TradeSeries {
            ts: self.shared(ts),
            price,
            quantity,
            side,
            extra,
        };
        self.add(&reader, EventKind::Trade, |market| {
            market.trades = Some(series)
        })
    }

    fn __repr__(&self) -> String {
        let data = self.core();
        format!(
            "<MarketData: {} markets, {} rows>",
            data.markets.len(),
            data.rows()
        )
    }
}

impl MarketData {
    /// The data as the engine reads them.
    pub(crate) fn core(&self) -> Arc<CoreData> {
        Arc::clone(&self.inner.lock().data)
    }

    /// The column of times, or an equal one that is there already.
    fn shared(&self, times: Times) -> Times {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return times;
        };
        let mut inner = self.inner.lock();
        let known = inner.times.entry((times.len(), first, last)).or_default();
        if let Some(same) = known.iter().find(|known| ***known == *times) {
            return Arc::clone(same);
        }
        known.push(Arc::clone(&times));
        times
    }

    fn add(
        &self,
        reader: &Reader<'_>,
        kind: EventKind,
        put: impl FnOnce(&mut Market),
    ) -> PyResult<()> {
        let mut inner = self.inner.lock();
        let next = inner.data.markets.len();
        let place = *inner.places.entry(reader.pair.to_owned()).or_insert(next);
        let markets = &mut Arc::make_mut(&mut inner.data).markets;
        if place == next {
            let scale = PriceScale {
                digits: 0,
                exact: true,
            };
            markets.push(Market::without_rows(reader.pair, scale));
        }
        let market = &mut markets[place];
        if market.series(kind).is_some() {
            drop(inner);
            let message = format!("gives the {} rows a second time", kind.name());
            return Err(reader.error("data.twice", &message));
        }
        put(market);
        market.scale = market.detect_scale();
        Ok(())
    }
}

/// Turns the columns of one input into the engine's, or says what is wrong with them.
struct Reader<'py> {
    py: Python<'py>,
    pair: &'py str,
    origin: &'py str,
}

impl Reader<'_> {
    fn error(&self, code: &str, message: &str) -> PyErr {
        DATA.error(
            self.py,
            code,
            &format!("{}: {}: {message}", self.origin, self.pair),
        )
    }

    fn check<R: Rows>(&self, rows: &R) -> PyResult<()> {
        if rows.times().is_empty() {
            return Err(self.error("data.empty", "there is no row"));
        }
        match first_offence(rows) {
            None => Ok(()),
            Some(offence) => Err(self.offence(&offence)),
        }
    }

    fn offence(&self, offence: &Offence) -> PyErr {
        self.error(offence.rule.code(), &offence.to_string())
    }

    fn column<T: Element + Copy>(
        &self,
        name: &str,
        values: &Bound<'_, PyAny>,
    ) -> PyResult<Arc<[T]>> {
        let Ok(array) = values.cast::<PyArray1<T>>() else {
            return Err(PyTypeError::new_err(format!(
                "{}: {}: column {name:?} is a {}; it must be a one-dimensional NumPy array of {}",
                self.origin,
                self.pair,
                type_name(values),
                T::get_dtype(self.py)
            )));
        };
        let array = array.try_readonly().map_err(|error| {
            self.error(
                "data.busy",
                &format!("column {name:?} is being written: {error}"),
            )
        })?;
        Ok(match array.as_slice() {
            Ok(slice) => Arc::from(slice),
            Err(_) => array.as_array().iter().copied().collect(),
        })
    }

    fn optional<T: Element + Copy>(
        &self,
        name: &str,
        values: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Arc<[T]>>> {
        values.map(|values| self.column(name, values)).transpose()
    }

    fn extra(&self, columns: &Bound<'_, PyDict>, rows: usize) -> PyResult<Vec<ExtraColumn>> {
        let mut extra = Vec::with_capacity(columns.len());
        for (name, values) in columns {
            let name: String = name.extract()?;
            let values: Column = self.column(&name, &values)?;
            if values.len() != rows {
                let message = format!(
                    "column {name:?} has {} rows, the times have {rows}",
                    values.len()
                );
                return Err(self.error("data.length", &message));
            }
            extra.push(ExtraColumn { name, values });
        }
        Ok(extra)
    }
}
