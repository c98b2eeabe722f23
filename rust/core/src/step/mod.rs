//! One step: all that happens at one time, phase by phase. Both drivers run this code.
//!
//! What differs between them is where events come from, where evaluations run and how the venue is reached; that is
//! behind [`Ports`]. Nothing here asks which driver it serves.

mod away;
mod kept;
mod report;

pub use away::{Away, slots_where};
pub use report::Report;

use crate::commit::{Act, Command, Plain, QuarantineRecord, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::engine::{Host, TimeMark};
use crate::error::Error;
use crate::journal::{Input, Recorder, Then};
use crate::limits::{POLL_INTERVAL, STEPS_PER_POLL};
use crate::portfolio::Portfolio;
use crate::strategy::{Hook, StrategyFault, TimeEvent};
use crate::venue::Execution;

use crate::clock::Stopwatch;

/// What a step leaves the run to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next step.
    Go,
    /// End: the user asked for it.
    Interrupted,
    /// End: no trader is left.
    AllQuarantined,
    /// End: the journal or the broker failed, which the report says.
    Failed,
}

/// When the next step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At this time.
    Time(Nanos),
    /// Not yet: somebody wants to see how things stand, which changes nothing.
    Look,
    /// Never: nothing is left to happen.
    End,
    /// Never: the user asked for the end while the driver waited.
    Interrupted,
}

/// The market events of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How many there are.
    pub events: u64,
    /// Whether all of them lie before the run's start, and only warm up.
    pub warm_up: bool,
}

/// Steps in which nothing happened but that prices moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// How many they were.
    pub steps: u64,
    /// How many market events they had.
    pub events: u64,
    /// The time of the last one.
    pub last: Option<Nanos>,
}

/// What a step needs of its driver.
pub trait Ports {
    /// The time of the next step; `mark` is that of the next boundary of time. A live driver waits here.
    fn next(&mut self, mark: Option<Nanos>) -> Next;

    /// Shows how things stand to whoever asked.
    fn look(&mut self, _writer: &Writer) {}

    /// Whether market events make a step at this time.
    fn has_events(&self, now: Nanos) -> bool;

    /// Makes the market events of `now` those of this step.
    fn load(&mut self, now: Nanos) -> Loaded;

    /// Leaves the step without market events.
    fn unload(&mut self);

    /// Tells the account the mark and, of a quote, the best ask that each market event of this step leaves, in feed order,
    /// where they matter to it.
    fn marks(&mut self, account: &mut Portfolio);

    /// The same with the time at which each event happened, where the gate watches all markets.
    fn sights(&mut self, now: Nanos, visit: impl FnMut(u32, Nanos, HalfUnits, Option<HalfUnits>));

    /// Phase 1: what the venue says when resting orders meet this step's events, and, where `arrivals`, when orders
    /// arrive whose latency ends now.
    fn meet(&mut self, now: Nanos, arrivals: bool, out: &mut Vec<Execution>);

    /// Traders whose `setup` failed, taken out of those that act at the first step.
    fn failed_setups(&mut self, acts: &mut Vec<Act>);

    /// Lets traders take in events that come before the run's start.
    fn warm_up(&mut self, now: Nanos, writer: &Writer);

    /// Phase 3: what traders want, by trader; and whether the user ended the run in it.
    fn evaluate(&mut self, now: Nanos, writer: &mut Writer, acts: &mut Vec<Act>) -> Flow;

    /// What traders without working orders want in this step, by trader, besides what [`Ports::evaluate`] gave.
    fn plain(&self) -> &[Plain] {
        &[]
    }

    /// Hands on what the writer wants of the venue.
    fn send(&mut self, commands: &mut Vec<Command>);

    /// Hands on what the writer wants of the venue again, in a step that is in the journal: these orders left before, but
    /// those of the `newest` step may have been on their way.
    fn restore(&mut self, commands: &mut Vec<Command>, _newest: bool) {
        self.send(commands);
    }

    /// Takes what the writer wants of the venue, and gives what hands it on when the journal has it: where the run goes on
    /// meanwhile.
    fn release(&mut self, _commands: &mut Vec<Command>) -> Option<Then> {
        None
    }

    /// Hears that the journal or the broker's books failed: where the run cannot be made again, what works at the venue is
    /// taken back.
    fn abandon(&mut self, _writer: &Writer) {}

