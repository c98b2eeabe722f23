//! The second pass of a commit: each planned order passes the gate, gets its number and its row, and is sent.

use crate::domain::Nanos;
use crate::order::{
    Order, OrderKind, OrderRecord, OrderStatus, Origin, Reason, RefusalRecord, reason,
};
use crate::risk::{Approved, Refused, Verdict, check_halted, check_killed, not_reconciled};
use crate::strategy::{Hook, Hooks, RefusalView};

use super::plan::Planned;
use super::{Command, Writer};

impl Writer {
    /// Whether the whole order only makes its trader's position smaller, as things stand before the first is sent. A
    /// reduce-only order does, as far as there is something to reduce: it is cut to that.
    pub(super) fn only_reduces(&self, plan: &Planned) -> bool {
        let Ok(lots) = plan.lots else { return false };
        let reducible = self.account.row(plan.trader).reducible(plan.side);
        plan.kind.is_ok() && (lots <= reducible || (plan.reduce_only && reducible > 0))
    }

    pub(super) fn send(&mut self, now: Nanos, plan: &mut Planned, out: &mut Vec<Command>) {
        let (lots, kind, unusable) = match (&plan.lots, &plan.kind) {
            (Ok(lots), Ok(kind)) => (*lots, *kind, None),
            (Err(refused), Ok(kind)) => (0, *kind, Some(refused.clone())),
            (Err(refused), Err(_)) => (0, OrderKind::Limit(0), Some(refused.clone())),
            (Ok(_), Err(refused)) => (0, OrderKind::Limit(0), Some(refused.clone())),
        };
        let order = Order {
            id: self.records.next_id(),
            trader: plan.trader,
            market: self.market_of(plan.trader),
            client_id: plan.client_id,
            side: plan.side,
            lots,
            kind,
            tif: plan.tif,
            reduce_only: plan.reduce_only,
            origin: plan.origin,
            reserved: 0,
            decided: now,
            tag: plan.tag.take(),
        };
        if let Some(refused) = unusable {
            return self.refuse(now, &order, refused);
        }
        if !self.reconciled {
            return self.refuse(now, &order, not_reconciled());
        }
        if self.killed
            && let Err(refused) = check_killed(&order, &self.account)
        {
            return self.refuse(now, &order, refused);
        }
        if self.halts.contains(&order.market)
            && let Err(refused) = check_halted(&order, &self.account)
        {
            return self.refuse(now, &order, refused);
        }
        match self.gate.judge(order, &self.account) {
            Verdict::Approved { order, refused } => {
                self.let_go(now, order, refused.or(plan.said.take()), out);
            }
            Verdict::Refused { order, refused } => self.refuse(now, &order, refused),
        }
    }

    /// What has passed gets its row, is counted as working and sent.
    pub(super) fn let_go(
        &mut self,
        now: Nanos,
        order: Approved<Order>,
        refused: Option<Refused>,
        out: &mut Vec<Command>,
    ) {
        let sent = order.get();
        let why = self.note_sent(now, sent, refused);
        self.account.open(sent.clone());
        self.gate.opened(sent, &self.account);
        self.tell_order(sent, OrderStatus::Working, why);
        out.push(Command::Submit(order));
    }

    /// Gives what has passed its row; what stands there as the reason.
    pub(super) fn note_sent(
        &mut self,
        now: Nanos,
        sent: &Order,
        refused: Option<Refused>,
    ) -> Reason {
        // Of an order that was cut the row keeps the check that cut it; of one that closes for a quarantine, that.
        let why = match (&refused, sent.origin) {
            (Some(refused), _) => refused.check,
            (None, Origin::Quarantine) => reason::QUARANTINE,
            (None, _) => reason::NONE,
        };
        self.records
            .orders
            .push(record(now, sent, OrderStatus::Working, why));
        if let Some(refused) = refused {
            self.note_refusal(now, sent, refused);
        }
        why
    }

    pub(super) fn refuse(&mut self, now: Nanos, order: &Order, refused: Refused) {
        let check = refused.check;
        self.records
            .orders
            .push(record(now, order, OrderStatus::Refused, check));
        self.note_refusal(now, order, refused);
        self.tell_order(order, OrderStatus::Refused, check);
    }

    pub(super) fn note_refusal(&mut self, ts: Nanos, order: &Order, refused: Refused) {
        if self.wants(order.trader, Hooks::REFUSED) {
            self.told.push((
                order.trader,
                Hook::Refused(RefusalView {
                    ts,
                    check: refused.check,
                    reason: refused.reason.clone(),
                    client_id: order.own_number(),
                }),
            ));
        }
        self.records.refusals.push(RefusalRecord {
            ts,
            trader: order.trader,
            check: refused.check,
            reason: refused.reason,
        });
    }
}

pub(super) const fn record(
    ts: Nanos,
    order: &Order,
    status: OrderStatus,
    reason: &'static str,
) -> OrderRecord {
    OrderRecord {
        ts,
        id: order.id,
        trader: order.trader,
        side: order.side,
        kind: order.kind,
        lots: order.lots,
        status,
        reason,
    }
}
