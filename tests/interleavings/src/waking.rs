//! A trader with something in its inbox is handled, and by one thread at a time.

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::wakeup::Wakeup;

/// How a task leaves a trader.
#[derive(Clone, Copy)]
enum Leaving {
    /// As the engine does.
    AsItIs,
    /// Looks at the inbox first and clears the flag then: what must not be.
    LooksFirst,
}

/// An actor as far as this matters: an inbox, the flag, and the queue of ready traders, which here is a number.
struct Actor {
    wakeup: Wakeup,
    inbox: Mutex<Vec<u32>>,
    ready: Mutex<usize>,
    taken: AtomicUsize,
    seated: AtomicBool,
    leaving: Leaving,
}

impl Actor {
    fn new(leaving: Leaving) -> Arc<Self> {
        Arc::new(Self {
            wakeup: Wakeup::new(),
            inbox: Mutex::new(Vec::new()),
            ready: Mutex::new(0),
            taken: AtomicUsize::new(0),
            seated: AtomicBool::new(false),
            leaving,
        })
    }

    fn deliver(&self, event: u32) {
        self.inbox.lock().unwrap().push(event);
        if self.wakeup.wake() {
            self.enqueue();
        }
    }

    fn enqueue(&self) {
        let mut ready = self.ready.lock().unwrap();
        *ready += 1;
        assert_eq!(*ready, 1, "the queue has room for each trader once");
    }

    /// A task of the pool: serves the oldest ready trader, if there is one.
    fn serve_oldest(&self) -> bool {
        {
            let mut ready = self.ready.lock().unwrap();
            if *ready == 0 {
                return false;
            }
            *ready -= 1;
        }
        let alone = !self.seated.swap(true, Ordering::SeqCst);
        assert!(alone, "two tasks are with one trader");
        // A batch is bounded, here by one delivery.
        if self.inbox.lock().unwrap().pop().is_some() {
            self.taken.fetch_add(1, Ordering::SeqCst);
        }
        self.seated.store(false, Ordering::SeqCst);
        let is_more = || !self.inbox.lock().unwrap().is_empty();
        let again = match self.leaving {
            Leaving::AsItIs => self.wakeup.leave(is_more),
            Leaving::LooksFirst => {
                let more = is_more();
                self.wakeup.leave(|| more)
            }
        };
        if again {
            self.enqueue();
        }
        true
    }
}

/// Deliveries from several threads, and tasks on as many others as there are of them; whatever is left ready at the end is
/// served by this thread, as a pool would. Every delivery must have been handled.
fn play(leaving: Leaving, feeds: u32, tasks: usize) {
    let mut model = loom::model::Builder::new();
    // With more than this many forced changes of the thread in one run nothing new is found, and much time is lost.
    model.preemption_bound = Some(3);
    model.check(move || {
        let actor = Actor::new(leaving);
        let feeding = (1..feeds).map(|event| {
            let actor = Arc::clone(&actor);
            thread::spawn(move || actor.deliver(event))
        });
        let feeding: Vec<_> = feeding.collect();
        let serving = (0..tasks).map(|_| {
            let actor = Arc::clone(&actor);
            thread::spawn(move || {
                actor.serve_oldest();
            })
        });
        let serving: Vec<_> = serving.collect();
        actor.deliver(0);
        for thread in feeding.into_iter().chain(serving) {
            thread.join().unwrap();
        }
        while actor.serve_oldest() {}
        assert_eq!(
            actor.taken.load(Ordering::SeqCst),
            feeds as usize,
            "a wake-up was lost"
        );
    });
}

#[test]
fn no_wake_up_is_lost_and_no_trader_runs_twice_with_two_feeds() {
    play(Leaving::AsItIs, 2, 1);
}

#[test]
fn no_wake_up_is_lost_and_no_trader_runs_twice_with_two_tasks() {
    play(Leaving::AsItIs, 1, 2);
    play(Leaving::AsItIs, 2, 2);
}

/// The model finds what it is there for.
#[test]
#[should_panic(expected = "a wake-up was lost")]
fn a_task_that_looks_before_it_clears_loses_a_wake_up() {
    play(Leaving::LooksFirst, 2, 1);
}