    /// Called now and then while the run waits for its journal.
    fn idle(&mut self) {}

    /// What people told the run in this step, for its journal.
    fn inputs(&mut self, _out: &mut Vec<Input>) {}

    /// Hears, before the first step, what people told the run before: it is told again in the same steps, and nobody else
    /// is listened to until then.
    ///
    /// # Errors
    /// When something of it cannot be told again.
    fn rebuild(&mut self, _inputs: Vec<Input>) -> Result<(), Error> {
        Ok(())
    }

    /// Does not call a trader's strategy in this run.
    fn silence(&mut self, _trader: u32) {}

    /// Counts a trader that is not called as quarantined.
    fn stop(&mut self, _trader: u32) {}

    /// Hears that all that is in the journal has been made again, and what people said since.
    fn rebuilt(&mut self, _inputs: Vec<Input>) {}

    /// What failed at the venue's own books.
    fn failure(&mut self) -> Option<Error> {
        None
    }

    /// Whether the run came to its end, and was not ended by somebody before.
    fn is_complete(&self) -> bool {
        true
    }

    /// Phase 5: orders of this step meet the close or the quote of this time.
    fn immediate(&mut self, now: Nanos, out: &mut Vec<Execution>);

    /// Phase 6: market orders that wait for a candle opening now.
    fn opens(&mut self, now: Nanos, out: &mut Vec<Execution>);

    /// Keeps what a trader's strategy is to hear before its next events.
    fn tell(&mut self, trader: u32, hook: Hook);

    /// Whether a trader is left that may act.
    fn any_left(&self) -> bool;

    /// Tells strategies what is due, then that the run is over. What they order is discarded; their faults come back
    /// by trader.
    fn close(&mut self, now: Nanos, writer: &Writer) -> Vec<(u32, StrategyFault)>;

    /// Tells the account what positions are worth whose prices are not shown one by one.
    fn value(&mut self, _account: &mut Portfolio) {}

    /// Brings the last price of every market up to date, where not all prices are shown.
    fn refresh_all(&mut self, _account: &mut Portfolio) {}

    /// Makes those of the next steps, before `mark`, in which nothing can happen but that prices move.
    fn quiet(&mut self, _writer: &mut Writer, _mark: Option<Nanos>) -> Quiet {
        Quiet::default()
    }

    /// Hears that what was sent, or filled, has reached the account.
    fn settled(&mut self, _writer: &Writer) {}

    /// Hears that every trader's part of the account may have changed at once.
    fn liquidated(&mut self, _writer: &Writer) {}

    /// How much of the run is done, and of how many steps where that is known.
    fn progress(&self) -> (f64, Option<usize>);

    /// Whether orders that still wait when the run ends are expired: nobody else can fill them any more.
    fn expires(&self) -> bool;
}

/// A run in steps, over whichever ports.
pub struct Stepper<P> {
    /// Where events, evaluations and the venue are.
    pub ports: P,
    /// The one writer.
    pub writer: Writer,
    /// What happened besides what the writer recorded.
    pub report: Report,
    /// The run's journal, where it has one.
    pub journal: Option<Recorder>,
    inputs: Vec<Input>,
    time_marks: std::iter::Peekable<std::vec::IntoIter<(u32, TimeMark)>>,
    executions: Vec<Execution>,
    /// Boundaries of time that this step reaches, and who waits for them.
    reached: Vec<(u32, Hook)>,
    commands: Vec<Command>,
    acts: Vec<Act>,
    started: bool,
}

impl<P: Ports> Stepper<P> {
    /// Makes a run ready.
    pub fn new(ports: P, writer: Writer, time_marks: Vec<(u32, TimeMark)>) -> Self {
        Self {
            ports,
            writer,
            report: Report::default(),
            journal: None,
            inputs: Vec::new(),
            time_marks: time_marks.into_iter().peekable(),
            executions: Vec::new(),
            reached: Vec::new(),
            commands: Vec::new(),
            acts: Vec::new(),
            started: false,
        }
    }

