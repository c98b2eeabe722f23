//! What a step needs of its driver: events, evaluations, the venue, and what a journal asks for.

use crate::commit::{Act, Command, Plain, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::error::Error;
use crate::journal::{Input, Then, Vetoes};
use crate::portfolio::Portfolio;
use crate::strategy::{Hook, StrategyFault};
use crate::venue::Execution;

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

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its feed, or because somebody wanted so.
    Whole,
    /// Somebody interrupted it, and waits for the end.
    Hurried,
    /// Before its feed does, with a journal: it goes on later from there.
    Paused,
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

/// Why there is no snapshot of a run at this step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsaved {
    /// Something is under way; after a later step there may be none.
    Now,
    /// There is none at any step, for this reason.
    Never(String),
    /// The user ended the run while a strategy said what it remembers.
    Interrupted,
}

/// What a step needs of its driver.
pub trait Ports {
    /// Tells people something that they should know of the run.
    fn note(&self, text: &str) {
        tracing::warn!("{text}");
    }

    /// What the driver remembers between two steps, as bytes; it may ask the venue.
    ///
    /// # Errors
    /// When there is nothing of that now, or never.
    fn memory(&mut self) -> Result<Vec<u8>, Unsaved> {
        Err(Unsaved::Never("this driver takes none".to_owned()))
    }

    /// Looks for what traders share, which a snapshot would split.
    ///
    /// # Errors
    /// Where there is such a thing, or it cannot be found out.
    fn look_for_shared(&mut self) -> Result<(), Unsaved> {
        Ok(())
    }

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

    /// Commits what [`Ports::plain`] gave and fills it, where all of it fills at this very time and nobody else waits for
    /// the venue; whether that was so. Nothing has happened where not.
    fn commit_at_once(&mut self, _now: Nanos, _writer: &mut Writer) -> bool {
        false
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
    /// is listened to until then. And for which orders the risk process did not give its word, and why: they end again.
    ///
    /// # Errors
    /// When something of it cannot be told again.
    fn rebuild(&mut self, _inputs: Vec<Input>, _vetoes: Vetoes) -> Result<(), Error> {
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

    /// Makes those of the next steps, before `mark`, in which nothing can happen but that prices move; where nobody keeps a
    /// journal (`unkept`), also those in which nothing happens but what was foreseen.
    fn quiet(&mut self, _writer: &mut Writer, _mark: Option<Nanos>, _unkept: bool) -> Quiet {
        Quiet::default()
    }

    /// Hears that what was sent, or filled, has reached the account.
    fn settled(&mut self, _writer: &Writer) {}

    /// Hears that no step comes any more: where messages of the venue may be on their way, they are waited for and taken
    /// in. Whether something was found that is to be kept in the journal.
    fn settle(&mut self, _last: Nanos, _ending: Ending, _writer: &mut Writer) -> bool {
        false
    }

    /// Whether the user ended that wait.
    fn ended_the_wait(&self) -> bool {
        false
    }

    /// Hears that every trader's part of the account may have changed at once.
    fn liquidated(&mut self, _writer: &Writer) {}

    /// How much of the run is done, and of how many steps where that is known.
    fn progress(&self) -> (f64, Option<usize>);

    /// Whether orders that still wait when the run ends are expired: nobody else can fill them any more.
    fn expires(&self) -> bool;
}
