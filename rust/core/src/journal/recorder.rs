//! What a run's steps go through: rows are made of what the writer recorded, and compared with the journal as far as it
//! goes, or written behind it.

use std::path::{Path, PathBuf};

use crate::commit::{Act, Command, Writer};
use crate::domain::Nanos;
use crate::error::Error;
use crate::order::OrderId;

use super::cadence::{Cadence, snapshots};
use super::chain::Links;
use super::difference::{differs, ended_early, first_difference, went_on};
use super::fault::journal_error;
use super::identity::may_continue;
use super::input::{Input, Vetoes};
use super::keeper::{Batch, Keeper, Then};
use super::record::{CHAIN, Record, Table, Value};
use super::rows::{self, Now};
use super::said::KILL;
use super::script::{Script, distrusted};
use super::snapshot::Resumption;
use super::spec::{JournalSpec, LedgerSpec, Purpose, RunFacts};
use super::store::{Access, FINISHED, RunEvent, Store};
use super::stored::Stored;

/// How a committed step stands to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was in the journal: its orders left before, all but those of the `newest`, which may have been on their way.
    Known {
        /// Whether it is the last one.
        newest: bool,
    },
    /// It has been written.
    New,
}

pub(super) enum Mode {
    /// What the run decides is compared.
    Comparing(Box<Stored>),
    /// What the run decides is written.
    Writing(Keeper),
    /// A replay has passed the end of a journal that is not finished.
    Beyond,
}

/// The folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// How many rows of each kind have been seen.
#[derive(Default)]
pub(super) struct Seen {
    pub orders: usize,
    pub fills: usize,
    pub refusals: usize,
    pub quarantined: usize,
}

/// The journal of one run, seen from the run.
pub struct Recorder {
    pub(super) facts: RunFacts,
    pub(super) purpose: Purpose,
    pub(super) mode: Mode,
    /// The last place taken in the sequence, that before the group of rows that is being made, and the group.
    pub(super) seq: i64,
    pub(super) group_after: i64,
    pub(super) pending: Vec<Record>,
    /// Whether the group has what people told.
    told: bool,
    pub(super) chain: [u8; CHAIN],
    pub(super) seen: Seen,
    pub(super) ended: Vec<OrderId>,
    /// The digest, where the journal is finished.
    pub(super) finished: Option<String>,
    /// The last step that was in the journal when it was opened.
    resumed_at: u64,
    known_until: Option<Nanos>,
    ledger: Option<LedgerSpec>,
    folder: Option<PathBuf>,
    /// Whether people were told that the disk does not take old rows.
    rows_stay: bool,
    /// What traders that are not believed did before.
    pub(super) script: Script,
    /// What was said of the kill switch and is in no step yet.
    said: Vec<Input>,
    links: Links,
    pub(super) cadence: Cadence,
    pub(super) resumption: Option<Resumption>,
}

impl Recorder {
    /// Opens the journal of a run.
    ///
    /// # Errors
    /// When it cannot be opened, is in use, or belongs to another run: then it says what differs.
    pub fn open(spec: &JournalSpec, facts: RunFacts) -> Result<Self, Error> {
        let access = match spec.purpose {
            Purpose::Keep => Access::Write,
            Purpose::Replay => Access::Read,
        };
        let mut store = Store::open(&spec.path, access)?;
        if spec.purpose == Purpose::Keep && store.is_new()? {
            store.begin(spec, &facts)?;
        } else {
            may_continue(&store, spec, &facts)?;
        }
        let finished = store.digest()?;
        let ledger = match spec.purpose {
            Purpose::Keep => Some(LedgerSpec {
                path: LedgerSpec::path_beside(&spec.path),
                key: store.key()?,
                last_order: store.last_order()?,
            }),
            Purpose::Replay => None,
        };
        let folder = match spec.purpose {
            Purpose::Keep => Some(folder_of(&spec.path)),
            Purpose::Replay => None,
        };
        let (said, links) = (store.said()?, Links::of(&store)?);
        // Only there can a trader be left out while the others are made again.
        let script = if facts.waits || spec.purpose == Purpose::Replay {
            Script::read(&store, distrusted(spec, &facts))?
        } else {
            Script::default()
        };
        let (cadence, resumption) = snapshots(&store, spec, &facts, (&script, finished.is_none()))?;
        let stored = Stored::new(store)?;
        let mut recorder = Self {
            facts,
            purpose: spec.purpose,
            resumed_at: stored.last,
            known_until: stored.last_ts,
            mode: Mode::Comparing(Box::new(stored)),
            seq: 0,
            group_after: 0,
            pending: Vec::new(),
            told: false,
            chain: [0; CHAIN],
            seen: Seen::default(),
            ended: Vec::new(),
            finished,
            ledger,
            folder,
            rows_stay: false,
            script,
            said,
            links,
            cadence,
            resumption,
        };
        recorder.turn()?;
        Ok(recorder)
    }

