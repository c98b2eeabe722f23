//! One indicator in its graph: its state, its values now and before, and its cell if somebody reads that.

use std::sync::{Arc, OnceLock};

use crate::market::field::Field;

use super::Sample;
use super::cell::Cell;
use super::graph::Spec;
use super::kind::Kind;
use super::memory::NodeMemory;
use super::shared::Column;
use super::state::{Input, Row, State};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) row: Row,
    /// How many values there have been, up to two.
    pub(crate) seen: u8,
    /// Whether the last event gave a value; what is made of this one asks.
    pub(crate) fresh: bool,
    pub(crate) input: Input,
    state: State,
    /// Made when somebody asks for it, so that native readers, who read `now`, do not pay for it.
    cell: OnceLock<Arc<Cell>>,
    /// Whether the graph waits for this node.
    pub(crate) required: bool,
    /// Boxed, since no update reads it.
    pub(crate) spec: Box<Spec>,
    /// Values of the events to come: see [`super::Graph::look_ahead`].
    ahead: Ahead,
}

/// Values of events to come.
#[derive(Clone, Debug)]
enum Ahead {
    /// Computed by the node.
    Own(Vec<f64>),
    /// A part of a column that several runs read. Then the node's own state stays behind, and nobody needs it any more.
    Shared {
        column: Column,
        from: usize,
        end: usize,
    },
}

impl Ahead {
    #[inline]
    fn values(&self) -> &[f64] {
        match self {
            Self::Own(values) => values,
            Self::Shared { column, from, end } => column.get(*from..*end).unwrap_or(&[]),
        }
    }
}

impl Node {
    pub(crate) fn new(spec: Spec, input: Input, state: State) -> Self {
        let node = Self {
            row: Row::new(),
            seen: 0,
            fresh: false,
            input,
            state,
            cell: OnceLock::new(),
            required: spec.required,
            spec: Box::new(spec),
            ahead: Ahead::Own(Vec::new()),
        };
        if node.needs_cell() {
            node.cell();
        }
        node
    }

    #[inline]
    pub(crate) fn touch(&self, place: usize) -> i64 {
        let Some(next) = self.ahead.values().get(place) else {
            return self.state.touch() ^ i64::from(self.seen);
        };
        let told = self.cell.get().map_or(0, |cell| cell.touch());
        next.to_bits().cast_signed() ^ told
    }

    pub(crate) fn cell(&self) -> Arc<Cell> {
        let make = || {
            let cell = Cell::new(self.spec.kind.outputs(), self.spec.keep);
            self.fill(&cell);
            Arc::new(cell)
        };
        Arc::clone(self.cell.get_or_init(make))
    }

    /// A value older than the previous one, where the node keeps such.
    pub(crate) fn older(&self, output: u8, back: usize) -> Option<f64> {
        self.cell.get().and_then(|cell| cell.history(output, back))
    }

    /// Brings an empty cell to what the node itself remembers.
    fn fill(&self, cell: &Cell) {
        if self.seen > 1 {
            cell.push(&self.row.before);
        }
        if self.seen > 0 {
            cell.push(&self.row.now);
        }
    }

    /// Takes one event in; whether this gave the node its first value.
    #[inline]
    pub(crate) fn update<S: Sample>(&mut self, sample: &S, source: f64) -> bool {
        self.fresh = self.state.push(sample, self.input, source, &mut self.row);
        if !self.fresh {
            return false;
        }
        if let Some(cell) = self.cell.get() {
            cell.push(&self.row.now);
        }
        if self.seen == 2 {
            return false;
        }
        self.seen += 1;
        self.seen == 1
    }

    /// Whether it can compute values of many events at once: it reads a price, has one output and two values by now.
    pub(crate) fn looks_ahead(&self, field: Field) -> bool {
        self.seen == 2 && self.takes_many(field)
    }

    fn takes_many(&self, field: Field) -> bool {
        self.input == Input::Units(field) && self.state.takes_many()
    }

    /// Reads the values of events to come from a column of those of all rows, if it can compute many at once. `column` gives
    /// that of an indicator of this kind.
    pub(super) fn share(&mut self, field: Field, column: impl FnOnce(Kind) -> Option<Column>) {
        if self.takes_many(field)
            && let Some(column) = column(self.spec.kind)
        {
            self.ahead = Ahead::Shared {
                column,
                from: 0,
                end: 0,
            };
        }
    }

