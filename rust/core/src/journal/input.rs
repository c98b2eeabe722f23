//! What people told a run, as it is kept.

use crate::domain::Nanos;
use crate::order::OrderId;

/// Orders that the gate approved and the risk process did not, and the name of the check.
pub type Vetoes = Vec<(OrderId, String)>;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The step in which it was obeyed.
    pub step: u64,
    /// The command as text.
    pub command: String,
    /// Who gave it.
    pub author: String,
    /// When, on the clock of the day.
    pub at: Nanos,
}
