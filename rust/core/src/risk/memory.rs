//! What a gate remembers, as plain data: so that another gate may remember it, too.

use serde::{Deserialize, Serialize};

use crate::domain::{HalfUnits, Money, Nanos, Side};

use super::RiskGate;
use super::state::Seen;

pub use super::state::Intent;

/// What a market showed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenMemory {
    /// When its last event happened.
    pub ts: Option<Nanos>,
    /// The last price.
    pub mark: Option<HalfUnits>,
    /// The one before.
    pub before: Option<HalfUnits>,
    /// Bid and ask of the last quote.
    pub quote: Option<(HalfUnits, HalfUnits)>,
}

/// The day, and the last equity, that at midnight and the highest.
pub type Watched = (Nanos, [Money; 3]);

/// What the limits in force remember. Buckets and markets stand in the order that the limits and the roster give them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// How full each bucket was, and when.
    pub buckets: Vec<(u128, Nanos)>,
    /// What each market showed.
    pub seen: Vec<SeenMemory>,
    /// Equity.
    pub equity: Watched,
    /// Trader, side, and when it sent its last orders of that side.
    pub times: Vec<(u32, Side, Vec<Nanos>)>,
    /// The orders that left a short time ago.
    pub intents: Vec<(Nanos, Intent)>,
    /// Traders that are stopped.
    pub stopped: Vec<u32>,
}

impl RiskGate {
    /// What it remembers; nothing where it has no limits.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        let state = &self.limits.as_ref()?.state;
        let seen = |seen: &Seen| SeenMemory {
            ts: seen.ts,
            mark: seen.mark,
            before: seen.before,
            quote: seen.quote,
        };
        let (times, intents, stopped) = state.sent.kept();
        Some(Memory {
            buckets: state.buckets.iter().map(|(_, b)| b.level()).collect(),
            seen: state.seen.iter().map(seen).collect(),
            equity: state.equity.watched(),
            times,
            intents,
            stopped,
        })
    }

    /// How many rows of the curve it has taken in.
    #[must_use]
    pub fn rows_watched(&self) -> usize {
        self.limits
            .as_ref()
            .map_or(0, |limits| limits.state.equity.rows())
    }

    /// The same where so many rows of the curve have been taken in already.
    #[must_use]
    pub fn recall_at(&mut self, memory: Memory, rows: usize) -> bool {
        let recalled = self.recall(memory);
        if let Some(limits) = &mut self.limits {
            limits.state.equity.pass(rows);
        }
        recalled
    }

    /// Remembers what another gate with the same limits and the same roster did. `false` where that cannot have been one.
    #[must_use]
    pub fn recall(&mut self, memory: Memory) -> bool {
        let Some(limits) = &mut self.limits else {
            return false;
        };
        let state = &mut limits.state;
        if memory.buckets.len() != state.buckets.len() || memory.seen.len() != state.seen.len() {
            return false;
        }
        for ((_, bucket), (parts, at)) in state.buckets.iter_mut().zip(memory.buckets) {
            bucket.set_level(parts, at);
        }
        for (seen, told) in state.seen.iter_mut().zip(memory.seen) {
            *seen = Seen {
                ts: told.ts,
                mark: told.mark,
                before: told.before,
                quote: told.quote,
            };
        }
        state.equity.recall(memory.equity.0, memory.equity.1);
        state
            .sent
            .recall(memory.times, memory.intents, memory.stopped);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Desk, SECOND, decimal};
    use super::super::{ByPair, LimitSpec, Pace, RiskSpec, check};

    fn spec() -> RiskSpec {
        RiskSpec {
            account: LimitSpec {
                max_order_rate: ByPair::All(Pace {
                    count: 2,
                    nanos: SECOND,
                }),
                duplicate_window: Some(SECOND),
                max_price_gap: ByPair::All(decimal("0.5")),
                ..LimitSpec::default()
            },
            traders: Vec::new(),
        }
    }

    #[test]
    fn a_gate_that_recalls_refuses_what_the_other_would() {
        let mut first = Desk::new(&spec());
        assert_eq!(first.send(0, 1), Ok(1));
        first.price(1, 90_000);
        let memory = first.gate.memory().unwrap();
        let mut second = Desk::new(&spec());
        assert!(second.gate.recall(memory.clone()));
        assert_eq!(second.gate.memory(), Some(memory));
        for desk in [&mut first, &mut second] {
            assert_eq!(desk.send(0, 1), Err(check::DUPLICATE_INTENT));
            assert_eq!(desk.send(2, 1), Err(check::PRICE_GAP));
            assert!(desk.send(0, 2).is_ok());
            assert_eq!(desk.send(0, 3), Err(check::ORDER_RATE));
        }
    }

    #[test]
    fn what_another_gate_cannot_have_remembered_is_not_taken() {
        let mut desk = Desk::new(&spec());
        let mut memory = desk.gate.memory().unwrap();
        memory.buckets.clear();
        assert!(!desk.gate.recall(memory));
    }
}
