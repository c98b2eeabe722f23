//! Indicators over whole columns: the same nodes, fed row by row.

use crate::limits::{MOST_DIGITS, MOST_ROUNDING, MOST_ROUNDING_OF_CANDLES};
use crate::market::field::Field;

use super::Sample;
use super::error::IndicatorError;
use super::graph::{Graph, Spec};
use super::kind::Kind;

/// Beyond this many digits a float in the column is no shorter decimal, but all its bits count.
const SIGNIFICANT: f64 = 9_007_199_254_740_992.0;

/// One row of columns.
struct Row<'a> {
    columns: &'a [(Field, &'a [f64])],
    index: usize,
    power: f64,
    /// For a negative scale the power divides.
    zeros: bool,
}

impl Sample for Row<'_> {
    fn value(&self, field: Field) -> f64 {
        let column = self.columns.iter().find(|(name, _)| *name == field);
        column
            .and_then(|(_, values)| values.get(self.index))
            .copied()
            .unwrap_or(f64::NAN)
    }

    fn units(&self, field: Field) -> i64 {
        // Quotes have no column of mids when they come as bid and ask.
        if field == Field::Mid {
            let mid = self.value(Field::Mid);
            if mid.is_nan() {
                return self
                    .units(Field::Bid)
                    .saturating_add(self.units(Field::Ask));
            }
            return self.scaled(mid * 2.0);
        }
        self.scaled(self.value(field))
    }
}

impl Row<'_> {
    /// The nearest integer; one beyond 64 bits is the last one within.
    fn scaled(&self, value: f64) -> i64 {
        let scaled = if self.zeros {
            value / self.power
        } else {
            value * self.power
        };
        #[expect(clippy::cast_possible_truncation, reason = "saturates, as documented")]
        let units = libm::round(scaled) as i64;
        units
    }

    fn finite(&self) -> bool {
        self.columns
            .iter()
            .all(|(_, values)| values.get(self.index).is_some_and(|x| x.is_finite()))
    }
}

/// Runs an indicator over columns of one length (the shortest counts) and returns one column per output,
/// NaN where there is no value yet.
///
/// A kind that reads one series takes `close`, `mid` or `price` if it is there, else the first column; prices become
/// integers by rounding `value × 10^scale`. A row with anything that is not finite is skipped: the
/// outputs stay as they were, as they do for a strategy.
#[must_use]
pub fn compute(kind: Kind, columns: &[(Field, &[f64])], scale: i8) -> Vec<Vec<f64>> {
    let outputs = kind.outputs().len();
    let rows = columns
        .iter()
        .map(|(_, values)| values.len())
        .min()
        .unwrap_or(0);
    let (default_input, on) = inputs(kind, columns);
    let mut graph = Graph::new(scale, default_input);
    let spec = Spec {
        on,
        ..Spec::new(kind)
    };
    let Ok(id) = graph.add(spec) else {
        return vec![vec![f64::NAN; rows]; outputs];
    };
    let power = power_of_ten(scale);
    let mut result: Vec<Vec<f64>> = vec![Vec::with_capacity(rows); outputs];
    for index in 0..rows {
        let row = Row {
            columns,
            index,
            power,
            zeros: scale < 0,
        };
        if row.finite() {
            graph.update(&row);
        }
        for (output, column) in (0_u8..).zip(&mut result) {
            column.push(graph.value(id, output));
        }
    }
    result
}

/// What the rows are (candles, quotes or trades), and the column a single series is read from.
fn inputs(kind: Kind, columns: &[(Field, &[f64])]) -> (Field, Option<Field>) {
    let has = |field| columns.iter().any(|(name, _)| *name == field);
    let known = [Field::Close, Field::Mid, Field::Price]
        .into_iter()
        .find(|&field| has(field));
    let field = known
        .or(columns.first().map(|(name, _)| *name))
        .unwrap_or(Field::Close);
    let default_input = match field {
        Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid => Field::Mid,
        Field::Price | Field::Quantity => Field::Price,
        _ => Field::Close,
    };
    (default_input, (!kind.reads_candles()).then_some(field))
}

/// The columns a kind needs beside each other, by name; empty for a kind that reads any one series.
fn needed(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Obv => &[Field::Close, Field::Volume],
        Kind::Vwap { .. } => &[Field::High, Field::Low, Field::Close, Field::Volume],
        Kind::HeikinAshi => &[Field::Open, Field::High, Field::Low, Field::Close],
        _ if kind.reads_candles() => &[Field::High, Field::Low, Field::Close],
        _ => &[],
    }
}

