//! The indicators of one trader, in the order in which they are updated.

use std::sync::Arc;

use crate::limits::LONGEST_PERIOD;
use crate::market::field::Field;

use super::Sample;
use super::ahead::Ahead;
use super::bar::BarSource;
use super::cell::Cell;
use super::error::IndicatorError;
use super::exact::UnitScale;
use super::kind::Kind;
use super::node::Node;
use super::state::{Input, State};

/// An indicator's place in its graph.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndicatorId(u32);

impl IndicatorId {
    /// The place, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a strategy asks for.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Spec {
    /// The indicator and its parameters.
    pub kind: Kind,
    /// The number it reads; `None` is the close of candles, the mid of quotes, the price of trades.
    pub on: Option<Field>,
    /// An earlier indicator and one of its outputs, read instead of the market.
    pub of: Option<(IndicatorId, u8)>,
    /// How many values are kept, the current one included; at least 2.
    pub keep: usize,
    /// Whether the graph is not ready before this indicator is.
    pub required: bool,
}

impl Spec {
    /// The indicator on the default input, required, with two values kept.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            on: None,
            of: None,
            keep: 2,
            required: true,
        }
    }

    /// The same on another number of the event.
    #[must_use]
    pub const fn on(mut self, field: Field) -> Self {
        self.on = Some(field);
        self
    }

    /// The same made of an output of an earlier indicator.
    #[must_use]
    pub const fn of(mut self, source: IndicatorId, output: u8) -> Self {
        self.of = Some((source, output));
        self
    }

    /// The same with so many values kept.
    #[must_use]
    pub const fn keep(mut self, keep: usize) -> Self {
        self.keep = keep;
        self
    }

    /// The same, but the graph does not wait for it.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// The indicators of one trader.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) scale: UnitScale,
    pub(super) default_input: Field,
    has_volume: bool,
    /// How many required nodes have no value yet.
    pub(super) pending: usize,
    /// Values that were computed for rows to come.
    pub(super) ahead: Ahead,
}

impl Graph {
    /// An empty graph for a market with this price scale. `default_input` says what its events are:
    /// `Close` for candles, `Mid` for quotes, `Price` for trades.
    #[must_use]
    pub const fn new(scale: i8, default_input: Field) -> Self {
        Self {
            nodes: Vec::new(),
            scale: UnitScale::new(scale),
            default_input,
            has_volume: true,
            pending: 0,
            ahead: Ahead::NOTHING,
        }
    }

    /// The same for data that have no volumes: what needs them is refused instead of waiting for ever.
    #[must_use]
    pub const fn without_volume(mut self) -> Self {
        self.has_volume = false;
        self
    }

    /// Adds an indicator. One that is there already is shared, and required if either asks for that.
    ///
    /// # Errors
    /// For parameters out of their range, an input that the market or the kind does not have, and a source
    /// that is not in the graph.
    pub fn add(&mut self, spec: Spec) -> Result<IndicatorId, IndicatorError> {
        spec.kind.check()?;
        if self.ahead.end > 0 {
            let late = format!("{}: indicators are asked for in setup", spec.kind.name());
            return Err(IndicatorError::new("indicator.late", late));
        }
        if !(2..=LONGEST_PERIOD).contains(&spec.keep) {
            return Err(IndicatorError::parameter(format!(
                "{}: keep must be a whole number from 2 to {LONGEST_PERIOD}, not {}",
                spec.kind.name(),
                spec.keep
            )));
        }
        let input = self.input(&spec)?;
        let same = |node: &Node| {
            node.input == input && node.spec.kind == spec.kind && node.spec.keep == spec.keep
        };
        // A node that has values already is not shared: a later request must see its own beginning.
        let shared = self
            .nodes
            .iter()
            .position(|node| node.seen == 0 && same(node));
        let index = shared.unwrap_or(self.nodes.len());
        let id = u32::try_from(index).map(IndicatorId).map_err(|_| {
            IndicatorError::new(
                "indicator.too_many",
                "a trader has too many indicators".to_owned(),
            )
        })?;
        match self.nodes.get_mut(index) {
            Some(node) => {
                self.pending += usize::from(spec.required && !node.required);
                node.required |= spec.required;
                node.spec.required = node.required;
            }
            None => {
                self.pending += usize::from(spec.required);
                let state = State::new(spec.kind, input, self.scale);
                self.nodes.push(Node::new(spec, input, state));
            }
        }
        Ok(id)
    }

