//! Where a run that is made again first differs from its journal.

use crate::error::Error;

use super::fault::journal_error;
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

/// The first row that differs, as an error that names step, trader, table and column.
pub(super) fn first_difference(stored: &[Record], made: &[Record], facts: &RunFacts) -> Error {
    for at in 0..stored.len().max(made.len()) {
        match (stored.get(at), made.get(at)) {
            (Some(old), Some(new)) if old.table == new.table => {
                let columns = old.table.columns().iter();
                let values = columns.zip(old.values.iter().zip(&new.values));
                for (column, (was, is)) in values {
                    if column.repeats && was != is && column.name != "chain" {
                        let (was, is) = (was.to_string(), is.to_string());
                        return said(old, column.name, was, is, facts);
                    }
                }
            }
            (Some(old), Some(new)) => {
                let is = format!("a row of {}", new.table.name());
                return said(old, "row", whole(old), is, facts);
            }
            (Some(old), None) => return said(old, "row", whole(old), "no row".to_owned(), facts),
            (None, Some(new)) => return said(new, "row", "no row".to_owned(), whole(new), facts),
            (None, None) => {}
        }
    }
    journal_error(
        "journal.damaged",
        "rows before this step were changed since they were written; look at the file with `pairloom journal check`",
    )
}

fn whole(row: &Record) -> String {
    let values: Vec<String> = row.values.iter().map(Value::to_string).collect();
    format!("({})", values.join(", "))
}

fn said(row: &Record, column: &str, was: String, is: String, facts: &RunFacts) -> Error {
    let number = |name| row.value(name).and_then(Value::int);
    let step = number("step").unwrap_or(0);
    let trader = number("trader")
        .and_then(|trader| facts.traders.get(usize::try_from(trader).ok()?))
        .map(|(name, ..)| name.clone());
    let whose = trader.as_ref().map_or_else(
        || number("order_id").map_or_else(String::new, |id| format!(", order {id}")),
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
pub(super) fn went_on(made: &[Record], facts: &RunFacts) -> Error {
    let rows: Vec<&Record> = made
        .iter()
        .filter(|row| row.table != Table::Steps)
        .collect();
    let first: Vec<Record> = rows.first().map(|row| (*row).clone()).into_iter().collect();
    first_difference(&[], &first, facts)
}
