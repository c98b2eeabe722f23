//! What the kill switch leaves alone: a person who gets out goes on getting out, however often it is thrown.

use crate::domain::{Lots, Side};
use crate::order::{OrderId, Origin};
use crate::portfolio::TraderRow;

use super::Author;

/// A person's orders that together make a position smaller, and no more than that.
pub(super) struct WaysOut {
    held: Lots,
    /// How much of the position none of them closes.
    left: Lots,
    kept: Vec<OrderId>,
}

impl WaysOut {
    /// Those among a trader's working orders, the oldest first. For any other author than the switch there is nothing.
    pub(super) fn of(row: &TraderRow, author: Author) -> Self {
        let mut ways_out = Self {
            held: row.position,
            left: 0,
            kept: Vec::new(),
        };
        if author != Author::KillSwitch {
            return ways_out;
        }
        // What is taken back may still be filled on its way; as that was so when it was thrown first, it is no other now.
        ways_out.left = row.position.saturating_abs();
        for order in row.working.iter().filter(|order| !row.is_leaving(order.id)) {
            if ways_out.keeps(order.origin, order.side, order.lots) {
                ways_out.kept.push(order.id);
            }
        }
        ways_out
    }

    /// Whether an order is one of them; then it counts.
    pub(super) fn keeps(&mut self, origin: Origin, side: Side, lots: Lots) -> bool {
        let smaller = side.opposite().is_of(self.held) && lots <= self.left;
        let keeps = smaller && origin == Origin::Command;
        if keeps {
            self.left -= lots;
        }
        keeps
    }

    /// Whether a working order is.
    pub(super) fn has(&self, order: OrderId) -> bool {
        self.kept.contains(&order)
    }
}
