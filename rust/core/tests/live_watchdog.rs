//! The watchdog of development builds finds threads that wait for each other.
#![cfg(feature = "watchdog")]

use std::sync::Arc;

use pairloom_core::live::watchdog::cycles;
use parking_lot::Mutex;

#[test]
fn two_threads_that_wait_for_each_other_are_reported_with_their_stacks() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let (tell, told) = flume::bounded(2);
    let meeting = Arc::new(std::sync::Barrier::new(2));
    for first in [true, false] {
        let (locks, tell, meeting) = (Arc::clone(&locks), tell.clone(), Arc::clone(&meeting));
        // These threads never end; they go with the test's process.
        std::thread::spawn(move || {
            let (mine, theirs) = if first {
                (&locks.0, &locks.1)
            } else {
                (&locks.1, &locks.0)
            };
            let _held = mine.lock();
            meeting.wait();
            tell.send(()).unwrap();
            let _never = theirs.lock();
        });
    }
    for _ in 0..2 {
        told.recv().unwrap();
    }
    // Both are about to wait; that they do is seen as soon as they do.
    let found = std::iter::repeat_with(|| {
        std::thread::yield_now();
        cycles()
    })
    .take(1_000_000)
    .find(|found| !found.is_empty())
    .expect("a report");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("2 threads wait"), "{}", found[0]);
}
