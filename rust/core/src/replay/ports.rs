//! What a step needs, by direct calls: rows from the columns, evaluations inline or on the pool, the venue at once.

use crate::commit::{Act, Command, Plain, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::market::EventKind;
use crate::portfolio::Portfolio;
use crate::step::{Flow, Loaded, Next, Ports, Quiet};
use crate::strategy::{Hook, Lane, Stop, StrategyFault};
use crate::trader::TraderState;
use crate::venue::Execution;

use super::Direct;
use super::direct::share;
use super::evaluate::{Present, take_in, view};
use super::pool::StepWork;

impl Ports for Direct<'_> {
    /// Of rows, of a boundary somebody waits for, or of an open or an arrival.
    #[inline]
    fn next(&mut self, mark: Option<Nanos>) -> Next {
        if self.interrupted {
            return Next::Interrupted;
        }
        // What would happen after the last row never happens: such orders expire.
        if let Some(begun) = &self.begun {
            return Next::Time(begun.now);
        }
        let wake = self.venue.next_wake().filter(|&ts| Some(ts) <= self.last);
        let rows = self.timeline.time();
        if let (Some(now), None, None) = (rows, mark, wake) {
            return Next::Time(now);
        }
        let earliest = [rows, mark, wake].into_iter().flatten().min();
        earliest.map_or(Next::End, Next::Time)
    }

    #[inline]
    fn has_events(&self, now: Nanos) -> bool {
        self.begun.is_some() || self.timeline.time() == Some(now)
    }

    fn load(&mut self, _now: Nanos) -> Loaded {
        if let Some(begun) = self.begun.take() {
            return begun.loaded;
        }
        self.has_rows = true;
        let venue = &self.venue;
        let waits = |market| venue.has_orders(market);
        let (events, warm_up) = self.timeline.load(&self.cast, waits, &mut self.rows);
        Loaded { events, warm_up }
    }

    fn unload(&mut self) {
        self.rows.clear();
        self.has_rows = false;
    }

    #[inline]
    fn marks(&mut self, account: &mut Portfolio) {
        if self.cast.all_lazy {
            if !self.rows.is_empty() {
                account.mark_moved(|market| self.newest_price(market));
            }
            return;
        }
        for row in &self.rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            if self.cast.lazy[market] && account.is_unmoved(market as u32) {
                continue;
            }
            if let Some(series) = self.cast.series(market, kind) {
                let (event, scale) = (series.event(row.row as usize), self.cast.scales[market]);
                account.mark(market as u32, event.mark(scale), event.ask(scale));
            }
        }
    }

    /// Rows of one step happened at its time. Where the gate watches, every market is looked at.
    fn sights(
        &mut self,
        now: Nanos,
        mut visit: impl FnMut(u32, Nanos, HalfUnits, Option<HalfUnits>),
    ) {
        for row in &self.rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            if let Some(series) = self.cast.series(market, kind) {
                let (event, scale) = (series.event(row.row as usize), self.cast.scales[market]);
                visit(market as u32, now, event.mark(scale), event.ask(scale));
            }
        }
    }

    #[inline]
    fn value(&mut self, account: &mut Portfolio) {
        let Some(step) = self.timeline.present() else {
            return;
        };
        let steps = self.timeline.steps();
        // Where traders go event by event nobody knows in which step the next position changes.
        let changes = if self.timeline.attends_none() {
            step + 1
        } else {
            usize::MAX
        };
        let step = (step, changes);
        self.valuation
            .value(step, steps, &self.cast, account, &mut self.eager);
        for market in std::mem::take(&mut self.eager) {
            self.refresh(account, market);
            self.timeline.attend(market);
        }
    }

    fn refresh_all(&mut self, account: &mut Portfolio) {
        for market in 0..u32::try_from(self.cast.markets.len()).unwrap_or(u32::MAX) {
            self.refresh(account, market);
        }
    }

    fn quiet(&mut self, writer: &mut Writer, mark: Option<Nanos>, unkept: bool) -> Quiet {
        let (first, steps) = (self.timeline.walked(), self.timeline.steps());
        if !self.is_quiet() || first == steps.len() {
            return Quiet::default();
        }
        let before = mark.map_or(steps.len(), |mark| steps.first_at(mark));
        if self.timeline.attends_none() {
            let fills = unkept && writer.is_open() && writer.settles_at_once();
            return self.stride(writer, before, fills);
        }
        let light = self.light && self.evaluator.keeps_light_steps();
        if light && !self.ahead.calendar.has(first) {
            return self.light_steps(writer, before);
        }
        Quiet::default()
    }

    fn meet(&mut self, now: Nanos, arrivals: bool, out: &mut Vec<Execution>) {
        if self.venue.waits() {
            for row in &self.rows {
                let market = row.entry.market();
                if !self.venue.has_orders(market as u32) {
                    continue;
                }
                if let Some(series) = self.cast.series(market, row.entry.kind()) {
                    let event = series.event(row.row as usize);
                    self.venue.on_event(market as u32, &event, now, out);
                }
            }
        }
        if arrivals {
            self.venue.on_arrivals(now, out);
        }
        self.note_changes(out);
    }

    fn failed_setups(&mut self, acts: &mut Vec<Act>) {
        let traders = &mut self.cast.traders;
        let failed: Vec<u32> = self
            .acting
            .extract_if(.., |index| {
                traders[*index as usize].get_mut().failure.is_some()
            })
            .collect();
        acts.extend(failed.into_iter().map(|trader| self.act_of(trader)));
    }

    fn warm_up(&mut self, now: Nanos, writer: &Writer) {
        self.send_away(writer, now);
        for &row in &self.rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            let Some(series) = self.cast.series(market, kind) else {
                continue;
            };
            for seat in self.cast.slots.of(market) {
                let view = view(&self.cast, writer, seat.trader, now);
                let slot = &mut self.cast.traders[seat.trader as usize].lock();
                take_in(slot, series, row, &view);
            }
        }
    }

    fn evaluate(&mut self, now: Nanos, writer: &mut Writer, acts: &mut Vec<Act>) -> Flow {
        for at in 0..self.due.len() {
            let market = self.cast.market_of[self.due[at] as usize];
            self.refresh(&mut writer.account, market);
        }
        self.called.clear();
        self.ahead.plain.clear();
        if std::mem::take(&mut self.evaluated) {
            if self.was_interrupted() {
                return Flow::Interrupted;
            }
            self.collect(writer, acts);
            return Flow::Go;
        }
        let step = self.timeline.present().unwrap_or(0);
        if self.has_rows && self.ahead.calendar.has(step) {
            self.ahead.calendar.take(step, &mut self.called);
            self.take_foreseen();
        }
        let here = !self.rows.is_empty() || !self.called.is_empty() || !self.due.is_empty();
        let away = self.away.is_due();
        if !here && !away {
            if !self.acting.is_empty() || !self.ahead.plain.is_empty() {
                self.collect(writer, acts);
            }
            return Flow::Go;
        }
        self.fetch_called(writer);
        self.send_away(writer, now);
        let mut interrupted = self.evaluator.evaluate(
            &mut self.cast,
            writer,
            StepWork {
                present: Present {
                    steps: self.timeline.steps(),
                    venue: &self.venue,
                    step,
                    now,
                },
                rows: &self.rows,
                called: &self.called,
                due: &mut self.due,
                acting: &mut self.acting,
                ahead: &mut self.ahead,
            },
            self.host,
        );
        let (walked, all) = (self.timeline.walked(), self.timeline.steps().len());
        let (traders, acting) = (&mut self.cast.traders, &mut self.acting);
        let done = || share(walked, all);
        interrupted |= self.away.collect(self.host, done, |answer| {
            let slot = traders[answer.trader as usize].get_mut();
            slot.orders.intents = answer.intents;
            slot.failure = answer.failure;
            acting.push(answer.trader);
        });
        if interrupted {
            return Flow::Interrupted;
        }
        self.lend(writer);
        self.collect(writer, acts);
        Flow::Go
    }

    fn plain(&self) -> &[Plain] {
        &self.ahead.plain
    }

    fn commit_at_once(&mut self, now: Nanos, writer: &mut Writer) -> bool {
        let plain = &self.ahead.plain;
        let known = plain.iter().all(|plain| plain.fill.0 == now);
        if !known || self.venue.waits() || !writer.settles_at_once() {
            return false;
        }
        self.settle_plain(now, writer);
        true
    }

    fn send(&mut self, commands: &mut Vec<Command>) {
        for command in commands.drain(..) {
            match command {
                Command::Submit(approved) => {
                    let order = approved.into_inner();
                    let fill = self.next_fill(&order);
                    // What fills at this very time is over when the step is.
                    if self.venue.submit(&order, fill) {
                        self.timeline.attend_orders(order.market);
                    }
                    self.valuation.touch(order.market);
                }
                Command::Cancel { market, order } => {
                    self.venue.cancel(market, order);
                    self.valuation.touch(market);
                }
            }
        }
    }

    fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        self.venue.immediate(now, out);
        self.note_changes(out);
    }

    fn opens(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        if self.venue.next_wake().is_none_or(|ts| ts > now) {
            return;
        }
        let (cast, timeline) = (&self.cast, &self.timeline);
        let open_price = |market: u32, ts: Nanos| {
            let market = market as usize;
            cast.markets[market].open_at(ts, timeline.position(market, EventKind::Candle))
        };
        self.venue.on_opens(now, open_price, out);
        self.note_changes(out);
    }

    fn tell(&mut self, trader: u32, hook: Hook) {
        if self.away.tells(trader, &hook) {
            return;
        }
        let slot = self.cast.traders[trader as usize].get_mut();
        slot.tell(hook);
        if !slot.due.is_empty() && self.due.last() != Some(&trader) {
            self.due.push(trader);
        }
    }

    fn liquidated(&mut self, writer: &Writer) {
        for market in 0..u32::try_from(self.cast.markets.len()).unwrap_or(u32::MAX) {
            self.valuation.touch(market);
        }
        // The rows of this step are still to be evaluated; a step without rows comes after those of the one before.
        let next = self.timeline.walked();
        let pending = next - usize::from(self.has_rows);
        let lent = self.fetch_all();
        let steps = self.timeline.steps();
        self.ahead
            .roll_back(&mut self.cast, &self.venue, writer, steps, pending, &lent);
    }

    fn settled(&mut self, writer: &Writer) {
        if !self.unsure.is_empty() {
            self.check(writer);
        }
    }

    fn any_left(&self) -> bool {
        self.active > 0
    }

    fn close(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)> {
        self.end_loans();
        let mut faults = self.away.close(writer, now, self.host);
        for trader in 0..u32::try_from(self.cast.traders.len()).unwrap_or(u32::MAX) {
            let index = trader as usize;
            if self.cast.ahead[index] {
                self.warm_up_to_the_end(index);
            }
            let view = view(&self.cast, writer, trader, now);
            let slot = self.cast.traders[index].get_mut();
            if slot.state == TraderState::Quarantined || slot.lane() == Lane::Process {
                continue;
            }
            slot.run_last_hooks(&view);
            slot.orders.intents.clear();
            if let Some(Stop::Fault(fault)) = slot.failure.take() {
                slot.state = TraderState::Quarantined;
                faults.push((trader, fault));
            }
        }
        faults.sort_by_key(|(trader, _)| *trader);
        faults
    }

    fn progress(&self) -> (f64, Option<usize>) {
        let (walked, all) = (self.timeline.walked(), self.timeline.steps().len());
        (share(walked, all), Some(all))
    }

    fn expires(&self) -> bool {
        true
    }
}
