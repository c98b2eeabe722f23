//! What the venue says becomes fills; the account is liquidated when it must be; the end of the data ends orders.

use crate::domain::{HalfUnits, Liquidity, Lots, Nanos, Side, decimal_string};
use crate::order::{Order, OrderKind, OrderStatus, Origin, Reason, reason};
use crate::portfolio::{Settled, fill_view};
use crate::risk::{Note, Refused, check, vetoed};
use crate::signal::TimeInForce;
use crate::strategy::{Hook, Hooks};
use crate::venue::{Execution, Outcome};

use super::gate::record;
use super::{Command, FillRecord, Writer};

impl Writer {
    /// Takes in what the venue says of an order. An order that is no longer working is left alone: a fill is applied
    /// once.
    pub fn on_execution(&mut self, execution: &Execution) {
        let (trader, id) = (execution.trader, execution.order);
        let unfilled = match execution.outcome {
            Outcome::Filled { price, liquidity } => {
                return self.fill(execution, price, liquidity);
            }
            Outcome::Settled {
                price,
                liquidity,
                lots,
            } => return self.fill_as_told(execution, (price, lots), liquidity),
            Outcome::Missed => reason::NONE,
            Outcome::Rejected => reason::REJECTED,
            Outcome::NotSent => reason::NOT_SENT,
            Outcome::Lost => reason::LOST,
            Outcome::Altered => return self.stop_for_altered(execution),
            Outcome::Vetoed(check) => return self.veto(execution, check),
            Outcome::Cancelled => {
                let leaving = &self.account.row(trader).leaving;
                let asked = leaving.iter().find(|&&(leaving, _)| leaving == id);
                asked.map_or(reason::NONE, |&(_, reason)| reason)
            }
        };
        self.end_order(trader, id, OrderStatus::Cancelled, unfilled);
    }

    /// What was about to leave is not what was approved. Nothing more leaves after that.
    fn stop_for_altered(&mut self, execution: &Execution) {
        self.killed = true;
        let (trader, id) = (execution.trader, execution.order);
        let working = &self.account.row(trader).working;
        if let Some(order) = working.iter().find(|order| order.id == id).cloned() {
            let sentence = "what was about to leave is not what was approved: the order was held back and the kill switch set";
            self.note_refusal(execution.ts, &order, Refused::new(check::ALTERED, sentence));
            self.end_order(trader, id, OrderStatus::Cancelled, check::ALTERED);
        }
    }

    /// The risk process did not give its word, or the kill switch was thrown meanwhile, so that the order never left.
    fn veto(&mut self, execution: &Execution, check: Reason) {
        let (trader, id) = (execution.trader, execution.order);
        let working = &self.account.row(trader).working;
        if let Some(order) = working.iter().find(|order| order.id == id).cloned() {
            let refused = vetoed(check);
            self.gate.unsent(&order);
            self.write_down(Note::Unsent { trader, order: id });
            self.note_refusal(execution.ts, &order, refused);
            self.end_order(trader, id, OrderStatus::Refused, check);
        }
    }

    fn fill(&mut self, execution: &Execution, price: HalfUnits, liquidity: Liquidity) {
        let Some(order) = self.account.take_out(execution.trader, execution.order) else {
            return;
        };
        self.write_down(Note::Filled {
            trader: order.trader,
            order: order.id,
            ts: execution.ts,
            price,
            liquidity,
        });
        let settled = self.account.settle(&order, price, execution.ts, liquidity);
        self.gate.closed(&order, &self.account);
        self.note_settled(&order, execution.ts, settled);
    }

    fn fill_as_told(
        &mut self,
        execution: &Execution,
        fill: (HalfUnits, Lots),
        liquidity: Liquidity,
    ) {
        let Some(order) = self.account.take_out(execution.trader, execution.order) else {
            return;
        };
        let ts = execution.ts;
        self.write_down(Note::Settled {
            trader: order.trader,
            order: order.id,
            ts,
            price: fill.0,
            lots: fill.1,
            liquidity,
        });
        let settled = self.account.settle_as_told(&order, fill, ts, liquidity);
        self.gate.closed(&order, &self.account);
        self.note_settled(&order, ts, settled);
    }

