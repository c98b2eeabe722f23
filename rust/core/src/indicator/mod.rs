//! Indicators: updated event by event, each once per trader and event, whoever reads them.
//!
//! A trader owns a [`Graph`]; its strategy adds a [`Spec`] for each indicator it wants and reads values by
//! [`IndicatorId`], or through a [`Cell`] from outside. Seeding and definitions are TA-Lib's where TA-Lib
//! has the indicator.
//!
//! - **A tie is a tie.** Sums over prices run on the integers behind them and become a float in one
//!   correctly rounded division; see `exact.rs`.
//! - **What is not finite is skipped.** A sample whose input is NaN or infinite (a further column with
//!   gaps, a missing volume, an average over no volume) leaves the indicator as it was, and so those that
//!   are made of it.
//! - **Quotes and trades** have one price, which stands for high, low and close where a kind reads candles.
//! - Nothing allocates after `add`, and no price makes anything panic.

mod ahead;
mod average;
mod bar;
mod cell;
mod compute;
mod error;
mod exact;
mod graph;
mod kind;
mod memory;
mod momentum;
mod node;
mod shared;
mod spread;
mod state;
mod trend;
mod volume;
mod window;

#[cfg(test)]
mod tests;

use crate::market::field::Field;

pub use cell::Cell;
pub use compute::{compute, compute_columns, infer_scale};
pub use error::IndicatorError;
pub use exact::UnitScale;
pub use graph::{Graph, IndicatorId, Spec};
pub use kind::{Kind, NAMES, OUTPUTS};
pub use memory::GraphMemory;
pub use shared::SharedValues;

/// One market event, as indicators read it.
pub trait Sample {
    /// The number itself, as the data gave it; NaN where the event has none.
    fn value(&self, field: Field) -> f64;

    /// The exact integer behind a price field: `price = units / denominator(field)`, where the denominator
    /// is `10^scale`, and twice that for the mid, whose units are bid + ask.
    fn units(&self, field: Field) -> i64;
}
