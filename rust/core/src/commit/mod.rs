//! The commit path: the one writer. What evaluations asked for becomes orders, in a fixed order: cancels first, then
//! orders that only reduce exposure, then the others; within each by trader, then by sequence.

mod again;
mod at_once;
mod curve;
mod digest;
mod exits;
mod gate;
mod memory;
mod plain;
mod plan;
mod reconciled;
mod records;
mod settle;
mod ways_out;

use std::sync::Arc;

use parking_lot::Mutex;
use plan::{Planned, Turn};
use serde::{Deserialize, Serialize};

pub use again::{Again, AgainOrder, next_where};
pub use memory::{Growth, Recorded, Told, WriterMemory};
pub use plain::Plain;
pub use reconciled::Halts;
pub use records::{
    Counted, Curve, Difference, FillRecord, QuarantineRecord, Records, RiskChange, VenueBooks,
};

use crate::domain::{HalfUnits, Money, Nanos};
use crate::error::Error;
use crate::order::{Order, OrderId, OrderStatus, Reason};
use crate::portfolio::{Portfolio, Worths, order_view};
use crate::risk::{Approved, Note, RiskGate, RiskSpec, Tape};
use crate::signal::{Intent, SizeSpec};
use crate::strategy::{Hook, Hooks, StrategyFault};

/// What becomes of the position of a trader that errs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is kept, marked and reported.
    Keep,
    /// It is closed at the market.
    Close,
}

/// What the writer knows of a trader.
#[derive(Clone, Debug)]
pub struct TraderInfo {
    /// Its market.
    pub market: u32,
    /// The size of a signal that names none.
    pub size: Option<SizeSpec>,
    /// The hooks its strategy wants.
    pub hooks: Hooks,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// The trader's strategy.
    Strategy,
    /// A person, by a command.
    Person,
    /// The engine, which closes the position of a quarantined trader.
    Quarantine,
    /// The kill switch, which takes back all but a person's way out.
    KillSwitch,
}

/// What one trader asked for in a step.
#[derive(Debug)]
pub struct Act {
    /// Whose it is.
    pub trader: u32,
    /// Who asked.
    pub author: Author,
    /// In the order in which it was asked.
    pub intents: Vec<Intent>,
    /// Why the trader is to be quarantined; then nothing it asked for counts.
    pub failure: Option<StrategyFault>,
}

/// What the writer wants of the order engine.
#[derive(Debug)]
pub enum Command {
    /// Send an order.
    Submit(Approved<Order>),
    /// Take an order back.
    Cancel {
        /// Where it is.
        market: u32,
        /// Which.
        order: OrderId,
    },
}

/// The one writer of a run.
pub struct Writer {
    /// The shared account.
    pub account: Portfolio,
    /// What happened, row by row.
    pub records: Records,
    /// What strategies are to be told, in the order in which it happened.
    pub told: Vec<(u32, Hook)>,
    /// Whether a cancellation counts only when the venue has confirmed it: until then the order works, and a fill that
    /// was on its way is a fill. False where the venue answers at once.
    pub confirm_cancels: bool,
    /// Whether the kill switch is set: nothing leaves but what a person sends to make a position smaller.
    pub killed: bool,
    /// Whether what the engine believes agrees with what the venue says: until then nothing leaves but cancellations.
    pub reconciled: bool,
    /// Traders whose positions are closed as soon as the venue has answered what was taken back for it, and who wants that.
    exits: Vec<(u32, Author)>,
    /// Markets that are halted while the run goes on: nothing leaves for them but what gets out of a position.
    pub halts: Halts,
    /// What is to be decided again in this step, for traders that are not believed any more.
    pub again: Again,
    /// Where changes of the account are noted for who follows it from elsewhere.
    pub tape: Option<Arc<Mutex<Tape>>>,
    gate: RiskGate,
    traders: Vec<TraderInfo>,
    on_error: OnError,
    /// The orders of the step that is being committed; empty between two, and kept for its room.
    planned: Vec<Planned>,
    /// Which of the plain orders only reduce; kept for its room.
    reducing: Vec<bool>,
    /// Orders of this step that are to be filled at once; kept for its room.
    going: Vec<at_once::Going>,
}

impl Writer {
    /// A writer over an account.
    #[must_use]
    pub fn new(
        account: Portfolio,
        gate: RiskGate,
        traders: Vec<TraderInfo>,
        on_error: OnError,
    ) -> Self {
        Self {
            account,
            records: Records::default(),
            told: Vec::new(),
            confirm_cancels: false,
            killed: false,
            reconciled: true,
            exits: Vec::new(),
            halts: Halts::new(),
            again: Again::default(),
            tape: None,
            gate,
            traders,
            on_error,
            planned: Vec::new(),
            reducing: Vec::new(),
            going: Vec::new(),
        }
    }

