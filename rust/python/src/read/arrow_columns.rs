//! Arrow record batches to columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, Decimal128Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::ArrowError;
use arrow_schema::{DataType, TimeUnit};
use pairloom_core::market::scale::decimal_to_f64;

use super::column::{Column, NAT, Named, ReadError, Wanted, Words};

/// Collects the batches of one table.
pub(super) fn from_batches(
    mut batches: Box<dyn arrow_array::RecordBatchReader + Send>,
    wanted: &Wanted,
) -> Result<Vec<Named>, ReadError> {
    let schema = batches.schema();
    let mut columns: Vec<Named> = schema
        .fields()
        .iter()
        .map(|field| {
            (
                field.name().clone(),
                start(field.name(), field.data_type(), wanted),
            )
        })
        .collect();
    let mut rows = 0;
    for batch in &mut batches {
        append(&mut columns, &batch.map_err(corrupt)?, rows)?;
        rows = columns_len(rows, &columns);
    }
    Ok(columns)
}

/// Whether a column of this type is worth decoding.
pub(super) fn is_read(name: &str, kind: &DataType, wanted: &Wanted) -> bool {
    !matches!(start(name, kind, wanted), Column::Ignored(_))
}

pub(super) fn corrupt(error: ArrowError) -> ReadError {
    ReadError::new(
        "data.corrupt",
        format!("cannot be read, it is damaged or cut short: {error}"),
    )
}

fn start(name: &str, kind: &DataType, wanted: &Wanted) -> Column {
    use DataType as D;
    match kind {
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 => {
            Column::Int(Vec::new(), Vec::new())
        }
        D::UInt64 => Column::Unsigned(Vec::new(), Vec::new()),
        D::Float64 | D::Null => Column::Float(Vec::new()),
        D::Float32 => Column::Single(Vec::new()),
        D::Float16 => Column::Half(Vec::new()),
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..) => {
            Column::Float(Vec::new())
        }
        D::Boolean => Column::Bool(Vec::new()),
        D::Timestamp(..) | D::Date32 | D::Date64 => Column::Time(Vec::new()),
        D::Utf8 | D::LargeUtf8 | D::Utf8View if wanted.text(name) => {
            Column::Text(Vec::new(), Words::default())
        }
        D::Dictionary(_, values) => start(name, values, wanted),
        _ => Column::Ignored(kind.to_string()),
    }
}

fn append(columns: &mut [Named], batch: &RecordBatch, rows: usize) -> Result<(), ReadError> {
    for (name, column) in columns {
        // A projection leaves out what is ignored, so columns are found by name, not by place.
        if matches!(column, Column::Ignored(_)) {
            continue;
        }
        let Some(array) = batch.column_by_name(name) else {
            return Err(ReadError::new(
                "data.corrupt",
                format!("lacks its column '{name}'"),
            ));
        };
        let array = match array.data_type() {
            DataType::Dictionary(_, values) => cast(array, values).map_err(corrupt)?,
            _ => array.clone(),
        };
        append_array(column, &array, rows)
            .map_err(|error| ReadError::new("data.type", format!("column '{name}' {error}")))?;
    }
    Ok(())
}

fn append_array(column: &mut Column, array: &ArrayRef, rows: usize) -> Result<(), ArrowError> {
    match column {
        Column::Float(out) => append_floats(out, array)?,
        Column::Single(out) | Column::Half(out) => {
            let array = cast(array, &DataType::Float32)?;
            let array = array.as_primitive::<Float32Type>();
            out.extend(array.iter().map(|value| value.unwrap_or(f32::NAN)));
        }
        Column::Int(out, missing) => {
            let array = cast(array, &DataType::Int64)?;
            out.extend_from_slice(array.as_primitive::<Int64Type>().values());
            missing.extend(nulls(&array, rows));
        }
        Column::Unsigned(out, missing) => {
            out.extend_from_slice(array.as_primitive::<UInt64Type>().values());
            missing.extend(nulls(array, rows));
        }
        Column::Bool(out) => {
            let array: &BooleanArray = array.as_boolean();
            if array.null_count() > 0 {
                // A bool has no room for "missing"; as numbers the column has.
                let mut floats: Vec<f64> = out.iter().map(|&b| f64::from(u8::from(b))).collect();
                append_floats(&mut floats, &cast(array, &DataType::Float64)?)?;
                *column = Column::Float(floats);
            } else {
                out.extend(array.values().iter());
            }
        }
        Column::Time(out) => append_times(out, array, rows)?,
        Column::Text(codes, words) => {
            let array = cast(array, &DataType::Utf8)?;
            let array: &StringArray = array.as_string();
            codes.extend(
                array
                    .iter()
                    .map(|word| word.map_or(-1, |word| words.code(word))),
            );
        }
        Column::Ignored(_) => {}
    }
    Ok(())
}

