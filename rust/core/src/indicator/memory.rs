//! What the indicators of a trader remember, as plain data: so that the same indicators of another run may go on from there.

use serde::{Deserialize, Serialize};

use super::ahead::Ahead;
use super::graph::Graph;
use super::kind::Kind;
use super::state::{Row, State};

/// What one indicator remembers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NodeMemory {
    pub(super) kind: Kind,
    pub(super) row: Row,
    pub(super) seen: u8,
    pub(super) fresh: bool,
    pub(super) state: State,
    pub(super) ahead: Vec<f64>,
    /// What the read side holds, where there is one.
    pub(super) cell: Option<Vec<u64>>,
}

/// What all of them remember.
#[derive(Debug, Serialize, Deserialize)]
pub struct GraphMemory {
    nodes: Vec<NodeMemory>,
    pending: usize,
    ahead: Ahead,
}

impl Graph {
    /// What the indicators remember.
    #[must_use]
    pub fn memory(&self) -> GraphMemory {
        GraphMemory {
            nodes: self.nodes.iter().map(super::node::Node::memory).collect(),
            pending: self.pending,
            ahead: self.ahead,
        }
    }

    /// Remembers what the same indicators did; what reads them from outside stays the same. `false`, and nothing is changed,
    /// where they are not the same.
    #[must_use]
    pub fn recall(&mut self, memory: GraphMemory) -> bool {
        let same = self.nodes.len() == memory.nodes.len()
            && self
                .nodes
                .iter()
                .zip(&memory.nodes)
                .all(|(node, kept)| node.is_like(kept));
        if !same {
            return false;
        }
        for (node, kept) in self.nodes.iter_mut().zip(memory.nodes) {
            node.recall(kept);
        }
        self.pending = memory.pending;
        self.ahead = memory.ahead;
        true
    }
}
