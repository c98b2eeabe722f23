//! A journal with any bytes in it: found whole or damaged, or refused, and never a panic.
#![no_main]

use std::cell::OnceCell;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use pairloom_core::journal::{Access, Store, check};

thread_local! {
    /// One folder for all; it goes with the process.
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fn file() -> PathBuf {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().unwrap());
        folder.path().join("run.db")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let path = file();
    for beside in ["-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(beside);
        let _ = std::fs::remove_file(name);
    }
    std::fs::write(&path, bytes).unwrap();
    match check(&path) {
        // What is found whole can be read.
        Ok(found) if found.problems.is_empty() => {
            let store = Store::open(&path, Access::Read).unwrap();
            store.settings().unwrap();
            assert_eq!(store.digest().unwrap(), found.digest);
        }
        Ok(_) => {}
        Err(error) => assert!(error.code.starts_with("journal."), "{error:?}"),
    }
});
