//! Balances, positions, reservations and profit. One writer changes them; everybody else sees copies or a snapshot.

mod board;
mod carried;
mod memory;
mod restored;
mod row;
mod settle;
mod trades;

pub use board::{Board, HoldTimes};
pub use carried::{Carried, Counted, Priced, Worths};
pub use memory::AccountMemory;
pub use restored::{Holding, Standing};
pub use row::{Exit, TraderRow, fill_view, order_view};
pub use settle::Settled;
pub use trades::TradeRecord;

use std::sync::Arc;

use crate::domain::{HalfUnits, Instrument, Lots, Money, Rounding};
use crate::limits::KINDS_COMPARED;
use crate::order::{Order, Reason};
use crate::rows::Rows;

/// What everybody may know of the account during a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// Cash plus positions at the last known prices.
    pub equity: Money,
    /// Cash that no order has reserved.
    pub free: Money,
}

/// One market as the account sees it.
#[derive(Clone, Debug)]
pub struct MarketBook {
    /// How its numbers become money. Markets of one kind share theirs, so that many of them need little memory.
    pub instrument: Arc<Instrument>,
    /// The last known price.
    pub mark: Option<HalfUnits>,
    /// The best ask, where the market has quotes: what a purchase is reserved at.
    pub ask: Option<HalfUnits>,
    /// The account's position: the sum over its traders.
    pub net: Lots,
    /// What is working to be bought.
    pub working_buys: Lots,
    /// What is working to be sold.
    pub working_sells: Lots,
    value: Money,
    /// What the position may become, at the mark; while it is carried, what working orders add to that.
    exposure: Money,
    /// What one more half unit of the price adds to the position's value, while nothing is working and that is a whole
    /// number: the quick way to a new value.
    per_price: Option<i64>,
    /// Whether the position's value is carried: see [`Portfolio::carry`].
    carried: bool,
    /// Whether it stands among those that are stirred.
    stirred: bool,
}

/// The shared account.
#[derive(Debug)]
pub struct Portfolio {
    spot: bool,
    /// The cash it began with.
    start: Money,
    cash: Money,
    reserved: Money,
    /// Cash and the positions that are not carried.
    equity: Money,
    fees: Money,
    held: Money,
    exposure: Money,
    /// The worth of the positions that are carried.
    carried: Carried,
    /// Markets whose position was carried until something happened there, and what one more half unit of the price
    /// added to their value.
    released: Vec<(u32, i64)>,
    /// Markets in which more than the price may have to be looked at: all that are not [`Portfolio::is_unmoved`] are among them.
    stirred: Vec<u32>,
    rows: Vec<TraderRow>,
    markets: Vec<MarketBook>,
    trades: Rows<TradeRecord>,
    /// What the closed ones of each trader brought.
    realized: Vec<Money>,
}

impl Portfolio {
    /// An account with cash and nothing else.
    #[must_use]
    pub fn new(spot: bool, cash: Money, instruments: Vec<Instrument>, traders: usize) -> Self {
        let mut known: Vec<Arc<Instrument>> = Vec::new();
        let mut share = |instrument: Instrument| {
            let same = known.iter().rev().take(KINDS_COMPARED);
            if let Some(same) = { same }.find(|other| ***other == instrument) {
                return Arc::clone(same);
            }
            known.push(Arc::new(instrument));
            Arc::clone(&known[known.len() - 1])
        };
        let markets = instruments
            .into_iter()
            .map(|instrument| MarketBook {
                instrument: share(instrument),
                mark: None,
                ask: None,
                net: 0,
                working_buys: 0,
                working_sells: 0,
                value: 0,
                exposure: 0,
                per_price: None,
                carried: false,
                stirred: false,
            })
            .collect();
        Self {
            spot,
            start: cash,
            cash,
            reserved: 0,
            equity: cash,
            fees: 0,
            held: 0,
            exposure: 0,
            carried: Carried::default(),
            released: Vec::new(),
            stirred: Vec::new(),
            rows: (0..traders).map(|_| TraderRow::default()).collect(),
            markets,
            trades: Rows::default(),
            realized: vec![0; traders],
        }
    }

