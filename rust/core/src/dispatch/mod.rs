//! From a market to the traders on it: one look-up, no broadcast, no filtering.

mod handle;

pub use handle::{Inbox, Overflow, Put, TradingEngineHandle};

/// Market to traders, laid out flat when the engine starts. A driver may keep more about a trader's place than its number.
#[derive(Clone, Debug)]
pub struct Slots<T = u32> {
    offsets: Vec<u32>,
    traders: Vec<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            offsets: Vec::new(),
            traders: Vec::new(),
        }
    }
}

impl Slots {
    /// Lays out the traders, given the market of each.
    #[must_use]
    pub fn new(markets: usize, market_of: &[u32]) -> Self {
        Self::of_some(markets, (0..).zip(market_of.iter().copied()).collect())
    }
}

impl<T> Slots<T> {
    /// Lays out these traders, each with its market.
    #[must_use]
    pub fn of_some(markets: usize, mut places: Vec<(T, u32)>) -> Self {
        let mut offsets = vec![0_u32; markets + 1];
        for (_, market) in &places {
            offsets[*market as usize + 1] += 1;
        }
        for market in 0..markets {
            offsets[market + 1] += offsets[market];
        }
        // Those of one market stay in their order.
        places.sort_by_key(|(_, market)| *market);
        let traders = places.into_iter().map(|(trader, _)| trader).collect();
        Self { offsets, traders }
    }

    /// The traders on a market, by index.
    #[must_use]
    #[inline]
    pub fn of(&self, market: usize) -> &[T] {
        &self.traders[self.offsets[market] as usize..self.offsets[market + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_market_finds_its_traders_in_their_order() {
        let slots = Slots::new(3, &[2, 0, 2, 2]);
        assert_eq!(slots.of(0), [1]);
        assert!(slots.of(1).is_empty());
        assert_eq!(slots.of(2), [0, 2, 3]);
    }
}
