//! A fill becomes money, a position and a round trip. Every number is checked before anything is changed.

use crate::domain::{HalfUnits, Liquidity, Lots, Money, Nanos, Rounding, Side, ratio_floor};
use crate::order::Order;
use crate::signal::TimeInForce;

use super::{Exit, Portfolio, TradeRecord};

/// What a fill did to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When it was filled.
    pub ts: Nanos,
    /// At what price, in half units.
    pub price: HalfUnits,
    /// How much: less than the order where the cash did not cover it.
    pub lots: Lots,
    /// The fee.
    pub fee: Money,
    /// Whether it made or took.
    pub liquidity: Liquidity,
}

/// The money of a fill, before anything is changed.
struct Bill {
    lots: Lots,
    value: Money,
    fee: Money,
    cash: Money,
    position: Lots,
    net: Lots,
}

impl Portfolio {
    /// Settles a fill of `order`, which was taken out of the working ones just before, or never was among them. `None` when a number does not
    /// fit: then nothing has changed.
    ///
    /// A purchase on a spot account takes no more than free cash (with the order's own reservation, already given
    /// back) covers: its quantity is cut, down to nothing.
    pub fn settle(
        &mut self,
        order: &Order,
        price: HalfUnits,
        ts: Nanos,
        liquidity: Liquidity,
    ) -> Option<Settled> {
        self.settle_bill(
            self.bill(order, price, liquidity, None),
            order,
            price,
            ts,
            liquidity,
        )
    }

    /// The same where the venue says how much was filled: that is so, whatever cash the engine knows of.
    pub fn settle_as_told(
        &mut self,
        order: &Order,
        (price, lots): (HalfUnits, Lots),
        ts: Nanos,
        liquidity: Liquidity,
    ) -> Option<Settled> {
        let bill = self.bill(order, price, liquidity, Some(lots));
        self.settle_bill(bill, order, price, ts, liquidity)
    }

    #[inline]
    fn settle_bill(
        &mut self,
        bill: Option<Bill>,
        order: &Order,
        price: HalfUnits,
        ts: Nanos,
        liquidity: Liquidity,
    ) -> Option<Settled> {
        let Some(bill) = bill else {
            self.revalue(order.market);
            return None;
        };
        let settled = Settled {
            ts,
            price,
            lots: bill.lots,
            fee: bill.fee,
            liquidity,
        };
        if bill.lots == 0 {
            self.revalue(order.market);
            return Some(settled);
        }
        self.equity = self.equity.saturating_add(bill.cash - self.cash);
        self.cash = bill.cash;
        self.fees = self.fees.saturating_add(bill.fee);
        self.markets[order.market as usize].net = bill.net;
        self.revalue(order.market);
        self.move_position(order, &bill, &settled);
        Some(settled)
    }

    fn bill(
        &self,
        order: &Order,
        price: HalfUnits,
        liquidity: Liquidity,
        told: Option<Lots>,
    ) -> Option<Bill> {
        let book = &self.markets[order.market as usize];
        let instrument = &book.instrument;
        let mut lots = told.unwrap_or(order.lots);
        // No venue fills more than was asked for, or less than nothing: such a word is not believed.
        if !(0..=order.lots).contains(&lots) {
            return None;
        }
        if told.is_none() && order.side == Side::Buy && self.spot {
            let free = self.cash.checked_sub(self.reserved)?;
            let fits = instrument
                .cost(price, lots, liquidity)
                .is_some_and(|cost| cost <= free);
            if !fits {
                lots = match order.tif {
                    TimeInForce::FillOrKill => 0,
                    _ => instrument.affordable(free, price, liquidity)?.min(lots),
                };
            }
        }
        let fee = instrument.fee(price, lots, liquidity)?;
        let value = match order.side {
            Side::Buy => instrument.value(price, lots, Rounding::Up)?.checked_neg()?,
            Side::Sell => instrument.value(price, lots, Rounding::Down)?,
        };
        let delta = order.side.sign() * lots;
        Some(Bill {
            lots,
            value,
            fee,
            cash: self.cash.checked_add(value)?.checked_sub(fee)?,
            position: self.rows[order.trader as usize]
                .position
                .checked_add(delta)?,
            net: book.net.checked_add(delta)?,
        })
    }

