//! CSV files: a header line, then rows.
//!
//! What a column holds is decided by all of its rows, never by the first few.  A column that turns
//! out to hold text after numbers is read a second time as text, so that the caller can name the
//! row; the first reading keeps no text.

use std::fs::File;
use std::io::{BufReader, Bytes, Read, Seek, SeekFrom};
use std::path::Path;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::column::{Column, NAT, Named, ReadError, Wanted, Words};
use super::iso_time;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MISSING: [&[u8]; 6] = [b"", b"null", b"NA", b"N/A", b"None", b"NaT"];
/// What is looked at to tell the delimiter, more than any header line is long.
const LOOK_AHEAD: u64 = 1 << 16;

/// One column while it is read.
enum Reading {
    /// Only missing values so far, and how many.
    Nothing(usize),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
    /// Times, and whether they come with a zone.
    Time(Vec<i64>, bool),
    Text(Vec<i32>, Words),
    Ignored,
    /// Text appeared after something else, or a time without a zone after one with: to be read again as text.
    Again,
}

/// Reads a CSV file from its beginning.
pub(super) fn read(path: &Path, file: File, wanted: &Wanted) -> Result<Vec<Named>, ReadError> {
    let mut first = Table::open(file, wanted)?;
    first.run(wanted)?;
    if first.columns.iter().any(|c| matches!(c, Reading::Again)) {
        let file = File::open(path).map_err(|error| broken(&error.to_string()))?;
        let mut second = Table::open(file, wanted)?;
        for (column, before) in second.columns.iter_mut().zip(&first.columns) {
            *column = match before {
                Reading::Again => Reading::Text(Vec::new(), Words::default()),
                _ => Reading::Ignored,
            };
        }
        second.run(wanted)?;
        for (column, again) in first.columns.iter_mut().zip(second.columns) {
            if matches!(column, Reading::Again) {
                *column = again;
            }
        }
    }
    Ok(first
        .names
        .into_iter()
        .zip(first.columns.into_iter().map(finish))
        .collect())
}

fn broken(what: &str) -> ReadError {
    ReadError::new("data.corrupt", format!("cannot be read: {what}"))
}

fn finish(column: Reading) -> Column {
    match column {
        Reading::Nothing(rows) => Column::Float(vec![f64::NAN; rows]),
        Reading::Int(values) => Column::Int(values, Vec::new()),
        Reading::Float(values) => Column::Float(values),
        Reading::Bool(values) => Column::Bool(values),
        Reading::Time(values, _) => Column::Time(values),
        Reading::Text(codes, words) => Column::Text(codes, words),
        Reading::Ignored | Reading::Again => Column::Ignored("text".into()),
    }
}

struct Table {
    names: Vec<String>,
    columns: Vec<Reading>,
    reader: Reader<BufReader<File>>,
    delimiter: u8,
    /// Where the header begins.
    start: u64,
}

impl Table {
    fn open(mut file: File, wanted: &Wanted) -> Result<Self, ReadError> {
        let (delimiter, skip) = look_ahead(&mut file)?;
        file.seek(SeekFrom::Start(skip))
            .map_err(|error| broken(&error.to_string()))?;
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(BufReader::with_capacity(1 << 18, file));
        let header = reader.byte_headers().map_err(|error| fault(&error))?;
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        if names.is_empty() {
            let message = "is empty but for blank lines; give a header and at least one row";
            return Err(ReadError::new("data.empty", message.into()));
        }
        if names.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(ReadError::new(
                "data.no_header",
                format!(
                    "has no header: its first line is {}; add a line of column names \
                     (ts,open,high,low,close,volume)",
                    names.join(",")
                ),
            ));
        }
        let start = |name: &String| match wanted.label(name) {
            true => Reading::Text(Vec::new(), Words::default()),
            false => Reading::Nothing(0),
        };
        let columns = names.iter().map(start).collect();
        Ok(Table {
            names,
            columns,
            reader,
            delimiter,
            start: skip,
        })
    }

    fn run(&mut self, wanted: &Wanted) -> Result<(), ReadError> {
        let mut record = ByteRecord::new();
        let mut row = 0_usize;
        let mut last = self.start;
        loop {
            match self.reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return self.check_quotes(last, row.checked_sub(1)),
                Err(error) => {
                    if let ErrorKind::UnequalLengths { pos: Some(pos), .. } = error.kind() {
                        self.check_quotes(self.start + pos.byte(), Some(row))?;
                    }
                    return Err(fault(&error));
                }
            }
            last = self.start + record.position().map_or(0, |pos| pos.byte());
            for ((column, name), field) in self.columns.iter_mut().zip(&self.names).zip(&record) {
                push(column, field.trim_ascii(), name, row, wanted);
            }
            row += 1;
        }
    }

    /// Refuses a last record whose quote nothing closes: the reader takes all that follows for its value, and says nothing.
    fn check_quotes(&mut self, record: u64, row: Option<usize>) -> Result<(), ReadError> {
        let delimiter = self.delimiter;
        let file = self.reader.get_mut();
        let read = file.seek(SeekFrom::Start(record));
        let open = read.and_then(|_| open_quote(file.bytes(), delimiter));
        let Some(column) = open.map_err(|error| broken(&error.to_string()))? else {
            return Ok(());
        };
        let name = self.names.get(column).map_or("", String::as_str);
        let place = row.map_or_else(
            || "the header".to_owned(),
            |row| format!("row {row}, column '{name}'"),
        );
        Err(ReadError::new(
            "data.corrupt",
            format!(
                "has a quote that nothing closes, in {place}: all that follows would be its value; \
                 close it, or remove it"
            ),
        ))
    }
}

