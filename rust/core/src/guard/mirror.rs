//! What the risk process believes of an engine's account, and its word on orders: the same gate, the same account, in
//! another process.

use crate::domain::{Liquidity, Nanos, Side};
use crate::error::Error;
use crate::limits::RISK_TRADES;
use crate::order::{Order, OrderId, OrderKind, Origin};
use crate::portfolio::Portfolio;
use crate::risk::{Note, Refused, RiskGate, RiskSpec, Verdict, check, check_killed, vetoed};
use crate::signal::TimeInForce;

use super::bytes::{Malformed, Read};
use super::message::{Digest, Question};
use super::state::{State, read_state, write_state};

/// An engine's account as it was told.
pub(crate) struct Mirror {
    pub account: Portfolio,
    gate: RiskGate,
    killed: bool,
    /// The limits of the process's own.
    own: Option<RiskSpec>,
    /// The newest step that was told.
    last: Nanos,
}

/// Why an account could not be taken in.
#[derive(Debug)]
pub(crate) enum Untaken {
    /// It was none.
    Malformed(Malformed),
    /// Limits of the process name what the engine does not have.
    Limits(Error),
}

impl Mirror {
    /// Takes in an account as it was told, and what it looks like from here. Limits of the process's own take the place of
    /// the engine's, and remember what they did for the account `before`, when that was of the same traders: no engine
    /// gets rid of them by telling its account anew.
    pub(crate) fn new(
        bytes: &[u8],
        own: Option<&RiskSpec>,
        before: Option<&Self>,
    ) -> Result<(Self, Digest), Untaken> {
        let State {
            account,
            mut gate,
            killed,
        } = read_state(bytes).map_err(Untaken::Malformed)?;
        let seen = blake3::hash(&write_state(&account, &gate, killed));
        if let Some(own) = own {
            gate.set_limits(Some(own), &account)
                .map_err(Untaken::Limits)?;
        }
        let same = |before: &&Self| own.is_some() && before.gate.roster() == gate.roster();
        let before = before.filter(same);
        if let Some(memory) = before.and_then(|before| before.gate.memory()) {
            // Limits and traders are the same, so it fits.
            let _ = gate.recall(memory);
        }
        let mirror = Self {
            account,
            gate,
            killed,
            own: own.cloned(),
            last: before.map_or(Nanos::MIN, |before| before.last),
        };
        Ok((mirror, *seen.as_bytes()))
    }

    /// The name of a trader and its pair, for the log.
    pub(crate) fn names(&self, trader: u32) -> (&str, &str) {
        let roster = self.gate.roster();
        let Some((name, _, market)) = roster.traders.get(trader as usize) else {
            return ("", "");
        };
        let pair = roster.pairs.get(*market as usize);
        (name, pair.map_or("", |(pair, _)| pair))
    }

    /// How many orders work.
    pub(crate) fn working(&self) -> usize {
        let traders = u32::try_from(self.gate.roster().traders.len()).unwrap_or(u32::MAX);
        let rows = (0..traders).map(|trader| self.account.row(trader));
        rows.map(|row| row.working.len()).sum()
    }

    /// The market of a trader that there is.
    fn market_of(&self, trader: u32) -> Read<u32> {
        let traders = &self.gate.roster().traders;
        let trader = traders.get(trader as usize);
        trader.map(|t| t.2).ok_or(Malformed("a trader"))
    }

    /// Takes in what changed. What ended here already, because it was refused, may end once more.
    pub(crate) fn tell(&mut self, note: Note) -> Read<()> {
        match note {
            Note::Seen {
                market,
                ts,
                mark,
                ask,
            } => {
                if market as usize >= self.account.markets().len() {
                    return Err(Malformed("a market"));
                }
                self.account.mark(market, mark, ask);
                self.gate.see(market, ts, ask, &self.account);
            }
            Note::Step { ts } => self.step(ts)?,
            Note::Leaving { trader, order } => {
                self.market_of(trader)?;
                let row = self.account.row(trader);
                let works = row.working.iter().any(|working| working.id == order);
                if works && !row.is_leaving(order) {
                    self.account.leave(trader, order, "");
                }
            }
            Note::Ended { trader, order } => {
                self.market_of(trader)?;
                if let Some(order) = self.account.close(trader, order) {
                    self.gate.closed(&order, &self.account);
                }
            }
            Note::Unsent { trader, order } => self.unsent(trader, order)?,
            Note::Filled {
                trader,
                order,
                ts,
                price,
                liquidity,
            } => {
                let order = self.filled(trader, order)?;
                let _ = self.account.settle(&order, price, ts, liquidity);
                self.gate.closed(&order, &self.account);
                self.forget();
            }
            Note::Settled {
                trader,
                order,
                ts,
                price,
                lots,
                liquidity,
            } => {
                let order = self.filled(trader, order)?;
                let fill = (price, lots);
                let _ = self.account.settle_as_told(&order, fill, ts, liquidity);
                self.gate.closed(&order, &self.account);
                self.forget();
            }
            Note::Liquidated { trader, ts, price } => self.liquidated(trader, ts, price)?,
            Note::Enabled { trader } => {
                self.market_of(trader)?;
                self.gate.enable(trader);
            }
            Note::Killed { set } => self.killed = set,
        }
        Ok(())
    }