    /// Commits a step: `acts` come by trader, and are used up. What is to be sent is added to `out`, in order.
    pub fn commit(&mut self, now: Nanos, acts: &mut Vec<Act>, out: &mut Vec<Command>) {
        let curve = &self.records.curve;
        self.gate.begin(&curve.ts, &curve.equity, &self.account);
        let mut planned = std::mem::take(&mut self.planned);
        for act in acts.drain(..) {
            self.cancel_again(act.trader, out);
            self.plan(now, act, &mut planned, out);
        }
        self.cancel_again(u32::MAX, out);
        // Whether an order only reduces is judged before the first is sent; one that was taken back has no turn.
        for plan in &mut planned {
            plan.turn = if plan.dropped {
                Turn::Never
            } else if self.only_reduces(plan) {
                Turn::First
            } else {
                Turn::Later
            };
        }
        for turn in [Turn::First, Turn::Later] {
            for plan in planned.iter_mut().filter(|plan| plan.turn == turn) {
                self.send_again(now, out);
                self.send(now, plan, out);
            }
        }
        self.send_again(now, out);
        planned.clear();
        self.planned = planned;
    }

    /// The market of a trader.
    #[must_use]
    pub fn market_of(&self, trader: u32) -> u32 {
        self.traders[trader as usize].market
    }

    /// The size of a trader's signals that name none.
    #[must_use]
    pub fn size_of(&self, trader: u32) -> Option<SizeSpec> {
        self.traders[trader as usize].size
    }

    /// Sets old rows aside in a folder, where they are many.
    ///
    /// # Errors
    /// What the disk says; then they stay in memory.
    #[inline]
    pub fn set_rows_aside(&mut self, folder: &std::path::Path) -> std::io::Result<()> {
        self.records.set_aside(folder)?;
        self.account.set_trades_aside(folder)
    }

    /// Whether all rows that were set aside could be read so far.
    #[must_use]
    #[inline]
    pub fn is_whole(&self) -> bool {
        self.records.is_whole() && self.account.trades().is_whole()
    }

    /// Adds the equity at this step's snapshot to the curve.
    #[inline]
    pub fn snapshot(&mut self, now: Nanos) {
        self.records.curve.push(now, self.account.view().equity);
        self.write_down(Note::Step { ts: now });
    }

