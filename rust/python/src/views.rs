//! The objects through which `ctx` shows what it has of the market and of the trader.

use pyo3::prelude::*;

use crate::events::{PyCandle, PyQuote, PyTrade};
use crate::shown::Shown;
use crate::values::PyPosition;

/// One object of each kind, used again for as long as nobody keeps it.
#[derive(Default)]
pub(crate) struct Views {
    pub(crate) candle: Shown<PyCandle>,
    pub(crate) quote: Shown<PyQuote>,
    pub(crate) trade: Shown<PyTrade>,
    pub(crate) position: Shown<PyPosition>,
}

impl Views {
    /// What was shown belongs to an earlier call.
    #[inline]
    pub(crate) fn stale(&self, py: Python<'_>) {
        self.candle.stale(py);
        self.quote.stale(py);
        self.trade.stale(py);
        self.position.stale(py);
    }
}
