//! What a strategy may look at of the rows to come, to say which of them ask for nothing.

use crate::domain::{Lots, Side};
use crate::indicator::{Graph, IndicatorId};

/// The coming rows of a trader that is evaluated ahead, while its position stays what it is.
pub struct Coming<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) rows: usize,
    pub(crate) position: Lots,
}

impl<'a> Coming<'a> {
    /// How many rows there are to look at.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The side that is held; `None` when flat.
    #[must_use]
    pub const fn held(&self) -> Option<Side> {
        match self.position {
            0 => None,
            held => Some(Side::of(held)),
        }
    }

    /// The values of an indicator's first output at these rows, one each; empty where it is another trader's.
    #[must_use]
    pub fn values(&self, id: IndicatorId) -> &'a [f64] {
        let values = self.graph.coming_values(id);
        &values[..values.len().min(self.rows)]
    }
}
