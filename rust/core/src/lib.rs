//! The engine of Pairloom: a portfolio of market-pair traders on every core, against one shared account.
//!
//! The modules stand in the order in which data pass them.

pub mod domain;
pub mod market;
pub mod dispatch;
pub mod trader;
pub mod strategy;
pub mod indicator;
pub mod signal;
pub mod risk;
pub mod order;
pub mod venue;
pub mod portfolio;
pub mod commit;
pub mod journal;
pub mod wire;
pub mod guard;
pub mod step;
pub mod replay;
pub mod live;
pub mod engine;

pub mod clock;
pub mod error;
pub mod limits;
pub mod rows;
pub mod spare;
