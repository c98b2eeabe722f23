//! Between two steps: what makes the next one, and waiting for it.

use std::borrow::Cow;
use std::time::Duration;

use flume::Selector;

use crate::clock::{self, Stopwatch};
use crate::commit::{Command, Writer};
use crate::domain::Nanos;
use crate::limits::{self, EVENTS_PER_STEP, POLL_INTERVAL, SETTLE_LIMIT};
use crate::step::Next;

use super::command::{LiveCommand, PERSON, Request};
use super::coordinator::Coordinator;
use super::event::Batch;
use super::kill_switch;
use super::order_engine::Told;
use super::reconcile::Book;

/// Who sets the switch of a process by a signal.
const SIGNAL: &str = "signal";

/// What ended a wait.
enum Woke {
    Batch(Batch),
    FeedOver,
    Request(Request),
    Abandoned,
    Told(Told),
    Answers,
}

impl Coordinator<'_> {
    /// The time of the next step on the feed's own clock: of rows, of a boundary of time, of an open or an arrival, or,
    /// for a person's command, that of the last step.
    pub(super) fn next_recorded(&mut self, mark: Option<Nanos>) -> Next {
        loop {
            if self.orders.failure.is_some() {
                return Next::End;
            }
            if self.is_over() {
                if let (true, Some(last)) = (self.is_kill_due(), self.progress.last) {
                    // It is in the journal before the run ends, with what was held back for it.
                    return Next::Time(last);
                }
                self.diary.ended_early = true;
                return Next::End;
            }
            if self.is_asked() {
                return Next::Look;
            }
            let told = !self.requests.is_empty() || self.diary.is_due(self.progress.steps + 1);
            if told && let Some(last) = self.progress.last {
                return Next::Time(last);
            }
            if self.held.is_none() {
                self.held = self.arrivals.feed.try_recv().ok();
            }
            let rows = self.held.as_ref().map(|batch| batch.now);
            if rows.is_some() || self.progress.feed_over {
                let over = self.progress.feed_over;
                let last = self.progress.last_rows;
                // What would happen after the last row never happens: such orders expire.
                let due = self.orders.book.as_deref().and_then(Book::due);
                let wake = [self.orders.next_wake, due].into_iter().flatten().min();
                // Time does not go back for what is overdue.
                let wake = wake.map(|ts| self.progress.last.map_or(ts, |last| ts.max(last)));
                let wake = wake.filter(|&ts| rows.is_some() || !over || Some(ts) <= last);
                let earliest = [rows, mark, wake].into_iter().flatten().min();
                return earliest.map_or(Next::End, Next::Time);
            }
            if !self.wait(POLL_INTERVAL) {
                return Next::Interrupted;
            }
        }
    }

    /// The time of the next step on the clock of the day.
    pub(super) fn next_in_real_time(&mut self, mark: Option<Nanos>) -> Next {
        loop {
            self.orders.drain();
            self.take_answers();
            if self.orders.failure.is_some() {
                // The next event may be long in coming, and nothing leaves any more.
                return Next::End;
            }
            if let Some(next) = self.wind_down() {
                return next;
            }
            if self.is_asked() {
                return Next::Look;
            }
            if self.progress.ending.is_none() {
                self.gather();
            }
            let due = mark.filter(|&ts| ts <= clock::now());
            if let Some(batch) = &self.held {
                return Next::Time(due.map_or(batch.now, |mark| mark.min(batch.now)));
            }
            if let Some(mark) = due {
                return Next::Time(mark);
            }
            // What is due before the first step waits for it.
            let due = self.progress.last.is_some() && !self.crew.due.is_empty();
            let told =
                due || !self.orders.waiting.is_empty() || self.crew.has_answers() || self.wakes();
            if told || !self.requests.is_empty() {
                return Next::Time(self.moment());
            }
            let until = mark.map_or(POLL_INTERVAL, |mark| {
                let nanos = mark.saturating_sub(clock::now());
                POLL_INTERVAL.min(Duration::from_nanos(nanos.try_into().unwrap_or(0)))
            });
            if !self.wait(until) {
                return Next::Interrupted;
            }
        }
    }

    /// Whether something is due between the engine and a venue whose messages may be late.
    fn wakes(&self) -> bool {
        let Some(book) = self.orders.book.as_deref() else {
            return false;
        };
        let due = [self.orders.next_wake, book.due()].into_iter().flatten();
        due.min().is_some_and(|at| at <= clock::now())
    }

    /// Takes the market events that are there, no more than a step may have; their time is the newest one's.
    fn gather(&mut self) {
        let mut events = self.held.as_ref().map_or(0, |batch| batch.events.len());
        while events < EVENTS_PER_STEP {
            let Ok(more) = self.arrivals.feed.try_recv() else {
                break;
            };
            events += more.events.len();
            self.hold(more);
        }
    }

    fn hold(&mut self, more: Batch) {
        match &mut self.held {
            None => self.held = Some(more),
            Some(held) => {
                held.now = held.now.max(more.now);
                held.done = more.done;
                held.events.extend(more.events);
            }
        }
        if !self.is_recorded()
            && let (Some(held), Some(last)) = (&mut self.held, self.progress.last)
        {
            // The clock of the day may be set back; the run's time never goes back.
            held.now = held.now.max(last);
        }
    }

    /// When the run is over: orders are cancelled, and what the broker says of them is waited for, up to a limit.
    fn wind_down(&mut self) -> Option<Next> {
        let over = self.is_over();
        match &self.progress.ending {
            None if over => {
                self.progress.ending = Some(Stopwatch::start());
                self.held = None;
                self.ask_to_kill("engine");
                Some(Next::Time(self.moment()))
            }
            None => None,
            Some(since) => {
                let settled = self.orders.resting() == 0 && self.orders.waiting.is_empty();
                let done = settled || since.elapsed() > SETTLE_LIMIT;
                (done && self.requests.is_empty()).then_some(Next::End)
            }
        }
    }

    /// Whether somebody wants all taken back and has not had a step for it.
    fn is_kill_due(&self) -> bool {
        let mut asked = self.requests.iter();
        !self.killed && asked.any(|asked| asked.command == LiveCommand::Kill)
    }

    /// Who threw the kill switch of a run on recorded data that ended before a step could take that in: such a run may go on.
    pub(super) fn unheard_kill(&self) -> Option<&'static str> {
        let unheard = self.is_recorded() && !self.killed && self.ended.switch.is_thrown();
        unheard.then(|| {
            if kill_switch::is_set() {
                SIGNAL
            } else {
                PERSON
            }
        })
    }

    /// Has everything taken back in the next step, and nothing new sent.
    fn ask_to_kill(&mut self, author: &'static str) {
        let command = LiveCommand::Kill;
        let mut asked = self.requests.iter().chain(&self.diary.later);
        if !asked.any(|asked| asked.command == command) {
            let (reply, _) = flume::bounded(limits::SAID_ONCE);
            self.requests.push(Request {
                command,
                author: Cow::Borrowed(author),
                reply,
            });
        }
    }

    /// Cancels all orders and waits for the broker's word, up to a limit; what it says is not kept any more.
    pub(super) fn take_all_back(&mut self, writer: &Writer) {
        for trader in 0..u32::try_from(self.crew.members.len()).unwrap_or(u32::MAX) {
            for order in &writer.account.row(trader).working {
                let (market, order) = (order.market, order.id);
                self.orders.command(Command::Cancel { market, order });
            }
        }
        let since = Stopwatch::start();
        while self.orders.resting() > 0
            && let Some(left) = SETTLE_LIMIT.checked_sub(since.elapsed())
            && let Ok(told) = self.orders.told.recv_timeout(left)
        {
            self.orders.note(told);
        }
    }

    /// The time of a step that no market event makes.
    fn moment(&self) -> Nanos {
        let now = clock::now();
        self.progress.last.map_or(now, |last| last.max(now))
    }

    /// Whether somebody, or the clock, ends the run; commands that came meanwhile are taken in.
    pub(super) fn is_over(&mut self) -> bool {
        if !self.killed && self.progress.ending.is_none() {
            if kill_switch::is_set() {
                // Somebody sent it, so somebody has to clear it.
                self.ask_to_kill(SIGNAL);
            } else if self.orders.risk_killed {
                self.ask_to_kill("risk process");
            }
        }
        loop {
            match self.arrivals.commands.try_recv() {
                Ok(request) => self.requests.push(request),
                Err(flume::TryRecvError::Empty) => break,
                Err(flume::TryRecvError::Disconnected) => {
                    // Nobody can reach this run any more.
                    self.stopping = true;
                    break;
                }
            }
        }
        if self.diary.rebuilding {
            // What people ask now comes behind what they asked before.
            self.diary.later.append(&mut self.requests);
        }
        let requests = self.requests.iter().chain(&self.diary.later);
        self.stopping |= requests
            .map(|request| &request.command)
            .any(|command| *command == LiveCommand::Stop);
        self.stopping
            || self
                .duration
                .is_some_and(|duration| self.watch.elapsed() >= duration)
    }

    /// Waits until something comes, or for so long. `false` when the user ended the run.
    fn wait(&mut self, most: Duration) -> bool {
        let recorded = self.is_recorded();
        if !recorded && self.stage.answers.want(1) {
            self.take_answers();
            return true;
        }
        let feed_open = !self.progress.feed_over && self.progress.ending.is_none();
        let arrivals = &self.arrivals;
        let mut select = Selector::new();
        if !self.stopping {
            select = select.recv(&arrivals.commands, |request| {
                request.map_or(Woke::Abandoned, Woke::Request)
            });
        }
        if feed_open {
            select = select.recv(&arrivals.feed, |batch| {
                batch.map_or(Woke::FeedOver, Woke::Batch)
            });
        }
        if !recorded {
            select = select
                .recv(&self.orders.told, |told| {
                    told.map_or(Woke::Abandoned, Woke::Told)
                })
                .recv(&arrivals.answers, |rung| {
                    rung.map_or(Woke::Abandoned, |()| Woke::Answers)
                });
        }
        match select.wait_timeout(most) {
            Ok(Woke::Batch(batch)) => self.hold(batch),
            Ok(Woke::FeedOver) => {
                self.progress.feed_over = true;
                if let Ok(broken) = self.arrivals.broken.try_recv() {
                    self.orders.failure.get_or_insert(broken);
                }
            }
            Ok(Woke::Request(request)) => self.requests.push(request),
            Ok(Woke::Told(told)) => self.orders.note(told),
            Ok(Woke::Answers) => self.take_answers(),
            Ok(Woke::Abandoned) => self.stopping = true,
            Err(_) => return self.host.poll(self.progress.done),
        }
        true
    }
}