    /// Runs to the end of the feed, or until the user or the last trader stops it.
    pub fn run(&mut self, host: &dyn Host) {
        let watch = Stopwatch::start();
        let mut polled = Stopwatch::start();
        let mut look_at = STEPS_PER_POLL;
        let mut flow = loop {
            let mark = self.time_marks.peek().map(|(_, mark)| mark.ts);
            if self.started {
                self.make_quiet_steps(mark);
            }
            let now = match self.ports.next(mark) {
                Next::Time(now) => now,
                Next::Look => {
                    self.ports.look(&self.writer);
                    continue;
                }
                Next::End => break Flow::Go,
                Next::Interrupted => break Flow::Interrupted,
            };
            let flow = self.make_steps(now);
            if flow != Flow::Go {
                break flow;
            }
            if self.report.steps < look_at {
                continue;
            }
            look_at = self.report.steps + STEPS_PER_POLL;
            if polled.elapsed() > POLL_INTERVAL {
                polled = Stopwatch::start();
                if !host.poll(self.ports.progress().0) {
                    break Flow::Interrupted;
                }
            }
        };
        // The caller hears of the end, too, so that a bar is full and an interrupt in the last moment is not lost. The run
        // itself does not last until the caller has time to listen.
        let told = Stopwatch::start();
        if flow == Flow::Go && !host.poll(1.0) {
            flow = Flow::Interrupted;
        }
        let told = told.elapsed();
        self.finish(flow);
        self.report.elapsed = watch.elapsed().saturating_sub(told).as_secs_f64();
    }

    #[inline]
    fn make_quiet_steps(&mut self, mark: Option<Nanos>) {
        let quiet = self.ports.quiet(&mut self.writer, mark);
        if quiet.steps > 0 {
            self.report.steps += quiet.steps;
            self.report.events += quiet.events;
            self.report.last_ts = quiet.last;
        }
    }

    /// Makes the step or the two steps of a time: boundaries of time come before market events.
    fn make_steps(&mut self, now: Nanos) -> Flow {
        let has_events = self.ports.has_events(now);
        let mut marked = false;
        while let Some((trader, mark)) = self.time_marks.next_if(|(_, mark)| mark.ts == now) {
            marked = true;
            let event = TimeEvent {
                ts: mark.ts,
                name: mark.name,
            };
            self.reached.push((trader, Hook::Time(event)));
        }
        if marked {
            self.ports.unload();
            let flow = self.step(now, !has_events);
            if matches!(flow, Flow::Interrupted | Flow::Failed) || !has_events {
                return flow;
            }
        }
        if has_events {
            let loaded = self.ports.load(now);
            self.report.events += loaded.events;
            if loaded.warm_up && !self.started {
                return if self.warm_up(now) {
                    self.go_on()
                } else {
                    Flow::Failed
                };
            }
        } else {
            self.ports.unload();
        }
        self.step(now, true)
    }

    /// One step; `last_of_time` says whether phases 5 and 6 are in it.
    fn step(&mut self, now: Nanos, last_of_time: bool) -> Flow {
        self.report.steps += 1;
        self.report.last_ts = Some(now);
        self.started = true;
        self.meet_venue(now, last_of_time);
        if !self.take_marks(now) {
            return Flow::Failed;
        }
        // What the venue and the marks did is told before the boundary of time at which they did it.
        if !self.reached.is_empty() {
            for (trader, hook) in self.reached.drain(..) {
                self.ports.tell(trader, hook);
            }
        }
        let flow = self.ports.evaluate(now, &mut self.writer, &mut self.acts);
        if flow == Flow::Interrupted {
            return flow;
        }
        if !self.commit(now) {
            return Flow::Failed;
        }
        if last_of_time {
            self.ports.immediate(now, &mut self.executions);
            self.apply_executions();
            self.ports.opens(now, &mut self.executions);
            self.apply_executions();
            self.note(now);
        }
        self.deliver();
        self.go_on()
    }

    fn go_on(&self) -> Flow {
        if self.ports.any_left() {
            Flow::Go
        } else {
            Flow::AllQuarantined
        }
    }

    /// A time before the start: prices, indicators and windows follow, and nothing else happens. `false` when the journal
    /// failed.
    fn warm_up(&mut self, now: Nanos) -> bool {
        self.meet_venue(now, false);
        self.mark(now);
        // An error in `setup` counts at the first step, even where that one only warms up.
        self.ports.failed_setups(&mut self.acts);
        self.report.last_ts = Some(now);
        if !self.acts.is_empty() && !self.commit(now) {
            return false;
        }
        self.ports.warm_up(now, &self.writer);
        true
    }

