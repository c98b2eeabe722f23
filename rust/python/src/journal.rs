//! Journals for Python: what a run asks for, and what is in a file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::ArrowError;
use pairloom_core::domain::parse_decimal;
use pairloom_core::error::Error;
use pairloom_core::journal::{
    Access, JournalSpec, Kind, Purpose, Store, Table as JournalTable, check, journal_error,
};
use parking_lot::Mutex;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::errors::raise;
use crate::table::{NamedColumn, Table, integer_column, money_column, text_column, time_column};

/// The journal that a run asks for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Asked {
    path: PathBuf,
    replay: bool,
    identity: Vec<(String, String)>,
    extras: Vec<(String, String)>,
    distrusted: Vec<(String, String)>,
    snapshot_every: Option<u64>,
    from_start: bool,
}

impl Asked {
    pub(crate) fn spec(self) -> JournalSpec {
        JournalSpec {
            path: self.path,
            purpose: if self.replay {
                Purpose::Replay
            } else {
                Purpose::Keep
            },
            identity: self.identity,
            extras: self.extras,
            distrusted: self.distrusted,
            snapshot_every: self.snapshot_every,
            from_start: self.from_start,
        }
    }
}

/// A journal, read-only; a run may write to it meanwhile.
#[pyclass(frozen, module = "pairloom._native", name = "JournalFile")]
pub(crate) struct JournalFile {
    path: PathBuf,
    /// The file as it was at one moment, where that is what is looked at.
    moment: Option<Mutex<Store>>,
}

impl JournalFile {
    /// Reads something as it is at one moment: that which is held, else the present one.
    fn at_once<T>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&Store) -> Result<T, Error> + Send,
    ) -> PyResult<T>
    where
        T: Send,
    {
        let found = py.detach(|| match &self.moment {
            Some(store) => read(&store.lock()),
            None => read(&Store::open_at_once(&self.path)?),
        });
        found.map_err(|error| raise(py, &error))
    }
}

#[pymethods]
impl JournalFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        open(py, &path)?;
        Ok(Self { path, moment: None })
    }

    /// The same file as it is now, whatever is written to it from now on.
    fn at_this_moment(&self, py: Python<'_>) -> PyResult<Self> {
        let store = py.detach(|| Store::open_at_once(&self.path));
        Ok(Self {
            path: self.path.clone(),
            moment: Some(Mutex::new(store.map_err(|error| raise(py, &error))?)),
        })
    }

    /// The names of the tables.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        JournalTable::ALL.map(JournalTable::name).to_vec()
    }

    /// One table, names of traders and pairs in place of their numbers; `runs` and `traders` too.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let Some(mut columns) = columns_of(name) else {
            let message = format!("there is no table {name:?} in a journal");
            return Err(PyKeyError::new_err(message));
        };
        let columns = self.at_once(py, |store| {
            if name == "traders" && !store.knows_versions()? {
                columns.pop();
            }
            read(store, name, &columns)
        })?;
        Table::from_columns(name, columns)
            .map_err(|error: ArrowError| PyRuntimeError::new_err(error.to_string()))
    }

    /// Writes one table to a file: Parquet, or CSV with exact decimals and ISO times.
    fn export(&self, py: Python<'_>, name: &str, path: PathBuf, csv: bool) -> PyResult<usize> {
        let table = self.table(py, name)?;
        let written = py.detach(|| {
            let file = File::create(&path).map_err(|error| error.to_string())?;
            if csv {
                write_csv(table.batch(), file)
            } else {
                write_parquet(table.batch(), file)
            }
        });
        written.map_err(|problem| {
            let message = format!("{}: {problem}", path.display());
            raise(py, &journal_error("journal.export", message))
        })?;
        Ok(table.batch().num_rows())
    }

    /// Whether the kill switch is set.
    #[getter]
    fn killed(&self, py: Python<'_>) -> PyResult<bool> {
        self.at_once(py, Store::is_killed)
    }

    /// The settings of the run: name, value, and whether another run must have the same to continue it.
    fn settings(&self, py: Python<'_>) -> PyResult<Vec<(String, String, bool)>> {
        self.at_once(py, Store::settings)
    }

    /// How many rows each table has, by name.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = self.at_once(py, |store| {
            let snapshots = store.has_snapshots()?;
            let more = ["runs", "traders"]
                .into_iter()
                .chain(snapshots.then_some(SNAPSHOTS));
            let mut found = Vec::new();
            for name in Self::names().into_iter().chain(more) {
                let sql = format!("SELECT count(*) FROM {name}");
                let count: i64 =
                    store.with(|connection| connection.query_row(&sql, [], |row| row.get(0)))?;
                found.push((name, count));
            }
            Ok(found)
        })?;
        let counts = PyDict::new(py);
        for (name, count) in found {
            counts.set_item(name, count)?;
        }
        Ok(counts)
    }

    /// Looks at the whole file: rows, groups, last step, digest and problems.
    fn check<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let checked = py
            .detach(|| check(&self.path))
            .map_err(|error| raise(py, &error))?;
        let found = PyDict::new(py);
        found.set_item("rows", checked.rows)?;
        found.set_item("steps", checked.groups)?;
        found.set_item("last_step", checked.last_step)?;
        found.set_item("digest", checked.digest)?;
        found.set_item("pruned", checked.pruned)?;
        found.set_item("problems", PyList::new(py, checked.problems)?)?;
        Ok(found)
    }
}

