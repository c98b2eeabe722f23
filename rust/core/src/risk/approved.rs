//! The proof that the gate has seen an order, and that what leaves is what it saw.
//!
//! `altered`: where an order passes through channels and threads on its way to a venue it carries a seal over all that the
//! venue will be told, made when it was approved. On the way out the seal is made again and compared.

use crate::domain::Lots;
use crate::order::{Order, OrderKind};
use crate::signal::TimeInForce;

/// Something the gate has approved. Only the gate can make one, and it is used up when it is sent.
#[derive(Debug)]
pub struct Approved<T> {
    inner: T,
    /// Its quantity before it was cut.
    asked: Lots,
    /// Whether it was a person's, who makes a position smaller: such a one leaves whatever the kill switch says.
    way_out: bool,
    /// Zero where it has none.
    seal: u64,
}

/// An order that is not what was approved, and therefore must not leave.
#[derive(Debug)]
pub struct Altered(pub Box<Order>);

impl<T> Approved<T> {
    /// What was approved, for reading.
    pub const fn get(&self) -> &T {
        &self.inner
    }

    /// What was approved, for sending it where nothing lies between the gate and the venue.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl Approved<Order> {
    pub(super) fn new(inner: Order, asked: Lots, sealed: bool) -> Self {
        let seal = if sealed { seal(&inner) } else { 0 };
        Self {
            inner,
            asked,
            way_out: false,
            seal,
        }
    }

    /// The same order, known to make a person's position smaller, or not to.
    pub(super) fn known_as_way_out(self, way_out: bool) -> Self {
        Self { way_out, ..self }
    }

    /// Whether a person sends it to make a position smaller.
    pub const fn is_way_out(&self) -> bool {
        self.way_out
    }

    /// How much was asked for, before it was cut to what may go.
    pub const fn asked(&self) -> Lots {
        self.asked
    }

    /// What was approved, on its way out.
    ///
    /// # Errors
    /// When it carries no seal, or another one than it should.
    pub fn release(self) -> Result<Order, Altered> {
        if self.seal == seal(&self.inner) {
            Ok(self.inner)
        } else {
            Err(Altered(Box::new(self.inner)))
        }
    }

    /// One for tests of what comes after the gate.
    #[cfg(test)]
    pub(crate) fn for_test(order: Order) -> Self {
        let asked = order.lots;
        Self::new(order, asked, true)
    }

    #[cfg(test)]
    pub(crate) const fn tamper(&mut self) -> &mut Order {
        &mut self.inner
    }
}

/// Mixes all that a venue is told of an order: any change of one field changes it. It is odd, and so never zero.
fn seal(order: &Order) -> u64 {
    let (has_id, id) = (order.client_id.is_some(), order.client_id.unwrap_or(0));
    let (is_limit, price) = match order.kind {
        OrderKind::Market => (false, 0),
        OrderKind::Limit(price) => (true, price),
    };
    let tif = match order.tif {
        TimeInForce::GoodTillCancelled => 0,
        TimeInForce::ImmediateOrCancel => 1,
        TimeInForce::FillOrKill => 2,
    };
    let flags = u64::from(has_id)
        | u64::from(is_limit) << 1
        | u64::from(order.reduce_only) << 2
        | (order.side as u64) << 3
        | tif << 4;
    let words = [
        order.id,
        u64::from(order.trader) << 32 | u64::from(order.market),
        id,
        order.lots.cast_unsigned(),
        price.cast_unsigned(),
        order.decided.cast_unsigned(),
        flags,
    ];
    // Each step is a bijection of the word and of the sum, so that one changed word is lost in the last bit at most.
    let mixed = words.into_iter().fold(0x9e37_79b9_7f4a_7c15, |sum, word| {
        let mixed = (sum ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    });
    mixed | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Side;
    use crate::order::Origin;

    fn order() -> Order {
        Order {
            id: 7,
            trader: 1,
            market: 2,
            client_id: Some(3),
            side: Side::Buy,
            lots: 100,
            kind: OrderKind::Limit(50),
            tif: TimeInForce::GoodTillCancelled,
            reduce_only: false,
            origin: Origin::Strategy,
            reserved: 0,
            decided: 9,
            tag: None,
        }
    }

    #[test]
    fn what_was_approved_leaves() {
        assert_eq!(
            Approved::new(order(), 100, true).release().unwrap(),
            order()
        );
        assert_eq!(Approved::new(order(), 100, false).into_inner(), order());
    }

    #[test]
    fn nothing_leaves_that_was_changed_or_never_sealed() {
        let changes: [fn(&mut Order); 11] = [
            |o| o.id += 1,
            |o| o.trader += 1,
            |o| o.market += 1,
            |o| o.client_id = None,
            |o| o.side = Side::Sell,
            |o| o.lots += 1,
            |o| o.kind = OrderKind::Limit(51),
            |o| o.kind = OrderKind::Market,
            |o| o.tif = TimeInForce::FillOrKill,
            |o| o.reduce_only = true,
            |o| o.decided += 1,
        ];
        for change in changes {
            let mut approved = Approved::new(order(), 100, true);
            change(approved.tamper());
            assert!(approved.release().is_err());
        }
        assert!(Approved::new(order(), 100, false).release().is_err());
    }
}
