//! Whether a journal is whole: the file itself, the sequence, the chain over all rows, and what must hold between tables.

use std::path::Path;

use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;

use crate::error::Error;
use crate::limits::JOURNAL_PART;

use super::chain::{Links, Order};
use super::fault::{WHOLE, journal_error};
use super::frame;
use super::record::CHAIN;
use super::record::Table;
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
const RULES: [(&str, &str); 3] = [
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
];

/// What must also hold where early rows were taken out.
const ALWAYS: [(&str, &str); 4] = [
    (
        "runs resumed at another step than that of their rows",
        "SELECT count(*) FROM runs r JOIN steps s ON s.seq = r.after_seq WHERE r.event = 'resumed' AND r.step <> s.step",
    ),
    (
        "steps behind the end of the run",
        "SELECT count(*) FROM steps WHERE step > (SELECT min(step) FROM runs WHERE event = 'finished')",
    ),
    (
        "rows of traders that there are not",
        "SELECT count(*) FROM (SELECT trader FROM intents UNION ALL SELECT trader FROM fills UNION ALL \
         SELECT trader FROM refusals UNION ALL SELECT trader FROM quarantines) WHERE trader NOT IN (SELECT trader FROM traders)",
    ),
    (
        "traders missing among those before the last",
        "SELECT coalesce(max(trader), -1) + 1 - count(*) FROM traders",
    ),
];

/// Looks at a whole journal.
///
/// # Errors
/// When it cannot be opened or read at all.
pub fn check(path: &Path) -> Result<Checked, Error> {
    let store = Store::open(path, Access::Read)?;
    // All of it is looked at as it is at one moment: the run that writes it may go on meanwhile.
    let moment = store.moment()?;
    let mut found = Checked::default();
    match look(&store, &mut found) {
        Err(error) if error.code == "journal.damaged" => {
            // What cannot be read ends the look, and is what was looked for.
            let file = format!("{}: ", path.display());
            let problem = error.message.strip_prefix(&file);
            found
                .problems
                .push(problem.unwrap_or(&error.message).to_owned());
        }
        looked => looked?,
    }
    drop(moment);
    Ok(found)
}

/// Looks at an open one.
fn look(store: &Store, found: &mut Checked) -> Result<(), Error> {
    let file: Vec<String> = store.with(|connection| {
        let mut select = connection.prepare("PRAGMA integrity_check(10)")?;
        let lines = select.query_map([], |row| row.get(0))?;
        lines.collect()
    })?;
    found
        .problems
        .extend(file.into_iter().filter(|line| line != "ok"));
    found.problems.extend(frame::problems(store)?);
    found.digest = store.digest()?;
    follow_chain(store, found)?;
    found.problems.extend(Looked::at(store)?.problems(store)?);
    found.pruned = store.pruned()?.is_some();
    // What an order came from may be among the rows that were taken out.
    let rules = if found.pruned { &[] } else { RULES.as_slice() };
    for (what, sql) in ALWAYS.iter().chain(rules) {
        let count: i64 =
            store.with(|connection| connection.query_row(sql, [], |row| row.get(0)))?;
        if count > 0 {
            found.problems.push(format!("{count} {what}"));
        }
    }
    Ok(())
}

/// Refuses a journal whose rows are not those that were written.
pub(super) fn must_be_whole(store: &Store) -> Result<(), Error> {
    let mut found = Checked::default();
    follow_chain(store, &mut found)?;
    let Some(problem) = found.problems.first() else {
        return Ok(());
    };
    let file = store.path().display();
    let message = format!("{file}: {problem}; nothing was sent; {WHOLE}");
    Err(journal_error("journal.damaged", message))
}

/// A part of the sequence: behind which place, with which chain there, and up to which place.
#[derive(Clone, Copy, Debug)]
struct Part {
    after: i64,
    chain: [u8; CHAIN],
    to: i64,
}

