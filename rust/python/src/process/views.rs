//! What strategies are shown of the account, and hear, as it travels.

use pairloom_core::domain::{Liquidity, Side};
use pairloom_core::order::{Order, OrderKind, Origin};
use pairloom_core::portfolio::{Exit, TraderRow};
use pairloom_core::signal::TimeInForce;
use pairloom_core::strategy::{FillView, Hook, OrderView, RefusalView, TimeEvent};

use super::wire::{Garbled, Read, Wire, get_word, put_word};

/// Of an order what its strategy can see, and what decides whether a signal is met.
impl Wire for Order {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.client_id.put(out);
        self.side.put(out);
        self.lots.put(out);
        match self.kind {
            OrderKind::Market => None,
            OrderKind::Limit(price) => Some(price),
        }
        .put(out);
        match self.origin {
            Origin::Signal { target } => Some(target),
            _ => None,
        }
        .put(out);
        self.decided.put(out);
        self.tag.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let (id, client_id) = (u64::get(from)?, Option::get(from)?);
        let (side, lots) = (Side::get(from)?, i64::get(from)?);
        let price: Option<i64> = Option::get(from)?;
        let target: Option<i64> = Option::get(from)?;
        Ok(Self {
            id,
            trader: 0,
            market: 0,
            client_id,
            side,
            lots,
            kind: price.map_or(OrderKind::Market, OrderKind::Limit),
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: target.map_or(Origin::Strategy, |target| Origin::Signal { target }),
            reserved: 0,
            decided: i64::get(from)?,
            tag: Option::get(from)?,
        })
    }
}

impl Wire for Exit {
    fn put(&self, out: &mut Vec<u8>) {
        self.ts.put(out);
        self.side.put(out);
        self.sum.put(out);
        self.lots.put(out);
        self.pnl.put(out);
        put_word(self.reason, out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            ts: i64::get(from)?,
            side: Side::get(from)?,
            sum: i128::get(from)?,
            lots: i128::get(from)?,
            pnl: i128::get(from)?,
            reason: get_word(from)?,
        })
    }
}

impl Wire for TraderRow {
    fn put(&self, out: &mut Vec<u8>) {
        self.position.put(out);
        self.entry_price.put(out);
        self.working.put(out);
        let leaving: Vec<u64> = self.leaving.iter().map(|(id, _)| *id).collect();
        leaving.put(out);
        self.last_exit.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let mut row = Self::default();
        row.position = i64::get(from)?;
        row.entry_price = f64::get(from)?;
        row.working = Vec::get(from)?;
        let leaving: Vec<u64> = Vec::get(from)?;
        row.leaving = leaving.into_iter().map(|id| (id, "")).collect();
        row.last_exit = Option::get(from)?;
        Ok(row)
    }
}

impl Wire for FillView {
    fn put(&self, out: &mut Vec<u8>) {
        self.ts.put(out);
        self.order_id.put(out);
        self.client_id.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.price.put(out);
        self.fee.put(out);
        (self.liquidity == Liquidity::Maker).put(out);
        self.tag.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            ts: i64::get(from)?,
            order_id: u64::get(from)?,
            client_id: Option::get(from)?,
            side: Side::get(from)?,
            quantity: f64::get(from)?,
            price: f64::get(from)?,
            fee: f64::get(from)?,
            liquidity: if bool::get(from)? {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            },
            tag: Option::get(from)?,
        })
    }
}

impl Wire for OrderView {
    fn put(&self, out: &mut Vec<u8>) {
        self.order_id.put(out);
        self.client_id.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.limit.put(out);
        put_word(self.status, out);
        put_word(self.reason, out);
        self.tag.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            order_id: u64::get(from)?,
            client_id: Option::get(from)?,
            side: Side::get(from)?,
            quantity: f64::get(from)?,
            limit: Option::get(from)?,
            status: get_word(from)?,
            reason: get_word(from)?,
            tag: Option::get(from)?,
        })
    }
}

impl Wire for RefusalView {
    fn put(&self, out: &mut Vec<u8>) {
        self.ts.put(out);
        put_word(self.check, out);
        self.reason.put(out);
        self.client_id.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            ts: i64::get(from)?,
            check: get_word(from)?,
            reason: String::get(from)?,
            client_id: Option::get(from)?,
        })
    }
}

impl Wire for Hook {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Start => out.push(0),
            Self::Fill(fill) => {
                out.push(1);
                fill.put(out);
            }
            Self::Order(order) => {
                out.push(2);
                order.put(out);
            }
            Self::Refused(refusal) => {
                out.push(3);
                refusal.put(out);
            }
            Self::Time(event) => {
                out.push(4);
                event.ts.put(out);
                event.name.put(out);
            }
            Self::Stop => out.push(5),
        }
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        match u8::get(from)? {
            0 => Ok(Self::Start),
            1 => Ok(Self::Fill(FillView::get(from)?)),
            2 => Ok(Self::Order(OrderView::get(from)?)),
            3 => Ok(Self::Refused(RefusalView::get(from)?)),
            4 => Ok(Self::Time(TimeEvent {
                ts: i64::get(from)?,
                name: String::get(from)?,
            })),
            5 => Ok(Self::Stop),
            _ => Err(Garbled),
        }
    }
}
