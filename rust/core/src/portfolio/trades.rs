//! Round trips, from flat to flat.

use serde::{Deserialize, Serialize};

use crate::domain::word::Word;
use crate::domain::{Lots, Money, Nanos, Side};
use crate::rows::Row;

/// One round trip of one trader. Prices are kept as sums of half units times lots, so that averages are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRecord {
    /// Whose it is.
    pub trader: u32,
    /// The first fill.
    pub entry_ts: Nanos,
    /// The last fill; `None` while it is open.
    pub exit_ts: Option<Nanos>,
    /// Long is a buy.
    pub side: Side,
    /// All that was entered.
    pub entry_lots: i128,
    /// Price times lots of all entries.
    pub entry_sum: i128,
    /// All that was left.
    pub exit_lots: i128,
    /// Price times lots of all exits.
    pub exit_sum: i128,
    /// Money received less money paid, fees included.
    pub cash_flow: Money,
    /// Fees paid.
    pub fees: Money,
    /// Why it ended; empty while it is open.
    #[serde(with = "crate::domain::word")]
    pub exit_reason: Word,
}

crate::spare::shelves!(TradeRecord);

impl Row for TradeRecord {
    const BYTES: usize = 160;

    fn is_final(&self) -> bool {
        self.exit_ts.is_some()
    }
}

impl TradeRecord {
    /// A round trip that begins now.
    #[must_use]
    pub const fn begin(trader: u32, ts: Nanos, side: Side) -> Self {
        Self {
            trader,
            entry_ts: ts,
            exit_ts: None,
            side,
            entry_lots: 0,
            entry_sum: 0,
            exit_lots: 0,
            exit_sum: 0,
            cash_flow: 0,
            fees: 0,
            exit_reason: "",
        }
    }

    /// Takes in a fill, or a part of one, that makes the position larger.
    pub fn enter(&mut self, lots: Lots, price: i64, cash: Money, fee: Money) {
        self.entry_lots += i128::from(lots);
        self.entry_sum = self
            .entry_sum
            .saturating_add(i128::from(lots) * i128::from(price));
        self.cash_flow = self.cash_flow.saturating_add(cash);
        self.fees = self.fees.saturating_add(fee);
    }

    /// Takes in a fill, or a part of one, that makes the position smaller.
    pub fn leave(&mut self, lots: Lots, price: i64, cash: Money, fee: Money) {
        self.exit_lots += i128::from(lots);
        self.exit_sum = self
            .exit_sum
            .saturating_add(i128::from(lots) * i128::from(price));
        self.cash_flow = self.cash_flow.saturating_add(cash);
        self.fees = self.fees.saturating_add(fee);
    }
}
