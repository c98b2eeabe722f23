//! How far positions and exposures can go if everything that works is filled, as running sums.

use crate::domain::{HalfUnits, Instrument, Lots, Money, Rounding, Side};
use crate::portfolio::{MarketBook, Portfolio, TraderRow};

/// What one trader holds and has working.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::risk) struct Own {
    position: Lots,
    buys: Lots,
    sells: Lots,
}

impl Own {
    pub(in crate::risk) fn of(row: &TraderRow) -> Self {
        let mut own = Self {
            position: row.position,
            ..Self::default()
        };
        for order in &row.working {
            let working = match order.side {
                Side::Buy => &mut own.buys,
                Side::Sell => &mut own.sells,
            };
            *working = working.saturating_add(order.lots);
        }
        own
    }

    /// How long, or short, it becomes if all that works on this side is filled and `more` beside; zero where it stays on
    /// the other side.
    pub(in crate::risk) fn reach(&self, side: Side, more: Lots) -> i128 {
        self.signed(side, more).max(0)
    }

    fn signed(&self, side: Side, more: Lots) -> i128 {
        let working = match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        };
        i128::from(side.sign()) * i128::from(self.position) + i128::from(working) + i128::from(more)
    }
}

/// One market's part of the sums, in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    /// Over its traders, how long and how short each becomes. A trader may close its position at any time, so what one is
    /// short takes nothing from what another is long.
    reach: [i128; 2],
    /// How long and how short the account becomes, the one taken from the other.
    net: [i128; 2],
}

/// The same in money, at the market's last price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Worth {
    gross: Money,
    net: [Money; 2],
}

/// The running sums.
#[derive(Clone, Debug)]
pub(in crate::risk) struct Reach {
    market_of: Vec<u32>,
    own: Vec<Own>,
    sums: Vec<Sums>,
    worth: Vec<Worth>,
    total: Worth,
    /// Whether anybody asks what they are worth.
    priced: bool,
}

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

impl Reach {
    pub(in crate::risk) fn new(market_of: Vec<u32>, account: &Portfolio, priced: bool) -> Self {
        let markets = account.markets().len();
        let mut reach = Self {
            own: vec![Own::default(); market_of.len()],
            market_of,
            sums: vec![Sums::default(); markets],
            worth: vec![Worth::default(); markets],
            total: Worth::default(),
            priced,
        };
        for trader in 0..u32::try_from(reach.own.len()).unwrap_or(u32::MAX) {
            reach.take_in(trader, account);
        }
        reach
    }

    /// Takes in what one trader holds and has working now.
    pub(in crate::risk) fn take_in(&mut self, trader: u32, account: &Portfolio) {
        let now = Own::of(account.row(trader));
        let before = std::mem::replace(&mut self.own[trader as usize], now);
        if before == now {
            return;
        }
        let market = self.market_of[trader as usize];
        let sums = &mut self.sums[market as usize];
        for side in SIDES {
            sums.reach[side as usize] += now.reach(side, 0) - before.reach(side, 0);
            sums.net[side as usize] += now.signed(side, 0) - before.signed(side, 0);
        }
        if self.priced {
            self.remark(market, account.market(market));
        }
    }

    /// Takes in a market's last price.
    #[inline]
    pub(in crate::risk) fn remark(&mut self, market: u32, book: &MarketBook) {
        let sums = &self.sums[market as usize];
        if *sums == Sums::default() && self.worth[market as usize] == Worth::default() {
            return;
        }
        let now = worth(sums, book);
        let before = std::mem::replace(&mut self.worth[market as usize], now);
        let add = |sum: &mut Money, now: Money, before: Money| {
            *sum = sum.saturating_add(now.saturating_sub(before));
        };
        add(&mut self.total.gross, now.gross, before.gross);
        for side in SIDES {
            let at = side as usize;
            add(&mut self.total.net[at], now.net[at], before.net[at]);
        }
    }

    /// How long, or short, the account's traders become on a market if one of them sends so much more.
    pub(in crate::risk) fn position_with(&self, trader: u32, side: Side, more: Lots) -> i128 {
        let own = &self.own[trader as usize];
        let market = self.market_of[trader as usize];
        self.sums[market as usize].reach[side as usize] - own.reach(side, 0) + own.reach(side, more)
    }

    /// What all markets are worth then, each at its larger side. `None` when it does not fit.
    pub(in crate::risk) fn gross_with(
        &self,
        trader: u32,
        side: Side,
        more: Lots,
        book: &MarketBook,
    ) -> Option<Money> {
        let market = self.market_of[trader as usize] as usize;
        let other = self.sums[market].reach[side.opposite() as usize];
        let after = self.position_with(trader, side, more).max(other);
        let after = checked_value(&book.instrument, book.mark?, after)?;
        self.total
            .gross
            .checked_add(after.checked_sub(self.worth[market].gross)?)
    }

    /// How much more is long than short then, or short than long. `None` when it does not fit.
    pub(in crate::risk) fn net_with(
        &self,
        trader: u32,
        side: Side,
        more: Lots,
        book: &MarketBook,
    ) -> Option<Money> {
        let market = self.market_of[trader as usize] as usize;
        let after = self.sums[market].net[side as usize] + i128::from(more);
        let after = checked_value(&book.instrument, book.mark?, after)?;
        let before = self.worth[market].net[side as usize];
        self.total.net[side as usize].checked_add(after.checked_sub(before)?)
    }

    /// Compares the running sums with sums over everything; development and test builds do at each step with orders.
    pub(in crate::risk) fn agrees(&self, account: &Portfolio) -> bool {
        let naive = Self::new(self.market_of.clone(), account, self.priced);
        naive.sums == self.sums && naive.worth == self.worth && naive.total == self.total
    }
}

fn checked_value(instrument: &Instrument, mark: HalfUnits, lots: i128) -> Option<Money> {
    instrument.value(mark, i64::try_from(lots).ok()?, Rounding::Up)
}

/// A value beyond what can be represented stays at the border, so that nothing more passes.
fn value(book: &MarketBook, lots: i128) -> Money {
    match book.mark {
        Some(mark) if lots != 0 => {
            let most = if lots > 0 { Money::MAX } else { Money::MIN };
            checked_value(&book.instrument, mark, lots).unwrap_or(most / 4)
        }
        _ => 0,
    }
}

fn worth(sums: &Sums, book: &MarketBook) -> Worth {
    let [long, short] = sums.reach;
    Worth {
        gross: value(book, long.max(short)),
        net: sums.net.map(|lots| value(book, lots)),
    }
}
