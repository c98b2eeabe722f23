//! Market pairs and their interning: outside a pair is `BASE/QUOTE`, inside it is a small number.

use std::collections::HashMap;
use std::fmt;

/// A market pair as the engine carries it: the index at which a [`PairTable`] interned its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketPair(pub u32);

impl MarketPair {
    /// The pair's index, for addressing a table by pair.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The names behind [`MarketPair`] indices.
#[derive(Clone, Debug, Default)]
pub struct PairTable {
    names: Vec<String>,
    by_name: HashMap<String, MarketPair>,
}

impl PairTable {
    /// Returns the index of `name`, giving it the next one when it is new.
    pub fn intern(&mut self, name: &str) -> MarketPair {
        if let Some(&pair) = self.by_name.get(name) {
            return pair;
        }
        let pair = MarketPair(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), pair);
        pair
    }

    /// The index of a name that was interned before.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<MarketPair> {
        self.by_name.get(name).copied()
    }

    /// The name behind an index.
    #[must_use]
    pub fn name(&self, pair: MarketPair) -> &str {
        self.names.get(pair.index()).map_or("?", String::as_str)
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no pair was interned yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl fmt::Display for MarketPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair #{}", self.0)
    }
}
