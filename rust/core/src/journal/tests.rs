//! The file and the thread that writes it, without a run.

use std::path::PathBuf;

use super::check::{Checked, check, follow_parts};
use super::keeper::{Batch, Keeper};
use super::record::{CHAIN, chain_of};
use super::record::{Record, Table, Value};
use super::spec::{JournalSpec, Purpose, RunFacts, TraderFacts};
use super::store::{Access, Store};

/// A folder of a test's own, removed with it.
pub(super) struct Room(PathBuf);

impl Room {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pairloom-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("run.db")
    }

    pub(super) fn store(&self) -> Store {
        let mut store = Store::open(&self.file(), Access::Write).unwrap();
        if store.is_new().unwrap() {
            let spec = JournalSpec {
                path: self.file(),
                purpose: Purpose::Keep,
                identity: Vec::new(),
                extras: Vec::new(),
                distrusted: Vec::new(),
                snapshot_every: None,
                from_start: false,
            };
            let facts = RunFacts {
                traders: vec![TraderFacts {
                    name: "A".into(),
                    label: "A".into(),
                    version: "1".into(),
                    pair: "A/USD".into(),
                }],
                venue: "simulated",
                account: "spot",
                waits: true,
                repeats: true,
                snapshots: false,
            };
            store.begin(&spec, &facts).unwrap();
        }
        store
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A group of one refusal, with its step; the chain covers that, too, or not.
pub(super) fn group(chain: &mut [u8; CHAIN], step: i64, with_steps: bool) -> Vec<Record> {
    let refusal = Record {
        table: Table::Refusals,
        seq: 2 * step - 1,
        values: vec![
            Value::Int(step),
            Value::Int(step),
            Value::Int(0),
            Value::word("cash"),
            Value::text("x".repeat(500)),
        ],
    };
    let mut bytes = chain.to_vec();
    refusal.encode(&mut bytes);
    let closes = Record {
        table: Table::Steps,
        seq: 2 * step,
        values: vec![Value::Int(step), Value::Int(step)],
    };
    if with_steps {
        closes.encode(&mut bytes);
    }
    *chain = chain_of(&bytes);
    let values = vec![
        Value::Int(step),
        Value::Int(step),
        Value::Blob(chain.to_vec()),
    ];
    let step = Record {
        table: Table::Steps,
        seq: 2 * step,
        values,
    };
    vec![refusal, step]
}

fn batch(rows: Vec<Record>) -> Batch {
    Batch {
        rows,
        ..Batch::default()
    }
}

#[test]
fn what_was_committed_is_there_and_whole() {
    let room = Room::new("whole");
    let keeper = Keeper::start(room.store()).unwrap();
    let mut chain = [0; CHAIN];
    for step in 1..=3_000 {
        let rows = batch(group(&mut chain, step, true));
        if step % 100 == 0 {
            keeper.commit(rows, &mut || {}).unwrap();
            let found = check(&room.file()).unwrap();
            assert_eq!(found.problems, Vec::<String>::new());
            assert_eq!(found.last_step, step.unsigned_abs());
        } else {
            keeper.send(rows, &mut || {}).unwrap();
        }
    }
    drop(keeper);
    let found = check(&room.file()).unwrap();
    assert_eq!((found.rows, found.groups), (6_000, 3_000));
}

#[test]
fn a_journal_that_is_being_written_is_whole_at_every_moment() {
    let room = Room::new("moment");
    let keeper = Keeper::start(room.store()).unwrap();
    let (done, is_done) = flume::bounded::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut chain = [0; CHAIN];
            for step in 1..=2_000 {
                let rows = batch(group(&mut chain, step, true));
                keeper.commit(rows, &mut || {}).unwrap();
            }
            drop(done);
        });
        while !is_done.is_disconnected() {
            let found = check(&room.file()).unwrap();
            assert_eq!(found.problems, Vec::<String>::new());
        }
    });
    assert_eq!(check(&room.file()).unwrap().groups, 2_000);
}

