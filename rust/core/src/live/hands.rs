//! Who handles ready traders: as many tasks as the pool has threads, each of which takes one trader after the other.
//!
//! A task that finds nobody ready lingers, for on a fast feed the next step is near, and a pool whose threads run out of tasks
//! looks for more again and again before it lets them sleep. It ends after a while, and when the run is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::limits::LINGER;

/// What one task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is none.
    Away,
    /// It waits for traders.
    Lingering,
    /// It takes traders, or has been called to.
    AtWork,
}

/// The tasks that may be at work, one for each thread.
#[derive(Debug)]
pub(super) struct Hands {
    states: Mutex<Vec<State>>,
    bells: Vec<Condvar>,
    /// Whether the run is over.
    dismissed: AtomicBool,
    /// How long one waits for the next trader.
    linger: Duration,
}

impl Hands {
    /// None of so many is at work.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            states: Mutex::new(vec![State::Away; threads]),
            bells: (0..threads).map(|_| Condvar::new()).collect(),
            dismissed: AtomicBool::new(false),
            linger: LINGER,
        }
    }

    /// The run is over: who lingers ends now.
    pub(super) fn dismiss(&self) {
        // Under the lock, so that nobody begins to linger between the word and the bell.
        let _states = self.states.lock();
        self.dismissed.store(true, Ordering::Relaxed);
        for bell in &self.bells {
            bell.notify_one();
        }
    }

    /// So many traders have become ready. Calls hands that linger, and then those that are away, for which the caller has to
    /// `spawn` a task. Where all are at work, each of them looks once more before it rests.
    pub(super) fn call(&self, ready: usize, mut spawn: impl FnMut(usize)) {
        let mut left = ready;
        for wanted in [State::Lingering, State::Away] {
            if left == 0 {
                return;
            }
            let called: Vec<usize> = {
                let mut states = self.states.lock();
                let idle = (0..).zip(states.iter_mut());
                let idle = idle.filter(|(_, state)| **state == wanted).take(left);
                idle.map(|(hand, state)| {
                    *state = State::AtWork;
                    hand
                })
                .collect()
            };
            left -= called.len();
            for hand in called {
                match wanted {
                    State::Lingering => drop(self.bells[hand].notify_one()),
                    State::Away | State::AtWork => spawn(hand),
                }
            }
        }
    }

    /// A hand has seen that nobody was ready. Whether it goes on, since there `is_more`, or comes to be within a while.
    pub(super) fn rest(&self, hand: usize, is_more: impl FnOnce() -> bool) -> bool {
        let mut states = self.states.lock();
        // Whoever makes a trader ready does so before it calls: so it sees this hand linger, or is seen here.
        if is_more() {
            return true;
        }
        states[hand] = State::Lingering;
        let goes_on = || !self.dismissed.load(Ordering::Relaxed);
        let lingers = |states: &mut Vec<State>| states[hand] == State::Lingering && goes_on();
        self.bells[hand].wait_while_for(&mut states, lingers, self.linger);
        if states[hand] == State::Lingering {
            states[hand] = State::Away;
        }
        states[hand] == State::AtWork
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(hands: &Hands, ready: usize) -> Vec<usize> {
        let mut spawned = Vec::new();
        hands.call(ready, |hand| spawned.push(hand));
        spawned
    }

    #[test]
    fn who_is_at_work_is_not_called_again_and_holds_up_nobody() {
        let hands = Hands::new(2);
        assert_eq!(called(&hands, 1), [0]);
        assert_eq!(called(&hands, 5), [1]);
        assert!(called(&hands, 1).is_empty());
        assert!(hands.rest(1, || true), "somebody is ready");
        assert!(!hands.rest(1, || false), "nobody came in a while");
        assert_eq!(called(&hands, 1), [1]);
    }

    #[test]
    fn one_that_never_returns_leaves_the_work_to_the_other() {
        let hands = Hands::new(2);
        assert_eq!(called(&hands, 1), [0]);
        for _ in 0..3 {
            // Hand 0 is at work for ever.
            assert_eq!(called(&hands, 1), [1]);
            assert!(!hands.rest(1, || false));
        }
    }

    #[test]
    fn who_would_linger_when_the_run_is_over_ends() {
        let hands = Hands {
            linger: Duration::from_secs(600),
            ..Hands::new(1)
        };
        assert_eq!(called(&hands, 1), [0]);
        hands.dismiss();
        let began = crate::clock::Stopwatch::start();
        assert!(!hands.rest(0, || false));
        assert!(began.elapsed() < hands.linger);
    }

    #[test]
    fn no_call_is_missed_by_a_hand_that_goes_to_rest() {
        use std::sync::atomic::AtomicUsize;

        const ROUNDS: usize = 20_000;
        let hands = Hands::new(1);
        let (ready, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (tasks, spawned) = flume::bounded(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // What a pool does: it runs what is spawned.
                while let Ok(hand) = spawned.recv() {
                    loop {
                        served.fetch_add(ready.swap(0, Ordering::SeqCst), Ordering::SeqCst);
                        if !hands.rest(hand, || ready.load(Ordering::SeqCst) > 0) {
                            break;
                        }
                    }
                }
            });
            for round in 1..=ROUNDS {
                ready.fetch_add(1, Ordering::SeqCst);
                hands.call(1, |hand| tasks.send(hand).unwrap());
                while served.load(Ordering::SeqCst) < round {
                    std::thread::yield_now();
                }
            }
            drop(tasks);
        });
        assert_eq!(served.into_inner(), ROUNDS);
    }
}