    /// Splits the fill into what ends the held position and what begins or adds to one, and keeps the round trips.
    fn move_position(&mut self, order: &Order, bill: &Bill, fill: &Settled) {
        let row = &self.rows[order.trader as usize];
        let held = row.position;
        let closing = if held.signum() == -order.side.sign() {
            bill.lots.min(held.abs())
        } else {
            0
        };
        let opening = bill.lots - closing;
        // The fee of the part that closes; what is finer than a digit stays with the other part.
        let close_fee = match closing {
            0 => 0,
            all if all == bill.lots => bill.fee,
            // A flip, mostly, of which one half closes: that is no division.
            half if bill.lots.checked_sub(half) == Some(half) => bill.fee >> 1,
            _ if bill.lots % closing == 0 => {
                ratio_floor(&[bill.fee], &[i128::from(bill.lots / closing)]).unwrap_or(0)
            }
            _ => {
                ratio_floor(&[bill.fee, i128::from(closing)], &[i128::from(bill.lots)]).unwrap_or(0)
            }
        };
        let instrument = &self.markets[order.market as usize].instrument;
        let close_value = match order.side {
            _ if closing == 0 => 0,
            _ if closing == bill.lots => bill.value,
            Side::Buy => instrument
                .value(fill.price, closing, Rounding::Up)
                .map_or(0, |value| -value),
            Side::Sell => instrument
                .value(fill.price, closing, Rounding::Down)
                .unwrap_or(0),
        };
        if closing > 0
            && let Some(index) = row.open_trade
            && let Some(trade) = self.trades.get_mut(index)
        {
            trade.leave(closing, fill.price, close_value - close_fee, close_fee);
            if closing == held.abs() {
                self.end_trade(order, index, fill.ts);
            }
        }
        self.rows[order.trader as usize].position = bill.position;
        if opening > 0 {
            let before = if closing > 0 { 0 } else { held.abs() };
            let fee = bill.fee - close_fee;
            let cash = bill.value - close_value - fee;
            self.open_position(order, (before, opening), (cash, fee), fill);
        }
    }

    /// The part of a fill that begins a position, or makes one of so many lots larger.
    fn open_position(
        &mut self,
        order: &Order,
        (before, opening): (Lots, Lots),
        (cash, fee): (Money, Money),
        fill: &Settled,
    ) {
        let instrument = &self.markets[order.market as usize].instrument;
        let price = instrument.price_f64(fill.price);
        let row = &mut self.rows[order.trader as usize];
        let index = row.open_trade.unwrap_or_else(|| {
            self.trades
                .push(TradeRecord::begin(order.trader, fill.ts, order.side));
            self.trades.len() - 1
        });
        row.open_trade = Some(index);
        let mut exact = None;
        if let Some(trade) = self.trades.get_mut(index) {
            trade.enter(opening, fill.price, cash, fee);
            // While nothing was left, all that was entered is what is held, and a running average would drift.
            if before != 0 && trade.entry_lots == i128::from(before) + i128::from(opening) {
                exact = instrument.average_f64(trade.entry_sum, trade.entry_lots);
            }
        }
        let same = before == 0 || row.entry_price.to_bits() == price.to_bits();
        row.entry_price = match exact {
            _ if same => price,
            Some(exact) => exact,
            None => average(row.entry_price, before, price, opening),
        };
    }

    fn end_trade(&mut self, order: &Order, index: usize, ts: Nanos) {
        let Some(trade) = self.trades.get_mut(index) else {
            return;
        };
        trade.exit_ts = Some(ts);
        trade.exit_reason = order.origin.exit_reason();
        let realized = &mut self.realized[order.trader as usize];
        *realized = realized.saturating_add(trade.cash_flow);
        let row = &mut self.rows[order.trader as usize];
        row.open_trade = None;
        row.last_exit = Some(Exit {
            ts,
            side: trade.side,
            sum: trade.exit_sum,
            lots: trade.exit_lots,
            pnl: trade.cash_flow,
            reason: trade.exit_reason,
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "strategies think in floats")]
fn average(old: f64, held: Lots, price: f64, added: Lots) -> f64 {
    (old * held as f64 + price * added as f64) / (held as f64 + added as f64)
}
