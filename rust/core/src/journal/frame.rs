//! What stands beside the rows of a journal, and values of rows that are in no chain: whether all can be read as what a run writes.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::error::Error;

use super::record::Table;
use super::store::Store;

/// How many values of a table are named; more would say no more.
const NAMED: usize = 5;

/// The tables without a sequence that show, a replay and a run that goes on read.
const FRAME: [&str; 3] = ["settings", "traders", "runs"];

/// A column: its name, whether it has texts, and whether it may have nothing.
type Declared = (String, bool, bool);

/// What is wrong there.
pub(super) fn problems(store: &Store) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    for table in FRAME {
        let columns = store.with(|connection| declared(connection, table))?;
        if columns.is_empty() {
            problems.push(format!("there is no table {table}"));
            continue;
        }
        problems.extend(store.of(table, |connection| unreadable(connection, table, &columns))?);
    }
    for table in Table::ALL {
        let unchained = table.columns().iter().filter(|column| !column.repeats);
        let unchained: Vec<&str> = unchained.map(|column| column.name).collect();
        let name = table.name();
        let mut columns = store.with(|connection| declared(connection, name))?;
        columns.retain(|(column, ..)| unchained.contains(&column.as_str()));
        problems.extend(store.of(name, |connection| unreadable(connection, name, &columns))?);
    }
    Ok(problems)
}

fn declared(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Declared>> {
    let sql = "SELECT name, type = 'TEXT', \"notnull\" = 0 AND pk = 0 FROM pragma_table_info(?)";
    let mut select = connection.prepare(sql)?;
    let found = select.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    found.collect()
}

/// Values that are not of the kind of their column.
fn unreadable(
    connection: &Connection,
    table: &str,
    columns: &[Declared],
) -> rusqlite::Result<Vec<String>> {
    let mut problems = Vec::new();
    if columns.is_empty() {
        return Ok(problems);
    }
    let names: Vec<String> = columns
        .iter()
        .map(|(name, ..)| format!("\"{name}\""))
        .collect();
    let sql = format!(
        "SELECT rowid, {} FROM {table} ORDER BY rowid",
        names.join(", ")
    );
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        for (at, (name, is_text, may_lack)) in (1..).zip(columns) {
            let what = match row.get_ref(at)? {
                ValueRef::Null if *may_lack => continue,
                ValueRef::Text(text) if *is_text && std::str::from_utf8(text).is_ok() => continue,
                ValueRef::Integer(_) if !*is_text => continue,
                ValueRef::Text(_) if *is_text => "a text that is not UTF-8".to_owned(),
                other => format!("the value {}", other.data_type()),
            };
            let place: i64 = row.get(0)?;
            problems.push(format!(
                "{table}, row {place}: {name} has {what}, which no run writes"
            ));
            if problems.len() == NAMED {
                return Ok(problems);
            }
        }
    }
    Ok(problems)
}
