//! The rows to come of a trader that is evaluated ahead, for strategies that take in many of them in one call.

use crate::domain::{Nanos, Side};
use crate::indicator::{Graph, IndicatorId};
use crate::market::{EventRef, PriceScale, Series};
use crate::signal::TradeSignal;

use super::Outcome;
use super::ctx::{Orders, View};

/// The coming rows of a trader, while its position stays what it is and nothing of it works.
pub struct Coming<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) view: &'a View<'a>,
    pub(crate) orders: &'a mut Orders,
    pub(crate) series: Series<'a>,
    pub(crate) scale: PriceScale,
    /// The first of them.
    pub(crate) first: usize,
    pub(crate) rows: usize,
}

/// What a strategy did with the coming rows.
#[derive(Debug)]
pub struct Taken {
    /// How many it took in, from the first on; each counts as one evaluation.
    pub rows: usize,
    /// What the last of them gave. Those before gave `None`, or a signal about the side that is held already.
    pub last: Outcome<Option<TradeSignal>>,
}

impl Taken {
    /// So many rows, none of which gave anything new.
    #[must_use]
    pub const fn idle(rows: usize) -> Self {
        Self {
            rows,
            last: Ok(None),
        }
    }
}

impl<'a> Coming<'a> {
    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The side that is held; `None` when flat.
    #[must_use]
    pub const fn held(&self) -> Option<Side> {
        match self.view.row.position {
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

    /// The value of an indicator's first output at the row before these.
    #[must_use]
    pub fn before(&self, id: IndicatorId) -> f64 {
        self.graph.history(id, 0, 0)
    }

    /// The time of the step of one of these rows, counted from the first.
    #[must_use]
    #[inline]
    pub fn ts(&self, row: usize) -> Nanos {
        self.series.ts(self.first + row)
    }

    /// The event of one of these rows.
    #[must_use]
    #[inline]
    pub fn event(&self, row: usize) -> EventRef<'a> {
        self.series.event(self.first + row)
    }
}
