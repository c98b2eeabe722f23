//! Traders whose strategies live in other processes: what a step brings goes out before the others are evaluated, and
//! answers are taken after them, so that all work at the same time. Both drivers speak to them here.

use std::collections::BTreeMap;

use crate::commit::Writer;
use crate::dispatch::Slots;
use crate::domain::{HalfUnits, Nanos};
use crate::engine::Host;
use crate::error::Error;
use crate::limits::POLL_INTERVAL;
use crate::market::{EventKind, Row};
use crate::strategy::{Hook, Hooks, Lane, Stop, StrategyFault};
use crate::trader::{Answer, Glance, Remote, SentRow, Trader, Waited};

/// What there is of a trader here.
struct Place {
    is_away: bool,
    market: u32,
    hooks: Hooks,
    listens: [bool; 3],
    /// Hooks that are due before its next event.
    due: Vec<Hook>,
    quarantined: bool,
}

/// The traders that are evaluated elsewhere.
pub struct Away {
    remote: Option<Box<dyn Remote>>,
    /// Market to these traders.
    slots: Slots,
    places: Vec<Place>,
    /// Those with hooks due.
    due: Vec<u32>,
    answers: Vec<Answer>,
    /// Whether Python strategies are called on this thread, so that it must let go of the interpreter while it waits.
    attached: bool,
    /// Whether the user ended the run before its first step.
    interrupted: bool,
}

impl Away {
    /// Waits until the strategies are set up; those that failed are said in their traders.
    ///
    /// # Errors
    /// When the strategies cannot be started, or there is nobody who would.
    pub fn new(
        traders: &mut [Trader],
        markets: usize,
        remote: Option<Box<dyn Remote>>,
        host: &dyn Host,
        attached: bool,
    ) -> Result<Self, Error> {
        let places: Vec<Place> = traders.iter_mut().map(Place::of).collect();
        if remote.is_none() && places.iter().any(|place| place.is_away) {
            let message = "traders of the process lane need workers; give engine.workers";
            return Err(Error::config("engine.workers", message));
        }
        let mut away = Self {
            remote,
            slots: slots_where(traders, markets, |lane| lane == Lane::Process),
            places,
            due: Vec::new(),
            answers: Vec::new(),
            attached,
            interrupted: false,
        };
        away.interrupted = away.wait(host, 0.0)?;
        for answer in away.answers.drain(..) {
            away.places[answer.trader as usize].quarantined |= answer.failure.is_some();
            traders[answer.trader as usize].failure = answer.failure;
        }
        Ok(away)
    }

    /// Whether this trader is evaluated elsewhere.
    #[must_use]
    pub fn has(&self, trader: u32) -> bool {
        self.places[trader as usize].is_away
    }

    /// A trader is not called any more.
    pub fn silence(&mut self, trader: u32) {
        let place = &mut self.places[trader as usize];
        place.quarantined = true;
        place.due.clear();
    }

    /// Whether anybody has hooks due.
    #[must_use]
    #[inline]
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Keeps a hook for a trader that is evaluated elsewhere; whether it is.
    #[inline]
    pub fn tells(&mut self, trader: u32, hook: &Hook) -> bool {
        let place = &mut self.places[trader as usize];
        if !place.is_away {
            return false;
        }
        if place.hooks.has(hook.kind()) && !place.quarantined {
            place.due.push(hook.clone());
            if self.due.last() != Some(&trader) {
                self.due.push(trader);
            }
        }
        true
    }

    /// Sends what a step brings; `mark` says what a row would mark its market with.
    #[inline]
    pub fn send(
        &mut self,
        writer: &Writer,
        now: Nanos,
        rows: impl Iterator<Item = Row>,
        mark: impl Fn(Row) -> Option<HalfUnits>,
    ) {
        if self.remote.is_some() {
            self.say(writer, now, rows, mark);
        }
    }

