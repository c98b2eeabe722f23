//! What a driver reports besides what the writer recorded.

use std::collections::BTreeMap;

use crate::domain::Nanos;
use crate::error::Error;

/// Counts, times and what was taken for granted.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Market rows seen.
    pub events: u64,
    /// Steps made.
    pub steps: u64,
    /// Seconds from the first step to the last fill.
    pub elapsed: f64,
    /// Whether the user ended the run.
    pub interrupted: bool,
    /// Whether every trader was quarantined.
    pub all_quarantined: bool,
    /// Whether the run came to its end, and was not ended by somebody before.
    pub complete: bool,
    /// Who threw the kill switch of a run that ended before a step could take that in, and that may go on.
    pub unheard_kill: Option<&'static str>,
    /// What ended the run before its end: its journal, or its broker's books.
    pub failure: Option<Error>,
    /// The time of the last step.
    pub last_ts: Option<Nanos>,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
    /// What the run took for granted.
    pub assumptions: Vec<String>,
}