/// Notes that a person lets a killed run trade again; the run takes it in when it is continued.
#[pyfunction]
pub(crate) fn journal_clear_kill(py: Python<'_>, path: PathBuf, author: &str) -> PyResult<bool> {
    py.detach(|| Store::open(&path, Access::Existing)?.clear_kill(author))
        .map_err(|error| raise(py, &error))
}

/// Takes the rows of steps before this one out of the journal of a finished run; how many those were.
#[pyfunction]
pub(crate) fn journal_prune(py: Python<'_>, path: PathBuf, before: u64) -> PyResult<u64> {
    py.detach(|| Store::open(&path, Access::Existing)?.prune(before))
        .map_err(|error| raise(py, &error))
}

/// Gives the space back that a file no longer needs.
#[pyfunction]
pub(crate) fn journal_vacuum(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    py.detach(|| Store::open(&path, Access::Existing)?.vacuum())
        .map_err(|error| raise(py, &error))
}

fn open(py: Python<'_>, path: &Path) -> PyResult<Store> {
    Store::open(path, Access::Read).map_err(|error| raise(py, &error))
}

/// The table of snapshots; journals of the version before have none.
const SNAPSHOTS: &str = "snapshots";

type Named = (String, Kind);

fn columns_of(name: &str) -> Option<Vec<Named>> {
    let of = |columns: &[(&str, Kind)]| {
        let named = columns.iter();
        named
            .map(|(name, kind)| ((*name).to_owned(), *kind))
            .collect()
    };
    if name == SNAPSHOTS {
        return Some(of(&[
            ("number", Kind::Integer),
            ("step", Kind::Integer),
            ("ts", Kind::Time),
            ("after_seq", Kind::Integer),
            ("version", Kind::Text),
            ("part_bytes", Kind::Integer),
            ("state_bytes", Kind::Integer),
        ]));
    }
    if name == "runs" {
        return Some(of(&[
            ("run", Kind::Integer),
            ("event", Kind::Text),
            ("at", Kind::Time),
            ("step", Kind::Integer),
            ("after_seq", Kind::Integer),
            ("pid", Kind::Integer),
            ("version", Kind::Text),
            ("digest", Kind::Text),
            ("author", Kind::Text),
        ]));
    }
    if name == "traders" {
        return Some(of(&[
            ("name", Kind::Text),
            ("pair", Kind::Text),
            ("strategy", Kind::Text),
            ("strategy_version", Kind::Text),
        ]));
    }
    let table = JournalTable::parse(name)?;
    let mut columns: Vec<Named> = of(&[("seq", Kind::Integer)]);
    for column in table.columns() {
        columns.push((column.name.to_owned(), column.kind));
        if column.kind == Kind::Trader {
            columns.push(("pair".to_owned(), Kind::Text));
        }
    }
    Some(columns)
}

/// The statement that reads a table with names in place of numbers of traders.
fn statement(name: &str, columns: &[Named]) -> String {
    let traders = columns.iter().any(|(_, kind)| *kind == Kind::Trader);
    let mut selected: Vec<String> = columns
        .iter()
        .map(|(column, kind)| match kind {
            Kind::Trader => "t.name".to_owned(),
            _ if traders && column == "pair" => "t.pair".to_owned(),
            _ => format!("x.\"{column}\""),
        })
        .collect();
    let join = if traders {
        // Rows of a trader that is lost must not be lost in silence: its number says whom they are of.
        selected.push("x.trader".to_owned());
        " LEFT JOIN traders t USING (trader)"
    } else {
        ""
    };
    let (from, order) = if name == SNAPSHOTS {
        // Of what is in them nobody but a run can make anything.
        let sizes = "length(part) AS part_bytes, length(state) AS state_bytes";
        (format!("(SELECT *, {sizes} FROM snapshots)"), "number")
    } else {
        (name.to_owned(), "rowid")
    };
    format!(
        "SELECT {} FROM {from} x{join} ORDER BY x.{order}",
        selected.join(", ")
    )
}