/// The same by names, with everything checked and the price scale found in the columns.
///
/// Columns that the kind does not read are ignored, so a whole table may be given. One series whose values no scale
/// holds is computed in floats, as a column that is no price.
///
/// # Errors
/// For an unknown kind, parameter or column name, a column that is missing, columns of different lengths, and prices of
/// candles that no scale holds.
pub fn compute_columns(
    kind: &str,
    params: &[(&str, f64)],
    columns: &[(&str, &[f64])],
) -> Result<Vec<Vec<f64>>, IndicatorError> {
    let kind = Kind::from_parameters(kind, params)?;
    let wrong = |message: String| Err(IndicatorError::new("indicator.columns", message));
    let mut named = Vec::with_capacity(columns.len());
    for &(name, values) in columns {
        let Some(field) = Field::parse(name) else {
            return wrong(format!("{}: there is no column {name:?}", kind.name()));
        };
        named.push((field, values));
    }
    let needed = needed(kind);
    let names = || {
        needed
            .iter()
            .map(|field| field.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    for field in needed {
        if !named.iter().any(|(name, _)| name == field) {
            return wrong(format!(
                "{} needs the columns {}; {:?} is missing",
                kind.name(),
                names(),
                field.name()
            ));
        }
    }
    if needed.is_empty() {
        let (_, on) = inputs(kind, &named);
        named.retain(|(name, _)| Some(*name) == on);
        if named.is_empty() {
            return wrong(format!("{} needs a column, such as close", kind.name()));
        }
    } else {
        named.retain(|(name, _)| needed.contains(name));
    }
    if let Some(&(first, values)) = named.first()
        && let Some((other, found)) = named.iter().find(|(_, found)| found.len() != values.len())
    {
        return wrong(format!(
            "{}: the columns have different lengths: {} has {}, {} has {}",
            kind.name(),
            first.name(),
            values.len(),
            other.name(),
            found.len()
        ));
    }
    let scale = scale_of(kind, &mut named)?;
    Ok(compute(kind, &named, scale))
}

/// The scale of the columns that are prices; a single one that none holds becomes a column of floats.
fn scale_of(kind: Kind, named: &mut [(Field, &[f64])]) -> Result<i8, IndicatorError> {
    let prices: Vec<&[f64]> = named
        .iter()
        .filter(|(field, _)| field.is_price())
        .map(|&(_, values)| values)
        .collect();
    let scale = infer_scale(&prices);
    let candles = !needed(kind).is_empty();
    let most = if candles {
        MOST_ROUNDING_OF_CANDLES
    } else {
        MOST_ROUNDING
    };
    if holds(&prices, scale, most) {
        return Ok(scale);
    }
    if candles {
        let message = format!(
            "{}: the prices are so far apart, or so large or small, that no decimals of one length hold them; \
             give prices of one market in a usual unit",
            kind.name()
        );
        return Err(IndicatorError::new("indicator.columns", message));
    }
    // What is no column of prices is read by the nodes for floats.
    for (field, _) in named {
        *field = Field::Volume;
    }
    Ok(scale)
}

/// Whether every value survives the rounding to units of a scale, but for so large a share of it.
fn holds(columns: &[&[f64]], scale: i8, most: f64) -> bool {
    let power = power_of_ten(scale);
    let mut values = columns.iter().copied().flatten().copied();
    values.all(|value| {
        let scaled = if scale < 0 {
            value / power
        } else {
            value * power
        };
        !value.is_finite()
            || (scaled.abs() <= SIGNIFICANT
                && (scaled - libm::round(scaled)).abs() <= most * scaled.abs()
                && (scaled != 0.0 || value == 0.0))
    })
}

fn power_of_ten(scale: i8) -> f64 {
    (0..scale.unsigned_abs()).fold(1.0, |power, _| power * 10.0)
}

/// The price scale of columns: the fewest digits after the point, at most 12, with which every value is a
/// decimal (to 4 units in the last place of a float). Where there are none, as many digits as a float has,
/// so that nothing is lost to the rounding; a market's own scale is coarser there.
#[must_use]
pub fn infer_scale(columns: &[&[f64]]) -> i8 {
    let finite = || {
        columns
            .iter()
            .copied()
            .flatten()
            .copied()
            .filter(|x| x.is_finite())
    };
    let largest = finite().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        return 0;
    }
    let mut power = 1.0;
    for digits in 0..=MOST_DIGITS {
        let fits = |x: f64| {
            let scaled = x * power;
            (scaled - libm::round(scaled)).abs() <= 4.0 * f64::EPSILON * scaled.abs()
        };
        if largest * power < SIGNIFICANT && finite().all(fits) {
            return i8::try_from(digits).unwrap_or(0);
        }
        power *= 10.0;
    }
    // The largest scale whose greatest value is still exact as an integer.
    let mut scale = 0_i8;
    let mut scaled = largest;
    while scaled * 10.0 < SIGNIFICANT && scale < 22 {
        scaled *= 10.0;
        scale += 1;
    }
    while scaled >= SIGNIFICANT && scale > i8::MIN {
        scaled /= 10.0;
        scale -= 1;
    }
    scale
}