    /// Whether orders leave at all, if the gate lets them.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.reconciled && !self.killed && self.halts.is_empty() && self.again.is_empty()
    }

    /// Makes as many of the next steps as it can, in which nothing happens but that carried positions are worth this:
    /// each gets its row of the curve. It ends before one at which the account must be liquidated.
    pub fn quiet_steps(&mut self, worths: Worths<'_>) -> usize {
        let made = self.calm_steps(worths);
        self.write_steps(worths.first(made));
        made
    }

    /// How many of the next steps there are, in which nothing happens but that carried positions are worth this, before one
    /// at which the account must be liquidated.
    pub fn calm_steps(&mut self, worths: Worths<'_>) -> usize {
        let (account, margin) = (&mut self.account, self.gate.margin);
        let fall = if account.is_spot() {
            None
        } else {
            margin.first_to_look_at(account, worths).and_then(|first| {
                (first..worths.len()).find(|&step| {
                    account.set_carried(worths.at(step));
                    margin.must_liquidate(account)
                })
            })
        };
        fall.unwrap_or(worths.len())
    }

    /// Writes the equity of such steps into the curve.
    pub fn write_steps(&mut self, worths: Worths<'_>) {
        let curve = &mut self.records.curve;
        self.account.equities(worths, curve.equity.here());
        if let Some(last) = worths.len().checked_sub(1) {
            self.account.set_carried(worths.at(last));
        }
    }

    /// Whether every event of every market has to be shown.
    #[must_use]
    #[inline]
    pub fn watches_data(&self) -> bool {
        self.tape.is_some() || self.gate.watches_data()
    }

    /// Takes in an event of a market, where all have to be shown.
    pub fn see(&mut self, market: u32, ts: Nanos, mark: HalfUnits, ask: Option<HalfUnits>) {
        self.account.mark(market, mark, ask);
        self.gate.see(market, ts, ask, &self.account);
        self.write_down(Note::Seen {
            market,
            ts,
            mark,
            ask,
        });
    }

    /// Whether all orders are taken back when the connection to the venue is lost.
    #[must_use]
    pub fn cancel_on_disconnect(&self) -> bool {
        self.gate.cancel_on_disconnect()
    }

    /// Lets the gate seal what it approves, because it passes through channels on its way to a venue.
    pub fn seal_orders(&mut self) {
        self.gate.seals = true;
    }

    /// Puts other limits in force from now on, and records who did so.
    ///
    /// # Errors
    /// When they name what there is not; then the old ones stay.
    pub fn set_limits(&mut self, spec: Option<&RiskSpec>, change: RiskChange) -> Result<(), Error> {
        self.gate.set_limits(spec, &self.account)?;
        self.records.risk_changes.push(change);
        self.tell_anew();
        Ok(())
    }

    /// What changed was not written down piece by piece: who follows the account is told how all stands.
    pub fn tell_anew(&self) {
        if let Some(tape) = &self.tape {
            tape.lock().spoil();
        }
    }

    /// Account and gate, as they stand before a commit.
    pub fn standing(&mut self) -> (&Portfolio, &RiskGate) {
        let curve = &self.records.curve;
        self.gate.begin(&curve.ts, &curve.equity, &self.account);
        (&self.account, &self.gate)
    }

    /// Notes a change for who follows the account from elsewhere.
    #[inline]
    fn write_down(&self, note: Note) {
        if let Some(tape) = &self.tape {
            tape.lock().add(note);
        }
    }

    /// Lets a trader go on that the gate stopped, and records who did so. Whether it was stopped.
    pub fn enable(&mut self, trader: u32, change: RiskChange) -> bool {
        let stopped = self.gate.enable(trader);
        self.write_down(Note::Enabled { trader });
        if stopped {
            self.records.risk_changes.push(change);
        }
        stopped
    }

    fn wants(&self, trader: u32, hooks: Hooks) -> bool {
        self.traders[trader as usize].hooks.has(hooks)
    }

    fn tell_order(&mut self, order: &Order, status: OrderStatus, reason: Reason) {
        if self.wants(order.trader, Hooks::ORDER) {
            let instrument = &self.account.market(order.market).instrument;
            let view = order_view(order, instrument, status.name(), reason);
            self.told.push((order.trader, Hook::Order(view)));
        }
    }

    /// Ends a working order without a fill.
    fn end_order(&mut self, trader: u32, id: OrderId, status: OrderStatus, reason: Reason) {
        if let Some(order) = self.account.close(trader, id) {
            self.write_down(Note::Ended { trader, order: id });
            self.gate.closed(&order, &self.account);
            let reason = self.records.end(id, status, reason);
            self.tell_order(&order, status, reason);
        }
    }

    /// Cancels working orders of a trader that `which` picks.
    fn cancel_where(
        &mut self,
        trader: u32,
        reason: Reason,
        out: &mut Vec<Command>,
        which: impl Fn(&Order) -> bool,
    ) {
        self.take_back(trader, (reason, None), out, which);
    }

    /// The same where the time says that cancellations may come too fast: one that does is refused, and its order goes on
    /// working. Whether all that were picked are taken back.
    fn take_back(
        &mut self,
        trader: u32,
        (reason, throttled): (Reason, Option<Nanos>),
        out: &mut Vec<Command>,
        which: impl Fn(&Order) -> bool,
    ) -> bool {
        let row = self.account.row(trader);
        let ids: Vec<(u32, OrderId)> = row
            .working
            .iter()
            .filter(|order| which(order) && !row.is_leaving(order.id))
            .map(|order| (order.market, order.id))
            .collect();
        let mut all = true;
        for (market, order) in ids {
            if !self.may_take_back(trader, order, throttled) {
                all = false;
                continue;
            }
            if self.confirm_cancels {
                self.account.leave(trader, order, reason);
                self.write_down(Note::Leaving { trader, order });
            } else {
                self.end_order(trader, order, OrderStatus::Cancelled, reason);
            }
            out.push(Command::Cancel { market, order });
        }
        all
    }

    fn may_take_back(&mut self, trader: u32, id: OrderId, throttled: Option<Nanos>) -> bool {
        let Some(now) = throttled else { return true };
        let working = &self.account.row(trader).working;
        let Some(order) = working.iter().find(|order| order.id == id) else {
            return true;
        };
        match self.gate.cancel(order, now) {
            Ok(()) => true,
            Err(refused) => {
                let order = order.clone();
                self.note_refusal(now, &order, refused);
                false
            }
        }
    }

    /// Cash, positions and reservations for who checks that nothing was made or lost.
    #[must_use]
    pub fn cash(&self) -> Money {
        self.account.cash()
    }
}
