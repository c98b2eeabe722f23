//! Traders that have something to tell the commit thread. It is woken once, when there are as many as it waits for: to be woken
//! by each of them costs more than most strategies.

use flume::{Receiver, Sender};
use parking_lot::Mutex;

use crate::limits::SAID_ONCE;

/// Who waits to be heard, each trader at most once.
#[derive(Debug)]
pub(super) struct Answers {
    waiting: Mutex<Waiting>,
    bell: Sender<()>,
}

#[derive(Debug)]
struct Waiting {
    traders: Vec<u32>,
    wanted: usize,
}

impl Answers {
    /// With room for each trader, and the bell, which may ring once too often but never too seldom.
    pub(super) fn new(traders: usize) -> (Self, Receiver<()>) {
        let (bell, rings) = flume::bounded(SAID_ONCE);
        let waiting = Waiting {
            traders: Vec::with_capacity(traders),
            wanted: 1,
        };
        let answers = Self {
            waiting: Mutex::new(waiting),
            bell,
        };
        (answers, rings)
    }

    /// A trader has something to tell.
    pub(super) fn add(&self, trader: u32) {
        let enough = {
            let mut waiting = self.waiting.lock();
            waiting.traders.push(trader);
            waiting.traders.len() >= waiting.wanted
        };
        if enough {
            // A bell that has rung and was not heard yet is enough.
            let _ = self.bell.try_send(());
        }
    }

    /// From now on the bell rings when so many wait. Whether they do already.
    pub(super) fn want(&self, wanted: usize) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.wanted = wanted;
        waiting.traders.len() >= wanted
    }

    /// Takes those that wait.
    pub(super) fn take(&self, out: &mut Vec<u32>) {
        out.append(&mut self.waiting.lock().traders);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bell_rings_once_there_are_enough() {
        let (answers, bell) = Answers::new(4);
        assert!(!answers.want(2));
        answers.add(3);
        assert!(bell.try_recv().is_err());
        answers.add(1);
        answers.add(2);
        assert!(bell.try_recv().is_ok() && bell.try_recv().is_err());
        let mut taken = Vec::new();
        answers.take(&mut taken);
        assert_eq!(taken, [3, 1, 2]);
    }

    #[test]
    fn who_wants_less_than_there_is_need_not_wait() {
        let (answers, bell) = Answers::new(4);
        assert!(!answers.want(3));
        answers.add(0);
        assert!(bell.try_recv().is_err());
        assert!(answers.want(1));
    }
}
