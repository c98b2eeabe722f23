//! The one sequence of rows, which lie in many tables.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Row, Rows};

use crate::error::Error;

use super::record::{Record, Table, Value};
use super::schema;
use super::store::Store;

impl Store {
    /// Shows each row of a part of the sequence, in its order and as it stands in the file, until `see` says that it is enough.
    pub(super) fn each_row(
        &self,
        after: i64,
        to: i64,
        mut see: impl FnMut(Table, i64, &Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<(), Error> {
        self.with(|connection| {
            let prepare = |table| connection.prepare_cached(&schema::select(table));
            let mut selects = Table::ALL
                .iter()
                .map(|&table| prepare(table))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let mut places = [None; Table::ALL.len()];
            let mut cursors = Vec::with_capacity(selects.len());
            for (select, place) in selects.iter_mut().zip(&mut places) {
                let mut cursor = select.query([after, to])?;
                *place = next_place(&mut cursor)?;
                cursors.push(cursor);
            }
            loop {
                let waiting = places.iter().enumerate();
                let first = waiting.filter_map(|(at, place)| place.map(|place| (place, at)));
                let Some((seq, at)) = first.min() else {
                    return Ok(());
                };
                if let Some(row) = cursors[at].get()
                    && !see(Table::ALL[at], seq, row)?
                {
                    return Ok(());
                }
                places[at] = next_place(&mut cursors[at])?;
            }
        })
    }

    /// The rows of a part of the sequence, in its order.
    pub(super) fn rows(&self, after: i64, to: i64) -> Result<Vec<Record>, Error> {
        let mut rows = Vec::new();
        for table in Table::ALL {
            self.with(|connection| {
                let mut select = connection.prepare_cached(&schema::select(table))?;
                let mut found = select.query([after, to])?;
                while let Some(row) = found.next()? {
                    let values = 1..=table.columns().len();
                    rows.push(Record {
                        table,
                        seq: row.get(0)?,
                        values: values
                            .map(|at| row.get_ref(at).map(Value::of))
                            .collect::<rusqlite::Result<_>>()?,
                    });
                }
                Ok(())
            })?;
        }
        rows.sort_by_key(|row| row.seq);
        Ok(rows)
    }
}

/// Moves on; the place of the row that is next.
fn next_place(cursor: &mut Rows<'_>) -> rusqlite::Result<Option<i64>> {
    cursor.advance()?;
    cursor.get().map(|row| row.get(0)).transpose()
}
