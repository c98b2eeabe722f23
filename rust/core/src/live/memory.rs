//! What a live run on recorded data remembers between two steps, besides the writer: its traders, what waits for them, the
//! paper broker, and where its feed stands.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Nanos, pack, unpack};
use crate::engine::Core;
use crate::error::Error;
use crate::journal::Input;
use crate::market::Rows;
use crate::step::{Resumed, Unsaved, unusable};
use crate::strategy::{Held, Unkept};
use crate::trader::TraderMemory;

use super::command::LiveCommand;
use super::coordinator::{Coordinator, Progress};
use super::crew::CrewMemory;
use super::event::Notice;
use super::paper::{PaperMemory, PaperVenue};

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LiveMemory {
    steps: u64,
    last: Option<Nanos>,
    last_rows: Option<Nanos>,
    done: f64,
    events: u64,
    deliveries: u64,
    warmed_up: u64,
    killed: bool,
    asked: u64,
    traders: Vec<TraderMemory>,
    /// What waits beside their inboxes.
    notices: Vec<Vec<Notice>>,
    crew: CrewMemory,
    next_wake: Option<Nanos>,
    /// What the broker holds, in its own form.
    broker: Vec<u8>,
    /// How many orders work there, once that was read.
    #[serde(skip)]
    working: usize,
}

/// The parts of it that are for other places than the commit thread.
pub(super) struct Shares {
    step: u64,
    last_rows: Option<Nanos>,
    broker: PaperMemory,
    notices: Vec<Vec<Notice>>,
}

impl Shares {
    /// The paper broker and the feed go on where they stood; gives back what waits for the traders.
    ///
    /// # Errors
    /// When the broker cannot, or its books are not those of then.
    fn take_up(
        self,
        venue: &mut PaperVenue,
        rows: Option<&mut Rows>,
    ) -> Result<Vec<Vec<Notice>>, Error> {
        let recalled = venue.recall(self.broker)?;
        recalled.map_err(|why| unusable(self.step, &why))?;
        if let (Some(rows), Some(last)) = (rows, self.last_rows) {
            rows.pass(last);
        }
        Ok(self.notices)
    }
}

/// Lets broker and feed take up their shares, where the run goes on from a snapshot; gives back what waits for the traders.
///
/// # Errors
/// When the broker cannot, or its books are not those of then.
pub(super) fn take_up(
    shares: Option<Shares>,
    venue: &mut PaperVenue,
    rows: Option<&mut Rows>,
) -> Result<Vec<Vec<Notice>>, Error> {
    let notices = match shares {
        Some(shares) => shares.take_up(venue, rows)?,
        None => Vec::new(),
    };
    venue.begin()?;
    Ok(notices)
}

impl LiveMemory {
    /// Reads it out of a snapshot; the traders recall their parts, and limits that people had set by then are in force again.
    ///
    /// # Errors
    /// When it does not fit this run.
    pub(crate) fn read(resumed: &Resumed, said: &[Input], core: &mut Core) -> Result<Self, Error> {
        let step = resumed.step();
        let mut memory: Self = unpack(resumed.ports()).map_err(|why| unusable(step, &why))?;
        let traders = std::mem::take(&mut memory.traders);
        if traders.len() != core.traders.len() || memory.notices.len() != core.traders.len() {
            return Err(unusable(step, "it has other traders"));
        }
        for (trader, kept) in core.traders.iter_mut().zip(traders) {
            let recalled = trader.recall(kept);
            recalled.map_err(|why| unusable(step, &format!("{}: {why}", trader.spec.name)))?;
        }
        for input in said.iter().filter(|input| input.step <= step) {
            if let Some(LiveCommand::SetLimits { limits, .. }) = LiveCommand::parse(&input.command)
            {
                // What they name and there is not was refused then, too, so that they never were in force.
                let _ = core.writer.set_limits_again(limits.as_deref());
            }
        }
        Ok(memory)
    }

