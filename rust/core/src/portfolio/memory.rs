//! What an account holds, as plain data: so that the same account of another process may go on from there.

use serde::{Deserialize, Serialize};

use crate::domain::{HalfUnits, Lots, Money};

use super::{Portfolio, TradeRecord, TraderRow};
use crate::rows::Rows;

/// One market of it.
#[derive(Debug, Serialize, Deserialize)]
struct BookMemory {
    mark: Option<HalfUnits>,
    ask: Option<HalfUnits>,
    net: Lots,
    working_buys: Lots,
    working_sells: Lots,
    value: Money,
    exposure: Money,
    per_price: Option<i64>,
}

/// What an account holds between two steps. Its round trips grow, and are kept apart.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccountMemory {
    cash: Money,
    reserved: Money,
    equity: Money,
    fees: Money,
    held: Money,
    exposure: Money,
    rows: Vec<TraderRow>,
    books: Vec<BookMemory>,
}

impl Portfolio {
    /// What it holds; nothing while a driver values positions for it.
    #[must_use]
    pub fn memory(&self) -> Option<AccountMemory> {
        if !self.released.is_empty() || self.markets.iter().any(|book| book.carried) {
            return None;
        }
        let books = self.markets.iter().map(|book| BookMemory {
            mark: book.mark,
            ask: book.ask,
            net: book.net,
            working_buys: book.working_buys,
            working_sells: book.working_sells,
            value: book.value,
            exposure: book.exposure,
            per_price: book.per_price,
        });
        Some(AccountMemory {
            cash: self.cash,
            reserved: self.reserved,
            equity: self.equity,
            fees: self.fees,
            held: self.held,
            exposure: self.exposure,
            rows: self.rows.clone(),
            books: books.collect(),
        })
    }

    /// Holds what the same account of another process did, with its round trips. `false` where it cannot have been the same.
    #[must_use]
    pub fn recall(&mut self, memory: AccountMemory, trades: Rows<TradeRecord>) -> bool {
        let open = memory.rows.iter().filter_map(|row| row.open_trade);
        let same = memory.rows.len() == self.rows.len() && memory.books.len() == self.markets.len();
        if !same || { open }.any(|trade| trade >= trades.len()) {
            return false;
        }
        self.cash = memory.cash;
        self.reserved = memory.reserved;
        self.equity = memory.equity;
        self.fees = memory.fees;
        self.held = memory.held;
        self.exposure = memory.exposure;
        self.rows = memory.rows;
        self.realized.fill(0);
        for trade in trades.iter().filter(|trade| trade.exit_ts.is_some()) {
            let Some(realized) = self.realized.get_mut(trade.trader as usize) else {
                return false;
            };
            *realized = realized.saturating_add(trade.cash_flow);
        }
        self.trades = trades;
        for (market, (book, kept)) in (0..).zip(self.markets.iter_mut().zip(memory.books)) {
            if !std::mem::replace(&mut book.stirred, true) {
                self.stirred.push(market);
            }
            book.mark = kept.mark;
            book.ask = kept.ask;
            book.net = kept.net;
            book.working_buys = kept.working_buys;
            book.working_sells = kept.working_sells;
            book.value = kept.value;
            book.exposure = kept.exposure;
            book.per_price = kept.per_price;
        }
        true
    }

    /// The round trips that are open, by their place in the table.
    #[must_use]
    pub fn open_trades(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.rows.iter().filter_map(|row| row.open_trade).collect();
        open.sort_unstable();
        open
    }

    /// The orders that work, by number.
    #[must_use]
    pub fn open_orders(&self) -> Vec<u64> {
        let mut open: Vec<u64> = self
            .rows
            .iter()
            .flat_map(|row| row.working.iter().map(|order| order.id))
            .collect();
        open.sort_unstable();
        open
    }
}
