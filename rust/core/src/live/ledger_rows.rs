//! What the paper broker's books say of an order: its terms and its end, and sums over them.

use serde::{Deserialize, Serialize};

use crate::domain::word::{Word, word_of};
use crate::order::{Order, OrderId, OrderKind};
use crate::venue::{Execution, Outcome};

/// The terms of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) ts: i64,
    pub(super) trader: u32,
    pub(super) pair: Word,
    pub(super) side: Word,
    pub(super) kind: Word,
    pub(super) lots: i64,
    pub(super) limit: Option<i64>,
    pub(super) tif: Word,
}

impl Terms {
    pub(super) fn of(order: &Order, pair: &str) -> Self {
        Self {
            ts: order.decided,
            trader: order.trader,
            pair: word_of(pair),
            side: order.side.name(),
            kind: order.kind.name(),
            lots: order.lots,
            limit: match order.kind {
                OrderKind::Market => None,
                OrderKind::Limit(units) => Some(units),
            },
            tif: order.tif.name(),
        }
    }
}

/// How an order ended, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) ts: i64,
    pub(super) outcome: &'static str,
    pub(super) half_units: Option<i64>,
    pub(super) liquidity: Option<&'static str>,
}

impl End {
    pub(super) const fn of(execution: &Execution) -> Self {
        let (outcome, half_units, liquidity) = match execution.outcome {
            Outcome::Filled { price, liquidity }
            | Outcome::Settled {
                price, liquidity, ..
            } => ("filled", Some(price), Some(liquidity.name())),
            Outcome::Missed => ("missed", None, None),
            Outcome::Cancelled => ("cancelled", None, None),
            Outcome::Rejected => ("rejected", None, None),
            // Of what never reached the venue its books tell nothing.
            Outcome::Altered | Outcome::NotSent | Outcome::Lost | Outcome::Vetoed(_) => {
                ("unknown", None, None)
            }
        };
        Self {
            ts: execution.ts,
            outcome,
            half_units,
            liquidity,
        }
    }
}

/// What the books had at a step: up to which order, and sums over the terms of all of them and over the ends of those that
/// had ended. The order of rows does not matter to such a sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LedgerMark {
    pub(super) last: OrderId,
    pub(super) accepted: (u64, u128),
    pub(super) ended: (u64, u128),
}

/// One more row of a sum.
pub(super) fn count(
    (rows, sum): &mut (u64, u128),
    id: OrderId,
    row: &impl Summed,
    bytes: &mut Vec<u8>,
) {
    bytes.clear();
    bytes.extend(id.to_le_bytes());
    row.put(bytes);
    let hash = blake3::hash(bytes);
    let (half, _) = hash.as_bytes().split_at(16);
    let half = <[u8; 16]>::try_from(half).unwrap_or_default();
    *rows += 1;
    *sum = sum.wrapping_add(u128::from_le_bytes(half));
}

/// A row as bytes that no other row has. A hash takes 64 of them at once, and most rows have no more.
pub(super) trait Summed {
    fn put(&self, to: &mut Vec<u8>);
}

impl Summed for Terms {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend(self.ts.to_le_bytes());
        to.extend(self.trader.to_le_bytes());
        to.extend(self.lots.to_le_bytes());
        put_maybe(self.limit, to);
        for word in [self.pair, self.side, self.kind, self.tif] {
            put_word(word, to);
        }
    }
}

impl Summed for End {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend(self.ts.to_le_bytes());
        put_maybe(self.half_units, to);
        put_word(self.outcome, to);
        put_word(self.liquidity.unwrap_or_default(), to);
    }
}

fn put_maybe(number: Option<i64>, to: &mut Vec<u8>) {
    to.push(number.is_some().into());
    to.extend(number.map(i64::to_le_bytes).iter().flatten());
}

/// Neither a name nor a word has such a byte in it.
const END_OF_WORD: u8 = 0;

fn put_word(word: &str, to: &mut Vec<u8>) {
    to.extend(word.as_bytes());
    to.push(END_OF_WORD);
}
