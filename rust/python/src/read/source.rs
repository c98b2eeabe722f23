//! Files by what they are: Parquet, Feather (Arrow IPC) or CSV.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use arrow_array::RecordBatchReader;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;
use arrow_schema::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::arrow_columns::{corrupt, from_batches, is_read};
use super::arrow_guard;
use super::column::{Column, Named, ReadError, Wanted};
use super::csv_file;

const PARQUET: &[u8] = b"PAR1";
const ARROW_FILE: &[u8] = b"ARROW1";
const ARROW_STREAM: &[u8] = &[0xff, 0xff, 0xff, 0xff];
const FEATHER_1: &[u8] = b"FEA1";
const COMPRESSED: [&[u8]; 4] = [
    &[0x1f, 0x8b],
    &[0x28, 0xb5, 0x2f, 0xfd],
    b"PK\x03\x04",
    b"BZh",
];
const ENDINGS: &str = ".csv, .parquet, .feather or .arrow";

/// Reads a file, told by its first bytes and, for text, by its ending.
pub(super) fn read(path: &Path, wanted: &Wanted) -> Result<Vec<Named>, ReadError> {
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    (&mut file)
        .take(8)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if head.is_empty() {
        return Err(ReadError::new("data.empty", "is an empty file".into()));
    }
    if head.starts_with(PARQUET) {
        return parquet_file(file, wanted);
    }
    if head.starts_with(ARROW_FILE) {
        return arrow_file(file, wanted);
    }
    if head.starts_with(ARROW_STREAM) {
        arrow_guard::check_stream(&mut file)?;
        file.rewind().map_err(unreadable)?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(corrupt)?;
        return from_batches(Box::new(reader), wanted);
    }
    if head.starts_with(FEATHER_1) {
        return Err(ReadError::new(
            "data.file_type",
            "is a Feather file of version 1; write it again as version 2 \
             (pandas: frame.to_feather(path))"
                .into(),
        ));
    }
    if COMPRESSED.iter().any(|magic| head.starts_with(magic)) {
        let message = format!("is compressed as a whole; unpack it to {ENDINGS} first");
        return Err(ReadError::new("data.file_type", message));
    }
    by_ending(path, file, wanted)
}

fn by_ending(path: &Path, file: File, wanted: &Wanted) -> Result<Vec<Named>, ReadError> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or("")
        .to_lowercase();
    match ending.as_str() {
        "csv" | "tsv" | "txt" => csv_file::read(path, file, wanted),
        "parquet" | "pq" | "feather" | "ftr" | "arrow" | "arrows" | "ipc" => Err(ReadError::new(
            "data.corrupt",
            format!("is not what its ending '.{ending}' says: it does not begin like such a file"),
        )),
        _ => Err(ReadError::new(
            "data.file_type",
            format!("is of no known type; give a {ENDINGS} file, or a table read in Python"),
        )),
    }
}

fn unreadable(error: std::io::Error) -> ReadError {
    ReadError::new("data.not_found", format!("cannot be opened: {error}"))
}

fn parquet_file(file: File, wanted: &Wanted) -> Result<Vec<Named>, ReadError> {
    let broken = |error: parquet::errors::ParquetError| corrupt(ArrowError::from(error));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
    let schema = builder.schema().clone();
    let mask = ProjectionMask::roots(builder.parquet_schema(), read_columns(&schema, wanted));
    for group in builder.metadata().row_groups() {
        let columns = group.columns().iter().enumerate();
        let read = columns.filter(|&(leaf, _)| mask.leaf_included(leaf));
        read.map(|(_, column)| column.compression())
            .try_for_each(can_be_unpacked)?;
    }
    let reader = builder
        .with_projection(mask)
        .with_batch_size(1 << 16)
        .build()
        .map_err(broken)?;
    collect(Box::new(reader), &schema, wanted)
}

/// Whether a column compressed like this can be read.
fn can_be_unpacked(codec: Compression) -> Result<(), ReadError> {
    let name = match codec {
        Compression::BROTLI(_) => "brotli",
        Compression::LZO => "LZO",
        _ => return Ok(()),
    };
    Err(ReadError::new(
        "data.file_type",
        format!(
            "is compressed with {name}, which is not read; write it with snappy, gzip, lz4 or zstd"
        ),
    ))
}

fn arrow_file(mut file: File, wanted: &Wanted) -> Result<Vec<Named>, ReadError> {
    arrow_guard::check_file(&mut file)?;
    // The projection is given when the reader is made, but needs the schema, so it opens twice.
    let again = file.try_clone().map_err(unreadable)?;
    let schema = FileReader::try_new(BufReader::new(file), None)
        .map_err(corrupt)?
        .schema();
    let columns = read_columns(&schema, wanted);
    let mut again = BufReader::new(again);
    again.rewind().map_err(unreadable)?;
    let reader = FileReader::try_new(again, Some(columns)).map_err(corrupt)?;
    collect(Box::new(reader), &schema, wanted)
}

fn read_columns(schema: &Schema, wanted: &Wanted) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields
        .filter(|(_, field)| is_read(field.name(), field.data_type(), wanted))
        .map(|(index, _)| index)
        .collect()
}

/// Collects what was read and adds the names of what was not, so that errors can list them.
fn collect(
    reader: Box<dyn RecordBatchReader + Send>,
    schema: &Schema,
    wanted: &Wanted,
) -> Result<Vec<Named>, ReadError> {
    let mut columns = from_batches(reader, wanted)?;
    for field in schema.fields() {
        if !is_read(field.name(), field.data_type(), wanted) {
            let what = field.data_type().to_string();
            columns.push((field.name().clone(), Column::Ignored(what)));
        }
    }
    Ok(columns)
}
