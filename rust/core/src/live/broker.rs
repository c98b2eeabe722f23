//! The boundary to a venue.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::Nanos;
use crate::error::Error;
use crate::order::{Order, OrderId};
use crate::venue::Execution;

use super::event::FeedEvent;

/// Why a broker did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerError {
    /// The venue said no: the order never worked.
    Rejected(String),
    /// Nobody knows what became of the request: the order counts as working until the venue tells.
    Unknown(String),
    /// The broker's own books failed, or contradict what it is told: the run ends.
    Failed(Error),
}

/// What a simulated venue is told of the market, in the order of a step's phases.
#[derive(Clone, Debug)]
pub enum MarketPhase {
    /// Events that resting orders meet; with `arrivals` also orders whose latency ends now meet the market.
    Events {
        /// In feed order.
        events: Arc<[FeedEvent]>,
        /// Whether arrivals are in this step.
        arrivals: bool,
    },
    /// Orders sent in this step meet the quote or the close of this time.
    Immediate,
    /// Market orders that wait for a candle opening now are filled.
    Opens,
}

/// What a simulated venue answers.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// What it tells at once.
    pub executions: Vec<Execution>,
    /// When something happens next though no event does.
    pub next_wake: Option<Nanos>,
    /// Why the broker's own books failed; then nothing is told.
    pub failure: Option<Error>,
}

/// A venue, or what stands for one. What becomes of orders is told through the channel the broker was made with, each
/// terminal state once.
///
/// Requests come one after the other; a broker that has to wait for an answer waits in a task of its own.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Hands an order over.
    ///
    /// # Errors
    /// When the venue refuses it, or when nobody knows.
    async fn submit(&self, order: &Order) -> Result<(), BrokerError>;

    /// Tells the broker again of an order that left before this process began: it knows it. One of the `newest` step may have
    /// been on its way, and is handed over if the broker does not know it.
    ///
    /// # Errors
    /// When the broker does not know it, or knows it otherwise.
    async fn restore(&self, order: &Order, _newest: bool) -> Result<(), BrokerError> {
        let message = format!(
            "order {}: this broker keeps no orders over a restart",
            order.id
        );
        Err(BrokerError::Failed(Error::broker(
            "broker.forgets",
            message,
        )))
    }

    /// Asks to take an order back. The order works until the venue tells that it does not.
    ///
    /// # Errors
    /// When the venue refuses, or when nobody knows.
    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError>;

    /// Whether the broker simulates a venue, and so has to be told of the market.
    fn simulates(&self) -> bool {
        false
    }

    /// Called when no request waits: the time to write what the broker keeps.
    ///
    /// # Errors
    /// When its own books fail.
    fn rest(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Tells a simulated venue of the market.
    async fn on_market(&self, _now: Nanos, _phase: &MarketPhase) -> Heard {
        Heard::default()
    }
}
