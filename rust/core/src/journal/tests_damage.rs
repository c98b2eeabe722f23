//! Files that somebody or something changed: what is found, and how it is said.

use super::chain::CHAINED;
use super::check::check;
use super::record::CHAIN;
use super::store::{Access, RunEvent, Store};
use super::tests::{Room, group};

/// A finished journal of a hundred steps; `old`: as it was begun when the chain was over all rows but the steps.
fn finished(room: &Room, old: bool) -> Store {
    let mut store = room.store();
    if old {
        change(
            &store,
            &format!("DELETE FROM settings WHERE key = '{CHAINED}'"),
        );
    }
    let mut chain = [0; CHAIN];
    for step in 1..=100 {
        let rows = group(&mut chain, step, !old);
        store
            .add(rows.iter(), std::iter::empty(), std::iter::empty())
            .unwrap();
    }
    let event = RunEvent {
        event: super::store::FINISHED,
        step: 100,
        after_seq: 200,
        digest: Some("digest".into()),
        author: None,
    };
    let events = std::iter::once(&event);
    store
        .add(std::iter::empty(), events, std::iter::empty())
        .unwrap();
    store
}

fn change(store: &Store, sql: &str) {
    store
        .with(|connection| connection.execute_batch(sql))
        .unwrap();
}

fn problems(room: &Room) -> Vec<String> {
    check(&room.file()).unwrap().problems
}

#[test]
fn number_and_time_of_a_step_are_in_the_chain() {
    let room = Room::new("steps-new");
    let mut store = finished(&room, false);
    assert_eq!(problems(&room), Vec::<String>::new());
    for column in ["step", "ts"] {
        for by in [-1, 1] {
            change(
                &store,
                &format!("UPDATE steps SET {column} = {column} + {by} WHERE seq = 80"),
            );
            let found = problems(&room);
            assert!(
                found[0].contains("row 80, are not those that were written"),
                "{found:?}"
            );
            let refused = store.prune(50).unwrap_err();
            assert_eq!(refused.code, "journal.damaged");
            assert!(
                refused.message.contains("no rows were taken out"),
                "{refused}"
            );
            change(
                &store,
                &format!("UPDATE steps SET {column} = {column} - {by} WHERE seq = 80"),
            );
            assert_eq!(problems(&room), Vec::<String>::new());
        }
    }
    // That the chain is said to be of the older kind helps nobody.
    change(
        &store,
        &format!("DELETE FROM settings WHERE key = '{CHAINED}'"),
    );
    assert!(!problems(&room).is_empty());
}

#[test]
fn a_step_of_an_older_journal_must_fit_its_rows_and_the_step_before() {
    let room = Room::new("steps-old");
    let mut store = finished(&room, true);
    assert_eq!(problems(&room), Vec::<String>::new());
    for (set, back) in [
        ("step = 39", "step = 40"),
        ("step = 20", "step = 40"),
        ("step = 42", "step = 40"),
        ("step = 1000000", "step = 40"),
        ("step = NULL", "step = 40"),
        ("ts = 20", "ts = 40"),
        ("ts = 42", "ts = 40"),
        ("ts = NULL", "ts = 40"),
    ] {
        change(&store, &format!("UPDATE steps SET {set} WHERE seq = 80"));
        assert!(!problems(&room).is_empty(), "{set}");
        assert_eq!(store.prune(30).unwrap_err().code, "journal.damaged");
        change(&store, &format!("UPDATE steps SET {back} WHERE seq = 80"));
        assert_eq!(problems(&room), Vec::<String>::new());
    }
    // The last one has no step behind it, but the end of the run.
    change(&store, "UPDATE steps SET step = 200 WHERE seq = 200");
    assert_eq!(problems(&room), ["1 steps behind the end of the run"]);
    change(&store, "UPDATE steps SET step = 100 WHERE seq = 200");
    assert_eq!(store.prune(30).unwrap(), 58);
    assert_eq!(problems(&room), Vec::<String>::new());
}

#[test]
fn what_stands_beside_the_rows_is_looked_at() {
    for (sql, found) in [
        (
            "INSERT INTO settings VALUES ('data of A/USD', cast(x'3537ff' AS TEXT), 1)",
            "settings, row 2: value has a text that is not UTF-8, which no run writes",
        ),
        (
            "UPDATE runs SET digest = cast(x'ff' AS TEXT) WHERE event = 'finished'",
            "runs, row 2: digest has a text that is not UTF-8, which no run writes",
        ),
        (
            "UPDATE traders SET name = cast(x'ff' AS TEXT)",
            "traders, row 0: name has a text that is not UTF-8, which no run writes",
        ),
        (
            "UPDATE refusals SET reason = cast(x'ff' AS TEXT) WHERE seq = 7",
            "refusals, row 7: reason has a text that is not UTF-8, which no run writes",
        ),
        ("DROP TABLE settings", "there is no table settings"),
        (
            "DELETE FROM traders",
            "100 rows of traders that there are not",
        ),
    ] {
        let room = Room::new("frame");
        let store = finished(&room, false);
        change(&store, sql);
        assert_eq!(problems(&room).first().map(String::as_str), Some(found));
    }
}

#[test]
fn values_that_no_run_writes_are_damage_and_no_defect() {
    let room = Room::new("values");
    let store = finished(&room, false);
    change(
        &store,
        "INSERT INTO settings VALUES ('data of A/USD', cast(x'3537ff' AS TEXT), 1)",
    );
    let error = store.settings().unwrap_err();
    assert_eq!(error.code, "journal.damaged");
    for said in [
        "run.db",
        "table settings",
        "not UTF-8",
        "pairloom journal check",
    ] {
        assert!(error.message.contains(said), "{error}");
    }
    assert!(!error.message.contains("report"), "{error}");
    change(&store, "DROP TABLE settings");
    for error in [
        store.settings().unwrap_err(),
        Store::open(&room.file(), Access::Read)
            .unwrap()
            .settings()
            .unwrap_err(),
    ] {
        assert_eq!(error.code, "journal.damaged");
        assert!(error.message.contains("no such table: settings"), "{error}");
    }
    // What is wrong with a statement of this program is still a defect.
    let error = store
        .with(|connection| connection.execute_batch("SELEKT"))
        .unwrap_err();
    assert_eq!(error.code, "journal.defect");
}