    /// Takes the shares of others out of it.
    ///
    /// # Errors
    /// When the broker's cannot be read.
    pub(super) fn shares(&mut self) -> Result<Shares, Error> {
        let broker: Result<PaperMemory, _> = unpack(&std::mem::take(&mut self.broker));
        let broker = broker.map_err(|why| unusable(self.steps, &why))?;
        self.working = broker.working();
        Ok(Shares {
            step: self.steps,
            last_rows: self.last_rows,
            broker,
            notices: std::mem::take(&mut self.notices),
        })
    }
}

/// A trader's strategy cannot be kept.
fn unsaved(trader: &str, why: Unkept) -> Unsaved {
    match why {
        Unkept::Never(why) => Unsaved::Never(format!("{trader}: {why}")),
        Unkept::Interrupted => Unsaved::Interrupted,
    }
}

impl Coordinator<'_> {
    /// What is remembered. The broker is asked for its part, and has written its books by then.
    pub(super) fn remembered(&mut self) -> Result<Vec<u8>, Unsaved> {
        if self.crew.pending > 0 || self.crew.has_answers() {
            return Err(Unsaved::Now);
        }
        let mut traders = Vec::with_capacity(self.stage.actors.len());
        let mut notices = Vec::with_capacity(self.stage.actors.len());
        for (actor, name) in self.stage.actors.iter().zip(&self.names) {
            match actor.memory() {
                Ok(Some((trader, waiting))) => {
                    traders.push(trader);
                    notices.push(waiting);
                }
                Ok(None) => return Err(Unsaved::Now),
                Err(why) => return Err(unsaved(name, why)),
            }
        }
        let Some(broker) = self.orders.memory() else {
            let why = "the broker does not say what it holds";
            return Err(Unsaved::Never(why.to_owned()));
        };
        let progress = &self.progress;
        let memory = LiveMemory {
            steps: progress.steps,
            last: progress.last,
            last_rows: progress.last_rows,
            done: progress.done,
            events: progress.events,
            deliveries: progress.deliveries,
            warmed_up: self.diary.warmed_up,
            killed: self.killed,
            asked: self.asked,
            traders,
            notices,
            crew: self.crew.memory(),
            next_wake: self.orders.next_wake,
            broker,
            working: 0,
        };
        pack(&memory).map_err(Unsaved::Never)
    }

    /// Each trader recalls for itself: what two of them share would come back as one for each.
    pub(super) fn look_for_shared(&self) -> Result<(), Unsaved> {
        let mut holders: HashMap<u64, &Arc<str>> = HashMap::new();
        for (actor, name) in self.stage.actors.iter().zip(&self.names) {
            let held = actor.held().map_err(|why| unsaved(name, why))?;
            for Held { id, what } in held {
                let before = *holders.entry(id).or_insert(name);
                if !Arc::ptr_eq(before, name) {
                    return Err(Unsaved::Never(format!(
                        "{before} and {name} share {what}, which would come back as one for each of them; give each its \
                         own, or leave it out of state()"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Stands where the snapshot was taken, where the run goes on from one.
    pub(super) fn recalling(mut self, memory: Option<LiveMemory>) -> Self {
        let Some(memory) = memory else {
            return self;
        };
        self.progress = Progress {
            steps: memory.steps,
            last: memory.last,
            last_rows: memory.last_rows,
            done: memory.done,
            events: memory.events,
            deliveries: memory.deliveries,
            ..Progress::default()
        };
        self.diary.warmed_up = memory.warmed_up;
        self.killed = memory.killed;
        self.asked = memory.asked;
        self.crew.recall(memory.crew);
        self.orders.recall(memory.working, memory.next_wake);
        // Everybody's part of the account is to be shown.
        let all = u32::try_from(self.crew.members.len()).unwrap_or(u32::MAX);
        self.changed.extend(0..all);
        self
    }
}