/// The field of a record, from 0, whose quote is still open where the file ends, if there is one.
fn open_quote(
    bytes: Bytes<&mut BufReader<File>>,
    delimiter: u8,
) -> Result<Option<usize>, std::io::Error> {
    /// What the next byte is to be taken for.
    enum At {
        Start,
        Plain,
        Quoted,
        /// Behind a quote in quotes: it closes the field, unless another follows.
        Closing,
    }
    let (mut at, mut field, mut blank) = (At::Start, 0, true);
    for byte in bytes {
        let byte = byte?;
        at = match (at, byte) {
            (At::Quoted, b'"') => At::Closing,
            (At::Quoted, _) | (At::Closing | At::Start, b'"') => At::Quoted,
            // Blank lines before the record are no part of it.
            (At::Start, b'\r' | b'\n') if blank => At::Start,
            (_, b'\r' | b'\n') => return Ok(None),
            (_, byte) if byte == delimiter => {
                field += 1;
                At::Start
            }
            _ => At::Plain,
        };
        blank = blank && matches!(byte, b'\r' | b'\n');
    }
    Ok(matches!(at, At::Quoted).then_some(field))
}

/// The delimiter, by the header line, and the bytes before it.
fn look_ahead(file: &mut File) -> Result<(u8, u64), ReadError> {
    let mut head = Vec::new();
    file.take(LOOK_AHEAD)
        .read_to_end(&mut head)
        .map_err(|error| broken(&error.to_string()))?;
    let skip = if head.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    let line = head[skip..]
        .split(|&b| b == b'\n')
        .next()
        .unwrap_or_default();
    if line.contains(&0) {
        return Err(broken("it is no text, or not in UTF-8"));
    }
    let count = |wanted: u8| line.iter().filter(|&&b| b == wanted).count();
    let delimiter = [b';', b'\t']
        .into_iter()
        .find(|&d| count(d) > count(b','))
        .unwrap_or(b',');
    Ok((delimiter, skip as u64))
}

fn fault(error: &csv::Error) -> ReadError {
    match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            // The reader counts the header as record 0.
            let row = pos.as_ref().map_or(0, |pos| pos.record().saturating_sub(1));
            ReadError::new(
                "data.length",
                format!(
                    "row {row} has {len} values where the header names {expected_len}: the file \
                     may be cut short; complete or remove that line"
                ),
            )
        }
        _ => broken(&error.to_string()),
    }
}

fn push(column: &mut Reading, field: &[u8], name: &str, row: usize, wanted: &Wanted) {
    let missing = MISSING.iter().any(|word| word.eq_ignore_ascii_case(field));
    match column {
        Reading::Ignored | Reading::Again => {}
        Reading::Nothing(rows) if missing => *rows += 1,
        Reading::Nothing(_) => *column = begin(field, name, row, wanted),
        Reading::Text(codes, _) if missing => codes.push(-1),
        Reading::Text(codes, words) => codes.push(words.code(&String::from_utf8_lossy(field))),
        Reading::Int(values) => match integer(field) {
            Some(value) => values.push(value),
            None => {
                *column = match number(field, missing) {
                    Some(value) => {
                        let mut floats: Vec<f64> = values.iter().map(|&v| v as f64).collect();
                        floats.push(value);
                        Reading::Float(floats)
                    }
                    None => other(name, wanted),
                }
            }
        },
        Reading::Float(values) => match number(field, missing) {
            Some(value) => values.push(value),
            None => *column = other(name, wanted),
        },
        Reading::Bool(values) => match boolean(field) {
            Some(value) => values.push(value),
            None => *column = other(name, wanted),
        },
        Reading::Time(values, zoned) => match text_of(field).and_then(iso_time::parse) {
            Some(time) if time.zoned == *zoned => values.push(time.nanos),
            None if missing => values.push(NAT),
            _ => *column = other(name, wanted),
        },
    }
}

/// The kind of a column by its first value, which stands in this row.
fn begin(field: &[u8], name: &str, row: usize, wanted: &Wanted) -> Reading {
    if row == 0
        && let Some(value) = integer(field)
    {
        return Reading::Int(vec![value]);
    }
    if let Some(value) = number(field, false) {
        let mut values = vec![f64::NAN; row];
        values.push(value);
        return Reading::Float(values);
    }
    if row == 0
        && let Some(value) = boolean(field)
    {
        return Reading::Bool(vec![value]);
    }
    if let Some(time) = text_of(field).and_then(iso_time::parse) {
        let mut values = vec![NAT; row];
        values.push(time.nanos);
        return Reading::Time(values, time.zoned);
    }
    if !wanted.text(name) {
        return Reading::Ignored;
    }
    let (mut words, mut codes) = (Words::default(), vec![-1; row]);
    codes.push(words.code(&String::from_utf8_lossy(field)));
    Reading::Text(codes, words)
}

fn other(name: &str, wanted: &Wanted) -> Reading {
    match wanted.text(name) {
        true => Reading::Again,
        false => Reading::Ignored,
    }
}

fn text_of(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

fn integer(field: &[u8]) -> Option<i64> {
    text_of(field)?.parse().ok()
}

fn number(field: &[u8], missing: bool) -> Option<f64> {
    if missing {
        return Some(f64::NAN);
    }
    text_of(field)?.parse().ok()
}

fn boolean(field: &[u8]) -> Option<bool> {
    match field {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}
