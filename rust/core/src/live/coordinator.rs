//! The commit thread: what a step needs, through channels.

use std::sync::Arc;
use std::time::Duration;

use flume::Receiver;

use crate::clock::Stopwatch;
use crate::commit::{Act, Command, Writer};
use crate::dispatch::TradingEngineHandle;
use crate::domain::{HalfUnits, Nanos};
use crate::engine::Host;
use crate::error::Error;
use crate::journal::{Input, Then, Vetoes};
use crate::order::Origin;
use crate::portfolio::Portfolio;
use crate::risk::check;
use crate::step::{Away, Ending, Flow, Loaded, Next, Ports, Unsaved};
use crate::strategy::{Hook, StrategyFault};
use crate::trader::TraderState;
use crate::venue::Execution;

use super::actor::Stage;
use super::broker::MarketPhase;
use super::command::{Ended, Reply, Request};
use super::crew::Crew;
use super::diary::Diary;
use super::event::{Batch, Delivery, FeedEvent, Notice};
use super::metrics::Histogram;
use super::options::Feed;
use super::orders::OrderPort;

/// How the run keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// On the feed's own clock: every evaluation and every answer of the venue is waited for.
    Recorded,
    /// On the clock of the day: a step closes at its limit.
    RealTime {
        /// How long a step waits for its evaluations.
        step_limit: Duration,
    },
}

impl Pace {
    pub(super) const fn of(feed: &Feed, step_limit: Duration) -> Self {
        match feed {
            Feed::Recorded(_) => Self::Recorded,
            Feed::Synthetic { .. } | Feed::Channel { .. } => Self::RealTime { step_limit },
        }
    }
}

/// The receiving ends of the channels that lead to the commit thread.
pub(super) struct Arrivals {
    pub feed: Receiver<Batch>,
    /// Why the feed broke, where it did, before `feed` is closed.
    pub broken: Receiver<Error>,
    /// Rings when there are as many answers of traders as are waited for.
    pub answers: Receiver<()>,
    pub commands: Receiver<Request>,
}

/// How far the run has come.
#[derive(Default)]
pub(super) struct Progress {
    pub steps: u64,
    pub last: Option<Nanos>,
    pub last_rows: Option<Nanos>,
    pub done: f64,
    pub events: u64,
    pub deliveries: u64,
    pub feed_over: bool,
    /// Since when a run in real time winds down.
    pub ending: Option<Stopwatch>,
}

/// An answer for a person, and where it goes when the step is over.
pub(super) type Answer = (flume::Sender<Result<Reply, Error>>, Result<Reply, Error>);

pub(super) struct Coordinator<'h> {
    pub stage: Arc<Stage>,
    pub handle: TradingEngineHandle<Delivery>,
    pub names: Vec<Arc<str>>,
    pub pairs: Vec<Arc<str>>,
    pub crew: Crew,
    pub away: Away,
    pub orders: OrderPort,
    pub arrivals: Arrivals,
    pub pace: Pace,
    pub duration: Option<Duration>,
    pub watch: Stopwatch,
    pub host: &'h dyn Host,
    pub ended: Arc<Ended>,
    /// Up to which time the journal has been kept.
    pub known: Option<Nanos>,
    pub progress: Progress,
    /// The next market events, when they are here already.
    pub held: Option<Batch>,
    /// The market events of this step.
    pub events: Arc<[FeedEvent]>,
    pub arrived: Stopwatch,
    /// Commands that wait for a step, and answers that wait for its end.
    pub requests: Vec<Request>,
    pub answers: Vec<Answer>,
    pub stopping: bool,
    /// Whether a person set the kill switch.
    pub killed: bool,
    /// Orders of people so far, which number them.
    pub asked: u64,
    pub diary: Diary,
    /// Traders whose part of the account may have changed since it was published.
    pub changed: Vec<u32>,
    pub tick_to_order: Histogram,
    /// Traders that were woken and wait for a task.
    pub woken: usize,
    /// Traders whose answers are being taken.
    pub heard: Vec<u32>,
    /// What reconciliation and the broker counted, by name, when the run is over.
    pub left: Vec<(String, u64)>,
}

/// What the commit thread is given.
pub(super) struct Posts<'h> {
    pub stage: Arc<Stage>,
    pub handle: TradingEngineHandle<Delivery>,
    pub names: Vec<Arc<str>>,
    pub pairs: Vec<Arc<str>>,
    pub crew: Crew,
    pub away: Away,
    pub orders: OrderPort,
    pub arrivals: Arrivals,
    pub pace: Pace,
    pub duration: Option<Duration>,
    pub host: &'h dyn Host,
    pub ended: Arc<Ended>,
    pub known: Option<Nanos>,
}

