//! One thread at a time leads the python lane, whoever is faster.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::lead::Lead;

/// The leader comes back from its call while spares think that it lasts too long.
fn play(spares: usize) {
    loom::model(move || {
        let lead = Arc::new(Lead::new());
        let leaders = Arc::new(AtomicUsize::new(0));
        let call = lead.begin();
        let watching = (0..spares).map(|_| {
            let (lead, leaders) = (Arc::clone(&lead), Arc::clone(&leaders));
            thread::spawn(move || {
                if let Some(call) = lead.call()
                    && lead.end(call)
                {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let watching: Vec<_> = watching.collect();
        if lead.end(call) {
            leaders.fetch_add(1, Ordering::SeqCst);
        }
        for thread in watching {
            thread.join().unwrap();
        }
        assert_eq!(leaders.load(Ordering::SeqCst), 1, "one leads");
        assert_eq!(lead.call(), None);
    });
}

#[test]
fn a_leader_that_comes_back_and_spares_that_take_over_agree_on_who_leads() {
    play(1);
    play(2);
}

/// A spare that saw one call does not take over in the next one.
#[test]
fn a_spare_takes_over_only_in_the_call_that_it_watched() {
    loom::model(|| {
        let lead = Arc::new(Lead::new());
        let first = lead.begin();
        let spare = {
            let lead = Arc::clone(&lead);
            thread::spawn(move || lead.end(first))
        };
        let leads = lead.end(first);
        if leads {
            let second = lead.begin();
            assert!(lead.end(second), "nobody watched this one");
        }
        assert_ne!(leads, spare.join().unwrap());
    });
}