    /// Whether what the run decides was decided before.
    #[must_use]
    pub const fn is_rebuilding(&self) -> bool {
        matches!(self.mode, Mode::Comparing(_))
    }

    /// Traders that are not believed: they are not called.
    pub fn distrusted(&self) -> impl Iterator<Item = u32> + '_ {
        self.script.distrusted.iter().map(|each| each.trader)
    }

    /// Hands over what these did in this step, or stops them where the journal has ended; `stop` hears of those that are
    /// stopped.
    #[inline]
    pub fn repeat(
        &mut self,
        step: u64,
        writer: &mut Writer,
        acts: &mut Vec<Act>,
        stop: impl FnMut(u32),
    ) {
        if !self.script.is_empty() {
            let goes_on = !self.is_rebuilding();
            self.script.take(step, goes_on, (writer, acts), stop);
        }
    }

    /// What people told the run before, and for which orders the risk process did not give its word.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn inputs(&self) -> Result<(Vec<Input>, Vetoes), Error> {
        match &self.mode {
            Mode::Comparing(stored) => Ok((stored.inputs()?, stored.vetoes()?)),
            Mode::Writing(_) | Mode::Beyond => Ok((Vec::new(), Vec::new())),
        }
    }

    /// The time of the last step that was in the journal when it was opened.
    #[must_use]
    pub const fn known_until(&self) -> Option<Nanos> {
        self.known_until
    }

    /// What people said while the run was not there, or as it ended, for the first step behind the journal.
    pub fn take_said(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.said)
    }

    /// Whether the last of that is to set the kill switch: then nothing leaves before that step either.
    #[must_use]
    pub fn is_kill_due(&self) -> bool {
        self.said.last().is_some_and(|said| said.command == KILL)
    }

    /// Where the paper broker of this run keeps its books: beside the journal. A replay has none.
    #[must_use]
    pub fn ledger(&self) -> Option<LedgerSpec> {
        self.ledger.clone()
    }

    /// Where a run that is kept may set old rows aside: beside its journal, as long as that is possible.
    #[must_use]
    #[inline]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The disk does not take old rows; it is asked again when they are twice as many. Whether that is the first time.
    pub fn note_rows_stay(&mut self, error: &std::io::Error) -> bool {
        let is_new = !std::mem::replace(&mut self.rows_stay, true);
        if is_new {
            self.cadence.notes.push(format!(
                "old rows of this run stay in memory, because the disk of its journal does not take them: {error}"
            ));
        }
        is_new
    }

    /// Whether rows wait for the step that closes their group.
    #[must_use]
    #[inline]
    pub const fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn push(&mut self, table: Table, values: Vec<Value>) {
        self.seq += 1;
        self.pending.push(Record {
            table,
            seq: self.seq,
            values,
        });
    }

    /// Closes a step: what it decided is known to the journal, or ready to be written, which [`Recorder::write`] does.
    ///
    /// # Errors
    /// When the journal cannot be read, or the run does not repeat it. Then nothing may leave.
    pub fn commit(
        &mut self,
        (step, ts): (u64, Nanos),
        writer: &mut Writer,
        commands: &[Command],
        inputs: &mut Vec<Input>,
    ) -> Result<Standing, Error> {
        self.told = !inputs.is_empty();
        for input in inputs.drain(..) {
            self.push(Table::Inputs, rows::input(Now { step, ts }, &input));
        }
        self.note(step, ts, writer, commands);
        self.close_group(Now { step, ts }, writer)
            .map_err(|error| self.cadence.since(error))
    }

    /// Whether orders wait for the journal.
    #[must_use]
    pub const fn holds_orders(&self) -> bool {
        self.facts.waits
    }

    /// Writes what a step decided. Where orders wait for it and nobody lets them leave `then`, and where people wait, it is on
    /// disk when this returns; meanwhile `idle` is called now and then.
    ///
    /// # Errors
    /// When the journal cannot be written, or could not in an earlier step. Then nothing may leave.
    pub fn write(
        &mut self,
        orders: bool,
        then: Option<Then>,
        idle: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        let Mode::Writing(keeper) = &self.mode else {
            return Ok(());
        };
        let waits = self.facts.waits && (self.told || orders && then.is_none());
        let batch = Batch {
            rows: std::mem::take(&mut self.pending),
            then,
            ..Batch::default()
        };
        if waits {
            keeper.commit(batch, idle)
        } else if batch.rows.is_empty() && batch.then.is_none() {
            // Who only waits for what earlier rows let leave has none of its own to hear by that they were not written.
            keeper.check()
        } else {
            keeper.send(batch, idle)
        }
    }

    /// Waits until nothing is on its way to the file any more, or it cannot be written.
    pub fn wait(&self, idle: &mut dyn FnMut()) {
        if let Mode::Writing(keeper) = &self.mode {
            // Whoever calls has an error to report already.
            let _ = keeper.commit(Batch::default(), idle);
        }
    }

    /// Ends a group of rows.
    fn close_group(&mut self, now: Now, writer: &Writer) -> Result<Standing, Error> {
        if !self.pending.is_empty() {
            self.push(Table::Steps, now.values(3));
            if let Some((step, rows)) = self.pending.split_last_mut() {
                self.chain = self.links.link(&self.chain, rows, step);
                step.values.push(Value::Blob(self.chain.to_vec()));
            }
        }
        let standing = match &mut self.mode {
            Mode::Beyond => {
                self.pending.clear();
                Standing::New
            }
            Mode::Writing(_) => Standing::New,
            Mode::Comparing(_) => self.compare(writer)?,
        };
        self.group_after = self.seq;
        Ok(standing)
    }

    /// Compares a group with that of the journal.
    fn compare(&mut self, writer: &Writer) -> Result<Standing, Error> {
        let owner = |id: i64| {
            let at = usize::try_from(id).ok()?.checked_sub(1)?;
            writer.records.orders.get(at).map(|order| order.trader)
        };
        let Mode::Comparing(stored) = &mut self.mode else {
            return Ok(Standing::New);
        };
        let Some(made) = self.pending.last() else {
            return Ok(Standing::Known { newest: false });
        };
        let Some(next) = stored.peek()? else {
            return Err(went_on(&self.pending, &self.facts, &owner));
        };
        let now = |name| made.value(name).and_then(Value::int);
        let same = next.seq == made.seq
            && now("step") == i64::try_from(next.step).ok()
            && now("ts") == Some(next.ts)
            && next.chain == self.chain;
        let to = next.seq.max(made.seq);
        if !same {
            let stored = stored.rows(self.group_after, to)?;
            let facts = &self.facts;
            return Err(first_difference(&stored, &self.pending, facts, &owner));
        }
        if self.purpose == Purpose::Replay {
            // The chain says what was written; a replay looks at what is there.
            let group = stored.group(self.group_after, to)?;
            if group.iter().ne(&self.pending) && differs(&group, &self.pending) {
                let facts = &self.facts;
                return Err(first_difference(&group, &self.pending, facts, &owner));
            }
        }
        stored.pass();
        self.pending.clear();
        let newest = stored.is_over();
        self.turn()?;
        Ok(Standing::Known { newest })
    }

    /// Where all that was in the journal has been repeated, the run goes on behind it.
    pub(super) fn turn(&mut self) -> Result<(), Error> {
        match &self.mode {
            Mode::Comparing(stored) if stored.is_over() && self.finished.is_none() => {}
            _ => return Ok(()),
        }
        let Mode::Comparing(stored) = std::mem::replace(&mut self.mode, Mode::Beyond) else {
            return Ok(());
        };
        if self.purpose == Purpose::Keep {
            let keeper = Keeper::start(stored.into_store())?;
            if self.resumed_at > 0 {
                let resumed = Batch {
                    event: Some(RunEvent {
                        event: "resumed",
                        step: self.resumed_at,
                        after_seq: self.seq - i64::try_from(self.pending.len()).unwrap_or(0),
                        digest: None,
                        author: None,
                    }),
                    ..Batch::default()
                };
                keeper.send(resumed, &mut || {})?;
            }
            self.mode = Mode::Writing(keeper);
        }
        Ok(())
    }

    /// Leaves the journal of a run that was ended early as it is, so that it can be continued; `killed` says who threw the
    /// kill switch, where no step has taken that in. Says at which step the run went on, zero for a new one.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn pause(self, step: u64, killed: Option<&str>) -> Result<u64, Error> {
        match self.mode {
            Mode::Writing(keeper) => {
                let unwritten = i64::try_from(self.pending.len()).unwrap_or(0);
                let event = killed.map(|author| RunEvent {
                    event: KILL,
                    step,
                    after_seq: self.seq - unwritten,
                    digest: None,
                    author: Some(author.to_owned()),
                });
                let last = Batch {
                    event,
                    ..Batch::default()
                };
                // What was handed over is on disk, or the run says why not.
                keeper.commit(last, &mut || {})?;
            }
            Mode::Comparing(stored) if self.purpose == Purpose::Keep => {
                if let Some(author) = killed {
                    stored.into_store().note_said(KILL, author)?;
                }
            }
            Mode::Comparing(_) | Mode::Beyond => {}
        }
        Ok(self.resumed_at)
    }

    /// Ends the journal of a run that is over: it gets its last rows and its digest, or is compared with them. Says at which
    /// step the run went on, zero for a new one.
    ///
    /// # Errors
    /// When the journal cannot be written, or the run did not repeat it.
    pub fn close(
        mut self,
        (step, ts): (u64, Nanos),
        writer: &mut Writer,
        digest: &str,
    ) -> Result<u64, Error> {
        self.note(step, ts, writer, &[]);
        let last = self.seq + i64::from(!self.pending.is_empty());
        let event = RunEvent {
            event: FINISHED,
            step,
            after_seq: last,
            digest: Some(digest.to_owned()),
            author: None,
        };
        self.close_group(Now { step, ts }, writer)
            .map_err(|error| self.cadence.since(error))?;
        if let Mode::Writing(keeper) = &self.mode {
            let last = Batch {
                rows: std::mem::take(&mut self.pending),
                event: Some(event),
                ..Batch::default()
            };
            keeper.commit(last, &mut || {})?;
        }
        if let Mode::Comparing(stored) = &mut self.mode {
            if let Some(next) = stored.peek()? {
                return Err(self.cadence.since(ended_early(next.step)));
            }
            if let Some(before) = &self.finished
                && before != digest
            {
                let message = format!(
                    "the run repeats the rows of its journal, but the digest is {digest}, and was {before}"
                );
                return Err(journal_error("journal.not_reproducible", message));
            }
            // No step follows in which they could be stopped, and the journal is closed: the result says it alone.
            let stopped = &mut writer.records.quarantined;
            for record in self.script.sentence(ts) {
                // Who was stopped before, as it was then, is so once.
                if stopped.iter().all(|other| other.trader != record.trader) {
                    stopped.push(record);
                }
            }
        }
        Ok(self.resumed_at)
    }
}