    fn input(&self, spec: &Spec) -> Result<Input, IndicatorError> {
        let kind = spec.kind.name();
        let wrong = |message: String| Err(IndicatorError::new("indicator.input", message));
        if spec.kind.reads_candles() {
            let source = BarSource::of(self.default_input);
            if spec.on.is_some() || spec.of.is_some() {
                return wrong(format!(
                    "{kind} reads whole candles; it takes neither `on` nor `of`"
                ));
            }
            if spec.kind.reads_volume() && source.volume_field().is_none() {
                return wrong(format!(
                    "{kind} needs volumes, and quotes have none; use candles or trades"
                ));
            }
            if spec.kind.reads_volume() && !self.has_volume {
                return wrong(format!(
                    "{kind} needs volumes, and the data have no column \"volume\"; add one or use another indicator"
                ));
            }
            return Ok(Input::Bar(source));
        }
        match (spec.of, spec.on) {
            (Some(_), Some(on)) => wrong(format!(
                "{kind} is made either `on` a number of the market or `of` an indicator, not both: on={:?}",
                on.name()
            )),
            (Some((source, output)), None) => self.source(kind, source, output),
            (None, on) => {
                let field = on.unwrap_or(self.default_input);
                if field == Field::Volume && self.has(field) && !self.has_volume {
                    return wrong(format!(
                        "{kind}: the data have no column \"volume\"; add one or use another number"
                    ));
                }
                if !self.has(field) {
                    return wrong(format!(
                        "{kind}: there is no {:?} here; {}",
                        field.name(),
                        self.has_what()
                    ));
                }
                Ok(if field.is_price() {
                    Input::Units(field)
                } else {
                    Input::Value(field)
                })
            }
        }
    }

    fn source(&self, kind: &str, source: IndicatorId, output: u8) -> Result<Input, IndicatorError> {
        let Some(node) = self.nodes.get(source.index()) else {
            return Err(IndicatorError::new(
                "indicator.source",
                format!("{kind}: the indicator it is made of belongs to another trader"),
            ));
        };
        let outputs = node.spec.kind.outputs();
        if usize::from(output) >= outputs.len() {
            return Err(IndicatorError::new(
                "indicator.source",
                format!(
                    "{} has no output {output}; it has {}",
                    node.spec.kind.name(),
                    outputs.join(", ")
                ),
            ));
        }
        Ok(Input::Node {
            index: source.0,
            output,
        })
    }

    fn has(&self, field: Field) -> bool {
        let candle = matches!(
            field,
            Field::Open | Field::High | Field::Low | Field::Close | Field::Volume
        );
        let quote = matches!(
            field,
            Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid
        );
        let trade = matches!(field, Field::Price | Field::Quantity);
        match (field, self.default_input) {
            (Field::Extra(_), _) => true,
            (_, Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid) => quote,
            (_, Field::Price | Field::Quantity) => trade,
            _ => candle,
        }
    }

