//! What a trader remembers between two steps of a recorded run, as plain data: so that the same trader of another process may
//! go on from there.

use serde::{Deserialize, Serialize};

use crate::indicator::GraphMemory;
use crate::strategy::{Held, Hook, Unkept};

use super::{Trader, TraderState};

/// What a trader remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct TraderMemory {
    state: TraderState,
    due: Vec<Hook>,
    evaluations: u64,
    counted: u64,
    graph: GraphMemory,
    seen: usize,
    ready: bool,
    last_row: Option<usize>,
    /// What its strategy says; nothing where it is not called any more.
    strategy: Option<Vec<u8>>,
}

impl Trader {
    /// What it remembers; nothing while no step has taken what it asked for.
    ///
    /// # Errors
    /// Why its strategy cannot be kept.
    pub fn memory(&mut self) -> Result<Option<TraderMemory>, Unkept> {
        if self.has_acted() || self.last_value.is_some() {
            return Ok(None);
        }
        let strategy = match self.state {
            TraderState::Quarantined => None,
            TraderState::Active | TraderState::Paused => Some(self.strategy.memory()?),
        };
        Ok(Some(TraderMemory {
            state: self.state,
            due: self.due.clone(),
            evaluations: self.evaluations,
            counted: self.orders.counted(),
            graph: self.graph.memory(),
            seen: self.seen,
            ready: self.ready,
            last_row: self.last_row,
            strategy,
        }))
    }

    /// What its strategy may share with another one's.
    ///
    /// # Errors
    /// As [`Trader::memory`].
    pub fn held(&mut self) -> Result<Vec<Held>, Unkept> {
        match self.state {
            TraderState::Quarantined => Ok(Vec::new()),
            TraderState::Active | TraderState::Paused => self.strategy.held(),
        }
    }

    /// Remembers what the same trader of another process did.
    ///
    /// # Errors
    /// In words, why it cannot; then it is of no use any more.
    pub fn recall(&mut self, memory: TraderMemory) -> Result<(), String> {
        if !self.graph.recall(memory.graph) {
            return Err("it has other indicators".to_owned());
        }
        if let Some(kept) = &memory.strategy {
            self.strategy.recall(kept)?;
        }
        self.state = memory.state;
        self.due = memory.due;
        self.failure = None;
        self.orders.intents.clear();
        self.evaluations = memory.evaluations;
        self.orders.count_from(memory.counted);
        self.seen = memory.seen;
        self.ready = memory.ready;
        self.last_row = memory.last_row;
        Ok(())
    }
}