#[derive(Default)]
struct Cells {
    whole: Vec<Option<i64>>,
    text: Vec<Option<String>>,
}

impl Cells {
    /// Adds a value; what is wrong with one that no run writes there.
    fn add(&mut self, kind: Kind, value: ValueRef<'_>) -> Result<(), String> {
        let is_whole = matches!(kind, Kind::Time | Kind::Integer);
        match value {
            ValueRef::Null if is_whole => self.whole.push(None),
            ValueRef::Null => self.text.push(None),
            ValueRef::Integer(value) if is_whole => self.whole.push(Some(value)),
            ValueRef::Text(text) if !is_whole => match std::str::from_utf8(text) {
                Ok(text) => self.text.push(Some(text.to_owned())),
                Err(_) => return Err("a text that is not UTF-8".to_owned()),
            },
            ValueRef::Blob(bytes) if kind == Kind::Bytes => {
                self.text.push(Some(hexadecimal(bytes)))
            }
            other => return Err(format!("the value {}", other.data_type())),
        }
        Ok(())
    }
}

/// Reads all rows into their columns; what is wrong with the first one that no run has written.
fn fill(
    (connection, name): (&Connection, &str),
    columns: &[Named],
    cells: &mut [Cells],
) -> rusqlite::Result<Option<String>> {
    let mut select = connection.prepare(&statement(name, columns))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        for (at, ((column, kind), cells)) in columns.iter().zip(&mut *cells).enumerate() {
            let value = row.get_ref(at)?;
            if *kind == Kind::Trader && value == ValueRef::Null {
                let whose = match row.get_ref(columns.len())? {
                    ValueRef::Integer(trader) => format!("trader {trader}"),
                    _ => "nobody".to_owned(),
                };
                let seq: i64 = row.get(0)?;
                return Ok(Some(format!(
                    "row {seq} of {name} is of {whose}, whom its table traders does not have, and without \
                     such rows the others would look whole"
                )));
            }
            if let Err(what) = cells.add(*kind, value) {
                return Ok(Some(format!(
                    "its table {name} has {what} in the column {column}, which no run writes"
                )));
            }
        }
    }
    Ok(None)
}

fn read(store: &Store, name: &str, columns: &[Named]) -> Result<Vec<NamedColumn>, Error> {
    let mut cells: Vec<Cells> = columns.iter().map(|_| Cells::default()).collect();
    if name != SNAPSHOTS || store.has_snapshots()? {
        let problem = store.of(name, |connection| {
            fill((connection, name), columns, &mut cells)
        })?;
        if let Some(problem) = problem {
            let file = store.path().display();
            let message = format!(
                "{file}: {problem}; take the last copy that `pairloom journal check` finds whole"
            );
            return Err(journal_error("journal.damaged", message));
        }
    }
    let mut made = Vec::with_capacity(columns.len());
    for ((column, kind), cells) in columns.iter().zip(cells) {
        made.push(match kind {
            Kind::Time => time_column(column, cells.whole),
            Kind::Integer => integer_column(column, cells.whole),
            Kind::Trader | Kind::Text | Kind::Bytes => text_column(column, cells.text),
            Kind::Decimal => {
                let values = cells.text.iter().map(|text| match text {
                    Some(text) => parse_decimal(text).map(Some).ok_or_else(|| {
                        let message =
                            format!("{name}.{column} holds {text:?}, which is no decimal");
                        journal_error("journal.damaged", message)
                    }),
                    None => Ok(None),
                });
                money_column(column, values.collect::<Result<Vec<_>, _>>()?)
            }
        });
    }
    Ok(made)
}

fn write_parquet(batch: &RecordBatch, file: File) -> Result<(), String> {
    let said = |error: parquet::errors::ParquetError| error.to_string();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(said)?;
    writer.write(batch).map_err(said)?;
    writer.close().map(drop).map_err(said)
}

fn write_csv(batch: &RecordBatch, file: File) -> Result<(), String> {
    let mut out = csv::Writer::from_writer(file);
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    out.write_record(names).map_err(|error| error.to_string())?;
    let options = FormatOptions::default();
    let cells = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    for row in 0..batch.num_rows() {
        let values = cells.iter().map(|cells| cells.value(row).to_string());
        out.write_record(values)
            .map_err(|error| error.to_string())?;
    }
    out.flush().map_err(|error| error.to_string())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