    /// An order never left. What was refused here does not count already.
    fn unsent(&mut self, trader: u32, order: OrderId) -> Read<()> {
        self.market_of(trader)?;
        let mut working = self.account.row(trader).working.iter();
        if let Some(order) = working.find(|working| working.id == order) {
            self.gate.unsent(order);
        }
        Ok(())
    }

    /// A step was made. Where time went back another run has begun, about which nothing is remembered.
    fn step(&mut self, ts: Nanos) -> Read<()> {
        if ts < self.last && self.own.is_some() {
            let anew = [None, self.own.as_ref()];
            for limits in anew {
                let set = self.gate.set_limits(limits, &self.account);
                set.map_err(|_| Malformed("limits"))?;
            }
        }
        self.last = ts;
        self.gate.row(ts, self.account.view().equity);
        Ok(())
    }

    /// Takes out an order that was filled.
    fn filled(&mut self, trader: u32, order: OrderId) -> Read<Order> {
        self.market_of(trader)?;
        let order = self.account.take_out(trader, order);
        // The venue filled what nobody here let leave: the two do not believe the same.
        order.ok_or(Malformed("a fill of an order that does not work"))
    }

    fn liquidated(&mut self, trader: u32, ts: Nanos, price: i64) -> Read<()> {
        let market = self.market_of(trader)?;
        let position = self.account.row(trader).position;
        let order = Order {
            id: 0,
            trader,
            market,
            client_id: None,
            side: Side::of(position.saturating_neg()),
            lots: position.saturating_abs(),
            kind: OrderKind::Market,
            tif: TimeInForce::default(),
            reduce_only: false,
            origin: Origin::Liquidation,
            reserved: 0,
            decided: ts,
            tag: None,
        };
        let settled = self.account.settle(&order, price, ts, Liquidity::Taker);
        self.gate.moved(trader, &self.account);
        self.forget();
        settled.map(drop).ok_or(Malformed("a liquidation"))
    }

    fn forget(&mut self) {
        if self.account.trades().len() > RISK_TRADES {
            self.account.forget_trades();
        }
    }

    /// The word on an order; `stopped` says that the kill switch of the process is set, which lets nothing pass.
    pub(crate) fn judge(
        &mut self,
        question: &Question,
        stopped: bool,
    ) -> Read<Result<(), Refused>> {
        let sent = &question.order;
        if self.market_of(sent.trader)? != sent.market {
            return Err(Malformed("an order's market"));
        }
        let working = &self.account.row(sent.trader).working;
        if working.iter().any(|order| order.id == sent.id) {
            return Err(Malformed("an order that works already"));
        }
        if stopped {
            return Ok(Err(vetoed(check::KILLED)));
        }
        let asked = Order {
            lots: question.asked,
            reserved: 0,
            ..sent.clone()
        };
        if self.killed
            && let Err(refused) = check_killed(&asked, &self.account)
        {
            return Ok(Err(refused));
        }
        Ok(match self.gate.judge(asked, &self.account) {
            Verdict::Refused { refused, .. } => Err(refused),
            Verdict::Approved { order, refused } => {
                let mut order = order.into_inner();
                if order.lots < sent.lots {
                    // Less may leave than is to leave.
                    return Ok(Err(refused.unwrap_or_else(|| vetoed(check::RISK_PROCESS))));
                }
                order.lots = sent.lots;
                if !self.account.has_room_for(&order) {
                    return Ok(Err(vetoed(check::OVERFLOW)));
                }
                self.account.open(order.clone());
                self.gate.opened(&order, &self.account);
                Ok(())
            }
        })
    }
}