/// The rows without a value, of an array that begins with this row.
fn nulls(array: &ArrayRef, rows: usize) -> impl Iterator<Item = i64> {
    let among = if array.null_count() > 0 {
        array.len()
    } else {
        0
    };
    (0..among)
        .filter(|&row| array.is_null(row))
        .map(move |row| (rows + row) as i64)
}

fn append_floats(out: &mut Vec<f64>, array: &ArrayRef) -> Result<(), ArrowError> {
    if let DataType::Decimal32(_, scale)
    | DataType::Decimal64(_, scale)
    | DataType::Decimal128(_, scale) = *array.data_type()
    {
        let wide = cast(array, &DataType::Decimal128(38, scale))?;
        let wide: &Decimal128Array = wide.as_primitive();
        let number = |value: Option<i128>| {
            value.map_or(f64::NAN, |value| decimal_to_f64(value, i32::from(scale)))
        };
        out.extend(wide.iter().map(number));
        return Ok(());
    }
    let array = cast(array, &DataType::Float64)?;
    let array = array.as_primitive::<Float64Type>();
    if array.null_count() == 0 {
        out.extend_from_slice(array.values());
    } else {
        out.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
    }
    Ok(())
}

fn append_times(out: &mut Vec<i64>, array: &ArrayRef, rows: usize) -> Result<(), ArrowError> {
    let array = match array.data_type() {
        DataType::Date32 | DataType::Date64 => {
            cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None))?
        }
        _ => array.clone(),
    };
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Err(ArrowError::SchemaError("holds no times".into()));
    };
    // Whatever its zone, an Arrow timestamp counts from the epoch in UTC.
    let (values, factor) = match unit {
        TimeUnit::Second => (
            array.as_primitive::<TimestampSecondType>().values(),
            1_000_000_000,
        ),
        TimeUnit::Millisecond => (
            array.as_primitive::<TimestampMillisecondType>().values(),
            1_000_000,
        ),
        TimeUnit::Microsecond => (
            array.as_primitive::<TimestampMicrosecondType>().values(),
            1_000,
        ),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().values(), 1),
    };
    out.reserve(values.len());
    for (row, value) in values.iter().enumerate() {
        if array.is_null(row) {
            out.push(NAT);
            continue;
        }
        let nanos = value.checked_mul(factor).ok_or_else(|| {
            let row = rows + row;
            ArrowError::ComputeError(format!(
                "has in row {row} a time outside the years 1678 to 2262, which nanoseconds span"
            ))
        })?;
        out.push(nanos);
    }
    Ok(())
}

fn columns_len(before: usize, columns: &[Named]) -> usize {
    let length = |column: &Column| match column {
        Column::Float(values) => Some(values.len()),
        Column::Single(values) | Column::Half(values) => Some(values.len()),
        Column::Int(values, _) | Column::Time(values) => Some(values.len()),
        Column::Unsigned(values, _) => Some(values.len()),
        Column::Bool(values) => Some(values.len()),
        Column::Text(codes, _) => Some(codes.len()),
        Column::Ignored(_) => None,
    };
    columns
        .iter()
        .find_map(|(_, column)| length(column))
        .unwrap_or(before)
}
