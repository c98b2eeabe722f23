//! The cells of a table as people read them.

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use pyo3::prelude::*;

use crate::table::to_numpy;

/// One value as people write it.
pub(crate) fn cell(py: Python<'_>, array: &ArrayRef, row: usize) -> PyResult<String> {
    if array.is_null(row) {
        return Ok(String::new());
    }
    Ok(match array.data_type() {
        DataType::Decimal128(_, scale) => {
            let units = array.as_primitive::<Decimal128Type>().value(row);
            plain_decimal(units, usize::from(scale.unsigned_abs()))
        }
        DataType::Timestamp(..) => {
            let one = to_numpy(py, &array.slice(row, 1))?;
            let text = one.get_item(0)?.str()?.to_string();
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => to_numpy(py, &array.slice(row, 1))?
            .get_item(0)?
            .str()?
            .to_string(),
    })
}

/// A decimal without the zeros behind it.
fn plain_decimal(units: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, decimals) = digits.split_at(digits.len() - scale);
    let decimals = decimals.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{decimals}")
}

pub(crate) fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