impl<'h> Coordinator<'h> {
    /// A commit thread at its posts, with nothing seen or done.
    pub(super) fn new(posts: Posts<'h>) -> Self {
        Self {
            stage: posts.stage,
            handle: posts.handle,
            names: posts.names,
            pairs: posts.pairs,
            crew: posts.crew,
            away: posts.away,
            orders: posts.orders,
            arrivals: posts.arrivals,
            pace: posts.pace,
            duration: posts.duration,
            host: posts.host,
            ended: posts.ended,
            known: posts.known,
            watch: Stopwatch::start(),
            progress: Progress::default(),
            held: None,
            events: Arc::new([]),
            arrived: Stopwatch::start(),
            requests: Vec::new(),
            answers: Vec::new(),
            stopping: false,
            killed: false,
            asked: 0,
            diary: Diary::default(),
            changed: Vec::new(),
            tick_to_order: Histogram::default(),
            woken: 0,
            heard: Vec::new(),
            left: Vec::new(),
        }
    }
}

impl Coordinator<'_> {
    pub(super) fn is_recorded(&self) -> bool {
        self.pace == Pace::Recorded
    }

    /// Shows traders what changed for them.
    pub(super) fn publish(&mut self, writer: &Writer) {
        for trader in self.changed.drain(..) {
            let row = writer.account.row(trader);
            self.stage.board.publish(trader, row);
        }
    }

    /// Notes how long after its event an order leaves, or is with the journal.
    fn time(&mut self, commands: &[Command]) {
        for command in commands {
            if let Command::Submit(approved) = command {
                let order = approved.get();
                let arrived = self.crew.members[order.trader as usize].arrived;
                if let (false, Some(arrived)) = (order.origin == Origin::Command, arrived) {
                    self.tick_to_order.add(arrived.nanos());
                }
            }
        }
    }

    /// Before a step's orders are decided: what the risk process has to be told. Of steps that are made again it hears
    /// nothing but how all stood before the last one.
    fn tell_risk(&mut self, now: Nanos, writer: &mut Writer) {
        let Some(risk) = &mut self.orders.risk else {
            return;
        };
        if self.diary.rebuilding {
            risk.wanted = true;
            if self.known.is_some_and(|known| now < known) {
                return;
            }
        }
        risk.before_orders(writer);
    }

    fn note_changes(&mut self, executions: &[Execution]) {
        self.changed.extend(executions.iter().map(|e| e.trader));
    }
}

