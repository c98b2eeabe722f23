//! One worker as the engine sees it: a process that is started, asked, waited for, and started again when it dies.

use std::io;
use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use pairloom_core::limits::{CLEAR_DEATHS, IDLE_DEATHS, KILLED_DEATHS, WORKER_START, WORKER_TICK};
use pairloom_core::strategy::{FaultKind, Stop, StrategyFault};
use pairloom_core::trader::Answer;

use super::answer::{self, Said};
use super::batch::{Batch, op};
use super::life::{Ended, Life};
use super::plan::Plan;
use super::wire::{Garbled, Wire};

/// No call: what a worker's mark says between them.
const NOBODY: (u32, u64) = (0, 0);

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is being started: it loads strategies and sets them up.
    Loading,
    /// It does again what its predecessor had done.
    Rebuilding,
    /// It evaluates.
    Working,
    /// It waits for something to do.
    Idle,
    /// It could not be started any more.
    Lost,
}

/// A worker with its share of the traders.
pub(super) struct Worker {
    number: usize,
    /// The traders by slot.
    pub(super) traders: Vec<u32>,
    /// Whether a slot's trader is quarantined: it is not made again.
    gone: Vec<bool>,
    /// Whether a life of it has set the strategies up.
    again: bool,
    /// For each slot a fingerprint of all that it asked for.
    prints: Vec<u64>,
    pub(super) batch: Batch,
    /// What it is evaluating.
    sent: Vec<u8>,
    /// All that it had evaluated before.
    log: Vec<u8>,
    phase: Phase,
    life: Option<Life>,
    /// The call in which it died last, by slot and number, and how often in a row.
    suspect: ((u32, u64), u32),
    /// How often in a row it died outside of any call.
    idle_deaths: u32,
    /// The last call that an earlier life had begun of what is not answered; what calls before it printed is there.
    printed: u64,
    /// The call that was seen last, and since when.
    watched: ((u32, u64), Stopwatch),
    scratch: Vec<u8>,
}

/// What workers bring forth together.
#[derive(Default)]
pub(super) struct Brought {
    pub answers: Vec<Answer>,
    pub logs: Vec<Vec<u8>>,
    pub evaluations: u64,
    pub restarts: u64,
    /// Why the first start failed.
    pub refused: Option<String>,
}

impl Worker {
    pub(super) fn new(number: usize, traders: Vec<u32>) -> Self {
        let slots = traders.len();
        Self {
            number,
            traders,
            gone: vec![false; slots],
            again: false,
            prints: vec![0; slots],
            batch: Batch::new(slots),
            sent: Vec::new(),
            log: Vec::new(),
            phase: Phase::Loading,
            life: None,
            suspect: (NOBODY, 0),
            idle_deaths: 0,
            printed: 0,
            watched: (NOBODY, Stopwatch::start()),
            scratch: Vec::new(),
        }
    }

    pub(super) const fn is_lost(&self) -> bool {
        matches!(self.phase, Phase::Lost)
    }

    /// Starts a process for it, with all traders that are not gone.
    pub(super) fn start(&mut self, plan: &Plan) -> io::Result<()> {
        self.phase = Phase::Loading;
        self.life = Some(Life::begin(plan, self.number, (&self.gone, self.again))?);
        self.watched = (NOBODY, Stopwatch::start());
        Ok(())
    }

    /// Goes on as far as it can. Whether there is an answer to wait for.
    pub(super) fn go_on(&mut self, plan: &Plan, brought: &mut Brought) -> bool {
        loop {
            if self.phase == Phase::Lost {
                return false;
            }
            if self.phase == Phase::Idle {
                if self.batch.is_empty() {
                    return false;
                }
                self.batch.take(&mut self.sent);
                self.ask(&[]);
                continue;
            }
            let Some(life) = &mut self.life else {
                // Its last start failed: there is nobody to wait for.
                self.lose(plan, "no process can be started for it", brought);
                return false;
            };
            if !life.has_answered() {
                return true;
            }
            if self.take_answer(brought).is_err() {
                // What it said makes no sense, so whatever it does next may not either.
                self.died(plan, None, brought);
            }
        }
    }