/// The sequence in parts of about one size, of `least` rows at least and no more than `most` parts.
///
/// A part begins with the chain that the file has where the one before ends, which that one is compared with.
fn parts_of(
    store: &Store,
    (after, chain): (i64, [u8; CHAIN]),
    (most, least): (i64, i64),
) -> Result<Vec<Part>, Error> {
    let ask = |sql: &str, place: i64| {
        store.with(|connection| {
            let found = connection.query_row(sql, [place], |row| {
                // What is no chain is found to differ from that of the rows before it.
                let chain = row.get_ref(1)?.as_blob().unwrap_or_default();
                Ok((row.get(0)?, chain.try_into().unwrap_or([0; CHAIN])))
            });
            found.optional()
        })
    };
    let newest = "SELECT seq, chain FROM steps WHERE seq > ? ORDER BY seq DESC LIMIT 1";
    let mut part = Part {
        after,
        chain,
        to: ask(newest, after)?.map_or(after, |(to, _)| to),
    };
    let end = part.to;
    let size = ((end - after) / most).max(least);
    let mut parts = Vec::new();
    while end - part.after >= 2 * size {
        let next = "SELECT seq, chain FROM steps WHERE seq >= ? ORDER BY seq LIMIT 1";
        let Some((to, chain)) = ask(next, part.after + size)? else {
            break;
        };
        parts.push(Part { to, ..part });
        part = Part {
            after: to,
            chain,
            to: end,
        };
    }
    parts.push(part);
    Ok(parts)
}

/// Computes the chain anew, group by group, and the parts of a long journal beside each other.
fn follow_chain(store: &Store, found: &mut Checked) -> Result<(), Error> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    follow_parts(
        store,
        (i64::try_from(cores).unwrap_or(1), JOURNAL_PART),
        found,
    )
}

/// The same in so many parts at most, of so many rows at least.
pub(super) fn follow_parts(
    store: &Store,
    sizes: (i64, i64),
    found: &mut Checked,
) -> Result<(), Error> {
    let (first, chain) = store.pruned()?.unwrap_or_else(|| (0, vec![0; CHAIN]));
    let start = (first, chain.try_into().unwrap_or([0; CHAIN]));
    let parts = parts_of(store, start, sizes)?;
    let seq = parts.last().map_or(first, |part| part.to);
    let looked: Vec<Result<Checked, Error>> = match parts.as_slice() {
        [only] => vec![follow(store, *only)],
        parts => std::thread::scope(|scope| {
            let beside = |part: &Part| {
                let (path, part) = (store.path(), *part);
                scope.spawn(move || follow(&Store::open(path, Access::Read)?, part))
            };
            let working: Vec<_> = parts.iter().map(beside).collect();
            let joined = working.into_iter().map(|thread| {
                let defect = |_| journal_error("journal.defect", "a look at the rows panicked");
                thread.join().map_err(defect).flatten()
            });
            joined.collect()
        }),
    };
    for looked in looked {
        let looked = looked?;
        found.rows += looked.rows;
        found.groups += looked.groups;
        found.last_step = found.last_step.max(looked.last_step);
        if !looked.problems.is_empty() {
            // Only the first group that differs says something.
            found.problems.extend(looked.problems);
            return Ok(());
        }
    }
    rows_outside(store, (first, seq), found)
}

/// Computes the chain of a part.
fn follow(store: &Store, part: Part) -> Result<Checked, Error> {
    let mut found = Checked::default();
    let mut links = Links::of(store)?;
    links.begin(&part.chain);
    let mut order = Order::behind(store, part.after)?;
    let mut seq = part.after;
    store.each_row(part.after, part.to, |table, at, row| {
        if at != seq + 1 {
            let message = format!("rows {} to {} are missing", seq + 1, at - 1);
            found.problems.push(message);
        }
        seq = at;
        found.rows += 1;
        if table != Table::Steps {
            order.add(table, row)?;
            return links.add(table, at, row).map(|()| true);
        }
        let chain = links.close(at, row)?;
        found.groups += 1;
        let step = row.get_ref(1)?.as_i64().unwrap_or_default();
        found.last_step = step.unsigned_abs();
        if row.get_ref(3)? != ValueRef::Blob(&chain) {
            let message =
                format!("rows of step {step}, up to row {seq}, are not those that were written");
            found.problems.push(message);
            return Ok(false);
        }
        // Where the chain has the steps, it has said so.
        if !order.close(row)? && !links.have_steps() {
            let message = format!(
                "step {step}, row {seq} of steps, fits neither its rows nor the step before"
            );
            found.problems.push(message);
            return Ok(false);
        }
        links.begin(&chain);
        Ok(true)
    })?;
    Ok(found)
}

/// Rows that no committed step closes.
fn rows_outside(store: &Store, (first, seq): (i64, i64), found: &mut Checked) -> Result<(), Error> {
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
