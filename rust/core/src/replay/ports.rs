//! What a step needs, by direct calls: rows from the columns, evaluations inline or on the pool, the venue at once.

use crate::commit::{Act, Author, Command, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::market::EventKind;
use crate::portfolio::Portfolio;
use crate::step::{Flow, Loaded, Next, Ports, Quiet};
use crate::strategy::{Hook, Lane, Stop, StrategyFault};
use crate::trader::TraderState;
use crate::venue::Execution;

use super::Direct;
use super::evaluate::{Present, take_in, view, warm_up};
use super::pool::StepWork;

impl Ports for Direct<'_> {
    /// Of rows, of a boundary somebody waits for, or of an open or an arrival.
    #[inline]
    fn next(&mut self, mark: Option<Nanos>) -> Next {
        // What would happen after the last row never happens: such orders expire.
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
        self.timeline.time() == Some(now)
    }

    fn load(&mut self, _now: Nanos) -> Loaded {
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
    fn marks(&mut self, mut visit: impl FnMut(u32, HalfUnits, Option<HalfUnits>)) {
        for row in &self.rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            if let Some(series) = self.cast.series(market, kind) {
                let (event, scale) = (series.event(row.row as usize), self.cast.scales[market]);
                visit(market as u32, event.mark(scale), event.ask(scale));
            }
        }
    }

    /// Rows of one step happened at its time. Where the gate watches, every market is looked at.
    fn sights(
        &mut self,
        now: Nanos,
        mut visit: impl FnMut(u32, Nanos, HalfUnits, Option<HalfUnits>),
    ) {
        self.marks(|market, mark, ask| visit(market, now, mark, ask));
    }

    #[inline]
    fn value(&mut self, account: &mut Portfolio) {
        let Some(step) = self.timeline.present() else {
            return;
        };
        let steps = self.timeline.steps();
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

    fn quiet(&mut self, writer: &mut Writer, mark: Option<Nanos>) -> Quiet {
        let first = self.timeline.walked();
        let none = Quiet::default();
        if !self.is_quiet() || self.ahead.calendar.has_or_ends(first) {
            return none;
        }
        let Some(until) = self.valuation.valued_until(first) else {
            return none;
        };
        let steps = self.timeline.steps();
        let until = until.min(steps.len());
        let quiet = |step: usize| {
            !self.ahead.calendar.has_or_ends(step)
                && mark.is_none_or(|mark| steps.time(step) < Some(mark))
        };
        let until = (first..until).find(|&step| !quiet(step)).unwrap_or(until);
        let mut step = first;
        for &carried in self.valuation.between(first, until) {
            writer.account.set_carried(carried);
            if writer.must_liquidate() {
                break;
            }
            writer.records.curve.equity.push(writer.account.equity());
            step += 1;
        }
        let times = self.timeline.steps().times_between(first, step);
        writer.records.curve.ts.extend_from_slice(times);
        let last = times.last().copied();
        Quiet {
            steps: (step - first) as u64,
            events: self.timeline.skip_to(step),
            last,
        }
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
            for &trader in self.cast.slots.of(market) {
                let view = view(&self.cast, writer, trader, now);
                let slot = &mut self.cast.traders[trader as usize].lock();
                take_in(slot, (series, self.cast.scales[market]), row, &view);
            }
        }
    }

    fn evaluate(&mut self, now: Nanos, writer: &mut Writer, acts: &mut Vec<Act>) -> Flow {
        for at in 0..self.due.len() {
            let market = self.cast.market_of[self.due[at] as usize];
            self.refresh(&mut writer.account, market);
        }
        self.called.clear();
        let step = self.timeline.present().unwrap_or(0);
        if self.has_rows && self.ahead.calendar.has(step) {
            self.ahead.calendar.take(step, &mut self.called);
        }
        let here = !self.rows.is_empty() || !self.called.is_empty() || !self.due.is_empty();
        if !here && self.acting.is_empty() && !self.away.is_due() {
            return Flow::Go;
        }
        self.send_away(writer, now);
        let mut interrupted = self.evaluator.evaluate(
            &mut self.cast,
            writer,
            StepWork {
                present: Present {
                    steps: self.timeline.steps(),
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
        self.collect(writer, acts);
        Flow::Go
    }

    fn send(&mut self, commands: &mut Vec<Command>) {
        for command in commands.drain(..) {
            match command {
                Command::Submit(approved) => {
                    let order = approved.into_inner();
                    let market = order.market as usize;
                    self.remind_venue(order.market);
                    let open = self.venue.waits_for_open(&order).then(|| {
                        let hint = self.timeline.position(market, EventKind::Candle);
                        self.cast.markets[market].next_open(order.decided, hint, self.end)
                    });
                    let open = open.flatten();
                    self.venue.submit(&order, open);
                    self.timeline.attend_orders(order.market);
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
        let steps = self.timeline.steps();
        self.ahead.roll_back(&mut self.cast, writer, steps, pending);
    }

    fn any_left(&self) -> bool {
        self.active > 0
    }

    fn close(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)> {
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

impl Direct<'_> {
    /// Whether nothing can happen in a step but that prices move and traders that run ahead are due.
    #[inline]
    fn is_quiet(&self) -> bool {
        self.timeline.attends_none()
            && !self.venue.waits()
            && self.due.is_empty()
            && !self.away.is_due()
            && self.acting.is_empty()
    }

    /// Positions changed, or may be valued ahead again since no order works there any more.
    fn note_changes(&mut self, executions: &[Execution]) {
        for execution in executions {
            let market = self.cast.market_of[execution.trader as usize];
            self.valuation.touch(market);
        }
    }

    /// Brings a market's last price up to date. Those of markets that are looked at in each step are.
    #[inline]
    fn refresh(&self, account: &mut Portfolio, market: u32) {
        if self.timeline.attends(market) {
            return;
        }
        let index = market as usize;
        let kind = self.cast.kinds[index][0];
        let rows = self.timeline.position(index, kind);
        if let (Some(row), Some(series)) = (rows.checked_sub(1), self.cast.series(index, kind)) {
            let (event, scale) = (series.event(row), self.cast.scales[index]);
            account.mark(market, event.mark(scale), event.ask(scale));
        }
    }

    /// Shows the venue the newest event of a market at which an order can arrive. Where orders wait it has seen it.
    fn remind_venue(&mut self, market: u32) {
        if !self.venue.remembers() || self.venue.has_orders(market) {
            return;
        }
        let index = market as usize;
        let quotes = self.cast.kinds[index].contains(&EventKind::Quote);
        let kind = if quotes {
            EventKind::Quote
        } else {
            EventKind::Candle
        };
        let rows = self.timeline.position(index, kind);
        if let (Some(row), Some(series)) = (rows.checked_sub(1), self.cast.series(index, kind)) {
            let steps = self.timeline.steps();
            let ts = steps.times()[steps.places(index, kind)[row] as usize];
            self.venue.remember(market, &series.event(row), ts);
        }
    }

    /// A trader whose market had no event after the start has its indicators fed all the same.
    fn warm_up_to_the_end(&mut self, index: usize) {
        let (market, kind) = (self.cast.market_of[index] as usize, self.cast.mains[index]);
        let live = self.timeline.first_live(market, kind);
        let rows = u32::try_from(self.timeline.position(market, kind)).unwrap_or(u32::MAX);
        if let Some(series) = self.cast.series(market, kind) {
            let slot = self.cast.traders[index].get_mut();
            warm_up(slot, series, self.cast.scales[market], live.min(rows));
        }
    }

    /// Sends what this step brings to the traders that are evaluated elsewhere.
    fn send_away(&mut self, writer: &Writer, now: Nanos) {
        let (cast, rows) = (&self.cast, self.rows.iter().copied());
        self.away.send(writer, now, rows, |row| {
            let market = row.entry.market();
            let series = cast.series(market, row.entry.kind())?;
            Some(series.event(row.row as usize).mark(cast.scales[market]))
        });
    }

    /// Reads what the orders of these traders will need in the phases to come, so that with many markets the waits for
    /// memory overlap.
    fn touch_acting(&self, writer: &Writer) {
        if self.acting.len() < 2 {
            return;
        }
        let mut touched = 0;
        for &trader in &self.acting {
            let market = self.cast.market_of[trader as usize];
            let candles = self.cast.markets[market as usize].candles.as_ref();
            let candles = candles.filter(|_| self.venue.fills_at_opens());
            let hint = self.timeline.position(market as usize, EventKind::Candle);
            let opening = candles.and_then(|candles| {
                let ts = candles.open_ts.get(hint)?;
                Some(ts.wrapping_add(candles.open.get(hint)?.to_bits().cast_signed()))
            });
            touched ^= opening.unwrap_or(0)
                ^ writer.account.touch(trader, market)
                ^ self.venue.touch(market);
        }
        std::hint::black_box(touched);
    }

    /// What traders asked for in this step, by trader.
    fn collect(&mut self, writer: &mut Writer, acts: &mut Vec<Act>) {
        if self.acting.is_empty() {
            return;
        }
        self.acting.sort_unstable();
        self.acting.dedup();
        self.touch_acting(writer);
        acts.reserve(self.acting.len());
        for at in 0..self.acting.len() {
            let market = self.cast.market_of[self.acting[at] as usize];
            self.refresh(&mut writer.account, market);
            let act = self.act_of(self.acting[at]);
            acts.push(act);
        }
        self.acting.clear();
    }

    fn act_of(&mut self, index: u32) -> Act {
        let trader = self.cast.traders[index as usize].get_mut();
        let intents = std::mem::take(&mut trader.orders.intents);
        let failure = match trader.failure.take() {
            Some(Stop::Fault(fault)) => Some(fault),
            _ => None,
        };
        if failure.is_some() && trader.state != TraderState::Quarantined {
            trader.state = TraderState::Quarantined;
            trader.due.clear();
            self.active -= 1;
        }
        Act {
            trader: index,
            author: Author::Strategy,
            intents,
            failure,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
fn share(done: usize, all: usize) -> f64 {
    if all == 0 {
        1.0
    } else {
        done as f64 / all as f64
    }
}
