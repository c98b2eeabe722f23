//! When a run takes a snapshot, and what the recorder itself remembers in one.

use serde::{Deserialize, Serialize};

use crate::commit::{Growth, Told, Writer};
use crate::domain::{Nanos, pack};
use crate::error::Error;
use crate::limits;

use super::fault::journal_error;
use super::keeper::Batch;
use super::record::Record;
use super::recorder::{Mode, Recorder, Seen};
use super::script::Script;
use super::snapshot::{Looked, Resumption, Snapshot, forget_after};
use super::spec::{JournalSpec, Purpose, RunFacts};
use super::store::Store;

/// What the recorder remembers between two steps.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecorderMemory {
    seq: i64,
    pending: Vec<Record>,
    seen: [usize; 4],
}

/// The snapshots of a run that goes on.
pub(super) struct Cadence {
    /// How many events lie between two; nothing where none are taken.
    pub every: Option<u64>,
    /// The number of the last one: so many times that number of events had passed.
    pub last: u64,
    /// What it and those before it tell.
    pub told: Told,
    pub part_sum: Vec<u8>,
    /// The step after which the snapshot was taken that the run went on from.
    pub from: Option<u64>,
    /// What people should know of it.
    pub notes: Vec<String>,
}

impl Cadence {
    /// An error of a run that went on from a snapshot says so: made again from its first row it may repeat the journal.
    pub fn since(&self, mut error: Error) -> Error {
        if let Some(step) = self.from {
            error.details.push(("snapshot", step.to_string()));
        }
        error
    }
}

impl Recorder {
    /// Whether a snapshot is due, with so many events behind.
    #[must_use]
    #[inline]
    pub fn wants_snapshot(&self, events: u64) -> bool {
        self.cadence
            .every
            .is_some_and(|every| events / every > self.cadence.last)
            && self.takes_snapshots()
    }

    /// Whether this is the journal of a run that goes on, and not of one that is over or replayed.
    fn is_kept(&self) -> bool {
        self.purpose == Purpose::Keep && self.finished.is_none()
    }

    /// What people should know of its snapshots, once.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.cadence.notes)
    }

    /// Whether snapshots are taken of the run as it stands.
    #[must_use]
    pub fn takes_snapshots(&self) -> bool {
        // Traders whose acts come out of the journal are not what they were then.
        self.cadence.every.is_some()
            && self.script.is_empty()
            && self.is_kept()
            && !matches!(self.mode, Mode::Beyond)
    }

    /// From now on no snapshots are taken, which is said once, with what it costs.
    pub fn take_no_snapshots(&mut self, why: &str) {
        if self.cadence.every.take().is_some() {
            self.cadence.notes.push(format!(
                "no snapshots are kept of this run: {why}; should it be killed, it is made again from its first row, which \
                 takes as long as evaluating all rows until then"
            ));
        }
    }

    /// What is remembered between two steps.
    #[must_use]
    pub fn memory(&self) -> RecorderMemory {
        let seen = &self.seen;
        RecorderMemory {
            seq: self.seq,
            pending: self.pending.clone(),
            seen: [seen.orders, seen.fills, seen.refusals, seen.quarantined],
        }
    }

    /// Keeps a snapshot of a step: what stands, and what the records grew by.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn keep_snapshot(
        &mut self,
        (step, ts, events): (u64, Nanos, u64),
        writer: &Writer,
        state: Vec<u8>,
        idle: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        let Some(every) = self.cadence.every else {
            return Ok(());
        };
        let part = Growth::since(&self.cadence.told, writer);
        let part = pack(&part).map_err(|why| journal_error("journal.defect", why))?;
        let number = events / every;
        let place = (number.cast_signed(), step.cast_signed());
        let part_sum = Snapshot::part_sum(&self.cadence.part_sum, place, &part);
        self.cadence.last = number;
        self.cadence.told = Told::all(writer);
        self.cadence.part_sum = part_sum.to_vec();
        let snapshot = Snapshot {
            number,
            step,
            ts,
            after_seq: self.group_after,
            chain: self.chain,
            part,
            part_sum,
            state,
        };
        match &mut self.mode {
            Mode::Comparing(stored) => stored.add_snapshot(&snapshot),
            Mode::Writing(keeper) => {
                let batch = Batch {
                    snapshot: Some(snapshot),
                    ..Batch::default()
                };
                keeper.send(batch, idle)
            }
            Mode::Beyond => Ok(()),
        }
    }

    /// The snapshot that the run goes on from, where there is one.
    pub const fn take_resumption(&mut self) -> Option<Resumption> {
        self.resumption.take()
    }

    /// Goes on from a snapshot: the journal is compared from its place on. The writer has recalled what it tells.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn go_on_from(
        &mut self,
        from: &Resumption,
        memory: RecorderMemory,
        writer: &Writer,
    ) -> Result<(), Error> {
        self.seq = memory.seq;
        self.group_after = from.after_seq;
        self.pending = memory.pending;
        self.chain = from.chain;
        let [orders, fills, refusals, quarantined] = memory.seen;
        self.seen = Seen {
            orders,
            fills,
            refusals,
            quarantined,
        };
        self.cadence.from = Some(from.step);
        self.cadence.last = from.number;
        self.cadence.told = Told::all(writer);
        self.cadence.part_sum = from.part_sum.to_vec();
        self.script.forget(from.step);
        if let Mode::Comparing(stored) = &mut self.mode {
            stored.go_to(from.after_seq)?;
        }
        self.turn()
    }
}

/// How often the run takes snapshots, and the one that it goes on from.
pub(super) fn snapshots(
    store: &Store,
    spec: &JournalSpec,
    facts: &RunFacts,
    (script, goes_on): (&Script, bool),
) -> Result<(Cadence, Option<Resumption>), Error> {
    let taken = facts.snapshots && goes_on && spec.purpose == Purpose::Keep;
    let mut cadence = Cadence {
        every: taken.then(|| {
            spec.snapshot_every
                .unwrap_or_else(|| limits::snapshot_events(facts.traders.len()))
        }),
        last: 0,
        told: Told::default(),
        part_sum: Vec::new(),
        from: None,
        notes: Vec::new(),
    };
    if spec.purpose != Purpose::Keep || !goes_on {
        return Ok((cadence, None));
    }
    let mut found = None;
    if taken && !spec.from_start {
        let looked = Looked::at(store)?;
        let (newest, problems) = looked.newest(store, |step| script.ends_by(step))?;
        let file = store.path().display();
        let notes = problems.into_iter();
        cadence.notes = notes
            .map(|problem| format!("{file}: {problem}; it is passed over"))
            .collect();
        found = newest;
    }
    // What comes behind is taken again.
    let last = found.as_ref().map_or(0, |found| found.number);
    store.with(|connection| forget_after(connection, last))?;
    Ok((cadence, found))
}
