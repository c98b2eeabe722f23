//! Snapshots of a run: taken between two steps, and gone on from.

use std::path::PathBuf;
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use crate::commit::{Recorded, WriterMemory};
use crate::domain::{Nanos, pack, unpack};
use crate::error::Error;
use crate::journal::{RecorderMemory, Resumption, journal_error};

use super::{Flow, Ports, Stepper, Unsaved};

/// What stands of a run between two steps.
#[derive(Debug, Serialize, Deserialize)]
struct RunMemory {
    steps: u64,
    events: u64,
    last_ts: Option<Nanos>,
    marks: usize,
    writer: WriterMemory,
    recorder: RecorderMemory,
    /// What the driver remembers, in its own form.
    ports: Vec<u8>,
}

/// A snapshot that was read, to be gone on from.
pub struct Resumed {
    from: Resumption,
    memory: RunMemory,
    /// What the writer had recorded: read by a thread of its own, while the driver looks at the broker's books.
    recorded: JoinHandle<Result<Recorded, String>>,
}

impl Resumed {
    /// Reads a snapshot. Old rows are set aside in the folder, where there is one.
    ///
    /// # Errors
    /// When it cannot be read, though it is what was written, or no thread can be made.
    pub fn read(mut from: Resumption, folder: Option<PathBuf>) -> Result<Self, Error> {
        let memory = unpack(&from.state).map_err(|why| unusable(from.step, &why))?;
        from.state = Vec::new();
        let parts = std::mem::take(&mut from.parts);
        let recorded = std::thread::Builder::new()
            .name("pairloom-recall".to_owned())
            .spawn(move || Recorded::read(parts, folder.as_deref()))
            .map_err(|error| unusable(from.step, &format!("no thread for it: {error}")))?;
        Ok(Self {
            from,
            memory,
            recorded,
        })
    }

    /// The step after which it was taken.
    #[must_use]
    pub const fn step(&self) -> u64 {
        self.from.step
    }

    /// What the driver remembered.
    #[must_use]
    pub fn ports(&self) -> &[u8] {
        &self.memory.ports
    }
}

/// A snapshot cannot be gone on from.
#[must_use]
pub fn unusable(step: u64, why: &str) -> Error {
    let mut error = journal_error(
        "journal.snapshot",
        format!(
            "the run cannot go on from the snapshot of step {step}: {why}; it has to be made again from its first row"
        ),
    );
    error.details = vec![("snapshot", step.to_string())];
    error
}

impl<P: Ports> Stepper<P> {
    /// Takes a snapshot where one is due. The run ends when the journal or the broker failed, and when the user says so.
    #[inline]
    pub(super) fn take_snapshot(&mut self, now: Nanos) -> Flow {
        let events = self.report.events;
        match &self.journal {
            Some(journal) if self.started && journal.wants_snapshot(events) => {}
            _ => return Flow::Go,
        }
        match self.memory() {
            Ok(state) => self.keep_snapshot(now, state),
            Err(unsaved) => self.go_on_unsaved(unsaved),
        }
    }

    /// There is no snapshot here; whether the run goes on.
    fn go_on_unsaved(&mut self, unsaved: Unsaved) -> Flow {
        match unsaved {
            Unsaved::Now => Flow::Go,
            Unsaved::Never(why) => {
                self.take_no_snapshots(&why);
                Flow::Go
            }
            Unsaved::Interrupted => Flow::Interrupted,
        }
    }

    fn keep_snapshot(&mut self, now: Nanos, state: Vec<u8>) -> Flow {
        let Some(journal) = &mut self.journal else {
            return Flow::Go;
        };
        if let Some(failure) = self.ports.failure() {
            self.report.failure = Some(failure);
            return Flow::Failed;
        }
        let at = (self.report.steps, now, self.report.events);
        let ports = &mut self.ports;
        let kept = journal.keep_snapshot(at, &self.writer, state, &mut || ports.idle());
        if let Err(error) = kept {
            self.report.failure = Some(error);
            return Flow::Failed;
        }
        Flow::Go
    }

    fn memory(&mut self) -> Result<Vec<u8>, Unsaved> {
        let Some(journal) = &self.journal else {
            return Err(Unsaved::Now);
        };
        let idle = self.executions.is_empty() && self.acts.is_empty() && self.commands.is_empty();
        let writer = self.writer.memory().filter(|_| idle);
        let memory = RunMemory {
            steps: self.report.steps,
            events: self.report.events,
            last_ts: self.report.last_ts,
            marks: self.marks,
            writer: writer.ok_or(Unsaved::Now)?,
            recorder: journal.memory(),
            ports: self.ports.memory()?,
        };
        pack(&memory).map_err(Unsaved::Never)
    }

    /// Looks whether snapshots can be taken of this run at all, so that people hear at its start where they cannot.
    pub(super) fn try_snapshots(&mut self) {
        match &self.journal {
            Some(journal) if journal.takes_snapshots() => {}
            _ => return,
        }
        let found = self.ports.look_for_shared();
        let found = found.and_then(|()| self.ports.memory().map(drop));
        if let Err(unsaved) = found {
            // Who ends the run here ends it before its first step.
            self.report.interrupted = self.go_on_unsaved(unsaved) == Flow::Interrupted;
        }
    }

    fn take_no_snapshots(&mut self, why: &str) {
        if let Some(journal) = &mut self.journal {
            journal.take_no_snapshots(why);
        }
        self.tell_notes();
    }

    /// Tells people what they should know of the snapshots.
    pub(super) fn tell_notes(&mut self) {
        for note in self
            .journal
            .iter_mut()
            .flat_map(crate::journal::Recorder::take_notes)
        {
            self.ports.note(&note);
        }
    }

    /// Goes on from a snapshot, which the driver has done already.
    ///
    /// # Errors
    /// When it does not fit this run, or the journal cannot be read.
    pub(super) fn go_on_from(&mut self, resumed: Resumed) -> Result<(), Error> {
        let Resumed {
            from,
            memory,
            recorded,
        } = resumed;
        let defect = |_| Err("a defect in the engine ended the thread that read it".to_owned());
        let recorded = recorded.join().unwrap_or_else(defect);
        let recalled = recorded.and_then(|recorded| self.writer.recall(memory.writer, recorded));
        recalled.map_err(|why| unusable(from.step, &why))?;
        self.report.steps = memory.steps;
        self.report.events = memory.events;
        self.report.last_ts = memory.last_ts;
        self.started = true;
        self.marks = memory.marks;
        for _ in 0..memory.marks {
            self.time_marks.next();
        }
        match &mut self.journal {
            Some(journal) => journal.go_on_from(&from, memory.recorder, &self.writer),
            None => Ok(()),
        }
    }
}
