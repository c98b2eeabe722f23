//! A row of the journal before and after it is in the file, and the table of what the tables hold.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use blake3::Hasher;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

/// One value of a row. Prices, quantities and money are decimals as text, times are nanoseconds UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number or a time.
    Int(i64),
    /// A text or a decimal.
    Text(Cow<'static, str>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// A word that is known when this is compiled.
    #[must_use]
    pub const fn word(word: &'static str) -> Self {
        Self::Text(Cow::Borrowed(word))
    }

    /// A text.
    #[must_use]
    pub const fn text(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// A count, which never gets as large as a whole number of SQLite's can be.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// The whole number in it.
    #[must_use]
    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            // No column is real; one that somebody changed is shown as what it is not: a text.
            ValueRef::Real(value) => Self::text(value.to_string()),
            ValueRef::Text(text) => Self::text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Int(value) => {
                out.push(1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Self::Text(text) => {
                out.push(2);
                out.extend_from_slice(&(text.len() as u64).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Blob(bytes) => {
                out.push(3);
                out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Int(value) => value.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Blob(bytes) => {
                for byte in bytes {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nanoseconds UTC.
    Time,
    /// A whole number.
    Integer,
    /// The number of a trader.
    Trader,
    /// A text.
    Text,
    /// A price, a quantity or money: a decimal as text.
    Decimal,
    /// Bytes.
    Bytes,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values mean.
    pub kind: Kind,
    /// Whether a run that is made again has the same values there: not texts for people, nor the time of the day.
    pub repeats: bool,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        repeats: true,
    }
}

const fn told(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        repeats: false,
    }
}

/// The tables that are in the one sequence. A row's first values are always its step and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Table {
    /// What came from people.
    Inputs,
    /// Every order that reached the gate, with its terms and the gate's verdict.
    Intents,
    /// How each order that left has ended.
    Orders,
    /// Fills.
    Fills,
    /// Refusals.
    Refusals,
    /// Traders that were stopped.
    Quarantines,
    /// A committed step: all rows before it, back to the one before, belong to it.
    Steps,
}

const STEP: Column = column("step", Kind::Integer);
const TS: Column = column("ts", Kind::Time);
const TRADER: Column = column("trader", Kind::Trader);
const ORDER_ID: Column = column("order_id", Kind::Integer);

const INPUTS: &[Column] = &[
    STEP,
    TS,
    column("command", Kind::Text),
    column("author", Kind::Text),
    told("at", Kind::Time),
];
const INTENTS: &[Column] = &[
    STEP,
    TS,
    ORDER_ID,
    TRADER,
    column("side", Kind::Text),
    column("type", Kind::Text),
    column("quantity", Kind::Decimal),
    column("limit_price", Kind::Decimal),
    column("tif", Kind::Text),
    column("reduce_only", Kind::Integer),
    column("origin", Kind::Text),
    column("client_id", Kind::Integer),
    column("tag", Kind::Text),
    column("verdict", Kind::Text),
    column("reason", Kind::Text),
];
const ORDERS: &[Column] = &[
    STEP,
    TS,
    ORDER_ID,
    column("status", Kind::Text),
    column("reason", Kind::Text),
];
const FILLS: &[Column] = &[
    STEP,
    TS,
    TRADER,
    column("side", Kind::Text),
    column("quantity", Kind::Decimal),
    column("price", Kind::Decimal),
    column("fee", Kind::Decimal),
    ORDER_ID,
    column("liquidity", Kind::Text),
    column("venue", Kind::Text),
    column("account", Kind::Text),
    column("trade_id", Kind::Integer),
];
const REFUSALS: &[Column] = &[
    STEP,
    TS,
    TRADER,
    column("check", Kind::Text),
    told("reason", Kind::Text),
];
const QUARANTINES: &[Column] = &[
    STEP,
    TS,
    TRADER,
    column("kind", Kind::Text),
    told("error", Kind::Text),
];
const STEPS: &[Column] = &[STEP, TS, column("chain", Kind::Bytes)];

impl Table {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Inputs,
        Self::Intents,
        Self::Orders,
        Self::Fills,
        Self::Refusals,
        Self::Quarantines,
        Self::Steps,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Intents => "intents",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Refusals => "refusals",
            Self::Quarantines => "quarantines",
            Self::Steps => "steps",
        }
    }

    /// The table of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns behind `seq`.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Inputs => INPUTS,
            Self::Intents => INTENTS,
            Self::Orders => ORDERS,
            Self::Fills => FILLS,
            Self::Refusals => REFUSALS,
            Self::Quarantines => QUARANTINES,
            Self::Steps => STEPS,
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its table.
    pub table: Table,
    /// Its place in the one sequence.
    pub seq: i64,
    /// Its values, in the order of the table's columns.
    pub values: Vec<Value>,
}

impl Record {
    /// The value of a column.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        let columns = self.table.columns().iter();
        columns
            .zip(&self.values)
            .find(|(column, _)| column.name == name)
            .map(|(_, value)| value)
    }

    /// Adds what a run that is made again has to repeat.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.table as u8);
        out.extend_from_slice(&self.seq.to_le_bytes());
        for (column, value) in self.table.columns().iter().zip(&self.values) {
            if column.repeats {
                value.encode(out);
            }
        }
    }
}

/// Adds a row as it stands in the file, which is what [`Record::encode`] adds of it.
pub(super) fn encode_row(
    table: Table,
    seq: i64,
    row: &Row<'_>,
    out: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    out.push(table as u8);
    out.extend_from_slice(&seq.to_le_bytes());
    for (at, column) in (1..).zip(table.columns()) {
        // The chain itself is what comes out of this.
        if column.repeats && column.kind != Kind::Bytes {
            encode_ref(row.get_ref(at)?, out);
        }
    }
    Ok(())
}

fn encode_ref(value: ValueRef<'_>, out: &mut Vec<u8>) {
    let (kind, bytes) = match value {
        ValueRef::Text(text) if std::str::from_utf8(text).is_ok() => (2, text),
        ValueRef::Blob(bytes) => (3, bytes),
        other => return Value::of(other).encode(out),
    };
    out.push(kind);
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Bytes of the chain that are kept of each step.
pub(super) const CHAIN: usize = 16;

/// The fingerprint of a group of rows, which holds that of the group before.
pub(super) fn chain_of(bytes: &[u8]) -> [u8; CHAIN] {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    let mut chain = [0; CHAIN];
    chain.copy_from_slice(&hasher.finalize().as_bytes()[..CHAIN]);
    chain
}
