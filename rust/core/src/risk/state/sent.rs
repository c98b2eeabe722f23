//! The orders that left a short time ago.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::domain::{Lots, Nanos, Side};
use crate::limits::SENT_IN_DOUBT;
use crate::order::{Order, OrderKind};

/// The times of a trader's last orders of a side.
pub(in crate::risk) type Times = Vec<(u32, Side, Vec<Nanos>)>;

/// An order as far as another may repeat it.
pub type Intent = (u32, Side, Lots, OrderKind);

/// Mixes the numbers of an intent. They are the engine's own, so nobody can choose them to collide, and the order in which
/// a map holds them is never looked at.
#[derive(Clone, Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What left, as far as it still counts.
#[derive(Clone, Debug, Default)]
pub(in crate::risk) struct Sent {
    /// By trader and side, the times of its last orders.
    times: Vec<[VecDeque<Nanos>; 2]>,
    /// How many of them are asked for; a few more are kept, because the newest may not have left after all.
    kept: usize,
    /// When each order was sent last.
    intents: HashMap<Intent, Nanos, BuildHasherDefault<Mix>>,
    order: VecDeque<(Nanos, Intent)>,
    /// For how long they are kept.
    window: Nanos,
    /// Traders that are stopped until a person enables them.
    stopped: Vec<bool>,
}

impl Sent {
    pub(in crate::risk) fn new(traders: usize) -> Self {
        Self {
            times: vec![Default::default(); traders],
            stopped: vec![false; traders],
            ..Self::default()
        }
    }

    /// Keeps as much as the limits that are in force need. Where that changes, it begins anew.
    pub(in crate::risk) fn keep(&mut self, orders: usize, window: Nanos) {
        if orders != self.kept {
            self.times.iter_mut().flatten().for_each(VecDeque::clear);
        }
        if window != self.window {
            self.intents.clear();
            self.order.clear();
        }
        (self.kept, self.window) = (orders, window);
    }

    /// When the trader sent the last but `count - 1` order of this side.
    pub(in crate::risk) fn nth_last(&self, trader: u32, side: Side, count: usize) -> Option<Nanos> {
        let times = &self.times[trader as usize][side as usize];
        times.len().checked_sub(count).map(|at| times[at])
    }

    /// When the trader sent the same order last.
    pub(in crate::risk) fn last_like(&self, order: &Order) -> Option<Nanos> {
        self.intents.get(&intent(order, order.lots)).copied()
    }

    /// Notes that an order left; `asked` is its quantity before it was cut.
    pub(in crate::risk) fn note(&mut self, order: &Order, asked: Lots) {
        let now = order.decided;
        if self.kept > 0 {
            let times = &mut self.times[order.trader as usize][order.side as usize];
            times.push_back(now);
            while times.len() > self.kept + SENT_IN_DOUBT {
                times.pop_front();
            }
        }
        if self.window > 0 {
            while let Some(&(ts, old)) = self.order.front()
                && now.saturating_sub(ts) >= self.window
            {
                self.order.pop_front();
                if self.intents.get(&old) == Some(&ts) {
                    self.intents.remove(&old);
                }
            }
            let intent = intent(order, asked);
            self.intents.insert(intent, now);
            self.order.push_back((now, intent));
        }
    }

    /// An order that was noted did not leave after all.
    pub(in crate::risk) fn forget(&mut self, order: &Order) {
        let when = order.decided;
        let times = &mut self.times[order.trader as usize][order.side as usize];
        if let Some(at) = times.iter().rposition(|&ts| ts == when) {
            times.remove(at);
        }
        // Its quantity may have been cut since.
        let whose = (order.trader, order.side, order.kind);
        let is_it = |&(ts, (trader, side, _, kind)): &(Nanos, Intent)| {
            ts == when && (trader, side, kind) == whose
        };
        let at = self.order.iter().rposition(is_it);
        if let Some((_, intent)) = at.and_then(|at| self.order.remove(at)) {
            let mut before = self.order.iter().rev();
            match before.find(|(_, other)| *other == intent) {
                Some(&(ts, _)) => self.intents.insert(intent, ts),
                None => self.intents.remove(&intent),
            };
        }
    }

    /// What is remembered: the times of each trader's orders by side, the intents in their order, and who is stopped.
    pub(in crate::risk) fn kept(&self) -> (Times, Vec<(Nanos, Intent)>, Vec<u32>) {
        let mut times = Vec::new();
        for (trader, sides) in (0_u32..).zip(&self.times) {
            for (side, of_side) in [Side::Buy, Side::Sell].into_iter().zip(sides) {
                if !of_side.is_empty() {
                    times.push((trader, side, of_side.iter().copied().collect()));
                }
            }
        }
        let stopped = (0_u32..)
            .zip(&self.stopped)
            .filter(|(_, stopped)| **stopped)
            .map(|(trader, _)| trader);
        (
            times,
            self.order.iter().copied().collect(),
            stopped.collect(),
        )
    }

    /// Remembers that; what is of no trader is left out.
    pub(in crate::risk) fn recall(
        &mut self,
        times: Times,
        order: Vec<(Nanos, Intent)>,
        stopped: Vec<u32>,
    ) {
        for (trader, side, of_side) in times {
            if let Some(sides) = self.times.get_mut(trader as usize) {
                sides[side as usize] = of_side.into();
            }
        }
        self.intents = order.iter().map(|&(ts, intent)| (intent, ts)).collect();
        self.order = order.into();
        for trader in stopped {
            if let Some(is_stopped) = self.stopped.get_mut(trader as usize) {
                *is_stopped = true;
            }
        }
    }

    pub(in crate::risk) fn is_stopped(&self, trader: u32) -> bool {
        self.stopped[trader as usize]
    }

    pub(in crate::risk) fn stop(&mut self, trader: u32) {
        self.stopped[trader as usize] = true;
    }

    /// A person says that the trader may go on; what it sent before no longer counts. Whether it was stopped.
    pub(in crate::risk) fn enable(&mut self, trader: u32) -> bool {
        for times in &mut self.times[trader as usize] {
            times.clear();
        }
        std::mem::take(&mut self.stopped[trader as usize])
    }
}

const fn intent(order: &Order, lots: Lots) -> Intent {
    (order.trader, order.side, lots, order.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(decided: Nanos, lots: Lots) -> Order {
        Order {
            decided,
            lots,
            ..Order::for_test(1)
        }
    }

    #[test]
    fn what_did_not_leave_is_as_if_it_had_never_been_noted() {
        let mut sent = Sent::new(2);
        sent.keep(3, 1_000);
        for ts in [10, 20, 30] {
            sent.note(&order(ts, 5), 5);
        }
        // Many in a row that did not leave, one of them cut: those that did are remembered.
        for ts in 40..40 + SENT_IN_DOUBT as Nanos {
            sent.note(&order(ts, 5), if ts == 45 { 8 } else { 5 });
        }
        for ts in (40..40 + SENT_IN_DOUBT as Nanos).rev() {
            sent.forget(&order(ts, 5));
        }
        let side = order(0, 5).side;
        let last = [1, 2, 3].map(|count| sent.nth_last(order(0, 5).trader, side, count));
        assert_eq!(last, [Some(30), Some(20), Some(10)]);
        assert_eq!(sent.last_like(&order(0, 5)), Some(30));
        assert_eq!(sent.last_like(&order(0, 8)), None);
        sent.forget(&order(99, 5));
        assert_eq!(sent.last_like(&order(0, 5)), Some(30), "nothing to forget");
    }
}
