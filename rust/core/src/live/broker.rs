//! The boundary to a venue.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Lots, Money, Nanos, Side};
use crate::error::Error;
use crate::order::{Order, OrderId};
use crate::venue::Execution;

use super::event::FeedEvent;

/// Why a broker did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerError {
    /// The venue said no: the order never worked.
    Rejected(String),
    /// The request never left: the order never worked.
    NotSent(String),
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

/// What a broker tells.
#[derive(Clone, Debug)]
pub enum Report {
    /// What became of an order, with the number that the venue gives this, where it gives one.
    Execution {
        /// Counts from one; a broker that answers questions gives one to each.
        number: Option<u64>,
        /// What became of it.
        execution: Execution,
    },
    /// Whether the venue can be reached from now on.
    Connected(bool),
    /// The answer to a question.
    Standing(Box<Standing>),
}

impl From<Execution> for Report {
    fn from(execution: Execution) -> Self {
        Self::Execution {
            number: None,
            execution,
        }
    }
}

/// Asks the venue how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which question it is.
    pub number: u64,
    /// What became of orders is told from behind this number on.
    pub since: u64,
    /// The run's time.
    pub asked: Nanos,
}

/// How things stand at the venue: all of it as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which question this answers.
    pub question: u64,
    /// As of when.
    pub as_of: Nanos,
    /// The number of the last thing that had become of an order by then.
    pub upto: u64,
    /// Orders that work there.
    pub open: Vec<OpenOrder>,
    /// What became of orders since the number in the question, rising.
    pub executions: Vec<(u64, Execution)>,
    /// The account's position in each market.
    pub positions: Vec<Lots>,
    /// The account's cash.
    pub cash: Money,
}

/// An order that works at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The engine's number; none where somebody else sent it.
    pub order: Option<OrderId>,
    /// On which market.
    pub market: u32,
    /// Which way.
    pub side: Side,
    /// How much.
    pub lots: Lots,
}

/// What a broker leaves behind at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Farewell {
    /// How things stood at the end, with all that ever became of orders; none where it keeps no account.
    pub standing: Option<Box<Standing>>,
    /// What it filled besides: in liquidations.
    pub liquidated: Vec<Execution>,
    /// What it counted, by name.
    pub counts: Vec<(&'static str, u64)>,
}

/// What a simulated venue answers.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// What it tells at once.
    pub reports: Vec<Report>,
    /// When something happens next though no event does.
    pub next_wake: Option<Nanos>,
    /// Why the broker's own books failed; then nothing is told.
    pub failure: Option<Error>,
}

impl Heard {
    /// The broker's own books failed.
    #[must_use]
    pub fn failed(error: Error) -> Self {
        Self {
            failure: Some(error),
            ..Self::default()
        }
    }
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

    /// Whether the broker keeps an account and answers questions about it: then what it says is compared with what the
    /// engine believes, and nothing is sent until they agree.
    fn answers(&self) -> bool {
        false
    }

    /// Asks how things stand. The answer comes as a [`Report::Standing`].
    ///
    /// # Errors
    /// When the question cannot be asked.
    async fn ask(&self, _question: Question) -> Result<(), BrokerError> {
        Err(BrokerError::NotSent(
            "this broker answers no questions".to_owned(),
        ))
    }

    /// Hears of orders that the account's liquidation made and filled at these prices: it is what a venue does.
    async fn liquidated(&self, _orders: &[(Order, Execution)]) {}

    /// The end of a run.
    async fn close(&self) -> Farewell {
        Farewell::default()
    }

    /// Whether the broker simulates a venue, and so has to be told of the market.
    fn simulates(&self) -> bool {
        false
    }

    /// Called in real time soon after requests, once for many, and at the end: the time to write what the broker keeps, and to tell what had to be written
    /// first.
    fn rest(&self) -> Heard {
        Heard::default()
    }

    /// What it holds, as bytes from which the same broker of another process goes on; nothing where it does not say. Its own
    /// books are written by then.
    ///
    /// # Errors
    /// When its own books fail.
    fn memory(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    /// Tells a simulated venue of the market.
    async fn on_market(&self, _now: Nanos, _phase: &MarketPhase) -> Heard {
        Heard::default()
    }
}
