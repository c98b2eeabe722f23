//! An account as another process told it: what it holds and has working, from which all its readings follow.

use crate::domain::{HalfUnits, Instrument, Lots, Money};
use crate::order::{Order, OrderId};

use super::Portfolio;

/// What one trader holds and has working.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holding {
    /// Its position.
    pub position: Lots,
    /// Its working orders, oldest first.
    pub working: Vec<Order>,
    /// Those of them whose cancellation was asked for.
    pub leaving: Vec<OrderId>,
}

/// An account as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whether it is a spot account.
    pub spot: bool,
    /// The cash it began with.
    pub start: Money,
    /// The cash it has.
    pub cash: Money,
    /// By market: the last price and the best ask.
    pub marks: Vec<(Option<HalfUnits>, Option<HalfUnits>)>,
    /// By trader.
    pub holdings: Vec<Holding>,
}

/// The sum; `None` where it does not fit.
fn grown(sum: Lots, by: Lots) -> Option<Lots> {
    sum.checked_add(by)
}

impl Portfolio {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let holding = |row: &super::TraderRow| Holding {
            position: row.position,
            working: row.working.clone(),
            leaving: row.leaving.iter().map(|&(id, _)| id).collect(),
        };
        Standing {
            spot: self.spot,
            start: self.start,
            cash: self.cash,
            marks: self.markets.iter().map(|m| (m.mark, m.ask)).collect(),
            holdings: self.rows.iter().map(holding).collect(),
        }
    }

    /// The account that stands like that; traders stand on the markets `market_of` says. `None` where no account can.
    #[must_use]
    pub fn restored(
        standing: Standing,
        instruments: Vec<Instrument>,
        market_of: &[u32],
    ) -> Option<Self> {
        let traders = standing.holdings.len();
        if standing.marks.len() != instruments.len() || market_of.len() != traders {
            return None;
        }
        let mut account = Self::new(standing.spot, standing.start, instruments, traders);
        account.cash = standing.cash;
        account.equity = standing.cash;
        for (book, (mark, ask)) in account.markets.iter_mut().zip(standing.marks) {
            (book.mark, book.ask) = (mark, ask);
        }
        let places = (0_u32..).zip(standing.holdings).zip(market_of);
        for ((trader, holding), &market) in places {
            let book = account.markets.get_mut(market as usize)?;
            book.net = grown(book.net, holding.position)?;
            account.rows[trader as usize].position = holding.position;
            for order in holding.working {
                account.restore_order(trader, market, order)?;
            }
            let leaving = holding.leaving.into_iter().map(|id| (id, ""));
            account.rows[trader as usize].leaving = leaving.collect();
        }
        for market in 0..u32::try_from(account.markets.len()).ok()? {
            account.revalue(market);
        }
        Some(account)
    }

    fn restore_order(&mut self, trader: u32, market: u32, order: Order) -> Option<()> {
        let fits = order.trader == trader && order.market == market;
        if !fits || order.lots < 1 || order.reserved < 0 {
            return None;
        }
        self.reserved = self.reserved.checked_add(order.reserved)?;
        let working = self.markets[market as usize].working(order.side);
        *working = grown(*working, order.lots)?;
        self.rows[trader as usize].working.push(order);
        Some(())
    }

    /// What an approved order adds fits.
    #[must_use]
    pub fn has_room_for(&self, order: &Order) -> bool {
        let book = self.market(order.market);
        let working = match order.side {
            crate::domain::Side::Buy => book.working_buys,
            crate::domain::Side::Sell => book.working_sells,
        };
        working.checked_add(order.lots).is_some()
            && self.reserved.checked_add(order.reserved).is_some()
    }

    /// Forgets the round trips: for who has no use for them.
    pub fn forget_trades(&mut self) {
        self.trades.clear();
        for row in &mut self.rows {
            row.open_trade = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FeeRates, InstrumentSpec, Liquidity, Rate, Side};
    use crate::order::{OrderKind, Origin};
    use crate::signal::TimeInForce;

    fn instrument() -> Instrument {
        let fees = FeeRates {
            maker: Rate::ZERO,
            taker: Rate::from_decimal(rust_decimal::Decimal::new(1, 3)),
        };
        Instrument::new(2, &InstrumentSpec::default(), fees).unwrap()
    }

    fn order(id: OrderId, trader: u32, side: Side, lots: Lots) -> Order {
        Order {
            id,
            trader,
            market: trader,
            client_id: None,
            side,
            lots,
            kind: OrderKind::Limit(90),
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Strategy,
            reserved: 7,
            decided: 5,
            tag: None,
        }
    }

    fn account(spot: bool) -> Portfolio {
        let mut account = Portfolio::new(spot, 10_i128.pow(21), vec![instrument(); 2], 2);
        account.mark(0, 201, Some(202));
        account.mark(1, 400, None);
        account.open(order(1, 0, Side::Buy, 1_000_001));
        let filled = account.take_out(0, 1).unwrap();
        account.settle(&filled, 201, 5, Liquidity::Taker).unwrap();
        account.mark(0, 199, None);
        account.open(order(2, 0, Side::Sell, 400));
        account.open(order(3, 1, Side::Buy, 900));
        account.leave(1, 3, "");
        account
    }

    #[test]
    fn a_restored_account_has_the_same_readings() {
        for spot in [true, false] {
            let mut before = account(spot);
            let restored = Portfolio::restored(before.standing(), vec![instrument(); 2], &[0, 1]);
            let mut after = restored.unwrap();
            for _ in 0..2 {
                assert_eq!(before.standing(), after.standing());
                assert_eq!(before.equity(), after.equity());
                assert_eq!(before.exposure(), after.exposure());
                assert_eq!(before.held_exposure(), after.held_exposure());
                assert_eq!(before.reserved(), after.reserved());
                for account in [&mut before, &mut after] {
                    account.mark(0, 333, None);
                    let filled = account.take_out(0, 2).unwrap();
                    account.settle(&filled, 333, 9, Liquidity::Maker).unwrap();
                    account.close(1, 3).unwrap();
                    account.open(order(2, 0, Side::Sell, 300));
                    account.open(order(3, 1, Side::Buy, 900));
                }
            }
        }
    }

    #[test]
    fn what_no_account_can_be_is_refused() {
        let wrong: [fn(&mut Standing); 5] = [
            |s| s.marks.clear(),
            |s| s.holdings.clear(),
            |s| s.holdings[0].working[0].market = 1,
            |s| s.holdings[0].working[0].lots = 0,
            |s| {
                s.holdings[1]
                    .working
                    .push(order(9, 1, Side::Buy, Lots::MAX))
            },
        ];
        for change in wrong {
            let mut standing = account(true).standing();
            change(&mut standing);
            assert!(Portfolio::restored(standing, vec![instrument(); 2], &[0, 1]).is_none());
        }
    }
}