    pub(super) fn note_settled(&mut self, order: &Order, ts: Nanos, settled: Option<Settled>) {
        let Some(fill) = settled else {
            self.records
                .end(order.id, OrderStatus::Cancelled, check::OVERFLOW);
            let refused = Refused::new(
                check::OVERFLOW,
                "the fill's quantity is none of the order's, or its value does not fit",
            );
            self.note_refusal(ts, order, refused);
            return self.tell_order(order, OrderStatus::Cancelled, check::OVERFLOW);
        };
        let cut = fill.lots < order.lots;
        let status = if fill.lots == 0 {
            OrderStatus::Cancelled
        } else {
            OrderStatus::Filled
        };
        let why = match order.origin {
            _ if cut => check::CASH_AT_FILL,
            Origin::Liquidation => reason::LIQUIDATION,
            _ => reason::NONE,
        };
        let why = self.records.end(order.id, status, why);
        if cut {
            self.records.cut_at_fill += 1;
            let instrument = &self.account.market(order.market).instrument;
            let lots = |lots| {
                instrument
                    .quantity(lots)
                    .map_or_else(String::new, decimal_string)
            };
            let sentence = format!(
                "the fill was dearer than reserved: {} of {} bought with the cash there was",
                lots(fill.lots),
                lots(order.lots)
            );
            self.note_refusal(ts, order, Refused::new(check::CASH_AT_FILL, sentence));
        }
        if fill.lots > 0 {
            self.note_fill(order, &fill);
        }
        self.tell_order(order, status, why);
    }

    fn note_fill(&mut self, order: &Order, fill: &Settled) {
        self.records.fills.push(FillRecord {
            ts: fill.ts,
            trader: order.trader,
            side: order.side,
            lots: fill.lots,
            price: fill.price,
            fee: fill.fee,
            order: order.id,
            liquidity: fill.liquidity,
        });
        if self.wants(order.trader, Hooks::FILL) {
            let instrument = &self.account.market(order.market).instrument;
            let view = fill_view(order, instrument, fill);
            self.told.push((order.trader, Hook::Fill(view)));
        }
    }

    /// Phase 2: whether equity is below the maintenance margin.
    #[must_use]
    #[inline]
    pub fn must_liquidate(&self) -> bool {
        !self.account.is_spot() && self.gate.margin.must_liquidate(&self.account)
    }

    /// Phase 2: closes everything at the marks.
    pub fn liquidate(&mut self, now: Nanos, out: &mut Vec<Command>) {
        let traders = u32::try_from(self.traders.len()).unwrap_or(u32::MAX);
        for trader in 0..traders {
            self.cancel_where(trader, reason::LIQUIDATION, out, |_| true);
        }
        for trader in 0..traders {
            let position = self.account.row(trader).position;
            let market = self.market_of(trader);
            let Some(mark) = self.account.market(market).mark else {
                continue;
            };
            if position == 0 {
                continue;
            }
            let order = Order {
                id: self.records.next_id(),
                trader,
                market,
                client_id: None,
                side: Side::of(-position),
                lots: position.saturating_abs(),
                kind: OrderKind::Market,
                tif: TimeInForce::default(),
                reduce_only: false,
                origin: Origin::Liquidation,
                reserved: 0,
                decided: now,
                tag: None,
            };
            self.records.orders.push(record(
                now,
                &order,
                OrderStatus::Working,
                reason::LIQUIDATION,
            ));
            self.tell_order(&order, OrderStatus::Working, reason::LIQUIDATION);
            self.write_down(Note::Liquidated {
                trader,
                ts: now,
                price: mark,
            });
            let settled = self.account.settle(&order, mark, now, Liquidity::Taker);
            self.gate.moved(trader, &self.account);
            self.note_settled(&order, now, settled);
        }
    }

    /// The orders of the last liquidation with their fills, for the venue that made them.
    #[must_use]
    pub fn liquidated(&self) -> Vec<(Order, Execution)> {
        let ours = |id| {
            self.records
                .order(id)
                .filter(|row| row.reason == reason::LIQUIDATION)
        };
        let fills = self.records.fills.newest().iter().rev();
        let newest = fills.map_while(|fill| Some((fill, ours(fill.order)?)));
        let now = self.records.fills.last().map(|fill| fill.ts);
        let newest = newest.take_while(|(fill, _)| Some(fill.ts) == now);
        newest
            .map(|(fill, row)| {
                let order = Order {
                    id: row.id,
                    trader: row.trader,
                    market: self.market_of(row.trader),
                    client_id: None,
                    side: row.side,
                    lots: fill.lots,
                    kind: OrderKind::Market,
                    tif: TimeInForce::default(),
                    reduce_only: false,
                    origin: Origin::Liquidation,
                    reserved: 0,
                    decided: row.ts,
                    tag: None,
                };
                let outcome = Outcome::Filled {
                    price: fill.price,
                    liquidity: fill.liquidity,
                };
                let execution = Execution {
                    order: row.id,
                    trader: row.trader,
                    ts: fill.ts,
                    outcome,
                };
                (order, execution)
            })
            .collect()
    }