    /// Sends what waits to be evaluated.
    fn ask(&mut self, before: &[u8]) {
        if self.sent.is_empty() && before.is_empty() {
            self.phase = Phase::Idle;
            return;
        }
        self.phase = Phase::Working;
        if let Some(life) = &mut self.life {
            // A request that cannot be written is never answered, and found to be so.
            if self.printed == 0 {
                life.ask(answer::WORK, before, &self.sent);
            } else {
                let mut begun = Vec::new();
                self.printed.put(&mut begun);
                begun.extend_from_slice(before);
                life.ask(answer::REPEAT, &begun, &self.sent);
            }
        }
        self.watched = (NOBODY, Stopwatch::start());
    }

    fn take_answer(&mut self, brought: &mut Brought) -> Result<(), Garbled> {
        let Some(life) = &mut self.life else {
            return Err(Garbled);
        };
        life.answer(&mut self.scratch)?;
        let bytes = std::mem::take(&mut self.scratch);
        let taken = self.take_in(&bytes, brought);
        self.scratch = bytes;
        taken
    }

    fn take_in(&mut self, bytes: &[u8], brought: &mut Brought) -> Result<(), Garbled> {
        let from = &mut &*bytes;
        match self.phase {
            Phase::Loading => {
                if !bool::get(from)? {
                    brought.refused = Some(String::get(from)?);
                    self.life = None;
                    return Ok(());
                }
                let logs = brought.logs.len();
                self.hear(from, false, brought)?;
                if std::mem::replace(&mut self.again, true) {
                    // It was logged in its first life.
                    brought.logs.truncate(logs);
                }
                if self.log.is_empty() {
                    self.ask(&[]);
                } else if let Some(life) = &mut self.life {
                    self.phase = Phase::Rebuilding;
                    life.ask(answer::REBUILD, &[], &self.log);
                    self.watched = (NOBODY, Stopwatch::start());
                }
            }
            Phase::Rebuilding => {
                let prints: Vec<u64> = Vec::get(from)?;
                if prints.len() != self.prints.len() {
                    return Err(Garbled);
                }
                let mut drops = Vec::new();
                for (slot, print) in (0_u32..).zip(prints) {
                    let at = slot as usize;
                    if !self.gone[at] && self.prints[at] != print {
                        drops.push(op::DROP);
                        slot.put(&mut drops);
                        self.judge(slot, FaultKind::NotReproducible, NOT_THE_SAME, brought);
                    }
                }
                self.ask(&drops);
            }
            Phase::Working => {
                self.hear(from, true, brought)?;
                self.log.append(&mut self.sent);
                self.idle_deaths = 0;
                self.printed = 0;
                self.suspect = (NOBODY, 0);
                self.phase = Phase::Idle;
            }
            Phase::Idle | Phase::Lost => return Err(Garbled),
        }
        Ok(())
    }

    /// Takes in what its traders asked for.
    fn hear(
        &mut self,
        from: &mut &[u8],
        counts: bool,
        brought: &mut Brought,
    ) -> Result<(), Garbled> {
        let heard = Said::get(from)?;
        if counts {
            brought.evaluations += heard.evaluations;
        }
        brought.logs.extend(heard.logs);
        for said in heard.answers {
            let slot = said.slot as usize;
            let (Some(&trader), Some(gone)) = (self.traders.get(slot), self.gone.get_mut(slot))
            else {
                return Err(Garbled);
            };
            if *gone {
                continue;
            }
            self.prints[slot] = answer::print(self.prints[slot], &said.bytes);
            *gone = matches!(said.failure, Some(Stop::Fault(_)));
            brought.answers.push(Answer {
                trader,
                intents: said.intents,
                failure: said.failure,
            });
        }
        Ok(())
    }

    /// Waits for its answer for a moment. Whether something may have changed.
    pub(super) fn wait(&mut self, most: Duration) -> bool {
        match &mut self.life {
            Some(life) => life.wait(most.min(WORKER_TICK)),
            None => true,
        }
    }

    /// Finds out whether it died, or a call of it lasts too long; then it is started again.
    pub(super) fn check(&mut self, plan: &Plan, brought: &mut Brought) {
        let Some(life) = &mut self.life else { return };
        let ended = life.ended();
        if life.has_answered() || self.phase == Phase::Idle {
            return;
        }
        if let Some(ended) = ended {
            self.died(plan, Some(ended), brought);
            return;
        }
        let call = life.call();
        if call != self.watched.0 {
            self.watched = (call, Stopwatch::start());
        }
        let limit = if call.1 == 0 {
            Some(WORKER_START)
        } else {
            plan.time_limit
        };
        if limit.is_some_and(|limit| self.watched.1.elapsed() > limit) {
            self.too_long(plan, brought);
        }
    }

