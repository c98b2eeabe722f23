//! The schema of the file, made from the table of tables, and its versions.

use std::fmt::Write as _;

use super::record::{Column, Kind, Table};
use super::snapshot;

/// What says that a file is a journal ("PLJ" and one).
pub const APPLICATION: i32 = 0x504c_4a01;

/// The version of the schema that is written. A file of an older one is brought to it when it is opened for writing; one
/// of a newer one is refused.
pub const SCHEMA: i32 = 4;

/// The view for people: every order, with who decided it.
macro_rules! order_list {
    () => {
        "CREATE VIEW order_list AS SELECT i.seq, i.step, i.ts, i.order_id, t.name AS trader, t.strategy, t.strategy_version, t.pair,
    i.side, i.type, i.quantity, i.limit_price,
    coalesce(o.status, CASE i.verdict WHEN 'refused' THEN 'refused' ELSE 'working' END) AS status, coalesce(o.reason, i.reason) AS reason
    FROM intents i JOIN traders t USING (trader) LEFT JOIN orders o USING (order_id) ORDER BY i.seq;
"
    };
}

/// What brings a file from version `n` to `n + 1`, at `n - 1`. Files of version 1 do not know the versions of their strategies,
/// and have no snapshots before 3. Version 4 differs in what the chain covers, which the file says itself: the rows of an older
/// one keep their chain.
pub(super) const MIGRATIONS: [&str; 3] = [
    concat!(
        "ALTER TABLE traders ADD COLUMN strategy_version TEXT; DROP VIEW order_list; ",
        order_list!()
    ),
    snapshot::TABLE,
    "",
];

const _: () = assert!(MIGRATIONS.len() + 1 == SCHEMA as usize);

/// Tables that are not in the sequence, and the view.
const FRAME: &str = concat!(
    "
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL, compared INTEGER NOT NULL) STRICT;
CREATE TABLE traders (trader INTEGER PRIMARY KEY, name TEXT NOT NULL, strategy TEXT NOT NULL, pair TEXT NOT NULL,
    strategy_version TEXT) STRICT;
CREATE TABLE runs (run INTEGER PRIMARY KEY, event TEXT NOT NULL, at INTEGER NOT NULL, step INTEGER NOT NULL,
    after_seq INTEGER NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL, digest TEXT, author TEXT) STRICT;
CREATE UNIQUE INDEX intents_order ON intents (order_id);
CREATE UNIQUE INDEX orders_order ON orders (order_id);
CREATE UNIQUE INDEX fills_once ON fills (venue, account, trade_id);
",
    order_list!()
);

/// All statements that make an empty journal.
pub(super) fn create() -> String {
    let mut sql = String::new();
    for table in Table::ALL {
        let columns: Vec<String> = table.columns().iter().map(declared).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(
            sql,
            "CREATE TABLE {} (seq INTEGER PRIMARY KEY, {}) STRICT;",
            table.name(),
            columns.join(", ")
        );
    }
    sql.push_str(FRAME);
    sql.push_str(snapshot::TABLE);
    sql
}

fn declared(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Time | Kind::Integer | Kind::Trader => "INTEGER",
        Kind::Text | Kind::Decimal => "TEXT",
        Kind::Bytes => "BLOB",
    };
    format!("\"{}\" {kind}", column.name)
}

/// The statement that adds a row.
pub(super) fn insert(table: Table) -> String {
    let columns = table.columns();
    format!(
        "INSERT INTO {} (seq, {}) VALUES (?{})",
        table.name(),
        quoted(columns),
        ", ?".repeat(columns.len())
    )
}

/// The statement that reads the rows of a part of the sequence.
pub(super) fn select(table: Table) -> String {
    format!(
        "SELECT seq, {} FROM {} WHERE seq > ? AND seq <= ? ORDER BY seq",
        quoted(table.columns()),
        table.name()
    )
}

fn quoted(columns: &[Column]) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    names.join(", ")
}
