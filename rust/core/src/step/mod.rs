//! One step: all that happens at one time, phase by phase. Both drivers run this code.
//!
//! What differs between them is where events come from, where evaluations run and how the venue is reached; that is
//! behind [`Ports`]. Nothing here asks which driver it serves.

mod away;
mod kept;
mod memory;
mod ports;
mod report;

pub use away::{Away, slots_where};
pub use memory::{Resumed, unusable};
pub use ports::{Ending, Flow, Loaded, Next, Ports, Quiet, Unsaved};
pub use report::Report;

use crate::commit::{Act, Command, QuarantineRecord, Writer};
use crate::domain::Nanos;
use crate::engine::{Host, TimeMark};
use crate::journal::{Input, Recorder};
use crate::limits::{POLL_INTERVAL, STEPS_PER_POLL};
use crate::strategy::{Hook, TimeEvent};
use crate::venue::Execution;

use crate::clock::Stopwatch;

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
    /// How many boundaries of time have been reached.
    marks: usize,
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
            marks: 0,
        }
    }

    /// Runs to the end of the feed, or until the user or the last trader stops it.
    pub fn run(&mut self, host: &dyn Host) {
        let watch = Stopwatch::start();
        let mut polled = Stopwatch::start();
        let mut look_at = STEPS_PER_POLL;
        let mut flow = loop {
            if self.report.interrupted {
                break Flow::Interrupted;
            }
            let mark = self.time_marks.peek().map(|(_, mark)| mark.ts);
            // What happened after a step's commit is closed by the next one, in both drivers alike.
            let closed = self.journal.as_ref().is_none_or(|kept| !kept.has_pending());
            if self.started && closed {
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
            let flow = self.take_snapshot(now);
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
        let unkept = self.journal.is_none();
        let quiet = self.ports.quiet(&mut self.writer, mark, unkept);
        if quiet.steps > 0 {
            self.report.steps += quiet.steps;
            self.report.events += quiet.events;
            self.report.last_ts = quiet.last;
        }
        self.deliver();
    }

    /// Makes the step or the two steps of a time: boundaries of time come before market events.
    fn make_steps(&mut self, now: Nanos) -> Flow {
        let has_events = self.ports.has_events(now);
        let mut marked = false;
        while let Some((trader, mark)) = self.time_marks.next_if(|(_, mark)| mark.ts == now) {
            marked = true;
            self.marks += 1;
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
        if !self.commit(now, last_of_time) {
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
        if !self.acts.is_empty() && !self.commit(now, false) {
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
    fn commit(&mut self, now: Nanos, last_of_time: bool) -> bool {
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
            // Only then do phases 5 and 6 follow at once.
            let alone = last_of_time && self.journal.is_none();
            if alone && self.ports.commit_at_once(now, &mut self.writer) {
                self.ports.settled(&self.writer);
                return true;
            }
            let plain = self.ports.plain();
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

    /// Takes in what the venue still has to say. `false` when the journal failed.
    fn settle(&mut self, flow: Flow, last: Nanos) -> bool {
        let ending = match flow {
            _ if self.journal.is_some() && !self.report.complete => Ending::Paused,
            Flow::Interrupted => Ending::Hurried,
            _ => Ending::Whole,
        };
        let found = self.ports.settle(last, ending, &mut self.writer);
        self.report.interrupted |= self.ports.ended_the_wait();
        !found || self.journal.is_none() || self.hand_on(last)
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
            // What the journal has let leave is at the venue before it is taken back.
            if let Some(journal) = &self.journal {
                let ports = &mut self.ports;
                journal.wait(&mut || ports.idle());
            }
            return self.ports.abandon(&self.writer);
        }
        let Some(last) = self.report.last_ts else {
            return;
        };
        self.ports.refresh_all(&mut self.writer.account);
        if !self.settle(flow, last) {
            return;
        }
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