    /// Another account over the same markets, as this one began.
    #[must_use]
    pub fn opened_like(&self, traders: usize) -> Self {
        let instruments = self.markets.iter();
        let instruments = instruments.map(|book| Instrument::clone(&book.instrument));
        Self::new(self.spot, self.start, instruments.collect(), traders)
    }

    /// Cash in the account's currency, reserved or not.
    #[must_use]
    pub const fn cash(&self) -> Money {
        self.cash
    }

    /// The cash that the account began with.
    #[must_use]
    pub const fn start(&self) -> Money {
        self.start
    }

    /// Cash that orders have reserved.
    #[must_use]
    pub const fn reserved(&self) -> Money {
        self.reserved
    }

    /// Fees paid so far.
    #[must_use]
    pub const fn fees(&self) -> Money {
        self.fees
    }

    /// Whether the account is a spot account: what is bought is paid for, and nothing is sold short.
    #[must_use]
    pub const fn is_spot(&self) -> bool {
        self.spot
    }

    /// Equity and free cash as they stand.
    #[must_use]
    #[inline]
    pub const fn view(&self) -> AccountView {
        AccountView {
            equity: self.equity(),
            free: self.cash.saturating_sub(self.reserved),
        }
    }

    /// Cash plus positions at the last known prices.
    #[must_use]
    #[inline]
    pub const fn equity(&self) -> Money {
        self.equity_with(self.carried)
    }

    /// The same where the positions that are carried are worth this.
    #[must_use]
    #[inline]
    pub const fn equity_with(&self, carried: Carried) -> Money {
        self.equity.saturating_add(carried.net)
    }

    /// The worth of all positions held, whatever their side, where those that are carried are worth this.
    #[must_use]
    #[inline]
    pub const fn held_with(&self, carried: Carried) -> Money {
        self.held.saturating_add(carried.gross)
    }

    /// What the positions that are carried were last told to be worth.
    #[must_use]
    #[inline]
    pub const fn carried(&self) -> Carried {
        self.carried
    }

    /// What one trader holds and has working.
    #[must_use]
    #[inline]
    pub fn row(&self, trader: u32) -> &TraderRow {
        &self.rows[trader as usize]
    }

    /// Reads a part of what a trader's order will need. See the replay driver.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the numbers do not matter")]
    pub fn touch(&self, trader: u32, market: u32) -> Lots {
        let row = &self.rows[trader as usize];
        let working = row.working.first().map_or(0, |order| order.lots);
        let left = row.last_exit.as_ref().map_or(0, |exit| exit.ts);
        let trade = row.open_trade.and_then(|index| self.trades.get(index));
        let entered = trade.map_or(0, |trade| trade.entry_ts ^ trade.fees as i64);
        let book = &self.markets[market as usize];
        let held = book.net ^ book.exposure as i64 ^ book.mark.unwrap_or(0);
        row.position ^ working ^ left ^ entered ^ held
    }

    /// One market as the account sees it.
    #[must_use]
    #[inline]
    pub fn market(&self, market: u32) -> &MarketBook {
        &self.markets[market as usize]
    }

    /// All markets, by position.
    #[must_use]
    pub fn markets(&self) -> &[MarketBook] {
        &self.markets
    }

    /// Makes room for so many round trips.
    pub fn reserve_trades(&mut self, trades: usize) {
        self.trades.make_room(trades);
    }

    /// The round trips so far, in the order of their entries.
    #[must_use]
    pub const fn trades(&self) -> &Rows<TradeRecord> {
        &self.trades
    }

    /// What the closed round trips of a trader brought, fees taken off.
    #[must_use]
    pub fn realized(&self, trader: u32) -> Money {
        self.realized[trader as usize]
    }

