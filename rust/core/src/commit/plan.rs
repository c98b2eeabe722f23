//! The first pass of a commit: intents become cancels, done at once, and planned orders, judged later.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::{Amount, Instrument, Lots, Nanos, Side, Units, pow10, ratio_floor};
use crate::order::{OrderKind, Origin, reason};
use crate::risk::{Refused, size_refusal};
use crate::signal::{Intent, OrderRequest, SizeError, SizeSpec, Sizing, TimeInForce, TradeSignal};

use super::ways_out::WaysOut;
use super::{Act, Author, Command, Writer};

/// An order before the gate.
#[derive(Debug)]
pub(super) struct Planned {
    pub trader: u32,
    pub client_id: Option<u64>,
    pub side: Side,
    pub lots: Result<Lots, Refused>,
    pub kind: Result<OrderKind, Refused>,
    pub reduce_only: bool,
    pub tif: TimeInForce,
    pub origin: Origin,
    pub tag: Option<String>,
    /// Whether a later intent of its own trader took it back: then it is not sent and has no row.
    pub dropped: bool,
    /// When it is sent.
    pub turn: Turn,
    /// Why a part of it was refused before, where it is one of before.
    pub said: Option<Refused>,
}

/// When a planned order is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// Among those that only reduce exposure.
    First,
    /// After them.
    #[default]
    Later,
    /// It was taken back.
    Never,
}

impl Writer {
    pub(super) fn plan(
        &mut self,
        now: Nanos,
        act: Act,
        planned: &mut Vec<Planned>,
        out: &mut Vec<Command>,
    ) {
        // Acts come by trader, and a trader may have several: what people asked for, and what its strategy did.
        let others = planned.iter().rposition(|plan| plan.trader != act.trader);
        let first = others.map_or(0, |last| last + 1);
        if let Some(fault) = act.failure {
            return self.quarantine((now, act.trader), fault, (planned, first), out);
        }
        for intent in act.intents {
            let mut resolver = Resolver {
                now,
                writer: self,
                trader: act.trader,
                author: act.author,
                planned,
                first,
                out,
            };
            match intent {
                Intent::Signal(signal) => resolver.signal(&signal),
                Intent::Order(request) => resolver.order(request),
                Intent::Replace {
                    client_id,
                    quantity,
                    limit,
                } => resolver.replace(client_id, quantity, limit),
                Intent::Cancel(client_id) => resolver.cancel(client_id),
            }
        }
    }
}

impl Planned {
    /// What it changes the position by.
    fn delta(&self) -> Lots {
        let lots = self.lots.as_ref();
        lots.map_or(0, |lots| self.side.sign() * lots)
    }

    /// Whether it is a person's way out of this whole position.
    pub(super) fn ends(&self, position: Lots) -> bool {
        let leads_out = position != 0 && self.delta() == -position;
        !self.dropped && self.origin == Origin::Command && leads_out
    }

    pub(super) fn market(trader: u32, delta: Lots, origin: Origin) -> Self {
        Self {
            trader,
            client_id: None,
            side: Side::of(delta),
            lots: Ok(delta.saturating_abs()),
            kind: Ok(OrderKind::Market),
            reduce_only: false,
            tif: TimeInForce::default(),
            origin,
            tag: None,
            dropped: false,
            turn: Turn::Later,
            said: None,
        }
    }
}

/// One trader's intents, one by one.
struct Resolver<'a> {
    now: Nanos,
    writer: &'a mut Writer,
    trader: u32,
    author: Author,
    planned: &'a mut Vec<Planned>,
    /// Where this trader's planned orders of this step begin.
    first: usize,
    out: &'a mut Vec<Command>,
}