impl Ports for Coordinator<'_> {
    fn memory(&mut self) -> Result<Vec<u8>, Unsaved> {
        self.remembered()
    }

    fn look_for_shared(&mut self) -> Result<(), Unsaved> {
        Coordinator::look_for_shared(self)
    }

    fn note(&self, text: &str) {
        self.stage.interpreter.note(text);
    }

    fn next(&mut self, mark: Option<Nanos>) -> Next {
        self.answer_people();
        match self.pace {
            Pace::Recorded => self.next_recorded(mark),
            Pace::RealTime { .. } => self.next_in_real_time(mark),
        }
    }

    fn look(&mut self, writer: &Writer) {
        self.show(writer);
    }

    fn has_events(&self, now: Nanos) -> bool {
        self.held.as_ref().is_some_and(|batch| batch.now == now)
    }

    fn load(&mut self, now: Nanos) -> Loaded {
        self.unload();
        let Some(batch) = self.held.take() else {
            return Loaded {
                events: 0,
                warm_up: false,
            };
        };
        self.progress.last_rows = Some(now);
        self.progress.done = batch.done;
        self.progress.events += batch.events.len() as u64;
        self.arrived = batch.arrived;
        self.events = batch.events.into();
        Loaded {
            events: self.events.len() as u64,
            warm_up: batch.warm_up,
        }
    }

    fn unload(&mut self) {
        self.events = Arc::new([]);
    }

    fn marks(&mut self, account: &mut Portfolio) {
        let markets = &self.stage.markets;
        for event in self.events.iter() {
            if let Some((market, seen)) = markets.view(event) {
                let scale = markets.scales[market as usize];
                account.mark(market, seen.mark(scale), seen.ask(scale));
            }
        }
    }

    fn sights(
        &mut self,
        _now: Nanos,
        mut visit: impl FnMut(u32, Nanos, HalfUnits, Option<HalfUnits>),
    ) {
        let markets = &self.stage.markets;
        for event in self.events.iter() {
            if let Some((market, seen)) = markets.view(event) {
                let scale = markets.scales[market as usize];
                visit(market, seen.ts(), seen.mark(scale), seen.ask(scale));
            }
        }
    }

    fn meet(&mut self, now: Nanos, arrivals: bool, out: &mut Vec<Execution>) {
        let events = Arc::clone(&self.events);
        let phase = MarketPhase::Events { events, arrivals };
        if self.orders.book.is_some() {
            self.meet_and_ask(now, phase, out);
        } else {
            self.orders.market(now, phase, out);
        }
        self.note_changes(out);
    }

    fn failed_setups(&mut self, acts: &mut Vec<Act>) {
        for trader in std::mem::take(&mut self.crew.failed_setups) {
            let fault = self.stage.actors[trader as usize].failed_setup();
            acts.extend(self.crew.failed(trader, fault));
        }
    }

    fn warm_up(&mut self, now: Nanos, writer: &Writer) {
        self.progress.steps += 1;
        self.diary.warmed_up += 1;
        self.dispatch(now, writer, false);
        // Nothing of such a step is kept, so the run ends before the next.
        self.crew.interrupted |= !self.wait_for_all(writer, false);
        self.crew.close_step(self.progress.steps);
    }

    fn evaluate(&mut self, now: Nanos, writer: &mut Writer, acts: &mut Vec<Act>) -> Flow {
        let began = Stopwatch::start();
        self.progress.steps += 1;
        self.progress.last = Some(now);
        self.publish(writer);
        self.diary.obeyed.clear();
        self.obey(writer, acts);
        self.reconcile(now, writer);
        self.tell_risk(now, writer);
        let in_time = self.dispatch(now, writer, true)
            && match self.pace {
                Pace::Recorded => self.wait_for_all(writer, false) && self.wait_for_the_away(),
                Pace::RealTime { step_limit } => {
                    self.wait_until(began, step_limit);
                    true
                }
            };
        self.crew.close_step(self.progress.steps);
        if !in_time || self.crew.interrupted {
            // What people asked for in this step is not committed.
            let ended = "the run ended before the step of this command was over";
            self.deny_people(&Error::config("run.over", ended));
            return Flow::Interrupted;
        }
        self.crew.take(acts);
        self.changed.extend(acts.iter().map(|act| act.trader));
        Flow::Go
    }

    fn send(&mut self, commands: &mut Vec<Command>) {
        self.time(commands);
        self.orders.announce(commands);
        for command in commands.drain(..) {
            self.orders.command(command);
        }
    }

    fn release(&mut self, commands: &mut Vec<Command>) -> Option<Then> {
        if self.is_recorded() {
            return None;
        }
        self.time(commands);
        Some(self.orders.later(commands))
    }

    fn abandon(&mut self, writer: &Writer) {
        if !self.is_recorded() {
            self.take_all_back(writer);
        }
    }

    fn idle(&mut self) {
        self.orders.drain();
    }

    fn restore(&mut self, commands: &mut Vec<Command>, newest: bool) {
        if newest {
            // One of them may never have left, and then needs the word of the risk process.
            self.orders.announce(commands);
        }
        for command in commands.drain(..) {
            self.orders.restore(command, newest);
        }
    }

    fn inputs(&mut self, out: &mut Vec<Input>) {
        out.append(&mut self.diary.obeyed);
    }

    fn rebuild(&mut self, inputs: Vec<Input>, vetoes: Vetoes) -> Result<(), Error> {
        let known = vetoes
            .into_iter()
            .map(|(order, reason)| (order, check::known(&reason)));
        self.orders.vetoes = known.collect();
        self.diary.begin(inputs)
    }

    fn silence(&mut self, trader: u32) {
        self.away.silence(trader);
        self.crew.silence(trader);
    }

    fn stop(&mut self, trader: u32) {
        self.crew.stop(trader);
    }

    fn rebuilt(&mut self, inputs: Vec<Input>) {
        self.requests.append(&mut self.diary.end(inputs));
        self.host.caught_up();
    }

    fn failure(&mut self) -> Option<Error> {
        self.orders.failure.take()
    }

    fn is_complete(&self) -> bool {
        !self.is_recorded() || !self.diary.ended_early
    }

    fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        if self.orders.resting() > 0 || self.orders.book.is_some() {
            self.orders.market(now, MarketPhase::Immediate, out);
            self.note_changes(out);
        }
    }

    fn opens(&mut self, now: Nanos, out: &mut Vec<Execution>) {
        if self.orders.next_wake.is_some_and(|ts| ts <= now) {
            self.orders.market(now, MarketPhase::Opens, out);
            self.note_changes(out);
        }
    }

    fn tell(&mut self, trader: u32, hook: Hook) {
        if self.away.tells(trader, &hook) {
            return;
        }
        let member = &self.crew.members[trader as usize];
        if member.hooks.has(hook.kind()) && member.state == TraderState::Active {
            self.stage.actors[trader as usize].notify(Notice::Hook(hook));
            self.crew.due.push(trader);
        }
    }

    fn any_left(&self) -> bool {
        // In real time a person may restart one.
        self.crew.active > 0 || !self.is_recorded()
    }

    fn close(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)> {
        // Orders of any trader may have ended with the data.
        let all = u32::try_from(self.crew.members.len()).unwrap_or(u32::MAX);
        self.changed.extend(0..all);
        self.publish(writer);
        self.last_calls(now, writer)
    }

    fn settle(&mut self, last: Nanos, ending: Ending, writer: &mut Writer) -> bool {
        self.settle_with_the_venue(last, ending, writer)
    }

    fn ended_the_wait(&self) -> bool {
        self.crew.interrupted
    }

    fn liquidated(&mut self, writer: &Writer) {
        if self.orders.book.is_some() {
            self.orders.liquidated(writer.liquidated());
        }
        let all = u32::try_from(self.crew.members.len()).unwrap_or(u32::MAX);
        self.changed.extend(0..all);
    }

    fn progress(&self) -> (f64, Option<usize>) {
        (self.progress.done, None)
    }

    fn expires(&self) -> bool {
        // In real time only the broker can say that an order has ended.
        self.is_recorded()
    }
}
