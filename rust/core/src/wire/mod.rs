//! What processes of Pairloom say to each other over Unix sockets has in common: numbers and texts as bytes, messages with
//! their length before them, who may listen and who may connect.

pub(crate) mod bytes;
pub(crate) mod frame;
mod line;
pub(crate) mod listen;
pub(crate) mod order;

pub use bytes::Malformed;

pub(crate) use line::{Broken, Line, own_user, within};
