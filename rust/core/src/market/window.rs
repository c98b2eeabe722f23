//! The market data window: the last so many events of a market, by column.

use std::collections::VecDeque;

use super::Field;
use super::event::MarketEvent;
use super::series::{Column, Series};

/// What a trader looks back at: rows of shared columns in a recorded run, its own last events in a live one.
#[derive(Clone, Copy, Debug)]
pub enum Window<'a> {
    /// The last `len` rows up to and with `row`.
    Rows {
        /// The columns.
        series: Series<'a>,
        /// The newest row.
        row: usize,
        /// How many rows the arrays hold.
        len: usize,
    },
    /// The events kept by the trader itself.
    Own(&'a Ring),
}

/// One column of a window, oldest first.
#[derive(Clone, Debug)]
pub enum WindowColumn {
    /// A part of a shared column; nothing is copied.
    Shared {
        /// The whole column.
        column: Column,
        /// First index of the part.
        start: usize,
        /// How many numbers it has.
        len: usize,
    },
    /// Numbers that no column holds as they are.
    Copied(Vec<f64>),
}

impl Window<'_> {
    /// How many events the arrays hold; zero when the strategy declared no window.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Rows { len, .. } => *len,
            Self::Own(ring) => ring.capacity,
        }
    }

    /// Whether no window was declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One column as it lies in memory; `None` where no column holds these numbers as they are.
    #[must_use]
    pub fn slice(&self, field: Field) -> Option<&[f64]> {
        let Self::Rows { series, row, len } = self else {
            return None;
        };
        let end = row + 1;
        let column = series.column(field)?;
        column.get(end.saturating_sub(*len)..end)
    }

    /// One column; NaN where the events have no such number.
    #[must_use]
    pub fn column(&self, field: Field) -> WindowColumn {
        match self {
            Self::Rows { series, row, len } => {
                let end = row + 1;
                let start = end.saturating_sub(*len);
                match series.column(field) {
                    Some(column) => WindowColumn::Shared {
                        column: column.clone(),
                        start,
                        len: end - start,
                    },
                    None => WindowColumn::Copied(
                        (start..end)
                            .map(|row| series.event(row).field(field))
                            .collect(),
                    ),
                }
            }
            Self::Own(ring) => WindowColumn::Copied(
                ring.events
                    .iter()
                    .map(|event| event.view().field(field))
                    .collect(),
            ),
        }
    }
}

impl WindowColumn {
    /// The numbers, oldest first.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Shared { column, start, len } => &column[*start..start + len],
            Self::Copied(values) => values,
        }
    }
}

/// The last events of one market, for a trader that has no columns to look into.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    events: VecDeque<MarketEvent>,
    capacity: usize,
}

impl Ring {
    /// Keeps the last `capacity` events.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            events: VecDeque::with_capacity(capacity),
            capacity,
        }
    }

    /// Takes in the newest event; the oldest goes when there are too many.
    pub fn push(&mut self, event: MarketEvent) {
        if self.capacity == 0 {
            return;
        }
        if self.events.len() == self.capacity {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
