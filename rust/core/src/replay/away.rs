//! Traders whose strategies live in other processes: what a step brings goes out before the others are evaluated, and
//! answers are taken after them, so that all work at the same time.

use std::collections::BTreeMap;

use crate::commit::Writer;
use crate::dispatch::Slots;
use crate::domain::Nanos;
use crate::engine::Host;
use crate::error::Error;
use crate::limits::POLL_INTERVAL;
use crate::market::Row;
use crate::strategy::{Hook, Lane, Stop, StrategyFault};
use crate::trader::{Answer, Glance, Remote, SentRow, Trader, TraderState, Waited};

use super::Cast;

/// The traders that are evaluated elsewhere.
pub(super) struct Away {
    remote: Option<Box<dyn Remote>>,
    /// Market to these traders.
    slots: Slots,
    is_away: Vec<bool>,
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
    pub(super) fn new(
        traders: &mut [Trader],
        markets: usize,
        remote: Option<Box<dyn Remote>>,
        host: &dyn Host,
    ) -> Result<Self, Error> {
        let is_away: Vec<bool> = traders
            .iter()
            .map(|trader| trader.lane() == Lane::Process)
            .collect();
        if remote.is_none() && is_away.contains(&true) {
            let message = "traders of the process lane need workers; give engine.workers";
            return Err(Error::config("engine.workers", message));
        }
        let mut away = Self {
            remote,
            slots: slots_where(traders, markets, |lane| lane == Lane::Process),
            is_away,
            due: Vec::new(),
            answers: Vec::new(),
            attached: traders.iter().any(|trader| trader.lane() == Lane::Python),
            interrupted: false,
        };
        away.interrupted = away.wait(host, 0.0)?;
        for answer in away.answers.drain(..) {
            traders[answer.trader as usize].failure = answer.failure;
        }
        Ok(away)
    }

    /// Whether this trader is evaluated elsewhere; then its hooks are kept here.
    #[inline]
    pub(super) fn tells(&mut self, trader: u32) -> bool {
        let is_away = self.is_away[trader as usize];
        if is_away && self.due.last() != Some(&trader) {
            self.due.push(trader);
        }
        is_away
    }

    /// Whether anybody has hooks due.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Sends what a step brings.
    #[inline]
    pub(super) fn send(&mut self, cast: &mut Cast<'_>, writer: &Writer, rows: &[Row], now: Nanos) {
        if self.remote.is_some() {
            self.say(cast, writer, rows, now);
        }
    }

    fn say(&mut self, cast: &mut Cast<'_>, writer: &Writer, rows: &[Row], now: Nanos) {
        let Some(remote) = &mut self.remote else {
            return;
        };
        remote.begin(now, writer.account.view());
        for trader in self.due.drain(..) {
            let slot = cast.traders[trader as usize].get_mut();
            let hooks = std::mem::take(&mut slot.due);
            if slot.state != TraderState::Quarantined && !hooks.is_empty() {
                let market = cast.market_of[trader as usize];
                remote.hooks(trader, &hooks, glance(writer, trader, market));
            }
        }
        for &row in rows {
            let (market, kind) = (row.entry.market(), row.entry.kind());
            let traders = self.slots.of(market);
            if traders.is_empty() {
                continue;
            }
            let Some(series) = cast.markets[market].series(kind) else {
                continue;
            };
            let sent = SentRow {
                kind,
                row: row.row,
                mark: series.event(row.row as usize).mark(cast.scales[market]),
                warm_up: row.warm_up,
            };
            for &trader in traders {
                let slot = cast.traders[trader as usize].get_mut();
                if slot.state == TraderState::Quarantined || !slot.listens(kind) {
                    continue;
                }
                let glance = glance(writer, trader, market as u32);
                if !row.warm_up && !slot.due.is_empty() {
                    let hooks = std::mem::take(&mut slot.due);
                    remote.hooks(trader, &hooks, glance);
                }
                remote.row(trader, sent, glance);
            }
        }
        remote.send();
    }

    /// Waits for the answers to what was sent, and puts them where the traders' own would be. Whether the user ended the
    /// run meanwhile.
    #[inline]
    pub(super) fn collect(
        &mut self,
        cast: &mut Cast<'_>,
        acting: &mut Vec<u32>,
        host: &dyn Host,
        done: f64,
    ) -> bool {
        if self.remote.is_none() {
            return false;
        }
        if self.interrupted || self.wait(host, done).unwrap_or(true) {
            return true;
        }
        let mut interrupted = false;
        for answer in self.answers.drain(..) {
            interrupted |= matches!(answer.failure, Some(Stop::Interrupted));
            let slot = cast.traders[answer.trader as usize].get_mut();
            if slot.state == TraderState::Quarantined {
                continue;
            }
            slot.orders.intents = answer.intents;
            slot.failure = answer.failure;
            acting.push(answer.trader);
        }
        interrupted
    }

    /// The closing pass: what is due, then `on_stop`; what they order is discarded.
    pub(super) fn close(
        &mut self,
        cast: &mut Cast<'_>,
        writer: &Writer,
        now: Nanos,
        host: &dyn Host,
    ) -> Vec<(u32, StrategyFault)> {
        let mut faults = Vec::new();
        if self.remote.is_none() || self.interrupted {
            return faults;
        }
        for (trader, is_away) in (0_u32..).zip(&self.is_away) {
            let slot = cast.traders[trader as usize].get_mut();
            if *is_away && slot.state != TraderState::Quarantined {
                // A trader that had no event of its own never started.
                slot.due.retain(|hook| *hook != Hook::Start);
                slot.tell(Hook::Stop);
                self.due.push(trader);
            }
        }
        self.due.sort_unstable();
        self.due.dedup();
        self.send(cast, writer, &[], now);
        if self.wait(host, 1.0).unwrap_or(true) {
            return faults;
        }
        for answer in self.answers.drain(..) {
            let slot = cast.traders[answer.trader as usize].get_mut();
            if let Some(Stop::Fault(fault)) = answer.failure
                && slot.state != TraderState::Quarantined
            {
                slot.state = TraderState::Quarantined;
                faults.push((answer.trader, fault));
            }
        }
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
    pub(super) fn evaluations(&self) -> u64 {
        self.remote
            .as_ref()
            .map_or(0, |remote| remote.evaluations())
    }

    pub(super) fn count(&self, counters: &mut BTreeMap<String, u64>) {
        for (name, count) in self.remote.iter().flat_map(|remote| remote.counters()) {
            counters.insert(name.to_owned(), count);
        }
    }
}

/// Market to those traders whose lane is wanted.
pub(super) fn slots_where(
    traders: &[Trader],
    markets: usize,
    wanted: impl Fn(Lane) -> bool,
) -> Slots {
    let of: Vec<(u32, u32)> = traders
        .iter()
        .filter(|trader| wanted(trader.lane()))
        .map(|trader| (trader.index, trader.spec.market))
        .collect();
    Slots::of_some(markets, &of)
}

fn glance(writer: &Writer, trader: u32, market: u32) -> Glance<'_> {
    Glance {
        row: writer.account.row(trader),
        mark: writer.account.market(market).mark,
    }
}
