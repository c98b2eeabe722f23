//! Phase 3 through inboxes: deliveries go out, answers come in, until all are there or the step's time is over.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::dispatch::Put;
use crate::domain::Nanos;
use crate::limits::{POLL_INTERVAL, SETTLE_LIMIT, WOKEN_TOGETHER};
use crate::strategy::{Hooks, StrategyFault};
use crate::trader::TraderState;

use super::coordinator::Coordinator;
use super::event::{Delivery, FeedEvent, Notice};

impl Coordinator<'_> {
    /// Sends each trader its events, and wakes those for whom only notices wait. `false` when the user ended the run
    /// meanwhile.
    pub(super) fn dispatch(&mut self, now: Nanos, writer: &Writer, collect: bool) -> bool {
        let events = std::sync::Arc::clone(&self.events);
        let markets = &self.stage.markets;
        let rows = events.iter().filter_map(|event| match event {
            FeedEvent::Row(row) => Some(*row),
            FeedEvent::Value { .. } => None,
        });
        self.away.send(writer, now, rows, |row| {
            let event = FeedEvent::Row(row);
            let (market, seen) = markets.view(&event)?;
            Some(seen.mark(markets.scales[market as usize]))
        });
        for event in events.iter() {
            let Some((market, kind)) = self
                .stage
                .markets
                .view(event)
                .map(|(market, seen)| (market, seen.kind()))
            else {
                continue;
            };
            let delivery = self.delivery(now, writer, market, Some(*event), collect);
            for slot in 0..self.handle.on(market).len() {
                let trader = self.handle.on(market)[slot];
                if self.crew.listens(trader, kind)
                    && !self.away.has(trader)
                    && !self.deliver(trader, delivery, writer)
                {
                    return false;
                }
            }
        }
        if !collect {
            self.attend();
            return true;
        }
        for trader in std::mem::take(&mut self.crew.due) {
            if self.away.has(trader) {
                // It has nothing to say here but that its `setup` failed.
                let stop = self.stage.actors[trader as usize].failed_setup();
                self.crew.failed_elsewhere(trader, stop);
                continue;
            }
            if self.crew.members[trader as usize].step == self.progress.steps {
                continue;
            }
            let delivery = self.delivery(now, writer, writer.market_of(trader), None, true);
            // A full inbox holds a delivery that makes the trader read its notices anyway.
            if self.handle.inbox(trader).offer(delivery) {
                self.crew.delivered(trader, 0, self.progress.steps);
                self.wake(trader);
            }
        }
        self.attend();
        true
    }

    /// Wakes a trader. On recorded feeds it is attended at once, since its inbox may have to be emptied before the next
    /// delivery; in real time some are woken first, for tasks that run dry between two of them do little else than end and
    /// begin.
    fn wake(&mut self, trader: u32) {
        self.woken += usize::from(self.stage.wake(trader));
        if self.is_recorded() || self.woken >= WOKEN_TOGETHER {
            self.attend();
        }
    }

    fn attend(&mut self) {
        if self.woken > 0 {
            self.stage.attend(std::mem::take(&mut self.woken));
        }
    }

    fn delivery(
        &self,
        now: Nanos,
        writer: &Writer,
        market: u32,
        event: Option<FeedEvent>,
        collect: bool,
    ) -> Delivery {
        Delivery {
            step: self.progress.steps,
            now,
            account: writer.account.view(),
            mark: writer.account.market(market).mark,
            event,
            arrived: self.arrived,
            collect,
        }
    }

    /// Puts a delivery into a trader's inbox. Where the policy is to wait, the user can end the run meanwhile.
    fn deliver(&mut self, trader: u32, delivery: Delivery, writer: &Writer) -> bool {
        let mut delivery = delivery;
        let since = Stopwatch::start();
        loop {
            match self.handle.inbox(trader).put(delivery, POLL_INTERVAL) {
                Put::Taken(replaced) => {
                    self.progress.deliveries += 1;
                    self.crew.delivered(trader, replaced, self.progress.steps);
                    self.wake(trader);
                    return true;
                }
                Put::Full(back) => delivery = back,
            }
            if !self.host.poll(self.progress.done) || self.gives_up(writer, &since, false) {
                return false;
            }
        }
    }

    /// Waits for every answer of this step. `false` when the user ended the run meanwhile.
    pub(super) fn wait_for_all(&mut self, writer: &Writer, last: bool) -> bool {
        let mut since = Stopwatch::start();
        self.take_answers();
        while self.crew.pending > 0 {
            if !self.stage.answers.want(self.crew.pending)
                && self.arrivals.answers.recv_timeout(POLL_INTERVAL).is_err()
                && (!self.host.poll(self.progress.done) || self.gives_up(writer, &since, last))
            {
                return false;
            }
            let before = self.crew.pending;
            self.take_answers();
            if self.crew.pending < before {
                since = Stopwatch::start();
            }
        }
        true
    }

    /// Waits for the answers of traders that are evaluated elsewhere. `false` when the user ended the run meanwhile.
    pub(super) fn wait_for_the_away(&mut self) -> bool {
        let crew = &mut self.crew;
        let take = |answer| crew.answered_elsewhere(answer);
        let done = self.progress.done;
        !self.away.collect(self.host, || done, take)
    }

    /// Takes answers until all of this step are there or its time is over; belated ones from before are among them.
    pub(super) fn wait_until(&mut self, began: Stopwatch, limit: Duration) {
        self.take_answers();
        while self.crew.pending > 0
            && let Some(left) = limit.checked_sub(began.elapsed())
        {
            if !self.stage.answers.want(self.crew.pending) {
                // When the time is over some are there, though not all.
                let _ = self.arrivals.answers.recv_timeout(left);
            }
            self.take_answers();
        }
    }

    /// Takes the answers that are there.
    pub(super) fn take_answers(&mut self) {
        self.stage.answers.take(&mut self.heard);
        for trader in self.heard.drain(..) {
            let outbox = self.stage.actors[trader as usize].take();
            self.crew.answered(trader, outbox);
        }
    }

    /// The last calls of strategies that have something due or want to hear of the end. What they order is discarded;
    /// their faults come back by trader.
    pub(super) fn last_calls(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)> {
        self.progress.steps += 1;
        let due = std::mem::take(&mut self.crew.due);
        let wanting = (0_u32..).zip(&self.crew.members);
        let mut called: Vec<u32> = wanting
            .filter(|(_, member)| member.hooks.has(Hooks::STOP))
            .map(|(trader, _)| trader)
            .chain(due)
            .collect();
        called.sort_unstable();
        called.dedup();
        for trader in called {
            let member = &self.crew.members[trader as usize];
            if member.state == TraderState::Quarantined || member.late || self.away.has(trader) {
                continue;
            }
            self.stage.actors[trader as usize].notify(Notice::Stop);
            let delivery = self.delivery(now, writer, writer.market_of(trader), None, true);
            if self.handle.inbox(trader).offer(delivery) {
                self.crew.delivered(trader, 0, self.progress.steps);
                self.wake(trader);
            }
        }
        self.attend();
        if self.is_recorded() {
            self.wait_for_all(writer, true);
        } else {
            self.wait_until(Stopwatch::start(), SETTLE_LIMIT);
        }
        self.crew.close_step(self.progress.steps);
        let mut acts = Vec::new();
        self.crew.take(&mut acts);
        let faults = acts
            .into_iter()
            .filter_map(|act| act.failure.map(|fault| (act.trader, fault)));
        let elsewhere = self.away.close(writer, now, self.host);
        let mut faults: Vec<_> = faults.chain(elsewhere).collect();
        faults.sort_by_key(|(trader, _)| *trader);
        faults
    }
}