impl Resolver<'_> {
    fn held(&self) -> Lots {
        self.writer.account.row(self.trader).position
    }

    /// The position from which signals lead elsewhere: none where a person closes it in this very step.
    fn position(&self) -> Lots {
        let held = self.held();
        let closing = self.planned[self.first..]
            .iter()
            .any(|plan| plan.ends(held));
        if closing { 0 } else { held }
    }

    fn instrument(&self) -> &Instrument {
        let market = self.writer.market_of(self.trader);
        &self.writer.account.market(market).instrument
    }

    fn sizing(&self) -> Sizing<'_> {
        let book = self
            .writer
            .account
            .market(self.writer.market_of(self.trader));
        Sizing {
            instrument: &book.instrument,
            last: book.mark,
            equity: self.writer.account.view().equity,
        }
    }

    /// The trader's signal order, planned in this step or working, as the position it leads to. One whose size gave no
    /// quantity, or whose limit is none, leads nowhere.
    fn signal_order(&self) -> Option<Option<Lots>> {
        let planned = self.planned[self.first..]
            .iter()
            .rev()
            .find_map(|plan| match plan.origin {
                Origin::Signal { target } if !plan.dropped => {
                    let leads = plan.lots.is_ok() && plan.kind.is_ok();
                    Some(leads.then_some(target))
                }
                _ => None,
            });
        planned.or_else(|| {
            let row = self.writer.account.row(self.trader);
            row.signal_order().map(|(_, target)| Some(target))
        })
    }

    /// When a strategy's cancellations may come too fast; a person's never do.
    fn throttled(&self) -> Option<Nanos> {
        (self.author == Author::Strategy).then_some(self.now)
    }

    /// Takes the signal order back; whether nothing is left of it.
    fn drop_signal_order(&mut self) -> bool {
        for plan in &mut self.planned[self.first..] {
            if matches!(plan.origin, Origin::Signal { .. }) {
                plan.dropped = true;
            }
        }
        let why = (reason::REPLACED, self.throttled());
        self.writer.take_back(self.trader, why, self.out, |order| {
            matches!(order.origin, Origin::Signal { .. })
        })
    }

    fn signal(&mut self, signal: &TradeSignal) {
        match *signal {
            TradeSignal::Side { side, size, limit } => self.side(side, size, limit),
            TradeSignal::Close => self.close(),
            TradeSignal::Reverse => match self.position().signum() {
                0 => {}
                sign => self.side(Side::of(-sign), None, None),
            },
            TradeSignal::Target(size) => {
                let target = self.sizing().signed(&size);
                let side = if size.is_negative() {
                    Side::Sell
                } else {
                    Side::Buy
                };
                self.named(target.map_err(Some), side, None);
            }
        }
    }

    fn side(&mut self, side: Side, size: Option<SizeSpec>, limit: Option<Amount>) {
        if let Some(size) = size {
            let lots = self.sizing().lots(&size);
            let target = lots.map(|lots| side.sign() * lots).map_err(Some);
            return self.named(target, side, limit);
        }
        if let Some(leads_to) = self.signal_order() {
            if leads_to.is_some_and(|target| target.signum() == side.sign()) {
                return;
            }
            if !self.drop_signal_order() {
                return;
            }
        }
        // A side that is held is never rebalanced, not even after an order that led away from it was taken back.
        if self.position().signum() == side.sign() {
            return;
        }
        let target = match self.writer.traders[self.trader as usize].size {
            None => Err(None),
            Some(size) => self.sizing().lots(&size).map_err(Some),
        };
        self.lead_to(target.map(|lots| side.sign() * lots), side, limit);
    }

    fn named(
        &mut self,
        target: Result<Lots, Option<SizeError>>,
        side: Side,
        limit: Option<Amount>,
    ) {
        match (self.signal_order(), &target) {
            (Some(leads_to), Ok(target)) if leads_to == Some(*target) => return,
            (Some(_), _) if !self.drop_signal_order() => return,
            _ => {}
        }
        if target == Ok(self.position()) {
            return;
        }
        self.lead_to(target, side, limit);
    }

    /// Plans the order that leads to a position.
    fn lead_to(
        &mut self,
        target: Result<Lots, Option<SizeError>>,
        side: Side,
        limit: Option<Amount>,
    ) {
        let position = self.position();
        let delta = match target {
            Ok(target) => target
                .checked_sub(position)
                .map(|delta| (target, delta))
                .ok_or(Some(SizeError::Overflow)),
            Err(error) => Err(error),
        };
        let mut plan = match delta {
            Ok((target, delta)) => Planned::market(self.trader, delta, Origin::Signal { target }),
            // Without a quantity there is nothing to lead to; the row shows the side that was asked for.
            Err(error) => Planned {
                side,
                lots: Err(size_refusal(error)),
                ..Planned::market(self.trader, 0, Origin::Signal { target: position })
            },
        };
        if let Some(limit) = limit {
            plan.kind = limit_kind(limit, plan.side, self.instrument());
        }
        self.planned.push(plan);
    }

    /// Flat, and nothing working but what leads there.
    fn close(&mut self) {
        let position = self.held();
        // What leads to flat already: a signal's order that does, or a person's over the whole position.
        let closes = |origin: Origin, delta: Lots| match origin {
            Origin::Signal { target } => position != 0 && target == 0,
            Origin::Command => position != 0 && delta == -position,
            _ => false,
        };
        let mut closing = false;
        for plan in &mut self.planned[self.first..] {
            if plan.dropped {
                continue;
            }
            let closes = closes(plan.origin, plan.delta());
            closing |= closes;
            // What a person wants in this very step the strategy has not seen, so it stays.
            let unseen = self.author == Author::Strategy && plan.origin == Origin::Command;
            plan.dropped = !closes && !unseen;
        }
        self.writer
            .cancel_where(self.trader, reason::CLOSE, self.out, |order| {
                !closes(order.origin, order.delta())
            });
        // Whatever is working now, and not being taken back, is an order that closes already.
        let row = self.writer.account.row(self.trader);
        closing |= row.working.len() > row.leaving.len();
        let waits = self.author != Author::Strategy && !row.leaving.is_empty();
        if waits && position != 0 && !closing {
            // What is being taken back may be filled still, and counts until the venue has answered.
            self.writer.exit_later(self.trader, self.author);
        } else if !closing && position != 0 {
            let origin = match self.author {
                Author::Strategy => Origin::Signal { target: 0 },
                Author::Person | Author::KillSwitch => Origin::Command,
                Author::Quarantine => Origin::Quarantine,
            };
            self.planned
                .push(Planned::market(self.trader, -position, origin));
        }
    }

    fn order(&mut self, request: OrderRequest) {
        let lots = self.sizing().lots(&SizeSpec::Base(request.quantity));
        let kind = match request.limit {
            None => Ok(OrderKind::Market),
            Some(limit) => limit_kind(limit, request.side, self.instrument()),
        };
        self.planned.push(Planned {
            trader: self.trader,
            client_id: Some(request.client_id),
            side: request.side,
            lots: lots.map_err(|error| size_refusal(Some(error))),
            kind,
            reduce_only: request.reduce_only,
            tif: request.tif,
            origin: match self.author {
                Author::Strategy => Origin::Strategy,
                Author::Person | Author::KillSwitch => Origin::Command,
                Author::Quarantine => Origin::Quarantine,
            },
            tag: request.tag,
            dropped: false,
            turn: Turn::Later,
            said: None,
        });
    }

    fn replace(&mut self, client_id: u64, quantity: Option<Amount>, limit: Option<Amount>) {
        let planned = self.planned[self.first..]
            .iter_mut()
            .rev()
            .find(|plan| plan.client_id == Some(client_id) && !plan.dropped);
        let mut plan = if let Some(old) = planned {
            old.dropped = true;
            Planned {
                trader: old.trader,
                client_id: old.client_id,
                side: old.side,
                lots: old.lots.clone(),
                kind: old.kind.clone(),
                reduce_only: old.reduce_only,
                tif: old.tif,
                origin: old.origin,
                tag: old.tag.clone(),
                dropped: false,
                turn: Turn::Later,
                said: None,
            }
        } else {
            let row = self.writer.account.row(self.trader);
            let mut working = row.working.iter().filter(|o| !row.is_leaving(o.id));
            let Some(old) = working.find(|o| o.client_id == Some(client_id)) else {
                return;
            };
            let (id, plan) = (
                old.id,
                Planned {
                    trader: old.trader,
                    client_id: old.client_id,
                    side: old.side,
                    lots: Ok(old.lots),
                    kind: Ok(old.kind),
                    reduce_only: old.reduce_only,
                    tif: old.tif,
                    origin: old.origin,
                    tag: old.tag.clone(),
                    dropped: false,
                    turn: Turn::Later,
                    said: None,
                },
            );
            let why = (reason::REPLACED, self.throttled());
            let writer = &mut *self.writer;
            if !writer.take_back(self.trader, why, self.out, |o| o.id == id) {
                return;
            }
            plan
        };
        if let Some(quantity) = quantity {
            let lots = self.sizing().lots(&SizeSpec::Base(quantity));
            plan.lots = lots.map_err(|error| size_refusal(Some(error)));
        }
        if let Some(limit) = limit {
            plan.kind = limit_kind(limit, plan.side, self.instrument());
        }
        self.planned.push(plan);
    }

    fn cancel(&mut self, client_id: Option<u64>) {
        let matches = |own: Option<u64>| client_id.is_none() || own == client_id;
        let unseen = self.author == Author::Strategy;
        let row = self.writer.account.row(self.trader);
        let mut ways_out = WaysOut::of(row, self.author);
        for plan in &mut self.planned[self.first..] {
            let lots = plan.lots.as_ref().map_or(Lots::MAX, |&lots| lots);
            let stays = (unseen && plan.origin == Origin::Command)
                || ways_out.keeps(plan.origin, plan.side, lots);
            plan.dropped |= matches(plan.client_id) && !stays;
        }
        let reason = match self.author {
            Author::Strategy => reason::NONE,
            Author::Person | Author::KillSwitch => reason::COMMAND,
            Author::Quarantine => reason::QUARANTINE,
        };
        let why = (reason, self.throttled());
        self.writer.take_back(self.trader, why, self.out, |order| {
            matches(order.client_id) && !ways_out.has(order.id)
        });
    }
}

