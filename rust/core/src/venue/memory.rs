//! What the simulated venue holds, as plain data: so that the same venue of another process may go on from there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::Nanos;
use crate::order::OrderId;

use super::{Opening, Resting, SimVenue};

/// One market of it.
#[derive(Debug, Serialize, Deserialize)]
struct BookMemory {
    orders: Vec<Resting>,
    quote: Option<(i64, i64)>,
    close: Option<i64>,
    met_ts: Option<Nanos>,
}

/// What the venue holds between two steps.
#[derive(Debug, Serialize, Deserialize)]
pub struct VenueMemory {
    books: Vec<BookMemory>,
    wakes: BTreeSet<(Nanos, u32, OrderId)>,
    opening: Vec<Opening>,
    fresh: Vec<(u32, OrderId)>,
    resting: usize,
}

impl SimVenue {
    /// What it holds.
    #[must_use]
    pub fn memory(&self) -> VenueMemory {
        let books = self.books.iter().map(|book| BookMemory {
            orders: book.orders.clone(),
            quote: book.quote,
            close: book.close,
            met_ts: book.met_ts,
        });
        VenueMemory {
            books: books.collect(),
            wakes: self.wakes.clone(),
            opening: self.opening.clone(),
            fresh: self.fresh.clone(),
            resting: self.resting,
        }
    }

    /// Holds what the same venue of another process did. `false` where it cannot have been the same.
    #[must_use]
    pub fn recall(&mut self, memory: VenueMemory) -> bool {
        let resting: usize = memory.books.iter().map(|book| book.orders.len()).sum();
        if memory.books.len() != self.books.len() || resting != memory.resting {
            return false;
        }
        for (book, kept) in self.books.iter_mut().zip(memory.books) {
            book.orders = kept.orders;
            book.quote = kept.quote;
            book.close = kept.close;
            book.met_ts = kept.met_ts;
        }
        self.wakes = memory.wakes;
        self.opening = memory.opening;
        self.fresh = memory.fresh;
        self.resting = memory.resting;
        true
    }
}