    /// Notes the call in which a life ended: calls before it are made again, and are not to print again.
    fn begun(&mut self, call: u64) {
        if self.phase == Phase::Working {
            // While an error is packed, the call itself is over.
            let packing = u64::from(call & answer::PACKING != 0);
            self.printed = self.printed.max((call & !answer::PACKING) + packing);
        }
    }

    /// Asks it to end in order, where it is not at anything. Whether there is something to wait for.
    pub(super) fn leave(&mut self) -> bool {
        let asked = self.phase == Phase::Idle;
        if asked && let Some(life) = &mut self.life {
            self.phase = Phase::Lost;
            life.ask(answer::LEAVE, &[], &[]);
        }
        asked
    }

    /// Whether its process has ended.
    pub(super) fn has_left(&mut self) -> bool {
        self.life.as_mut().is_none_or(|life| life.ended().is_some())
    }

    fn too_long(&mut self, plan: &Plan, brought: &mut Brought) {
        let Some(life) = self.life.take() else { return };
        let (slot, call) = life.call();
        self.begun(call);
        drop(life);
        match plan.time_limit {
            Some(limit) if call != 0 => {
                let what = if call & answer::PACKING == 0 {
                    "the call had not returned"
                } else {
                    "the error of its call was not packed"
                };
                let text = format!(
                    "{what} after time_limit={} s; its worker was ended",
                    limit.as_secs_f64()
                );
                self.judge(slot, FaultKind::TimeLimit, &text, brought);
                self.suspect = (NOBODY, 0);
            }
            _ => self.idle_deaths += 1,
        }
        self.again(plan, brought);
    }

    fn died(&mut self, plan: &Plan, ended: Option<Ended>, brought: &mut Brought) {
        let Some(mut life) = self.life.take() else {
            return;
        };
        let (slot, call) = life.call();
        self.begun(call);
        let how = ended.unwrap_or_else(|| life.end());
        drop(life);
        if call == 0 {
            self.idle_deaths += 1;
            // Whoever kills it from outside will stop some time; what ends it by itself will not.
            let most = if how.is_kill() {
                IDLE_DEATHS
            } else {
                CLEAR_DEATHS
            };
            if self.idle_deaths > most {
                let text = format!("its worker {how}, {} times in a row", self.idle_deaths);
                self.lose(plan, &text, brought);
                return;
            }
        } else {
            let before = if self.suspect.0 == (slot, call) {
                self.suspect.1
            } else {
                0
            };
            self.suspect = ((slot, call), before + 1);
            let enough = if how.is_kill() {
                KILLED_DEATHS
            } else {
                CLEAR_DEATHS
            };
            if self.suspect.1 >= enough {
                let text = if call & answer::PACKING == 0 {
                    format!("its worker {how} in this call, and in the same call again")
                } else {
                    format!("its worker {how} while the error of its call was packed, and again")
                };
                self.judge(slot, FaultKind::Died, &text, brought);
                self.suspect = (NOBODY, 0);
            }
        }
        self.again(plan, brought);
    }

    fn again(&mut self, plan: &Plan, brought: &mut Brought) {
        brought.restarts += 1;
        if self.gone.iter().all(|gone| *gone) {
            // Nobody is left to be made again.
            self.phase = Phase::Lost;
            return;
        }
        if let Err(error) = self.start(plan) {
            self.lose(plan, &format!("no worker can be started: {error}"), brought);
        }
    }

    /// Quarantines a trader for what happened to its worker.
    fn judge(&mut self, slot: u32, kind: FaultKind, message: &str, brought: &mut Brought) {
        let at = slot as usize;
        if self.gone.get(at).is_none_or(|gone| *gone) {
            return;
        }
        self.gone[at] = true;
        brought.answers.push(Answer {
            trader: self.traders[at],
            intents: Vec::new(),
            failure: Some(Stop::Fault(StrategyFault {
                kind,
                message: message.to_owned(),
                origin: None,
            })),
        });
    }

    fn lose(&mut self, _plan: &Plan, why: &str, brought: &mut Brought) {
        self.phase = Phase::Lost;
        self.life = None;
        let why = brought.refused.as_deref().unwrap_or(why).to_owned();
        for slot in (0_u32..).take(self.traders.len()) {
            self.judge(slot, FaultKind::Died, &why, brought);
        }
    }
}

const NOT_THE_SAME: &str = "its worker had died, and built anew from the events it had seen it did not ask again for \
                            what it had asked for; does it read a clock, draw its own random numbers, or share state?";