    fn has_what(&self) -> &'static str {
        match self.default_input {
            Field::Bid | Field::Ask | Field::BidSize | Field::AskSize | Field::Mid => {
                "quotes have bid, ask, bid_size, ask_size and mid"
            }
            Field::Price | Field::Quantity => "trades have price and quantity",
            _ => "candles have open, high, low, close and volume",
        }
    }

    /// Takes one event in, all indicators in the order in which they were added.
    #[inline]
    pub fn update<S: Sample>(&mut self, sample: &S) {
        if self.ahead.shown > 0 {
            self.settle();
        }
        for index in 0..self.nodes.len() {
            let (earlier, rest) = self.nodes.split_at_mut(index);
            let Some(node) = rest.first_mut() else {
                return;
            };
            let source = match node.input {
                Input::Node { index, output } => latest(earlier, index, output),
                _ => f64::NAN,
            };
            if node.update(sample, source) && node.required {
                self.pending -= 1;
            }
        }
    }

    /// The same indicators, before the first event. They are not those that somebody outside reads.
    #[must_use]
    pub fn blank(&self) -> Self {
        let fresh = |node: &Node| {
            let state = State::new(node.spec.kind, node.input, self.scale);
            Node::new(*node.spec, node.input, state)
        };
        let nodes: Vec<Node> = self.nodes.iter().map(fresh).collect();
        Self {
            pending: nodes.iter().filter(|node| node.required).count(),
            nodes,
            scale: self.scale,
            default_input: self.default_input,
            has_volume: self.has_volume,
            ahead: Ahead::default(),
        }
    }

    /// Reads what the next update will need. See [`crate::trader::Trader::touch`].
    #[inline]
    #[must_use]
    pub fn touch(&self) -> i64 {
        let next = self.ahead.shown;
        let touched = self.nodes.iter().map(|node| node.touch(next));
        touched.fold(0, |all, one| all ^ one)
    }

    /// Whether all required indicators have a value.
    #[inline]
    #[must_use]
    pub const fn ready(&self) -> bool {
        self.pending == 0
    }

    /// The current value of an output; NaN until there is one.
    #[inline]
    #[must_use]
    pub fn value(&self, id: IndicatorId, output: u8) -> f64 {
        if self.ahead.shown > 0 && output == 0 {
            let node = self.nodes.get(id.index());
            return node.map_or(f64::NAN, |node| node.computed(self.ahead.shown - 1));
        }
        self.read(id, output, |node| &node.row.now)
    }

    /// The value before the current one; NaN until there is one.
    #[inline]
    #[must_use]
    pub fn previous(&self, id: IndicatorId, output: u8) -> f64 {
        match self.ahead.shown {
            // What the indicators themselves hold is the row before the first one that was computed.
            1 => self.read(id, output, |node| &node.row.now),
            2.. if output == 0 => {
                let node = self.nodes.get(id.index());
                node.map_or(f64::NAN, |node| node.computed(self.ahead.shown - 2))
            }
            _ => self.read(id, output, |node| &node.row.before),
        }
    }

    /// The value `back` updates ago, 0 being the current one; NaN where there is none or it is not kept.
    #[must_use]
    #[inline]
    pub fn history(&self, id: IndicatorId, output: u8, back: usize) -> f64 {
        match back {
            0 => self.value(id, output),
            1 => self.previous(id, output),
            _ => {
                let node = self.nodes.get(id.index());
                node.and_then(|node| node.older(output, back))
                    .unwrap_or(f64::NAN)
            }
        }
    }

    #[inline]
    fn read(&self, id: IndicatorId, output: u8, row: impl Fn(&Node) -> &[f64; 4]) -> f64 {
        let node = self.nodes.get(id.index());
        node.and_then(|node| row(node).get(usize::from(output)).copied())
            .unwrap_or(f64::NAN)
    }

    /// Whether one indicator has a value.
    #[must_use]
    pub fn is_ready(&self, id: IndicatorId) -> bool {
        self.nodes.get(id.index()).is_some_and(|node| node.seen > 0)
    }

    /// The read side of an indicator; every call gives the same one.
    ///
    /// An id of another graph gives a cell that never has a value.
    #[must_use]
    pub fn cell(&mut self, id: IndicatorId) -> Arc<Cell> {
        let shown = self.ahead.shown;
        let Some(node) = self.nodes.get_mut(id.index()) else {
            return Arc::new(Cell::new(&["value"], 2));
        };
        let known = node.has_cell();
        let cell = node.cell();
        if !known {
            (0..shown).for_each(|place| node.tell(place));
        }
        self.ahead.told = true;
        cell
    }

    /// Cells that were given out are left behind: from now on values are read from the graph alone.
    pub fn tell_nobody(&mut self) {
        self.nodes.iter_mut().for_each(Node::tell_nobody);
        self.ahead.told = self.nodes.iter().any(Node::has_cell);
    }

    /// What an indicator was asked for as; `None` for an id of another graph.
    #[must_use]
    pub fn spec(&self, id: IndicatorId) -> Option<&Spec> {
        self.nodes.get(id.index()).map(|node| &*node.spec)
    }

    /// How many indicators there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Goes back to what `saved`, an earlier clone of this graph, remembers. Cells stay the same ones and
    /// show the restored values.
    ///
    /// # Errors
    /// When the two do not hold the same indicators; then nothing has changed.
    pub fn restore(&mut self, saved: &Self) -> Result<(), IndicatorError> {
        let same = |(a, b): (&Node, &Node)| {
            a.input == b.input && a.spec.kind == b.spec.kind && a.spec.keep == b.spec.keep
        };
        if self.nodes.len() != saved.nodes.len() || !self.nodes.iter().zip(&saved.nodes).all(same) {
            return Err(IndicatorError::new(
                "indicator.restore",
                "the saved state belongs to other indicators".to_owned(),
            ));
        }
        for (node, from) in self.nodes.iter_mut().zip(&saved.nodes) {
            node.restore(from);
        }
        self.ahead = saved.ahead;
        self.pending = self
            .nodes
            .iter()
            .filter(|node| node.required && node.seen == 0)
            .count();
        Ok(())
    }
}

/// What a node gave for the present event, NaN if nothing.
fn latest(nodes: &[Node], index: u32, output: u8) -> f64 {
    let node = nodes.get(index as usize).filter(|node| node.fresh);
    node.and_then(|node| node.row.now.get(usize::from(output)).copied())
        .unwrap_or(f64::NAN)
}
