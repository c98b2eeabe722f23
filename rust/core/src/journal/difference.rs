//! Where a run that is made again first differs from its journal.

use crate::error::Error;

use super::fault::{WHOLE, journal_error};
use super::record::{Record, Table, Value};
use super::spec::RunFacts;

/// Whether rows differ in what a run has to repeat.
pub(super) fn differs(stored: &[Record], made: &[Record]) -> bool {
    let bytes = |rows: &[Record]| {
        let mut bytes = Vec::new();
        rows.iter().for_each(|row| row.encode(&mut bytes));
        bytes
    };
    bytes(stored) != bytes(made)
}

/// Who sent an order, where that is known.
pub(super) type Owner<'a> = &'a dyn Fn(i64) -> Option<u32>;

/// The first row that differs, as an error that names step, trader, table and column.
///
/// A row too many or too few moves all that follow it, and the numbers of later orders. So each trader's rows are compared
/// with its own, without these numbers: who has others than before is the one that did otherwise.
pub(super) fn first_difference(
    stored: &[Record],
    made: &[Record],
    facts: &RunFacts,
    owner: Owner<'_>,
) -> Error {
    if let (Some(was), Some(is)) = (stored.last(), made.last())
        && was.table == Table::Steps
        && was.value("chain") == is.value("chain")
        && was.seq == is.seq
        && was.values != is.values
    {
        // All rows of the group are as they were, and so the run has done what it did: the step alone is another.
        return journal_error(
            "journal.damaged",
            format!(
                "the journal's step in row {} was changed since it was written: its rows are as they were; nothing was sent; {WHOLE}",
                was.seq
            ),
        );
    }
    let step = |rows: &[Record]| rows.last().and_then(|row| number(row, "step"));
    let (stored, made) = match (step(stored), step(made)) {
        // One of them has a step with rows where the other has none.
        (Some(was), Some(is)) if was < is => (stored, &[][..]),
        (Some(was), Some(is)) if is < was => (&[][..], made),
        _ => (stored, made),
    };
    let of_stored = owners(stored, owner);
    let of_made = owners(made, owner);
    let mut traders: Vec<u32> = of_stored
        .iter()
        .chain(&of_made)
        .copied()
        .flatten()
        .collect();
    traders.sort_unstable();
    traders.dedup();
    for trader in traders.into_iter().map(Some).chain([None]) {
        let own = |rows: &'_ [Record], owners: &[Option<u32>]| {
            let rows = rows.iter().zip(owners);
            { rows }
                .filter(|(_, owner)| **owner == trader)
                .map(|(row, _)| row.clone())
                .collect::<Vec<_>>()
        };
        let (stored, made) = (own(stored, &of_stored), own(made, &of_made));
        let differs = |name: &str| !matches!(name, "chain" | "order_id" | "trade_id");
        if let Some(error) = first_apart(&stored, &made, (trader, facts), differs) {
            return error;
        }
    }
    first_apart(stored, made, (None, facts), |name| name != "chain").unwrap_or_else(|| {
        journal_error(
            "journal.damaged",
            "rows before this step were changed since they were written; look at the file with `pairloom journal check`",
        )
    })
}

/// Whose each row is.
fn owners(rows: &[Record], owner: Owner<'_>) -> Vec<Option<u32>> {
    let trader = |row: &Record| number(row, "trader").and_then(|own| u32::try_from(own).ok());
    let sent = |id| {
        let intents = rows.iter().filter(|row| row.table == Table::Intents);
        { intents }
            .find(|row| number(row, "order_id") == Some(id))
            .and_then(trader)
    };
    let of = |row| {
        trader(row)
            .or_else(|| number(row, "order_id").and_then(|id| sent(id).or_else(|| owner(id))))
    };
    rows.iter().map(of).collect()
}

fn number(row: &Record, name: &str) -> Option<i64> {
    row.value(name).and_then(Value::int)
}

/// The first place at which two lists of rows differ in a column that counts.
fn first_apart(
    stored: &[Record],
    made: &[Record],
    (trader, facts): (Option<u32>, &RunFacts),
    counts: impl Fn(&str) -> bool,
) -> Option<Error> {
    let said = |row, column, was, is| Some(said(row, column, (was, is), (trader, facts)));
    for at in 0..stored.len().max(made.len()) {
        match (stored.get(at), made.get(at)) {
            (Some(old), Some(new)) if old.table == new.table => {
                let columns = old.table.columns().iter();
                let values = columns.zip(old.values.iter().zip(&new.values));
                for (column, (was, is)) in values {
                    if column.repeats && was != is && counts(column.name) {
                        return said(old, column.name, was.to_string(), is.to_string());
                    }
                }
            }
            (Some(old), Some(new)) => {
                let is = format!("a row of {}", new.table.name());
                return said(old, "row", whole(old), is);
            }
            (Some(old), None) => return said(old, "row", whole(old), "no row".to_owned()),
            (None, Some(new)) => return said(new, "row", "no row".to_owned(), whole(new)),
            (None, None) => {}
        }
    }
    None
}

fn whole(row: &Record) -> String {
    let values: Vec<String> = row.values.iter().map(Value::to_string).collect();
    format!("({})", values.join(", "))
}

fn said(
    row: &Record,
    column: &str,
    (was, is): (String, String),
    (trader, facts): (Option<u32>, &RunFacts),
) -> Error {
    let step = number(row, "step").unwrap_or(0);
    let own = number(row, "trader").and_then(|own| u32::try_from(own).ok());
    let trader = trader
        .or(own)
        .and_then(|trader| facts.traders.get(usize::try_from(trader).ok()?))
        .map(|trader| trader.name.clone());
    let whose = trader.as_ref().map_or_else(
        || number(row, "order_id").map_or_else(String::new, |id| format!(", order {id}")),
        |name| format!(", trader {name:?}"),
    );
    let table = row.table.name();
    let message = format!(
        "the run does not repeat its journal: first at step {step}{whose}, {table}.{column}: the journal has {was}, now it is {is}; \
         nothing was sent. A strategy that reads a clock, draws unseeded random numbers or shares state does so"
    );
    let mut error = journal_error("journal.not_reproducible", message);
    error.details = vec![
        ("step", step.to_string()),
        ("trader", trader.unwrap_or_default()),
        ("table", table.to_owned()),
        ("column", column.to_owned()),
        ("journal", was),
        ("now", is),
    ];
    error
}

/// The journal has steps that the run did not come to.
pub(super) fn ended_early(step: u64) -> Error {
    journal_error(
        "journal.not_reproducible",
        format!("the run ended before step {step}, which its journal has; nothing was sent"),
    )
}

/// The journal is finished, and the run goes on.
pub(super) fn went_on(made: &[Record], facts: &RunFacts, owner: Owner<'_>) -> Error {
    let rows: Vec<&Record> = made
        .iter()
        .filter(|row| row.table != Table::Steps)
        .collect();
    let first: Vec<Record> = rows.first().map(|row| (*row).clone()).into_iter().collect();
    first_difference(&[], &first, facts, owner)
}
