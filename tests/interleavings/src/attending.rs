//! A ready trader is taken, whoever is at work meanwhile, and as long as a thread is free by another than one that is held up.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::hands::Hands;

/// A stage as far as this matters: ready traders, the hands, and the tasks that the pool has to run.
struct Stage {
    hands: Hands,
    ready: Mutex<Vec<u32>>,
    spawned: Mutex<Vec<usize>>,
    at_work: Vec<AtomicUsize>,
    served: AtomicUsize,
}

impl Stage {
    fn new(threads: usize) -> Arc<Self> {
        Arc::new(Self {
            hands: Hands::new(threads),
            ready: Mutex::new(Vec::new()),
            spawned: Mutex::new(Vec::new()),
            at_work: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            served: AtomicUsize::new(0),
        })
    }

    fn wake(&self, traders: &[u32]) {
        self.ready.lock().unwrap().extend(traders);
        for hand in self.hands.called(traders.len()) {
            self.spawned.lock().unwrap().push(hand);
        }
    }

    /// A thread of the pool runs one task, if there is one.
    fn run_task(&self) -> bool {
        let Some(hand) = self.spawned.lock().unwrap().pop() else {
            return false;
        };
        let alone = self.at_work[hand].fetch_add(1, Ordering::SeqCst) == 0;
        assert!(alone, "one hand has two tasks");
        loop {
            while self.ready.lock().unwrap().pop().is_some() {
                self.served.fetch_add(1, Ordering::SeqCst);
            }
            // Left first: from then on another task of the same hand may begin.
            self.at_work[hand].fetch_sub(1, Ordering::SeqCst);
            if !self
                .hands
                .leave(hand, || !self.ready.lock().unwrap().is_empty())
            {
                return true;
            }
            self.at_work[hand].fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn play(hands: usize, batches: &'static [&'static [u32]]) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let stage = Stage::new(hands);
        let serving = (0..hands).map(|_| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                stage.run_task();
            })
        });
        let serving: Vec<_> = serving.collect();
        for batch in batches {
            stage.wake(batch);
        }
        for thread in serving {
            thread.join().unwrap();
        }
        while stage.run_task() {}
        let all: usize = batches.iter().map(|batch| batch.len()).sum();
        let served = stage.served.load(Ordering::SeqCst);
        assert_eq!(served, all, "a ready trader was forgotten");
    });
}

#[test]
fn every_ready_trader_is_served() {
    play(1, &[&[1], &[2]]);
    play(2, &[&[1], &[2]]);
    play(2, &[&[1, 2], &[3]]);
}

/// A task that never ends holds up no other trader while there is a thread.
#[test]
fn who_is_held_up_holds_up_nobody() {
    loom::model(|| {
        let hands = Hands::new(2);
        let held_up: Vec<usize> = hands.called(1).collect();
        let next: Vec<usize> = hands.called(1).collect();
        assert_eq!((held_up, next), (vec![0], vec![1]));
        assert_eq!(hands.called(1).count(), 0);
    });
}