/// A limit price on the instrument's grid: a number within 4 units in the last place of a multiple is that multiple,
/// else a purchase rounds down and a sale up.
pub(super) fn limit_kind(
    limit: Amount,
    side: Side,
    instrument: &Instrument,
) -> Result<OrderKind, Refused> {
    let value = match limit {
        Amount::NotFinite => return Err(size_refusal(Some(SizeError::NotFinite))),
        Amount::TooLarge { negative: true } => {
            return Err(size_refusal(Some(SizeError::NotPositive)));
        }
        Amount::TooLarge { negative: false } => {
            return Err(size_refusal(Some(SizeError::Overflow)));
        }
        Amount::Exact(value) if value <= Decimal::ZERO => {
            return Err(size_refusal(Some(SizeError::NotPositive)));
        }
        Amount::Exact(value) => value,
    };
    let units = on_grid(value, side, instrument)
        .filter(|&units| units.checked_mul(2).is_some())
        .ok_or_else(|| size_refusal(Some(SizeError::Overflow)))?;
    if units <= 0 {
        return Err(size_refusal(Some(SizeError::NotPositive)));
    }
    Ok(OrderKind::Limit(units))
}

fn on_grid(value: Decimal, side: Side, instrument: &Instrument) -> Option<Units> {
    let scale = i32::from(instrument.scale);
    let factor = pow10(scale.unsigned_abs())?;
    let tick = i128::from(instrument.tick);
    let below = if scale >= 0 {
        ratio_floor(&[value.mantissa(), factor], &[pow10(value.scale())?, tick])
    } else {
        ratio_floor(&[value.mantissa()], &[pow10(value.scale())?, tick, factor])
    }?;
    let below = i64::try_from(below.checked_mul(tick)?).ok()?;
    let above = below.checked_add(instrument.tick)?;
    let wanted = value.to_f64()?;
    let near = |units: Units| {
        units.checked_mul(2).is_some_and(|half| {
            instrument
                .price_f64(half)
                .to_bits()
                .abs_diff(wanted.to_bits())
                <= 4
        })
    };
    Some(match side {
        _ if near(below) => below,
        _ if near(above) => above,
        Side::Buy => below,
        Side::Sell => above,
    })
}