    /// Whether it reads a column that several runs read.
    #[inline]
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.ahead, Ahead::Shared { .. })
    }

    /// Computes the values of the next events, which begin with this row, given their prices in half units.
    #[inline]
    pub(crate) fn look_ahead(&mut self, field: Field, row: usize, halves: &[i64]) {
        match &mut self.ahead {
            Ahead::Own(values) => {
                values.clear();
                self.state.push_many(field, halves, values);
            }
            Ahead::Shared { .. } => self.look_along(row, row + halves.len()),
        }
    }

    /// Takes the values of these rows from the column that it shares.
    pub(super) fn look_along(&mut self, row: usize, before: usize) {
        if let Ahead::Shared { from, end, .. } = &mut self.ahead {
            (*from, *end) = (row, before);
        }
    }

    /// The value that was computed for an event.
    #[inline]
    pub(crate) fn computed(&self, place: usize) -> f64 {
        self.ahead.values().get(place).copied().unwrap_or(f64::NAN)
    }

    /// The values that were computed, from an event on.
    #[inline]
    pub(crate) fn computed_from(&self, place: usize) -> &[f64] {
        self.ahead.values().get(place..).unwrap_or(&[])
    }

    /// Makes one of the values that were computed the present one.
    pub(crate) fn settle(&mut self, place: usize) {
        let before = match place.checked_sub(1) {
            Some(before) => self.computed(before),
            None => self.row.now[0],
        };
        self.row.before[0] = before;
        self.row.now[0] = self.computed(place);
    }

    /// Shows a value that was computed to who reads the cell. Indicators of one output alone compute any ahead.
    #[inline]
    pub(crate) fn tell(&self, place: usize) {
        if let Some(cell) = self.cell.get() {
            cell.push_one(self.computed(place));
        }
    }

    /// Whether it keeps more values than the last two: those live in the cell alone, so it must be there from the first.
    const fn needs_cell(&self) -> bool {
        self.spec.keep > 2
    }

    /// Nobody reads it from outside any more.
    pub(crate) fn tell_nobody(&mut self) {
        if !self.needs_cell() {
            self.cell.take();
        }
    }

    /// Whether somebody reads it from outside.
    pub(crate) fn has_cell(&self) -> bool {
        self.cell.get().is_some()
    }

    /// What it remembers.
    pub(super) fn memory(&self) -> NodeMemory {
        NodeMemory {
            kind: self.spec.kind,
            row: self.row,
            seen: self.seen,
            fresh: self.fresh,
            state: self.state.clone(),
            ahead: self.ahead.values().to_vec(),
            cell: self.cell.get().map(|cell| cell.memory()),
        }
    }

    /// Whether that is of a node of the same kind, over the same input.
    pub(super) fn is_like(&self, kept: &NodeMemory) -> bool {
        let same = std::mem::discriminant(&self.state) == std::mem::discriminant(&kept.state);
        let cell = kept.cell.as_ref();
        same && self.spec.kind == kept.kind && cell.is_none_or(|kept| self.cell().is_like(kept))
    }

    /// Remembers what such a node did; the cell stays the same one.
    pub(super) fn recall(&mut self, kept: NodeMemory) {
        self.row = kept.row;
        self.seen = kept.seen;
        self.fresh = kept.fresh;
        self.state = kept.state;
        self.ahead = Ahead::Own(kept.ahead);
        match (kept.cell, self.cell.get()) {
            (Some(kept), _) => self.cell().recall(&kept),
            (None, Some(cell)) => self.fill(cell),
            (None, None) => {}
        }
    }

    /// Takes over the state and the values of a node of the same kind; the cell stays the same one.
    pub(crate) fn restore(&mut self, from: &Self) {
        self.row = from.row;
        self.seen = from.seen;
        self.fresh = from.fresh;
        self.state = from.state.clone();
        match (&mut self.ahead, &from.ahead) {
            // Keeps its room.
            (Ahead::Own(mine), Ahead::Own(other)) => mine.clone_from(other),
            (mine, other) => *mine = other.clone(),
        }
        if let Some(cell) = self.cell.get() {
            match from.cell.get() {
                Some(other) => cell.copy_from(other),
                None => {
                    let blank = Cell::new(self.spec.kind.outputs(), self.spec.keep);
                    from.fill(&blank);
                    cell.copy_from(&blank);
                }
            }
        }
    }
}

impl Clone for Node {
    /// A copy that shares nothing: it has a cell of its own if this one has.
    fn clone(&self) -> Self {
        let cell = OnceLock::new();
        if let Some(mine) = self.cell.get() {
            let copy = Cell::new(self.spec.kind.outputs(), self.spec.keep);
            copy.copy_from(mine);
            cell.get_or_init(|| Arc::new(copy));
        }
        Self {
            row: self.row,
            seen: self.seen,
            fresh: self.fresh,
            input: self.input,
            state: self.state.clone(),
            cell,
            required: self.required,
            spec: self.spec.clone(),
            ahead: self.ahead.clone(),
        }
    }
}