    /// The round trip that a trader is in.
    #[must_use]
    pub fn open_trade(&self, trader: u32) -> Option<TradeRecord> {
        let open = self.rows[trader as usize].open_trade?;
        self.trades.get(open)
    }

    /// Sets old round trips aside in a folder, where they are many.
    ///
    /// # Errors
    /// What the disk says; then they stay in memory.
    #[inline]
    pub fn set_trades_aside(&mut self, folder: &std::path::Path) -> std::io::Result<()> {
        self.trades.set_aside(folder)
    }

    /// Takes the round trips out: the account is looked at no more.
    pub fn take_trades(&mut self) -> Rows<TradeRecord> {
        std::mem::take(&mut self.trades)
    }

    /// Takes in a market's last price, and its best ask where it has quotes.
    #[inline]
    pub fn mark(&mut self, market: u32, mark: HalfUnits, ask: Option<HalfUnits>) {
        let book = &mut self.markets[market as usize];
        book.mark = Some(mark);
        if ask.is_some() {
            book.ask = ask;
        }
        if book.carried {
            return;
        }
        if let Some(per_price) = book.per_price {
            let value = i128::from(mark) * i128::from(per_price);
            let (more, wider) = (value - book.value, value.abs() - book.value.abs());
            book.value = value;
            self.equity = self.equity.saturating_add(more);
            self.held = self.held.saturating_add(wider);
            if !self.spot {
                book.exposure = value.abs();
                self.exposure = self.exposure.saturating_add(wider);
            }
        } else if book.net != 0 || book.working_buys != 0 || book.working_sells != 0 {
            self.revalue(market);
        }
    }

    /// Brings the market's part of the equity up to date. A value beyond what can be represented stays at the border:
    /// equity is a reading, and cash never passes through it.
    fn revalue(&mut self, market: u32) {
        if self.markets[market as usize].carried {
            if self.carry_on(market) {
                return;
            }
            self.release(market);
        }
        let book = &mut self.markets[market as usize];
        let value = match (book.net, book.mark) {
            (0, _) | (_, None) => 0,
            (net, Some(mark)) => {
                book.instrument
                    .value(mark, net, Rounding::Down)
                    .unwrap_or(if net > 0 {
                        Money::MAX / 4
                    } else {
                        Money::MIN / 4
                    })
            }
        };
        self.equity = self.equity.saturating_add(value.saturating_sub(book.value));
        self.held = self
            .held
            .saturating_add(value.saturating_abs() - book.value.saturating_abs());
        book.value = value;
        let idle = book.working_buys == 0 && book.working_sells == 0;
        let holds = idle && book.net != 0 && book.mark.is_some();
        book.per_price = holds
            .then(|| book.instrument.value_per_price(book.net))
            .flatten();
        self.expose(market);
    }

    /// Brings the market's part of the exposure up to date, once its position's value is.
    fn expose(&mut self, market: u32) {
        self.stir(market);
        if self.spot {
            return;
        }
        let book = &mut self.markets[market as usize];
        let idle = book.working_buys == 0 && book.working_sells == 0;
        let exposure = if idle && book.instrument.is_exact() {
            book.value.saturating_abs()
        } else {
            book.exposure_with(0, 0).unwrap_or(Money::MAX / 4)
        };
        self.exposure = self.exposure.saturating_add(exposure - book.exposure);
        book.exposure = exposure;
    }

    /// The worth of all positions held, whatever their side.
    #[must_use]
    #[inline]
    pub const fn held_exposure(&self) -> Money {
        self.held_with(self.carried)
    }

    /// What the positions can become if working orders are filled, at the marks: see [`MarketBook::exposure_with`].
    #[must_use]
    pub const fn exposure(&self) -> Money {
        self.exposure.saturating_add(self.carried.gross)
    }

    /// Records an approved order as working and sets its cash aside.
    pub fn open(&mut self, order: Order) {
        self.count_in(&order);
        self.rows[order.trader as usize].working.push(order);
    }

