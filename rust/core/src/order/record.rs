//! The rows of the tables of orders and refusals, as whole numbers.

use serde::{Deserialize, Serialize};

use crate::domain::word::Word;
use crate::domain::{Lots, Nanos, Side};
use crate::rows::Row;

use super::{OrderId, OrderKind, OrderStatus, Reason};

/// One order that reached the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The time of the step that decided it.
    pub ts: Nanos,
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub trader: u32,
    /// Which way.
    pub side: Side,
    /// Market or limit.
    pub kind: OrderKind,
    /// How much; zero where none could be computed.
    pub lots: Lots,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why.
    #[serde(with = "crate::domain::word")]
    pub reason: Reason,
}

crate::spare::shelves!(OrderRecord);

impl Row for OrderRecord {
    const BYTES: usize = 80;

    fn is_final(&self) -> bool {
        self.status != OrderStatus::Working
    }
}

/// One refusal: of an order, of a part of it, or of a part of a fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRecord {
    /// When.
    pub ts: Nanos,
    /// Whose order it was.
    pub trader: u32,
    /// The name of the check.
    #[serde(with = "crate::domain::word")]
    pub check: Word,
    /// The sentence for people.
    pub reason: String,
}
