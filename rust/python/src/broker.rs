//! From Python's description of the paper broker's faults, and of reconciliation, to the engine's; and what comes back.
//!
//! `pairloom.broker` has checked what people wrote; what is malformed here is a defect of the package.

use pairloom_core::commit::Difference;
use pairloom_core::domain::decimal_string;
use pairloom_core::engine::Outcome;
use pairloom_core::live::{Fault, FaultSpec, LiveOptions, ReconcileSpec, UnknownOrders};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors::CONFIG;

/// Puts into the options of a run what the engine's settings say of its broker.
pub(crate) fn broker_options(
    config: &Bound<'_, PyDict>,
    options: &mut LiveOptions,
) -> PyResult<()> {
    if let Some(given) = config.get_item("faults")? {
        options.faults = Some(faults(&given)?);
    }
    if let Some(given) = config.get_item("reconcile")? {
        let word: String = given.get_item("unknown_orders")?.extract()?;
        options.reconcile = Some(ReconcileSpec {
            interval: given.get_item("interval")?.extract()?,
            unknown_orders: match word.as_str() {
                "cancel" => UnknownOrders::Cancel,
                "adopt" => UnknownOrders::Adopt,
                _ => {
                    let message = format!("reconcile.unknown_orders cannot be {word:?}");
                    return Err(CONFIG.error(config.py(), "config.native", &message));
                }
            },
        });
    }
    Ok(())
}

/// Faults by name: a probability each, and two spans of time in nanoseconds.
fn faults(given: &Bound<'_, PyAny>) -> PyResult<FaultSpec> {
    let mut chances = [0.0; Fault::ALL.len()];
    for (chance, fault) in chances.iter_mut().zip(Fault::ALL) {
        *chance = given.get_item(fault.name())?.extract()?;
    }
    Ok(FaultSpec {
        seed: given.get_item("seed")?.extract()?,
        chances,
        delay: given.get_item("delay_ns")?.extract()?,
        outage: given.get_item("outage_ns")?.extract()?,
    })
}

/// What the engine and the venue differed in, each a dict with `ts, pair, kind, what, halted`.
pub(crate) fn differences<'py, 'a>(
    py: Python<'py>,
    found: impl IntoIterator<Item = (Option<&'a str>, &'a Difference)>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (pair, difference) in found {
        let dict = PyDict::new(py);
        dict.set_item("ts", difference.ts)?;
        dict.set_item("pair", pair)?;
        dict.set_item("kind", difference.kind)?;
        dict.set_item("what", &difference.what)?;
        dict.set_item("halted", difference.halts)?;
        list.append(dict)?;
    }
    Ok(list)
}

/// The venue's own books: `open_orders`, `fills`, `positions` and `cash`; `None` where it keeps none.
pub(crate) fn venue_books<'py>(
    py: Python<'py>,
    outcome: &Outcome,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(books) = &outcome.records.venue else {
        return Ok(None);
    };
    let fills = PyList::empty(py);
    for &(order, lots, price) in &books.fills {
        let instrument = outcome.records.order(order).map(|row| {
            let market = outcome.traders[row.trader as usize].2;
            &outcome.markets[market as usize].1
        });
        let quantity = instrument.and_then(|instrument| instrument.quantity(lots));
        let price = instrument.and_then(|instrument| instrument.price(price));
        fills.append((
            order,
            quantity.map(decimal_string),
            price.map(decimal_string),
        ))?;
    }
    let positions = PyDict::new(py);
    for ((name, instrument), &lots) in outcome.markets.iter().zip(&books.positions) {
        let size = instrument.quantity(lots).map(decimal_string);
        positions.set_item(name, size.unwrap_or_default())?;
    }
    let dict = PyDict::new(py);
    dict.set_item("open_orders", &books.open)?;
    dict.set_item("fills", fills)?;
    dict.set_item("positions", positions)?;
    dict.set_item("cash", decimal_string(books.cash))?;
    Ok(Some(dict))
}
