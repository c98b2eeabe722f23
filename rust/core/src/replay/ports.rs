//! What a step needs, by direct calls: rows from the columns, evaluations inline or on the pool, the venue at once.

use crate::commit::{Act, Author, Command, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::market::EventKind;
use crate::step::{Flow, Loaded, Next, Ports};
use crate::strategy::{Hook, Lane, Stop, StrategyFault};
use crate::trader::TraderState;
use crate::venue::Execution;

use super::Direct;
use super::evaluate::{evaluate_one, view};
use super::pool::StepWork;

impl Ports for Direct<'_> {
    /// Of rows, of a boundary somebody waits for, or of an open or an arrival.
    fn next(&mut self, mark: Option<Nanos>) -> Next {
        // What would happen after the last row never happens: such orders expire.
        let wake = self.venue.next_wake().filter(|&ts| Some(ts) <= self.last);
        let rows = self.feed.time();
        if let (Some(now), None, None) = (rows, mark, wake) {
            return Next::Time(now);
        }
        let earliest = [rows, mark, wake].into_iter().flatten().min();
        earliest.map_or(Next::End, Next::Time)
    }

    #[inline]
    fn has_events(&self, now: Nanos) -> bool {
        self.feed.time() == Some(now)
    }

    fn load(&mut self, _now: Nanos) -> Loaded {
        let markets = &self.cast.markets;
        let warm_up = self.feed.load(|market| markets[market], &mut self.rows);
        Loaded {
            events: self.rows.len() as u64,
            warm_up,
        }
    }

    fn unload(&mut self) {
        self.rows.clear();
    }

    #[inline]
    fn marks(&mut self, mut visit: impl FnMut(u32, HalfUnits, Option<HalfUnits>)) {
        for row in &self.rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            if kind == EventKind::Candle {
                let mark = self.marks.at(&self.cast, market, row.row);
                visit(market as u32, mark, None);
            } else if let Some(series) = self.cast.series(market, kind) {
                let (event, scale) = (series.event(row.row as usize), self.cast.scales[market]);
                visit(market as u32, event.mark(scale), event.ask(scale));
            }
        }
    }

    fn meet(&mut self, now: Nanos, arrivals: bool, out: &mut Vec<Execution>) {
        if self.venue.listens() {
            for row in &self.rows {
                let market = row.entry.market();
                if let Some(series) = self.cast.series(market, row.entry.kind()) {
                    let event = series.event(row.row as usize);
                    self.venue.on_event(market as u32, &event, now, out);
                }
            }
        }
        if arrivals {
            self.venue.on_arrivals(now, out);
        }
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
        for index in 0..self.rows.len() {
            let row = self.rows[index];
            let market = row.entry.market();
            for slot in 0..self.cast.slots.of(market).len() {
                let trader = self.cast.slots.of(market)[slot];
                evaluate_one(&mut self.cast, &mut self.ahead, writer, trader, row, now);
            }
        }
    }

    fn evaluate(&mut self, now: Nanos, writer: &mut Writer, acts: &mut Vec<Act>) -> Flow {
        self.send_away(writer, now);
        let mut interrupted = self.evaluator.evaluate(
            &mut self.cast,
            writer,
            StepWork {
                now,
                rows: &self.rows,
                due: &mut self.due,
                acting: &mut self.acting,
                ahead: &mut self.ahead,
            },
            self.host,
        );
        let done = self.progress().0;
        let (traders, acting) = (&mut self.cast.traders, &mut self.acting);
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
                    let hint = self.feed.candle(market);
                    let open = self.cast.markets[market].next_open(order.decided, hint, self.end);
                    self.venue.submit(&order, open);
                }
                Command::Cancel { market, order } => {
                    self.venue.cancel(market, order);
                }
            }
        }
    }

    fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        self.venue.immediate(now, out);
    }

    fn opens(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        if self.venue.next_wake().is_none_or(|ts| ts > now) {
            return;
        }
        let (cast, feed) = (&self.cast, &self.feed);
        let open_price = |market: u32, ts: Nanos| {
            let market = market as usize;
            cast.markets[market].open_at(ts, feed.candle(market))
        };
        self.venue.on_opens(now, open_price, out);
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
        self.ahead
            .roll_back(&mut self.cast, writer, &self.feed, &self.rows);
    }

    fn any_left(&self) -> bool {
        self.active > 0
    }

    fn close(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)> {
        let mut faults = self.away.close(writer, now, self.host);
        for trader in 0..u32::try_from(self.cast.traders.len()).unwrap_or(u32::MAX) {
            let view = view(&self.cast, writer, trader, now);
            let slot = self.cast.traders[trader as usize].get_mut();
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
        let (walked, all) = (self.feed.walked(), self.feed.len());
        (share(walked, all), Some(all))
    }

    fn expires(&self) -> bool {
        true
    }
}

impl Direct<'_> {
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
            let hint = self.feed.candle(market as usize);
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
    fn collect(&mut self, writer: &Writer, acts: &mut Vec<Act>) {
        if self.acting.is_empty() {
            return;
        }
        self.acting.sort_unstable();
        self.acting.dedup();
        self.touch_acting(writer);
        acts.reserve(self.acting.len());
        for at in 0..self.acting.len() {
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
