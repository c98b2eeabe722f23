//! What a run says of itself when it asks for a journal.

use std::path::{Path, PathBuf};

use crate::order::OrderId;

/// What the journal is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be written, and continued where there is something in it.
    Keep,
    /// To be compared with what the run decides; nothing is written.
    Replay,
}

/// A journal that a run asks for.
#[derive(Clone, Debug)]
pub struct JournalSpec {
    /// The file.
    pub path: PathBuf,
    /// What it is opened for.
    pub purpose: Purpose,
    /// What makes it this run and no other, by name: settings, strategy sources, data. A journal in which one of them
    /// differs is refused.
    pub identity: Vec<(String, String)>,
    /// What else is kept beside it.
    pub extras: Vec<(String, String)>,
    /// Traders that did not repeat what they had done, by name, and how it was found: what they did is taken from the
    /// journal, and they are quarantined where it ends.
    pub distrusted: Vec<(String, String)>,
    /// How many market events lie between two snapshots; a number that suits the run when not given.
    pub snapshot_every: Option<u64>,
    /// Whether the run is made again from its first row, whatever snapshots there are.
    pub from_start: bool,
}

/// What is known of a trader: every order names one, and through it what decided the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraderFacts {
    /// Its name.
    pub name: String,
    /// What people call its strategy.
    pub label: String,
    /// The version of that.
    pub version: String,
    /// What it trades.
    pub pair: String,
}

/// What the wiring knows of a run.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The traders, by number.
    pub traders: Vec<TraderFacts>,
    /// Where orders go.
    pub venue: &'static str,
    /// The account there.
    pub account: &'static str,
    /// Whether an order waits for the journal: not where the venue is a part of this run, as in a backtest.
    pub waits: bool,
    /// Whether the run can be made again from the same inputs.
    pub repeats: bool,
    /// Whether snapshots can be taken of it.
    pub snapshots: bool,
}

/// Where the paper broker keeps its own books.
#[derive(Clone, Debug)]
pub struct LedgerSpec {
    /// The file.
    pub path: PathBuf,
    /// What tells this run from others.
    pub key: String,
    /// The last order that the journal has: the broker cannot know a later one.
    pub last_order: OrderId,
}

impl LedgerSpec {
    /// Where the paper broker keeps the books of a journal: beside it, under a name that no other journal's books have.
    #[must_use]
    pub fn path_beside(journal: &Path) -> PathBuf {
        if journal.extension().is_some_and(|end| end == "db") {
            return journal.with_extension("broker.db");
        }
        let mut name = journal.as_os_str().to_owned();
        name.push(".broker.db");
        PathBuf::from(name)
    }
}
