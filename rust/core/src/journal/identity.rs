//! Whether a journal is that of this run, and if not, what differs.

use std::path::Path;

use crate::error::Error;
use crate::strategy::is_version_of_before;

use super::check::must_be_whole;
use super::fault::{WHOLE, journal_error};
use super::spec::{JournalSpec, Purpose, RunFacts};
use super::store::Store;

/// How many differences an error names.
const NAMED: usize = 5;

/// Refuses a journal of other settings, sources or data.
fn compare_identity(store: &Store, spec: &JournalSpec) -> Result<(), Error> {
    let settings = store.settings()?;
    let was = |key: &str| {
        let found = settings
            .iter()
            .find(|(name, _, compared)| *compared && name == key);
        found.map(|(_, value, _)| value.as_str())
    };
    let mut differing = Vec::new();
    for (key, value) in &spec.identity {
        match was(key) {
            Some(before) if before == value => {}
            Some(before) => differing.push(format!("{key} was {before}, is {value}")),
            None => differing.push(format!("{key} is new: {value}")),
        }
    }
    for (key, value, compared) in &settings {
        if *compared && !spec.identity.iter().any(|(name, _)| name == key) {
            differing.push(format!("{key} is gone: it was {value}"));
        }
    }
    refused(spec.path.as_path(), differing)
}

/// Refuses a journal whose orders were decided by other versions of the strategies. Where the file does not know them, any
/// will do: the sources are compared besides.
fn compare_versions(store: &Store, facts: &RunFacts) -> Result<(), Error> {
    if !store.knows_versions()? {
        return Ok(());
    }
    let stored: Vec<Option<String>> = store.of("traders", |connection| {
        let sql = "SELECT strategy_version FROM traders ORDER BY trader";
        connection
            .prepare(sql)?
            .query_map([], |row| row.get(0))?
            .collect()
    })?;
    if stored.len() != facts.traders.len() {
        let (file, rows, traders) = (store.path().display(), stored.len(), facts.traders.len());
        let message = format!(
            "{file}: its table traders has {rows} rows, and the run {traders} traders; nothing was sent; {WHOLE}"
        );
        return Err(journal_error("journal.damaged", message));
    }
    let differs = facts.traders.iter().zip(stored).filter_map(|(now, was)| {
        let was = was.filter(|was| *was != now.version)?;
        if is_version_of_before(&was, &now.version) {
            return None;
        }
        let (name, version) = (&now.name, &now.version);
        Some(format!(
            "the strategy version of {name} was {was}, is {version}"
        ))
    });
    refused(store.path(), differs.collect())
}

fn refused(path: &Path, mut differing: Vec<String>) -> Result<(), Error> {
    if differing.is_empty() {
        return Ok(());
    }
    let more = differing.len().saturating_sub(NAMED);
    differing.truncate(NAMED);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let message = format!(
        "{} belongs to another run: {}{more}; run what it was written by, or name another file",
        path.display(),
        differing.join("; ")
    );
    Err(journal_error("journal.mismatch", message))
}

/// Whether the run may continue, or repeat, what is in a journal.
pub(super) fn may_continue(
    store: &Store,
    spec: &JournalSpec,
    facts: &RunFacts,
) -> Result<(), Error> {
    compare_identity(store, spec)?;
    compare_versions(store, facts)?;
    if store.pruned()?.is_some() {
        let message = format!(
            "{}: early rows were taken out of it, so it can only be read",
            spec.path.display()
        );
        return Err(journal_error("journal.pruned", message));
    }
    if spec.purpose == Purpose::Keep {
        // What is in the file is what was written, before anything is built on it.
        must_be_whole(store)?;
    }
    if !facts.repeats {
        let message = format!(
            "{} has a run already; a run in real time cannot be continued, so name another file",
            spec.path.display()
        );
        return Err(journal_error("journal.real_time", message));
    }
    Ok(())
}