    fn say(
        &mut self,
        writer: &Writer,
        now: Nanos,
        rows: impl Iterator<Item = Row>,
        mark: impl Fn(Row) -> Option<HalfUnits>,
    ) {
        let Some(remote) = &mut self.remote else {
            return;
        };
        remote.begin(now, writer.account.view());
        for trader in self.due.drain(..) {
            let place = &mut self.places[trader as usize];
            let hooks = std::mem::take(&mut place.due);
            if !place.quarantined && !hooks.is_empty() {
                remote.hooks(trader, &hooks, glance(writer, trader, place.market));
            }
        }
        for row in rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            let traders = self.slots.of(market);
            if traders.is_empty() {
                continue;
            }
            let Some(mark) = mark(row) else { continue };
            let sent = SentRow {
                kind,
                row: row.row,
                mark,
                warm_up: row.warm_up,
            };
            for &trader in traders {
                let place = &mut self.places[trader as usize];
                if place.quarantined || !place.listens[kind as usize] {
                    continue;
                }
                let glance = glance(writer, trader, place.market);
                if !row.warm_up && !place.due.is_empty() {
                    let hooks = std::mem::take(&mut place.due);
                    remote.hooks(trader, &hooks, glance);
                }
                remote.row(trader, sent, glance);
            }
        }
        remote.send();
    }

    /// Waits for the answers to what was sent, and shows them. Whether the user ended the run meanwhile.
    #[inline]
    pub fn collect(
        &mut self,
        host: &dyn Host,
        done: impl FnOnce() -> f64,
        mut take: impl FnMut(Answer),
    ) -> bool {
        if self.remote.is_none() {
            return false;
        }
        // What cannot be started is said before the first step.
        if self.interrupted || self.wait(host, done()).unwrap_or(true) {
            return true;
        }
        let mut interrupted = false;
        for answer in self.answers.drain(..) {
            let place = &mut self.places[answer.trader as usize];
            if place.quarantined {
                continue;
            }
            match &answer.failure {
                Some(Stop::Interrupted) => interrupted = true,
                Some(Stop::Fault(_)) => place.quarantined = true,
                None => {}
            }
            take(answer);
        }
        interrupted
    }

    /// The closing pass: what is due, then `on_stop`; what they order is discarded. Faults come back by trader.
    pub fn close(
        &mut self,
        writer: &Writer,
        now: Nanos,
        host: &dyn Host,
    ) -> Vec<(u32, StrategyFault)> {
        let mut faults = Vec::new();
        if self.remote.is_none() || self.interrupted {
            return faults;
        }
        for (trader, place) in (0_u32..).zip(&mut self.places) {
            if place.is_away && !place.quarantined {
                // A trader that had no event of its own never started.
                place.due.retain(|hook| *hook != Hook::Start);
                if place.hooks.has(Hooks::STOP) {
                    place.due.push(Hook::Stop);
                }
                self.due.push(trader);
            }
        }
        self.due.sort_unstable();
        self.due.dedup();
        self.send(writer, now, std::iter::empty(), |_| None);
        self.collect(
            host,
            || 1.0,
            |answer| {
                if let Some(Stop::Fault(fault)) = answer.failure {
                    faults.push((answer.trader, fault));
                }
            },
        );
        faults.sort_by_key(|(trader, _)| *trader);
        faults
    }

    /// Takes the answers in. Whether the user ended the run before they came.
    fn wait(&mut self, host: &dyn Host, done: f64) -> Result<bool, Error> {
        let Some(remote) = &mut self.remote else {
            return Ok(false);
        };
        loop {
            let mut waited = Waited::NotYet;
            if self.attached {
                host.detached(&mut || waited = remote.wait(POLL_INTERVAL));
            } else {
                waited = remote.wait(POLL_INTERVAL);
            }
            if waited == Waited::Done {
                remote.answers(&mut self.answers)?;
                return Ok(false);
            }
            if !host.poll(done) {
                return Ok(true);
            }
        }
    }

    /// How many times strategies were called.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.remote
            .as_ref()
            .map_or(0, |remote| remote.evaluations())
    }

    /// Adds what was counted.
    pub fn count(&self, counters: &mut BTreeMap<String, u64>) {
        for (name, count) in self.remote.iter().flat_map(|remote| remote.counters()) {
            counters.insert(name.to_owned(), count);
        }
    }
}

impl Place {
    fn of(trader: &mut Trader) -> Self {
        let is_away = trader.lane() == Lane::Process;
        let due = if is_away {
            std::mem::take(&mut trader.due)
        } else {
            Vec::new()
        };
        Self {
            is_away,
            market: trader.spec.market,
            hooks: trader.hooks(),
            listens: EventKind::ALL.map(|kind| trader.listens(kind)),
            due,
            quarantined: false,
        }
    }
}

/// Market to those traders whose lane is wanted.
#[must_use]
pub fn slots_where(traders: &[Trader], markets: usize, wanted: impl Fn(Lane) -> bool) -> Slots {
    let of = traders
        .iter()
        .filter(|trader| wanted(trader.lane()))
        .map(|trader| (trader.index, trader.spec.market))
        .collect();
    Slots::of_some(markets, of)
}

fn glance(writer: &Writer, trader: u32, market: u32) -> Glance<'_> {
    Glance {
        row: writer.account.row(trader),
        mark: writer.account.market(market).mark,
    }
}
