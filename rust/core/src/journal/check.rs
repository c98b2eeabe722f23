//! Whether a journal is whole: the file itself, the sequence, the chain over all rows, and what must hold between tables.

use std::path::Path;

use crate::error::Error;
use crate::limits::JOURNAL_STEPS;

use super::fault::journal_error;
use super::record::Table;
use super::record::{CHAIN, chain_of};
use super::snapshot::Looked;
use super::store::{Access, Store};

/// What a look at a journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rows in the sequence.
    pub rows: u64,
    /// Committed steps that have rows.
    pub groups: u64,
    /// The last of them.
    pub last_step: u64,
    /// The digest, where the run is finished.
    pub digest: Option<String>,
    /// Whether rows of early steps were taken out.
    pub pruned: bool,
    /// What is wrong; nothing where it is whole.
    pub problems: Vec<String>,
}

/// What must hold between tables: a sentence, and what finds offences.
const RULES: [(&str, &str); 4] = [
    (
        "fills without an intent",
        "SELECT count(*) FROM fills WHERE order_id NOT IN (SELECT order_id FROM intents)",
    ),
    (
        "ended orders without an intent",
        "SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM intents)",
    ),
    (
        "fills of refused orders",
        "SELECT count(*) FROM fills JOIN intents USING (order_id) WHERE verdict = 'refused'",
    ),
    (
        "rows of traders that there are not",
        "SELECT count(*) FROM intents WHERE trader NOT IN (SELECT trader FROM traders)",
    ),
];

/// Looks at a whole journal.
///
/// # Errors
/// When it cannot be opened or read at all.
pub fn check(path: &Path) -> Result<Checked, Error> {
    let store = Store::open(path, Access::Read)?;
    let mut found = Checked {
        digest: store.digest()?,
        ..Checked::default()
    };
    let file: Vec<String> = store.with(|connection| {
        let mut select = connection.prepare("PRAGMA integrity_check(10)")?;
        let lines = select.query_map([], |row| row.get(0))?;
        lines.collect()
    })?;
    found
        .problems
        .extend(file.into_iter().filter(|line| line != "ok"));
    follow_chain(&store, &mut found)?;
    found.problems.extend(Looked::at(&store)?.problems(&store)?);
    found.pruned = store.pruned()?.is_some();
    // What an order came from may be among the rows that were taken out.
    let rules = if found.pruned { &[] } else { RULES.as_slice() };
    for (what, sql) in rules {
        let count: i64 =
            store.with(|connection| connection.query_row(sql, [], |row| row.get(0)))?;
        if count > 0 {
            found.problems.push(format!("{count} {what}"));
        }
    }
    Ok(found)
}

/// Refuses a journal whose rows are not those that were written.
pub(super) fn must_be_whole(store: &Store) -> Result<(), Error> {
    let mut found = Checked::default();
    follow_chain(store, &mut found)?;
    let Some(problem) = found.problems.first() else {
        return Ok(());
    };
    let file = store.path().display();
    let message = format!(
        "{file}: {problem}; nothing was sent; take the last copy that `pairloom journal check` finds whole"
    );
    Err(journal_error("journal.damaged", message))
}

/// Computes the chain anew, group by group.
fn follow_chain(store: &Store, found: &mut Checked) -> Result<(), Error> {
    let (first, mut bytes) = store.pruned()?.unwrap_or_else(|| (0, vec![0; CHAIN]));
    let mut seq = first;
    loop {
        let ends: Vec<i64> = store.with(|connection| {
            let sql = "SELECT seq FROM steps WHERE seq > ? ORDER BY seq LIMIT ?";
            let mut select = connection.prepare_cached(sql)?;
            let ends = select.query_map([seq, JOURNAL_STEPS], |row| row.get(0))?;
            ends.collect()
        })?;
        let Some(&last) = ends.last() else { break };
        for row in store.rows(seq, last)? {
            if row.seq != seq + 1 {
                let message = format!("rows {} to {} are missing", seq + 1, row.seq - 1);
                found.problems.push(message);
            }
            seq = row.seq;
            found.rows += 1;
            if row.table != Table::Steps {
                row.encode(&mut bytes);
                continue;
            }
            let chain = chain_of(&bytes);
            found.groups += 1;
            let step = row.value("step").and_then(super::Value::int).unwrap_or(0);
            found.last_step = step.unsigned_abs();
            let kept = match row.value("chain") {
                Some(super::Value::Blob(kept)) => kept.as_slice(),
                _ => &[],
            };
            if kept != chain {
                let message = format!(
                    "rows of step {step}, up to row {seq}, are not those that were written"
                );
                found.problems.push(message);
                // Only the first group that differs says something.
                return Ok(());
            }
            bytes.clear();
            bytes.extend_from_slice(&chain);
        }
    }
    let count = |which: String| {
        let counts = Table::ALL.map(|table| {
            let name = table.name();
            format!("(SELECT count(*) FROM {name} WHERE {which})")
        });
        store.with(|connection| {
            connection.query_row(&format!("SELECT {}", counts.join(" + ")), [], |row| {
                row.get::<_, i64>(0)
            })
        })
    };
    for (which, whence) in [
        (format!("seq > {seq}"), "behind the last committed step"),
        (format!("seq <= {first}"), "before the first one"),
    ] {
        let rows = count(which)?;
        if rows > 0 {
            found.problems.push(format!("{rows} rows {whence}"));
        }
    }
    Ok(())
}