#[test]
fn in_however_many_parts_a_journal_is_looked_at_the_same_is_found() {
    let room = Room::new("parts");
    let mut store = room.store();
    let mut chain = [0; CHAIN];
    for step in 1..=100 {
        let rows = group(&mut chain, step, true);
        store
            .add(rows.iter(), std::iter::empty(), std::iter::empty())
            .unwrap();
    }
    let look = |what: &str| {
        let found = [1, 2, 3, 7, 1_000].map(|most| {
            let mut found = Checked::default();
            follow_parts(&store, (most, 2), &mut found).unwrap();
            found.problems
        });
        assert!(found.iter().all(|each| *each == found[0]), "{found:?}");
        assert_eq!(found[0].first().map_or("", String::as_str), what);
    };
    let change = |sql: &str| {
        store
            .with(|connection| connection.execute_batch(sql))
            .unwrap()
    };
    look("");
    // Rows of its middle, the chain where one part ends and the next begins, and a row that is gone.
    change("UPDATE refusals SET trader = 1 WHERE step = 60");
    look("rows of step 60, up to row 120, are not those that were written");
    change("UPDATE refusals SET trader = 0 WHERE step = 60");
    look("");
    change("UPDATE steps SET chain = zeroblob(16) WHERE step = 50");
    look("rows of step 50, up to row 100, are not those that were written");
    change("DELETE FROM refusals WHERE step = 20");
    look("rows 39 to 39 are missing");
}

#[test]
fn after_a_full_disk_nothing_is_written_until_it_is_opened_again() {
    let room = Room::new("full");
    let store = room.store();
    // SQLite's own limit of the file's size gives the error that a full disk gives.
    store
        .with(|connection| connection.pragma_update(None, "max_page_count", 60))
        .unwrap();
    let keeper = Keeper::start(store).unwrap();
    let mut chain = [0; CHAIN];
    let mut committed = 0;
    let error = loop {
        let before = chain;
        match keeper.commit(batch(group(&mut chain, committed + 1, true)), &mut || {}) {
            Ok(()) => committed += 1,
            Err(error) => {
                chain = before;
                break error;
            }
        }
        assert!(committed < 10_000, "the limit was never reached");
    };
    assert_eq!(error.code, "journal.full");
    assert!(committed > 10);
    // Behind a gap nothing may be written, even if it would fit.
    let later = keeper.commit(batch(Vec::new()), &mut || {}).unwrap_err();
    assert_eq!(later.code, "journal.full");
    drop(keeper);
    let found = check(&room.file()).unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.groups, committed.unsigned_abs());
    // With room again it goes on behind what is there.
    let keeper = Keeper::start(room.store()).unwrap();
    keeper
        .commit(batch(group(&mut chain, committed + 1, true)), &mut || {})
        .unwrap();
    drop(keeper);
    let found = check(&room.file()).unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.groups, committed.unsigned_abs() + 1);
}

#[test]
fn a_second_owner_is_refused_until_the_first_is_gone() {
    let room = Room::new("lock");
    let first = room.store();
    let refused = Store::open(&room.file(), Access::Write).unwrap_err();
    assert_eq!(refused.code, "journal.locked");
    let owner = format!("process {}", std::process::id());
    assert!(refused.message.contains(&owner), "{refused}");
    Store::open(&room.file(), Access::Read).unwrap();
    drop(first);
    Store::open(&room.file(), Access::Write).unwrap();
}

#[test]
fn values_of_different_kinds_never_look_alike_in_the_chain() {
    let row = |values: Vec<Value>| {
        let record = Record {
            table: Table::Steps,
            seq: 1,
            values,
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes
    };
    let rows = [
        row(vec![Value::Int(1), Value::Int(2), Value::Null]),
        row(vec![Value::Int(1), Value::Null, Value::Int(2)]),
        row(vec![
            Value::Int(1),
            Value::text("ab".into()),
            Value::text("c".into()),
        ]),
        row(vec![
            Value::Int(1),
            Value::text("a".into()),
            Value::text("bc".into()),
        ]),
        row(vec![
            Value::Int(1),
            Value::Blob(b"a".to_vec()),
            Value::text("bc".into()),
        ]),
    ];
    for (at, one) in rows.iter().enumerate() {
        assert!(rows[at + 1..].iter().all(|other| other != one));
    }
}
