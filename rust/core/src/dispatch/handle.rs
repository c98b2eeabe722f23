//! What the live driver holds to reach traders: from a pair to the inboxes of the traders on it, one look-up.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use flume::{Receiver, Sender, TrySendError};

use super::Slots;

/// What an inbox does when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Who sends waits: nothing is ever lost. For recorded feeds.
    Block,
    /// The newest takes the place of what is there. For quotes, of which only the newest counts.
    Conflate,
    /// The oldest goes. For events of which each counts, but the newest ones more.
    DropOldest,
}

/// What became of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub enum Put<D> {
    /// It is in the inbox; so many others had to make room.
    Taken(u32),
    /// There was no room within the time given.
    Full(D),
}

/// The sending side of one trader's inbox.
#[derive(Debug)]
pub struct Inbox<D> {
    sender: Sender<D>,
    /// The receiving side once more: who sends takes the oldest out when the policy says so.
    oldest: Receiver<D>,
    overflow: Overflow,
    replaced: AtomicU64,
    high_water: AtomicUsize,
}

impl<D> Inbox<D> {
    /// An inbox over a bounded channel.
    #[must_use]
    pub fn new(sender: Sender<D>, oldest: Receiver<D>, overflow: Overflow) -> Self {
        Self {
            sender,
            oldest,
            overflow,
            replaced: AtomicU64::new(0),
            high_water: AtomicUsize::new(0),
        }
    }

    /// Delivers. Waits only where the policy is [`Overflow::Block`], and then no longer than `wait`.
    pub fn put(&self, delivery: D, wait: Duration) -> Put<D> {
        let result = match self.overflow {
            Overflow::Block => match self.sender.send_timeout(delivery, wait) {
                Ok(()) => Put::Taken(0),
                Err(error) => Put::Full(error.into_inner()),
            },
            Overflow::Conflate | Overflow::DropOldest => Put::Taken(self.displace(delivery)),
        };
        self.high_water
            .fetch_max(self.sender.len(), Ordering::Relaxed);
        result
    }

    /// Delivers when there is room, and forgets the delivery when there is none.
    pub fn offer(&self, delivery: D) -> bool {
        self.sender.try_send(delivery).is_ok()
    }

    /// There is one sender, so a place that is made free here stays free: this ends in the second round at the latest.
    fn displace(&self, mut delivery: D) -> u32 {
        let mut replaced = 0;
        loop {
            match self.sender.try_send(delivery) {
                Ok(()) => break,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => {
                    delivery = back;
                    replaced += u32::from(self.oldest.try_recv().is_ok());
                }
            }
        }
        self.replaced
            .fetch_add(u64::from(replaced), Ordering::Relaxed);
        replaced
    }

    /// Its policy.
    #[must_use]
    pub const fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// How many deliveries had to make room so far.
    #[must_use]
    pub fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// How many deliveries wait now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.sender.len()
    }

    /// The most that ever waited.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.high_water.load(Ordering::Relaxed)
    }
}

/// From a pair to the inboxes of its traders.
#[derive(Debug)]
pub struct TradingEngineHandle<D> {
    slots: Slots,
    inboxes: Vec<Inbox<D>>,
}

impl<D> TradingEngineHandle<D> {
    /// Inboxes by trader, and which market has which traders.
    #[must_use]
    pub const fn new(slots: Slots, inboxes: Vec<Inbox<D>>) -> Self {
        Self { slots, inboxes }
    }

    /// The traders on a market, by index.
    #[must_use]
    #[inline]
    pub fn on(&self, market: u32) -> &[u32] {
        self.slots.of(market as usize)
    }

    /// One trader's inbox.
    #[must_use]
    #[inline]
    pub fn inbox(&self, trader: u32) -> &Inbox<D> {
        &self.inboxes[trader as usize]
    }

    /// All inboxes, by trader.
    #[must_use]
    pub fn inboxes(&self) -> &[Inbox<D>] {
        &self.inboxes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(capacity: usize, overflow: Overflow) -> (Inbox<u32>, Receiver<u32>) {
        let (sender, receiver) = flume::bounded(capacity);
        (Inbox::new(sender, receiver.clone(), overflow), receiver)
    }

    #[test]
    fn the_newest_replaces_what_waits() {
        let (inbox, receiver) = inbox(1, Overflow::Conflate);
        assert_eq!(inbox.put(1, Duration::ZERO), Put::Taken(0));
        assert_eq!(inbox.put(2, Duration::ZERO), Put::Taken(1));
        assert_eq!(inbox.put(3, Duration::ZERO), Put::Taken(1));
        assert_eq!(receiver.drain().collect::<Vec<_>>(), [3]);
        assert_eq!((inbox.replaced(), inbox.high_water()), (2, 1));
    }

    #[test]
    fn the_oldest_goes_and_is_counted() {
        let (inbox, receiver) = inbox(3, Overflow::DropOldest);
        for number in 0..10 {
            inbox.put(number, Duration::ZERO);
        }
        assert_eq!(receiver.drain().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((inbox.replaced(), inbox.high_water()), (7, 3));
    }

    #[test]
    fn a_full_inbox_that_may_lose_nothing_gives_the_delivery_back() {
        let (inbox, receiver) = inbox(1, Overflow::Block);
        assert_eq!(inbox.put(1, Duration::ZERO), Put::Taken(0));
        assert_eq!(inbox.put(2, Duration::ZERO), Put::Full(2));
        assert!(!inbox.offer(3));
        assert_eq!(receiver.drain().collect::<Vec<_>>(), [1]);
        assert_eq!(inbox.replaced(), 0);
    }
}