    /// Ends orders that still wait when the data end.
    pub fn expire(&mut self) {
        let mut working: Vec<(u32, u64)> = Vec::new();
        for trader in 0..u32::try_from(self.traders.len()).unwrap_or(u32::MAX) {
            let orders = &self.account.row(trader).working;
            working.extend(orders.iter().map(|order| (trader, order.id)));
        }
        working.sort_unstable_by_key(|&(_, id)| id);
        for (trader, id) in working {
            self.end_order(trader, id, OrderStatus::Expired, reason::NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Act, Author, OnError, TraderInfo};
    use crate::domain::{Amount, FeeRates, Instrument, InstrumentSpec, Rate};
    use crate::portfolio::Portfolio;
    use crate::risk::{Margin, RiskGate, Roster};
    use crate::signal::{Intent, OrderRequest};

    fn writer() -> Writer {
        let fees = FeeRates {
            maker: Rate::ZERO,
            taker: Rate::ZERO,
        };
        let instrument = Instrument::new(2, &InstrumentSpec::default(), fees).unwrap();
        let mut account = Portfolio::new(true, 10_i128.pow(21), vec![instrument], 1);
        account.mark(0, 200, None);
        let leverage = Rate::from_decimal(1.into());
        let gate = RiskGate::new(Margin { leverage }, Roster::default());
        let infos = vec![TraderInfo {
            market: 0,
            size: None,
            hooks: Hooks::REFUSED.with(Hooks::ORDER),
        }];
        Writer::new(account, gate, infos, OnError::Keep)
    }

    fn buy(writer: &mut Writer, client_id: u64, out: &mut Vec<Command>) {
        let request = OrderRequest {
            client_id,
            side: Side::Buy,
            quantity: Amount::Exact(1.into()),
            limit: None,
            reduce_only: false,
            tif: TimeInForce::default(),
            tag: None,
        };
        let act = Act {
            trader: 0,
            author: Author::Strategy,
            intents: vec![Intent::Order(request)],
            failure: None,
        };
        writer.commit(1, &mut vec![act], out);
    }

    #[test]
    fn a_fill_of_what_was_never_asked_for_is_not_believed() {
        for lots in [-1, i64::MIN, i64::MAX] {
            let (mut writer, mut out) = (writer(), Vec::new());
            buy(&mut writer, 1, &mut out);
            let cash = writer.account.cash();
            writer.on_execution(&Execution {
                order: 1,
                trader: 0,
                ts: 2,
                outcome: Outcome::Settled {
                    price: 200,
                    liquidity: Liquidity::Taker,
                    lots,
                },
            });
            let row = writer.account.row(0);
            assert_eq!((row.position, row.working.len()), (0, 0));
            assert_eq!(
                (writer.account.cash(), writer.account.reserved()),
                (cash, 0)
            );
            assert_eq!(writer.records.refusals[0].check, check::OVERFLOW);
        }
    }

    #[test]
    fn a_way_out_that_a_person_wants_besides_the_engine_is_the_persons() {
        for first in [Author::Quarantine, Author::Person] {
            let mut writer = writer();
            writer.exit_later(0, first);
            writer.exit_later(0, Author::Person);
            writer.exit_later(0, Author::Quarantine);
            assert_eq!(writer.due_exits(), [(0, Author::Person)]);
            assert!(writer.due_exits().is_empty());
        }
    }

    #[test]
    fn an_altered_order_ends_gives_its_cash_back_and_stops_all_others() {
        let (mut writer, mut out) = (writer(), Vec::new());
        buy(&mut writer, 1, &mut out);
        assert_eq!(out.len(), 1);
        assert!(writer.account.reserved() > 0);
        writer.on_execution(&Execution {
            order: 1,
            trader: 0,
            ts: 2,
            outcome: Outcome::Altered,
        });
        assert_eq!(writer.account.reserved(), 0);
        assert!(writer.killed);
        buy(&mut writer, 2, &mut out);
        assert_eq!(out.len(), 1, "nothing more is sent");
        let records = &writer.records;
        let orders = records.orders.iter().map(|o| (o.status, o.reason));
        let wanted = [
            (OrderStatus::Cancelled, check::ALTERED),
            (OrderStatus::Refused, check::KILLED),
        ];
        assert_eq!(orders.collect::<Vec<_>>(), wanted);
        let refusals = records.refusals.iter().map(|r| r.check);
        assert_eq!(
            refusals.collect::<Vec<_>>(),
            [check::ALTERED, check::KILLED]
        );
        assert_eq!(
            writer
                .told
                .iter()
                .filter(|(_, hook)| matches!(hook, Hook::Refused(_)))
                .count(),
            2
        );
    }

    #[test]
    fn nothing_but_cancellations_leaves_before_reconciliation() {
        let (mut writer, mut out) = (writer(), Vec::new());
        buy(&mut writer, 1, &mut out);
        writer.reconciled = false;
        buy(&mut writer, 2, &mut out);
        let act = Act {
            trader: 0,
            author: Author::Strategy,
            intents: vec![Intent::Cancel(None)],
            failure: None,
        };
        writer.commit(2, &mut vec![act], &mut out);
        assert!(matches!(
            out[..],
            [Command::Submit(_), Command::Cancel { order: 1, .. }]
        ));
        assert_eq!(writer.records.refusals[0].check, check::NOT_RECONCILED);
        writer.reconciled = true;
        buy(&mut writer, 3, &mut out);
        assert_eq!(out.len(), 3);
    }
}
