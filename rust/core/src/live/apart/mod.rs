//! The paper broker in a process of its own: the same venue and the same books, behind a Unix socket. Here are the messages, the
//! engine's end and the process.
//!
//! The engine tells the process what its markets are, and then everything that the venue is told in the engine's own process,
//! in the same order; each request is answered before the next one. So a recorded run has one digest, wherever its venue is.

mod broker;
mod link;
mod message;
mod serve;
mod session;
#[cfg(test)]
mod tests;
mod values;

pub use link::BrokerLink;
pub use message::VERSION as BROKER_VERSION;
pub use serve::{BrokerProcess, BrokerSupervisor, serve_broker};

pub(super) use broker::ApartBroker;
pub(super) use link::Apart;
