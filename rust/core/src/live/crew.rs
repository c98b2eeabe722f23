//! What the commit thread knows of the traders: who may act, who has not answered yet, who is late.

use serde::{Deserialize, Serialize};

use crate::clock::Stopwatch;
use crate::commit::{Act, Author};
use crate::domain::Side;
use crate::domain::word::word_of;
use crate::market::EventKind;
use crate::signal::{Intent, TradeSignal};
use crate::strategy::{Hooks, Stop, StrategyFault};
use crate::trader::{Answer, Trader, TraderState};

use super::actor::Outbox;

/// One trader as the commit thread knows it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub state: TraderState,
    pub hooks: Hooks,
    listens: [bool; 3],
    /// Deliveries it has not answered.
    pub behind: u32,
    /// Whether it was still at work when a step closed that it was in.
    pub late: bool,
    /// The last step in which it got a delivery.
    pub step: u64,
    pub evaluations: u64,
    pub last_signal: Option<&'static str>,
    /// Running since the event behind its last answer arrived.
    pub arrived: Option<Stopwatch>,
}

/// What is remembered of one trader.
#[derive(Debug, Serialize, Deserialize)]
struct MemberMemory {
    state: TraderState,
    evaluations: u64,
    last_signal: Option<String>,
}

/// What is remembered between two steps of a recorded run, in which nobody is late.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CrewMemory {
    members: Vec<MemberMemory>,
    due: Vec<u32>,
    active: usize,
    signals: u64,
}

/// All traders.
pub(super) struct Crew {
    pub members: Vec<Member>,
    /// Whether each trader's strategy can be made anew.
    pub restartable: Vec<bool>,
    /// Traders that are to be woken though no event may do it.
    pub due: Vec<u32>,
    /// Traders whose `setup` failed.
    pub failed_setups: Vec<u32>,
    /// Traders of this step that have not answered yet.
    pub pending: usize,
    /// Traders that may act.
    pub active: usize,
    pub late: u64,
    pub signals: u64,
    /// Answers to this step, and those to earlier ones that come now.
    own: Vec<Act>,
    belated: Vec<Act>,
    pub interrupted: bool,
}

impl Crew {
    pub(super) fn new(traders: &[Trader], restartable: Vec<bool>) -> Self {
        let members = traders
            .iter()
            .map(|trader| Member {
                state: TraderState::Active,
                hooks: trader.hooks(),
                listens: EventKind::ALL.map(|kind| trader.listens(kind)),
                behind: 0,
                late: false,
                step: 0,
                evaluations: 0,
                last_signal: None,
                arrived: None,
            })
            .collect();
        // What `setup` wanted, or how it failed, is told at the first step, whoever's events make it.
        let due = traders.iter().filter(|trader| trader.has_acted());
        let failed = traders.iter().filter(|trader| trader.failure.is_some());
        Self {
            members,
            restartable,
            due: due.map(|trader| trader.index).collect(),
            failed_setups: failed.map(|trader| trader.index).collect(),
            pending: 0,
            active: traders.len(),
            late: 0,
            signals: 0,
            own: Vec::new(),
            belated: Vec::new(),
            interrupted: false,
        }
    }

    /// What is remembered.
    pub(super) fn memory(&self) -> CrewMemory {
        let members = self.members.iter().map(|member| MemberMemory {
            state: member.state,
            evaluations: member.evaluations,
            last_signal: member.last_signal.map(str::to_owned),
        });
        CrewMemory {
            members: members.collect(),
            due: self.due.clone(),
            active: self.active,
            signals: self.signals,
        }
    }

    /// Remembers what the same traders did before.
    pub(super) fn recall(&mut self, memory: CrewMemory) {
        for (member, kept) in self.members.iter_mut().zip(memory.members) {
            member.state = kept.state;
            member.evaluations = kept.evaluations;
            member.last_signal = kept.last_signal.map(word_of);
        }
        self.due = memory.due;
        self.failed_setups.clear();
        self.active = memory.active;
        self.signals = memory.signals;
    }

    /// A trader is not called any more, and counts as active until it is stopped.
    pub(super) fn silence(&mut self, trader: u32) {
        let member = &mut self.members[trader as usize];
        member.hooks = Hooks::NONE;
        member.listens = [false; 3];
        self.due.retain(|due| *due != trader);
        self.failed_setups.retain(|failed| *failed != trader);
    }

    /// A trader is quarantined.
    pub(super) fn stop(&mut self, trader: u32) {
        self.note(trader, &[], Some(&StrategyFault::raised("")));
    }

    pub(super) fn listens(&self, trader: u32, kind: EventKind) -> bool {
        self.members[trader as usize].listens[kind as usize]
    }

    /// A delivery went into a trader's inbox, where so many others had to make room.
    pub(super) fn delivered(&mut self, trader: u32, replaced: u32, step: u64) {
        let member = &mut self.members[trader as usize];
        if !member.late && member.behind == 0 {
            self.pending += 1;
        }
        member.behind = (member.behind + 1).saturating_sub(replaced);
        member.step = step;
    }

