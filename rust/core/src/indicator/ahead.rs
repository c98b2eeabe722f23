//! Values for many rows at once: each indicator computes them along its own memory, and they are shown row by row.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, IndicatorId};
use super::node::Node;
use super::shared::{Of, SharedValues};

/// Rows of the market's columns whose values are computed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ahead {
    pub(super) from: usize,
    pub(super) end: usize,
    /// How many of them are shown; while it is not zero, the values of the last one are the present ones.
    pub(super) shown: usize,
    /// Whether somebody reads an indicator from outside the graph.
    pub(super) told: bool,
}

impl Ahead {
    /// No row is computed.
    pub(super) const NOTHING: Self = Self {
        from: 0,
        end: 0,
        shown: 0,
        told: false,
    };
}

impl Graph {
    /// Computes the values of the rows that follow, a handful of them at once, each indicator along its own memory. They
    /// are shown row by row, by [`Graph::show`]; what reads the graph sees no difference. `halves` are their prices in
    /// half units. Only where [`Graph::can_look_ahead`].
    pub fn look_ahead(&mut self, from: usize, halves: &[i64]) {
        self.settle();
        let field = self.default_input;
        for node in &mut self.nodes {
            node.look_ahead(field, from, halves);
        }
        self.ahead = Ahead {
            from,
            end: from + halves.len(),
            shown: 0,
            told: self.nodes.iter().any(Node::has_cell),
        };
    }

    /// Reads indicators' values, where it can be, from columns that several runs over the same data share. `market` is the
    /// market's place in the data, which has so many rows; `marks` gives the prices of those from one on, in half units.
    pub fn share(
        &mut self,
        shared: &SharedValues,
        (market, rows): (usize, usize),
        mut marks: impl FnMut(usize, &mut [i64]),
    ) {
        let (field, scale) = (self.default_input, self.scale);
        for node in &mut self.nodes {
            node.share(field, |kind| {
                let of = Of {
                    market,
                    kind,
                    field,
                    scale,
                };
                shared.column(of, rows, &mut marks)
            });
        }
    }

    /// Whether all values come from such columns, so that nothing is computed here.
    #[inline]
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.nodes.iter().all(Node::is_shared)
    }

    /// The same as [`Graph::look_ahead`] for so many rows, where all values come from shared columns.
    pub fn look_along(&mut self, from: usize, rows: usize) {
        self.settle();
        let end = from + rows;
        for node in &mut self.nodes {
            node.look_along(from, end);
        }
        self.ahead = Ahead {
            from,
            end,
            shown: 0,
            told: self.nodes.iter().any(Node::has_cell),
        };
    }

    /// Leaves values that were computed ahead, all of which were shown: the last ones become what the indicators
    /// themselves hold.
    pub(super) fn settle(&mut self) {
        if let Some(place) = self.ahead.shown.checked_sub(1) {
            for node in &mut self.nodes {
                node.settle(place);
            }
        }
        self.ahead = Ahead::default();
    }

    /// Whether every indicator can compute the values of many rows at once: all of them read the market's price.
    #[must_use]
    pub fn can_look_ahead(&self) -> bool {
        let looks = |node: &Node| node.looks_ahead(self.default_input);
        self.pending == 0 && self.nodes.iter().all(looks)
    }

    /// Shows the values of a row if they are computed; whether they were.
    #[inline]
    pub fn show(&mut self, row: usize) -> bool {
        if self.nodes.is_empty() {
            return true;
        }
        let ahead = &mut self.ahead;
        if row >= ahead.end || row != ahead.from + ahead.shown {
            return false;
        }
        ahead.shown += 1;
        if ahead.told {
            for node in &self.nodes {
                node.tell(ahead.shown - 1);
            }
        }
        true
    }

    /// How many rows from this one on are computed and can be passed over at once, because nobody reads each of them.
    #[inline]
    #[must_use]
    pub const fn coming(&self, row: usize) -> usize {
        if self.nodes.is_empty() {
            return usize::MAX;
        }
        let Ahead {
            from,
            end,
            shown,
            told,
        } = self.ahead;
        if told || row >= end || row != from + shown {
            return 0;
        }
        end - row
    }

    /// An indicator's values at the rows that are computed and not shown yet.
    #[must_use]
    pub fn coming_values(&self, id: IndicatorId) -> &[f64] {
        let node = self.nodes.get(id.index());
        node.map_or(&[], |node| node.computed_from(self.ahead.shown))
    }

    /// Shows so many of the coming rows at once.
    #[inline]
    pub fn pass(&mut self, rows: usize) {
        if !self.nodes.is_empty() {
            self.ahead.shown += rows;
        }
    }
}
