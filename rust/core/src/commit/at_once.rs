//! The plainest case of a commit: all that was asked for in a step are plain orders, they fill at this very time at prices
//! that are known, and nothing else waits at the venue. So nobody can come between the gate and the fill, and what the
//! gate approved is settled without a way to the venue and back. Gate, prices, records and account are those of every
//! order, and so is their order.

use crate::domain::{Liquidity, Nanos};
use crate::order::{Order, OrderStatus};
use crate::venue::SimVenue;

use super::{Plain, Writer};

/// An order that the gate approved, and what its market's price is when it fills.
pub(super) type Going = (Order, f64);

impl Writer {
    /// Whether orders may be settled at once: nobody has to hear of what happens between the gate and the fill.
    #[must_use]
    #[inline]
    pub fn settles_at_once(&self) -> bool {
        self.tape.is_none() && !self.gate.has_limits()
    }

    /// Commits a step in which nothing else was asked for, and fills what leaves. `plain` come by trader; each fills at
    /// `now`. Only where [`Writer::settles_at_once`] and nothing waits at the venue.
    pub fn commit_at_once(&mut self, now: Nanos, plain: &[Plain], venue: &SimVenue) {
        if let [only] = plain {
            if let Some(order) = self.approve(now, *only) {
                self.fill_now(now, &(order, only.fill.1), venue);
            }
            return;
        }
        let mut going = std::mem::take(&mut self.going);
        self.in_turn(plain, |writer, plain| {
            if let Some(order) = writer.approve(now, plain) {
                // Those that come later are judged with it working.
                writer.account.count_in_for_now(&order);
                going.push((order, plain.fill.1));
            }
        });
        if venue.fills_at_opens() {
            going.sort_unstable_by_key(|(order, _)| {
                SimVenue::turn(order.side, order.trader, order.id)
            });
        }
        for next in &going {
            self.account.count_out(&next.0);
            self.fill_now(now, next, venue);
        }
        going.clear();
        self.going = going;
    }

    #[inline]
    fn approve(&mut self, now: Nanos, plain: Plain) -> Option<Order> {
        let mut order = self.plain_order(now, plain);
        match self.gate.pass(&mut order, &self.account) {
            Ok(refused) => {
                let why = self.note_sent(now, &order, refused);
                self.tell_order(&order, OrderStatus::Working, why);
                Some(order)
            }
            Err(refused) => {
                self.refuse(now, &order, refused);
                None
            }
        }
    }

    #[inline]
    fn fill_now(&mut self, now: Nanos, (order, price): &Going, venue: &SimVenue) {
        let price = venue.market_fill(order.market, order.side, *price);
        let settled = self.account.settle(order, price, now, Liquidity::Taker);
        self.note_settled(order, now, settled);
    }
}