    /// A trader has answered.
    pub(super) fn answered(&mut self, trader: u32, outbox: Outbox) {
        let member = &mut self.members[trader as usize];
        let was_late = member.late;
        member.behind = member.behind.saturating_sub(outbox.handled);
        if member.behind == 0 {
            if was_late {
                member.late = false;
            } else {
                self.pending = self.pending.saturating_sub(1);
            }
        }
        member.evaluations = outbox.evaluations;
        member.arrived = outbox.arrived;
        let failure = match outbox.failure {
            Some(Stop::Interrupted) => {
                self.interrupted = true;
                return;
            }
            Some(Stop::Fault(fault)) => Some(fault),
            None => None,
        };
        if outbox.intents.is_empty() && failure.is_none() {
            return;
        }
        self.note(trader, &outbox.intents, failure.as_ref());
        let acts = if was_late {
            &mut self.belated
        } else {
            &mut self.own
        };
        acts.push(Act {
            trader,
            author: Author::Strategy,
            intents: outbox.intents,
            failure,
        });
    }

    /// A trader that is evaluated elsewhere has answered.
    pub(super) fn answered_elsewhere(&mut self, answer: Answer) {
        let failure = match answer.failure {
            Some(Stop::Interrupted) => {
                self.interrupted = true;
                return;
            }
            Some(Stop::Fault(fault)) => Some(fault),
            None => None,
        };
        self.note(answer.trader, &answer.intents, failure.as_ref());
        self.own.push(Act {
            trader: answer.trader,
            author: Author::Strategy,
            intents: answer.intents,
            failure,
        });
    }

    /// The `setup` of a trader that is evaluated elsewhere has failed.
    pub(super) fn failed_elsewhere(&mut self, trader: u32, stop: Option<Stop>) {
        let act = self.failed(trader, stop);
        self.own.extend(act);
    }

    /// The act of a trader whose `setup` failed.
    pub(super) fn failed(&mut self, trader: u32, stop: Option<Stop>) -> Option<Act> {
        let Some(Stop::Fault(fault)) = stop else {
            return None;
        };
        self.note(trader, &[], Some(&fault));
        Some(Act {
            trader,
            author: Author::Strategy,
            intents: Vec::new(),
            failure: Some(fault),
        })
    }

    fn note(&mut self, trader: u32, intents: &[Intent], failure: Option<&StrategyFault>) {
        let member = &mut self.members[trader as usize];
        for intent in intents {
            if let Intent::Signal(signal) = intent {
                self.signals += 1;
                member.last_signal = Some(signal_name(signal));
            }
        }
        if failure.is_some() && member.state != TraderState::Quarantined {
            member.state = TraderState::Quarantined;
            self.active -= 1;
        }
    }

    /// Whether somebody wants something that no step has taken yet.
    pub(super) fn has_answers(&self) -> bool {
        !self.own.is_empty() || !self.belated.is_empty()
    }

    /// The step closes: who has not answered is late from now on.
    pub(super) fn close_step(&mut self, step: u64) {
        if self.pending == 0 {
            return;
        }
        for member in &mut self.members {
            if member.step == step && member.behind > 0 && !member.late {
                member.late = true;
                self.late += 1;
            }
        }
        self.pending = 0;
    }

    /// What traders want: answers to this step by trader, behind them the belated ones. Those of one trader are one act, so
    /// that what it asked for first is seen when what it asked for next is planned.
    pub(super) fn take(&mut self, acts: &mut Vec<Act>) {
        let first = acts.len();
        self.own.sort_by_key(|act| act.trader);
        for act in self.own.drain(..) {
            match acts[first..].last_mut() {
                // A trader with several events in a step may have answered in parts.
                Some(last) if last.trader == act.trader => join(last, act),
                _ => acts.push(act),
            }
        }
        let behind = acts.len();
        self.belated.sort_by_key(|act| act.trader);
        for act in self.belated.drain(..) {
            let own = acts[first..behind].binary_search_by_key(&act.trader, |own| own.trader);
            match (own, acts[behind..].last_mut()) {
                // It was late, and then answered in time.
                (Ok(at), _) => join(&mut acts[first + at], act),
                (Err(_), Some(last)) if last.trader == act.trader => join(last, act),
                (Err(_), _) => acts.push(act),
            }
        }
    }
}

fn join(act: &mut Act, more: Act) {
    act.intents.extend(more.intents);
    act.failure = act.failure.take().or(more.failure);
}

const fn signal_name(signal: &TradeSignal) -> &'static str {
    match signal {
        TradeSignal::Side {
            side: Side::Buy, ..
        } => "LONG",
        TradeSignal::Side {
            side: Side::Sell, ..
        } => "SHORT",
        TradeSignal::Close => "CLOSE",
        TradeSignal::Reverse => "REVERSE",
        TradeSignal::Target(_) => "TARGET",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(trader: u32) -> Act {
        Act {
            trader,
            author: Author::Strategy,
            intents: vec![Intent::Signal(TradeSignal::LONG)],
            failure: None,
        }
    }

    #[test]
    fn a_trader_that_was_late_and_then_in_time_acts_once_in_a_step() {
        let mut crew = Crew::new(&[], Vec::new());
        crew.own = vec![act(3), act(1), act(3)];
        crew.belated = vec![act(4), act(3), act(0), act(4), act(1)];
        let mut acts = vec![act(3)];
        crew.take(&mut acts);
        let taken: Vec<(u32, usize)> = acts.iter().map(|a| (a.trader, a.intents.len())).collect();
        // What was there already, a person's command, stays apart.
        assert_eq!(taken, [(3, 1), (1, 2), (3, 3), (0, 1), (4, 2)]);
        assert!(!crew.has_answers());
    }
}
