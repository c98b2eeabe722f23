//! The gate in a process of its own: an order that the engine's gate approved leaves only with that process's word, too.
//!
//! Both processes run the checks of `risk`, the one over the engine's account, the other over what it was told of it.
//! Here are the messages between them, what the process keeps, and both ends of the connection.

use crate::wire::{bytes, frame, listen, order};

mod link;
mod log;
mod message;
mod mirror;
mod serve;
#[cfg(test)]
mod tests_serve;
mod state;
#[cfg(test)]
mod tests;

pub use crate::wire::Malformed;
pub use link::RiskLink;
pub use message::VERSION;
pub use serve::{ServeOptions, Served, Supervisor, serve};

pub(crate) use crate::wire::order::MOST_LOTS;
pub(crate) use link::{Link, Lost};
pub(crate) use message::Question;
pub(crate) use state::write_state;
