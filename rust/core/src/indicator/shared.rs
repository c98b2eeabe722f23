//! Values of indicators that several runs over the same data read: each is computed once, over the whole of its market.
//!
//! A sweep has many combinations and few different indicators. What an indicator is worth at a row follows from the rows
//! up to there alone, so it is the same in every run.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::limits::{LOOKED_AHEAD, SHARED_COLUMNS, SHARED_VALUES};
use crate::market::field::Field;

use super::Sample;
use super::exact::UnitScale;
use super::kind::Kind;
use super::state::{Input, Row, State};

/// The values of one indicator, a row each; NaN before the first.
pub(super) type Column = Arc<[f64]>;

/// Whose values they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Of {
    /// The market's place in the data.
    pub market: usize,
    pub kind: Kind,
    /// The price that it reads.
    pub field: Field,
    pub scale: UnitScale,
}

/// Columns that are there, or are being computed by who asked first.
#[derive(Debug, Default)]
pub struct SharedValues {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    columns: Vec<(Of, Arc<OnceLock<Column>>)>,
    values: usize,
}

impl SharedValues {
    /// The values of an indicator over so many rows; `None` where there are too many columns already. `marks` gives the
    /// prices of the rows from one on, in half units.
    pub(super) fn column(
        &self,
        of: Of,
        rows: usize,
        marks: impl FnMut(usize, &mut [i64]),
    ) -> Option<Column> {
        let column = self.place(of, rows)?;
        Some(Arc::clone(column.get_or_init(|| computed(of, rows, marks))))
    }

    fn place(&self, of: Of, rows: usize) -> Option<Arc<OnceLock<Column>>> {
        let mut known = self.known.lock();
        if let Some((_, column)) = known.columns.iter().find(|(other, _)| *other == of) {
            return Some(Arc::clone(column));
        }
        if known.columns.len() >= SHARED_COLUMNS || known.values + rows > SHARED_VALUES {
            return None;
        }
        known.values += rows;
        let column = Arc::new(OnceLock::new());
        known.columns.push((of, Arc::clone(&column)));
        Some(column)
    }
}

/// A price, and nothing else of an event.
struct Price(i64);

impl Sample for Price {
    fn value(&self, _field: Field) -> f64 {
        f64::NAN
    }

    fn units(&self, _field: Field) -> i64 {
        self.0
    }
}

fn computed(of: Of, rows: usize, mut marks: impl FnMut(usize, &mut [i64])) -> Column {
    let input = Input::Units(of.field);
    let (mut state, mut row) = (State::new(of.kind, input, of.scale), Row::new());
    let mut values = Vec::with_capacity(rows);
    let mut buffer = [0; LOOKED_AHEAD];
    let mut seen = 0;
    while values.len() < rows {
        let halves = &mut buffer[..LOOKED_AHEAD.min(rows - values.len())];
        marks(values.len(), halves);
        let mut rest = &*halves;
        // As a node does: one by one until there are two values, then many at once.
        while let (0..2, Some((half, later))) = (seen, rest.split_first()) {
            let price = Price(half >> State::shift(of.field));
            let fresh = state.push(&price, input, f64::NAN, &mut row);
            values.push(if fresh { row.now[0] } else { f64::NAN });
            seen += u8::from(fresh);
            rest = later;
        }
        state.push_many(of.field, rest, &mut values);
    }
    values.into()
}
