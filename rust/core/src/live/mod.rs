//! The live driver: traders as actors with bounded inboxes, a feed, an order engine on tokio, one commit thread.
//!
//! It makes the same steps as the replay driver, through channels instead of calls. On a recorded feed it waits for
//! every evaluation and for every answer of the venue, so the digest is the backtest's; in real time a step closes at
//! its limit, and whoever is late commits later.

mod actor;
mod answers;
mod apart;
mod broker;
mod command;
mod coordinator;
mod counting;
mod crew;
mod demo;
mod desk;
mod diary;
mod evaluation;
mod event;
mod faults;
mod feed;
mod gatekeeper;
mod hands;
mod join;
pub mod kill_switch;
mod lead;
mod ledger;
mod ledger_rows;
mod memory;
mod metrics;
mod options;
mod order_engine;
mod order_side;
mod orders;
mod paper;
mod people;
mod python_lane;
mod reconcile;
mod risk_port;
mod risk_side;
mod start;
mod status;
mod waiting;
mod wakeup;
#[cfg(feature = "watchdog")]
pub mod watchdog;

/// The atomics of those files whose interleavings `tests/interleavings` plays, where they are a model's.
mod atomic {
    pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

pub use actor::Factory;
pub use apart::{BROKER_VERSION, BrokerLink, BrokerProcess, BrokerSupervisor, serve_broker};
pub use broker::{
    Broker, BrokerError, Farewell, Heard, MarketPhase, OpenOrder, Question, Report, Standing,
};
pub use command::{Asked, LiveCommand, Reply, RunHandle};
pub use demo::{DemoOptions, demo};
pub use event::{Batch, FeedEvent, Markets};
pub use faults::{Fault, FaultSpec};
pub use metrics::{Histogram, LiveCounts};
pub use options::{BrokerMaker, Cast, Feed, LiveOptions};
pub use paper::{PaperBroker, PaperVenue};
pub use reconcile::{ReconcileSpec, UnknownOrders};
pub use start::{paper, start, start_while};
pub use status::{Status, TraderStatus};

pub(crate) use join::{Channels, InboxEnds, Parts, People, join};
pub(crate) use memory::LiveMemory;