    /// Sets an approved order's cash aside and counts what it may make of its market's position.
    fn count_in(&mut self, order: &Order) {
        self.reserved = self.reserved.saturating_add(order.reserved);
        let book = &mut self.markets[order.market as usize];
        *book.working(order.side) += order.lots;
        // The position is worth what it was; only what it may become has changed.
        if book.carried {
            self.release(order.market);
        }
        self.markets[order.market as usize].per_price = None;
        self.expose(order.market);
    }

    /// The same for an order that is filled before anybody looks at its trader's working orders and before prices move: a
    /// position that is carried stays so.
    pub fn count_in_for_now(&mut self, order: &Order) {
        let book = &mut self.markets[order.market as usize];
        if !book.carried {
            return self.count_in(order);
        }
        self.reserved = self.reserved.saturating_add(order.reserved);
        *book.working(order.side) += order.lots;
        if !self.spot {
            let held = book.exposure().saturating_sub(book.exposure);
            let all = book.exposure_with(0, 0).unwrap_or(Money::MAX / 4);
            let more = all.saturating_sub(held);
            self.exposure = self.exposure.saturating_add(more - book.exposure);
            book.exposure = more;
        }
    }

    /// Takes back what counting an order in did. Its market is brought up to date by [`Portfolio::settle`], which has to
    /// follow.
    pub fn count_out(&mut self, order: &Order) {
        self.reserved -= order.reserved;
        *self.markets[order.market as usize].working(order.side) -= order.lots;
    }

    /// Notes that an order's cancellation was asked for and not yet confirmed. It stays working, with its reservation.
    pub fn leave(&mut self, trader: u32, id: u64, reason: Reason) {
        self.rows[trader as usize].leaving.push((id, reason));
    }

    /// Takes an order out that ends without a fill, and gives its reservation back.
    pub fn close(&mut self, trader: u32, id: u64) -> Option<Order> {
        let order = self.take_out(trader, id)?;
        self.revalue(order.market);
        Some(order)
    }

    /// Takes an order out that is filled, and gives its reservation back. Its market is brought up to date by
    /// [`Portfolio::settle`], which has to follow.
    pub fn take_out(&mut self, trader: u32, id: u64) -> Option<Order> {
        let row = &mut self.rows[trader as usize];
        let working = &mut row.working;
        let position = working.iter().position(|order| order.id == id)?;
        let order = working.remove(position);
        row.leaving.retain(|&(leaving, _)| leaving != id);
        self.count_out(&order);
        Some(order)
    }
}

impl MarketBook {
    /// What the market's position counted for when it was last brought up to date.
    #[must_use]
    pub fn exposure(&self) -> Money {
        match (self.per_price, self.mark) {
            // What is held, and by how much more it may become with working orders.
            (Some(per_price), Some(mark)) if self.carried => {
                let held = i128::from(mark).wrapping_mul(i128::from(per_price));
                held.saturating_abs().saturating_add(self.exposure)
            }
            _ => self.exposure,
        }
    }

    /// The larger of what the position becomes if all buys, or all sells, are filled (further ones included), at the
    /// mark. `None` when it does not fit.
    #[must_use]
    pub fn exposure_with(&self, buys: Lots, sells: Lots) -> Option<Money> {
        let long = self.net.checked_add(self.working_buys)?.checked_add(buys)?;
        let short = self
            .net
            .checked_sub(self.working_sells)?
            .checked_sub(sells)?;
        let lots = long.checked_abs()?.max(short.checked_abs()?);
        match self.mark {
            Some(mark) if lots != 0 => self.instrument.value(mark, lots, Rounding::Up),
            _ => Some(0),
        }
    }

    const fn working(&mut self, side: crate::domain::Side) -> &mut Lots {
        match side {
            crate::domain::Side::Buy => &mut self.working_buys,
            crate::domain::Side::Sell => &mut self.working_sells,
        }
    }
}
