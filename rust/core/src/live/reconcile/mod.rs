//! Reconciliation: what the engine believes of its orders and its account, against what the venue says of them.
//!
//! Three answers are kept apart. A request that never left: its order has ended. One of which nobody knows: its order
//! works, and keeps its reservation, until the venue tells. And the venue's word that it has none such, which counts
//! only when nothing that was sent could still arrive there.

mod applied;
mod book;
mod difference;
mod driving;
mod ending;
#[cfg(test)]
mod tests;

pub(super) use book::Book;

use crate::domain::Nanos;
use crate::limits::RECONCILE_INTERVAL;

/// What becomes of an order of ours that works at the venue and has ended here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownOrders {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It works here again.
    Adopt,
}

/// How the engine compares itself with a venue that answers questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileSpec {
    /// How long, on the run's clock, two comparisons lie apart.
    pub interval: Nanos,
    /// What becomes of orders that only the venue has.
    pub unknown_orders: UnknownOrders,
}

impl Default for ReconcileSpec {
    fn default() -> Self {
        Self {
            interval: RECONCILE_INTERVAL,
            unknown_orders: UnknownOrders::default(),
        }
    }
}
