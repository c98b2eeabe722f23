//! What a venue was made of, for who makes another one like it.

use crate::market::EventKind;

use super::{BookConfig, SimVenue, VenueConfig};

impl SimVenue {
    /// Its settings and its markets, from which [`SimVenue::new`] makes one like this, without orders.
    #[must_use]
    pub fn layout(&self) -> (VenueConfig, Vec<BookConfig>) {
        let books = self.books.iter().map(|book| BookConfig {
            scale: book.scale,
            grid: book.grid,
            kinds: EventKind::ALL
                .into_iter()
                .filter(|kind| book.has(*kind))
                .collect(),
        });
        (self.config, books.collect())
    }
}