    /// Phase 1: fills in the order of fill time, trader and order.
    fn meet_venue(&mut self, now: Nanos, arrivals: bool) {
        self.ports.meet(now, arrivals, &mut self.executions);
        if self.executions.is_empty() {
            return;
        }
        self.executions
            .sort_by_key(|execution| (execution.ts, execution.trader, execution.order));
        self.apply_executions();
        self.note(now);
        self.deliver();
    }

    /// Phase 2: last prices, liquidation, and the snapshot of this step. `false` when the journal failed.
    fn take_marks(&mut self, now: Nanos) -> bool {
        self.mark(now);
        self.ports.value(&mut self.writer.account);
        if self.writer.must_liquidate() {
            self.ports.refresh_all(&mut self.writer.account);
            self.writer.liquidate(now, &mut self.commands);
            self.ports.liquidated(&self.writer);
            if !self.hand_on(now) {
                return false;
            }
            self.deliver();
        }
        self.writer.snapshot(now);
        true
    }

    fn mark(&mut self, now: Nanos) {
        if self.writer.watches_data() {
            let writer = &mut self.writer;
            return self.ports.sights(now, |market, ts, mark, ask| {
                writer.see(market, ts, mark, ask)
            });
        }
        self.ports.marks(&mut self.writer.account);
    }

    /// Phase 4: what traders asked for is committed in the order of their numbers. `false` when the journal failed.
    fn commit(&mut self, now: Nanos) -> bool {
        if let Some(journal) = &mut self.journal {
            let (writer, acts) = (&mut self.writer, &mut self.acts);
            let ports = &mut self.ports;
            journal.repeat(self.report.steps, writer, acts, |trader| ports.stop(trader));
        }
        let plain = self.ports.plain();
        if self.acts.is_empty() && plain.is_empty() && self.writer.again.is_empty() {
            // What was filled, and what people told, is for the journal all the same.
            return self.journal.is_none() || self.hand_on(now);
        }
        if self.acts.is_empty() && self.writer.is_open() {
            self.writer.commit_plain(now, plain, &mut self.commands);
        } else {
            self.acts.extend(plain.iter().map(|&plain| plain.into()));
            self.acts.sort_by_key(|act| act.trader);
            self.writer.commit(now, &mut self.acts, &mut self.commands);
        }
        let goes_on = self.hand_on(now);
        self.ports.settled(&self.writer);
        goes_on
    }

    #[inline]
    fn apply_executions(&mut self) {
        if self.executions.is_empty() {
            return;
        }
        for execution in self.executions.drain(..) {
            self.writer.on_execution(&execution);
        }
        self.ports.settled(&self.writer);
    }

    /// Tells traders what happened; they hear it before their next events, or in the next step.
    #[inline]
    fn deliver(&mut self) {
        if self.writer.told.is_empty() {
            return;
        }
        for (trader, hook) in self.writer.told.drain(..) {
            self.ports.tell(trader, hook);
        }
    }

    /// The end: what waits expires, strategies hear of it, and the curve gets its last row.
    fn finish(&mut self, flow: Flow) {
        self.report.interrupted = flow == Flow::Interrupted;
        self.report.all_quarantined = flow == Flow::AllQuarantined;
        self.report.complete = match flow {
            Flow::Go | Flow::AllQuarantined => self.ports.is_complete(),
            Flow::Interrupted | Flow::Failed => false,
        };
        if let Some(failure) = self.ports.failure() {
            self.report.failure.get_or_insert(failure);
        }
        if self.report.failure.is_some() {
            return self.ports.abandon(&self.writer);
        }
        let Some(last) = self.report.last_ts else {
            return;
        };
        self.ports.refresh_all(&mut self.writer.account);
        if self.ports.expires() {
            self.writer.expire();
        }
        self.deliver();
        if flow == Flow::Interrupted {
            let of = self
                .ports
                .progress()
                .1
                .map_or_else(String::new, |all| format!(" of {all}"));
            self.report.assumptions.push(format!(
                "the run was interrupted after {}{of} step{}; the result holds what happened so far",
                self.report.steps,
                if of.is_empty() && self.report.steps == 1 { "" } else { "s" },
            ));
        } else {
            for (trader, fault) in self.ports.close(last, &self.writer) {
                self.writer.records.quarantined.push(QuarantineRecord {
                    ts: last,
                    trader,
                    fault,
                });
            }
        }
        let equity = self.writer.account.view().equity;
        self.writer.records.curve.push(last, equity);
    }
}
