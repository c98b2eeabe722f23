//! From Python's description of risk limits to the gate's.
//!
//! `pairloom.risk` has checked what people wrote; what is malformed here is a defect of the package.

use pairloom_core::domain::Nanos;
use pairloom_core::risk::{ByPair, Hours, LimitSpec, Pace, Pairs, RiskSpec};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use rust_decimal::Decimal;

use crate::errors::{CONFIG, shown};

/// The limits of a run, as its options have them.
pub(crate) fn run_limits(run: &Bound<'_, PyDict>) -> PyResult<Option<RiskSpec>> {
    match run.get_item("risk")? {
        Some(given) if !given.is_none() => risk_spec(&given).map(Some),
        _ => Ok(None),
    }
}

/// Limits as `RiskLimits._between` gives them.
pub(crate) fn risk_spec(given: &Bound<'_, PyAny>) -> PyResult<RiskSpec> {
    let account = given.get_item("account")?;
    let traders: Vec<(String, Bound<'_, PyDict>)> = given.get_item("traders")?.extract()?;
    Ok(RiskSpec {
        account: limits(&Limits(account.cast()?))?,
        traders: traders
            .iter()
            .map(|(name, own)| Ok((name.clone(), limits(&Limits(own))?)))
            .collect::<PyResult<_>>()?,
    })
}

/// The values of controls by name, of those that are on.
struct Limits<'a, 'py>(&'a Bound<'py, PyDict>);

fn limits(given: &Limits<'_, '_>) -> PyResult<LimitSpec> {
    Ok(LimitSpec {
        max_order_quantity: given.by_pair("max_order_quantity", decimal)?,
        max_order_notional: given.by_pair("max_order_notional", decimal)?,
        price_collar: given.by_pair("price_collar", decimal)?,
        price_band: given.by_pair("price_band", band)?,
        max_position: given.by_pair("max_position", decimal)?,
        max_gross_exposure: given.one("max_gross_exposure", decimal)?,
        max_net_exposure: given.one("max_net_exposure", decimal)?,
        max_order_rate: given.by_pair("max_order_rate", pace)?,
        max_cancel_rate: given.by_pair("max_cancel_rate", pace)?,
        max_repeats: given.one("max_repeats", pace)?,
        duplicate_window: given.one("duplicate_window", nanos)?,
        prevent_self_trade: given.flag("prevent_self_trade")?,
        max_daily_loss: given.one("max_daily_loss", decimal)?,
        max_drawdown: given.one("max_drawdown", decimal)?,
        max_data_age: given.by_pair("max_data_age", nanos)?,
        refuse_crossed_quotes: given.flag("refuse_crossed_quotes")?,
        max_price_gap: given.by_pair("max_price_gap", decimal)?,
        known_instruments_only: given.flag("known_instruments_only")?,
        halted: given.pairs("halted")?,
        restricted: given.pairs("restricted")?,
        session: given.by_pair("session", hours)?,
        reduce_only: given.pairs("reduce_only")?,
        cancel_on_disconnect: given.flag("cancel_on_disconnect")?,
    })
}

type Reader<T> = fn(&Bound<'_, PyAny>) -> Option<T>;

impl<'py> Limits<'_, 'py> {
    fn find(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.get_item(name)
    }

    fn read<T>(&self, name: &str, value: &Bound<'_, PyAny>, read: Reader<T>) -> PyResult<T> {
        read(value).ok_or_else(|| {
            let message = format!("risk.{name} cannot be {}", shown(value));
            CONFIG.error(self.0.py(), "config.native", &message)
        })
    }

    fn one<T>(&self, name: &str, read: Reader<T>) -> PyResult<Option<T>> {
        let value = self.find(name)?;
        value.map(|value| self.read(name, &value, read)).transpose()
    }

    fn by_pair<T>(&self, name: &str, read: Reader<T>) -> PyResult<ByPair<T>> {
        let Some(value) = self.find(name)? else {
            return Ok(ByPair::Off);
        };
        let Ok(dict) = value.cast::<PyDict>() else {
            return Ok(ByPair::All(self.read(name, &value, read)?));
        };
        let (mut pairs, mut default) = (Vec::with_capacity(dict.len()), None);
        for (pair, limit) in dict {
            let pair: String = pair.extract()?;
            let limit = self.read(name, &limit, read)?;
            if pair == "*" {
                default = Some(limit);
            } else {
                pairs.push((pair, limit));
            }
        }
        Ok(ByPair::Each { pairs, default })
    }

    fn flag(&self, name: &str) -> PyResult<bool> {
        Ok(self
            .one(name, |value| value.extract().ok())?
            .unwrap_or(false))
    }

    fn pairs(&self, name: &str) -> PyResult<Pairs> {
        let Some(value) = self.find(name)? else {
            return Ok(Pairs::None);
        };
        if value.is_instance_of::<PyBool>() {
            return Ok(Pairs::All);
        }
        let named = self.read(name, &value, |value| value.extract().ok())?;
        Ok(Pairs::These(named))
    }
}

fn decimal(value: &Bound<'_, PyAny>) -> Option<Decimal> {
    value.extract::<String>().ok()?.parse().ok()
}

fn nanos(value: &Bound<'_, PyAny>) -> Option<Nanos> {
    value.extract().ok()
}

fn pace(value: &Bound<'_, PyAny>) -> Option<Pace> {
    let (count, nanos) = value.extract().ok()?;
    Some(Pace { count, nanos })
}

fn band(value: &Bound<'_, PyAny>) -> Option<(Decimal, Decimal)> {
    let (low, high): (String, String) = value.extract().ok()?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn hours(value: &Bound<'_, PyAny>) -> Option<Hours> {
    let hours: Vec<(Nanos, Nanos)> = value.extract().ok()?;
    Some(hours.into())
}
