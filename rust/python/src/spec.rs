//! From the specs of `pairloom.indicators` to the engine's.

use pairloom_core::indicator::{IndicatorError, IndicatorId, Kind, Spec};
use pairloom_core::strategy::SetupCtx;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::call::{Loan, NotLent};
use crate::ctx::Facts;
use crate::errors::{CONFIG, shown};
use crate::indicator::{Indicator, Output, indicator_error};

/// Specs may be made of specs; nobody nests them deeper.
const DEEPEST: usize = 32;

/// Why an indicator was not added.
pub(crate) enum SpecError {
    /// The object is no spec, or reading it raised.
    Python(PyErr),
    /// It makes no sense.
    Indicator(IndicatorError),
    /// It makes no sense together with this trader.
    Wrong(&'static str, String),
    /// Indicators cannot be asked for now.
    NotLent(NotLent),
}

impl From<PyErr> for SpecError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl SpecError {
    /// The exception for it.
    pub(crate) fn raise(self, py: Python<'_>, not_lent: impl FnOnce(NotLent) -> PyErr) -> PyErr {
        match self {
            Self::Python(error) => error,
            Self::Indicator(error) => indicator_error(py, &error),
            Self::Wrong(code, message) => CONFIG.error(py, code, &message),
            Self::NotLent(why) => not_lent(why),
        }
    }
}

/// What a spec says, read before the engine's context is looked at: reading may run Python code.
struct Request {
    kind: Kind,
    on: Option<String>,
    of: Option<(IndicatorId, u8)>,
    keep: usize,
}

/// Adds the indicator that a spec describes to the trader whose `setup` runs.
pub(crate) fn add_indicator(
    spec: &Bound<'_, PyAny>,
    loan: &Loan,
    facts: &Facts,
    required: bool,
) -> Result<Indicator, SpecError> {
    nested(spec, loan, facts, required, 0)
}

fn nested(
    spec: &Bound<'_, PyAny>,
    loan: &Loan,
    facts: &Facts,
    required: bool,
    depth: usize,
) -> Result<Indicator, SpecError> {
    let request = read(spec, loan, facts, required, depth)?;
    let kind = request.kind.name();
    let added = loan
        .setup(spec.py(), |ctx| add(ctx, request, required))
        .map_err(SpecError::NotLent)?;
    let (id, cell) = added?;
    Ok(Indicator::new(spec.py(), cell, id, facts.number, kind))
}

fn add(
    ctx: &mut SetupCtx<'_>,
    request: Request,
    required: bool,
) -> Result<(IndicatorId, std::sync::Arc<pairloom_core::indicator::Cell>), SpecError> {
    let mut spec = Spec::new(request.kind).keep(request.keep);
    if let Some(name) = request.on {
        let Some(field) = ctx.field(&name) else {
            let extra: Vec<&str> = ctx
                .extra
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let has = if extra.is_empty() {
                String::new()
            } else {
                format!(" and {}", extra.join(", "))
            };
            return Err(SpecError::Wrong(
                "indicator.input",
                format!(
                    "{}(on={name:?}): {} has no such column; it has those of a {}{has}",
                    request.kind.name(),
                    ctx.pair,
                    ctx.kind.name()
                ),
            ));
        };
        spec = spec.on(field);
    }
    if let Some((source, output)) = request.of {
        spec = spec.of(source, output);
    }
    if !required {
        spec = spec.optional();
    }
    let id = ctx.indicator(spec).map_err(SpecError::Indicator)?;
    Ok((id, ctx.graph.cell(id)))
}

fn read(
    spec: &Bound<'_, PyAny>,
    loan: &Loan,
    facts: &Facts,
    required: bool,
    depth: usize,
) -> Result<Request, SpecError> {
    let py = spec.py();
    let named = spec.getattr_opt(intern!(py, "kind"))?;
    let is_class = spec.is_instance_of::<PyType>();
    let Some(kind) = named.filter(|_| !is_class) else {
        let call = if is_class {
            "; call it, as in ta.Sma(20)"
        } else {
            ""
        };
        return Err(PyTypeError::new_err(format!(
            "ctx.indicator takes an indicator of pairloom.indicators, such as ta.Sma(20), not {}{call}",
            shown(spec)
        ))
        .into());
    };
    let name: String = kind.extract()?;
    let parameters = spec.getattr(intern!(py, "parameters"))?;
    let parameters: Vec<(String, f64)> = parameters
        .cast::<PyDict>()
        .map_err(PyErr::from)?
        .iter()
        .filter(|(_, value)| !value.is_none())
        .map(|(key, value)| Ok((key.extract()?, value.extract()?)))
        .collect::<PyResult<_>>()?;
    let borrowed: Vec<(&str, f64)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let kind = Kind::from_parameters(&name, &borrowed).map_err(SpecError::Indicator)?;
    let of = spec.getattr(intern!(py, "of"))?;
    Ok(Request {
        kind,
        on: spec.getattr(intern!(py, "on"))?.extract()?,
        of: source(&of, loan, facts, required, depth)?,
        keep: spec.getattr(intern!(py, "keep"))?.extract()?,
    })
}

/// The indicator, and which of its outputs, that another one is made of.
fn source(
    of: &Bound<'_, PyAny>,
    loan: &Loan,
    facts: &Facts,
    required: bool,
    depth: usize,
) -> Result<Option<(IndicatorId, u8)>, SpecError> {
    if of.is_none() {
        return Ok(None);
    }
    let (trader, id, output) = if let Ok(indicator) = of.cast::<Indicator>() {
        (indicator.get().trader, indicator.get().id, 0)
    } else if let Ok(line) = of.cast::<Output>() {
        (line.get().trader, line.get().id, line.get().output)
    } else if depth < DEEPEST {
        let made = nested(of, loan, facts, required, depth + 1)?;
        (made.trader, made.id, 0)
    } else {
        return Err(SpecError::Wrong(
            "indicator.input",
            format!("indicators are nested more than {DEEPEST} deep"),
        ));
    };
    if trader != facts.number {
        return Err(SpecError::Wrong(
            "indicator.input",
            format!(
                "of={} belongs to another trader; ask for it in this setup",
                shown(of)
            ),
        ));
    }
    Ok(Some((id, output)))
}
