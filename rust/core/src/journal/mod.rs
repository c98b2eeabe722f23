//! The journal: the durable record of a run, one SQLite file with typed tables in one sequence.
//!
//! What a step decided is committed to it before any order of that step leaves. A run that was killed is made again from
//! the same inputs: up to the last committed step everything it decides is compared with the journal and nothing
//! is sent anew, behind it the run goes on. See `docs/journal.md` for what is promised, and what is not.

mod cadence;
mod chain;
mod check;
mod difference;
mod fault;
mod frame;
mod held;
mod identity;
mod input;
mod keeper;
mod lock;
mod noted;
mod private;
mod record;
mod recorder;
mod rows;
mod said;
mod schema;
mod script;
mod sequence;
mod snapshot;
mod spec;
mod store;
mod stored;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_damage;
mod wal;

pub use cadence::RecorderMemory;
pub use check::{Checked, check};
pub use fault::{fault_of, is_disturbed, journal_error, rows_lost};
pub use input::{Input, Vetoes};
pub use keeper::Then;
pub use lock::{Lock, Unlocked, note_listening};
pub use private::make_private;
pub use record::{Column, Kind, Record, Table, Value};
pub use recorder::{Recorder, Standing};
pub use schema::{APPLICATION, SCHEMA};
pub use script::Distrusted;
pub use snapshot::Resumption;
pub use spec::{JournalSpec, LedgerSpec, Purpose, RunFacts, TraderFacts};
pub use store::{Access, Store};
pub use wal::{WriteAheadLog, begin_log};
