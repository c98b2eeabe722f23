//! The journal of a run, and the snapshot in it that the run goes on from.

use std::path::Path;

use crate::error::Error;
use crate::journal::{LedgerSpec, Recorder, RunFacts};
use crate::step::Resumed;

use super::config::{Account, Config, RunOptions};
use super::outcome::Closing;

/// The journal that a run asks for; `live` says whether orders wait for it.
pub(super) fn open_journal(
    config: &Config,
    options: &RunOptions,
    closing: &Closing,
    live: bool,
    recorded: bool,
) -> Result<Option<Recorder>, Error> {
    let Some(spec) = &options.journal else {
        return Ok(None);
    };
    let facts = RunFacts {
        traders: closing.traders(),
        venue: "simulated",
        account: match config.account {
            Account::Spot => "spot",
            Account::Margin => "margin",
        },
        waits: live,
        repeats: recorded,
        snapshots: live && recorded,
    };
    Recorder::open(spec, facts).map(Some)
}

/// The snapshot that the run goes on from; none where it takes none, for this reason.
pub(super) fn resumption(
    journal: &mut Option<Recorder>,
    none: Option<&'static str>,
) -> Result<Option<Resumed>, Error> {
    let Some(journal) = journal else {
        return Ok(None);
    };
    let found = journal.take_resumption();
    if let Some(why) = none {
        journal.take_no_snapshots(why);
        return Ok(None);
    }
    let folder = journal.folder().map(Path::to_owned);
    found.map(|found| Resumed::read(found, folder)).transpose()
}

/// What a journal says before the run begins: where the paper broker's books are, if it has some of its own, and whether the
/// kill switch was thrown as the run ended last: then it is thrown again.
pub(super) fn begin_with(
    journal: Option<&Recorder>,
    has_books: bool,
    throw: impl FnOnce(),
) -> Option<LedgerSpec> {
    let journal = journal?;
    if journal.is_kill_due() {
        throw();
    }
    journal.ledger().filter(|_| has_books)
}
