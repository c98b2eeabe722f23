//! What the engine knows of its orders at the venue, and when it has to ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Nanos;
use crate::limits::{ANSWER_PATIENCE, REQUEST_LIFETIME};
use crate::live::broker::{Question, Standing};
use crate::order::OrderId;
use crate::venue::{Execution, Outcome};

use super::applied::Applied;
use super::difference::Said;
use super::{ReconcileSpec, UnknownOrders};

/// An order that left and has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub market: u32,
    pub trader: u32,
    pub at: Nanos,
    /// Whether nobody knows that it arrived.
    pub doubted: bool,
    /// Whether it waits for the journal, so that it leaves behind what is sent meanwhile.
    pub waits: bool,
    /// When it was last asked to be taken back.
    pub cancelled: Option<Nanos>,
}

/// The state of reconciliation.
#[derive(Debug)]
pub(in crate::live) struct Book {
    pub(super) spec: ReconcileSpec,
    /// Whether the venue can be reached.
    pub connected: bool,
    /// Whether the connection was lost since somebody looked.
    pub dropped: bool,
    /// Whether what is believed agreed with the venue's word when it was last compared on this connection.
    pub agreed: bool,
    /// The run's time.
    pub now: Nanos,
    pub(super) open: BTreeMap<OrderId, Sent>,
    pub(super) applied: Applied,
    /// The question that waits for its answer, and since when.
    asked: Option<(u64, Nanos)>,
    /// The newest order that has left behind the journal; and the same when the question was asked.
    left: Arc<AtomicU64>,
    left_before: OrderId,
    questions: u64,
    /// When it is time for the next question, if a step is made then.
    regular: Nanos,
    /// When it is, so that a step has to be made.
    urgent: Option<Nanos>,
    /// The answer to the newest question, whose executions are applied and which is yet to be compared.
    pub(super) answer: Option<Standing>,
    /// Fills of orders that had ended here: order, market where it is known.
    pub(super) late: Vec<Execution>,
    /// Orders that the venue had taken and has no more, without a word of what became of them.
    pub(super) vanished: Vec<(OrderId, Sent)>,
    /// Orders that the venue told of under a trader that they are not of, with their markets.
    pub(super) misnamed: Vec<(OrderId, u32)>,
    /// The keys of what has been reported and still holds.
    pub(super) said: BTreeSet<Said>,
    /// By how much the cash differs, as reported.
    pub(super) cash_off: i128,
    /// How many comparisons there had been when the run ended.
    pub(super) ending: Option<u64>,
    pub(super) counts: Counts,
}

/// What reconciliation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub asked: u64,
    pub compared: u64,
    pub missed: u64,
    pub lost: u64,
    pub adopted: u64,
    pub told_again: u64,
}

impl Book {
    pub(in crate::live) fn new(spec: ReconcileSpec) -> Self {
        Self {
            spec,
            connected: true,
            dropped: false,
            agreed: false,
            now: Nanos::MIN,
            open: BTreeMap::new(),
            applied: Applied::default(),
            asked: None,
            left: Arc::default(),
            left_before: 0,
            questions: 0,
            regular: Nanos::MIN,
            urgent: None,
            answer: None,
            late: Vec::new(),
            vanished: Vec::new(),
            misnamed: Vec::new(),
            said: BTreeSet::new(),
            cash_off: 0,
            ending: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn adopts(&self) -> bool {
        self.spec.unknown_orders == UnknownOrders::Adopt
    }

    /// How many orders have not ended.
    pub(in crate::live) fn resting(&self) -> usize {
        self.open.len()
    }

    /// An order leaves.
    pub(in crate::live) fn sent(&mut self, id: OrderId, (trader, market): (u32, u32), at: Nanos) {
        self.now = self.now.max(at);
        self.open.insert(
            id,
            Sent {
                market,
                trader,
                at,
                doubted: false,
                waits: false,
                cancelled: None,
            },
        );
    }

    /// An order that was noted as sent waits for the journal.
    pub(in crate::live) fn waits(&mut self, id: OrderId) {
        if let Some(sent) = self.open.get_mut(&id) {
            sent.waits = true;
        }
    }

    /// Where the newest order that has left behind the journal is noted down; their numbers only grow.
    pub(in crate::live) fn departures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.left)
    }

    /// Nobody knows whether an order arrived: it works until the venue tells.
    pub(in crate::live) fn doubt(&mut self, id: OrderId) {
        if let Some(sent) = self.open.get_mut(&id) {
            sent.doubted = true;
            let now = self.now;
            self.attend(now);
        }
    }

    /// An order is asked to be taken back. If no word of it comes it is asked again.
    pub(in crate::live) fn cancel_sent(&mut self, id: OrderId) {
        let now = self.now;
        if let Some(sent) = self.open.get_mut(&id) {
            sent.cancelled = Some(now);
            self.attend(now.saturating_add(REQUEST_LIFETIME));
        }
    }

    /// The connection is lost, or is there again.
    pub(in crate::live) fn connection(&mut self, up: bool) {
        self.connected = up;
        self.agreed = false;
        self.dropped |= !up;
        self.ask_anew();
        // What was to be taken back meanwhile is asked for again when the venue can be reached.
        for sent in self.open.values_mut() {
            sent.cancelled = sent.cancelled.map(|_| Nanos::MIN);
        }
    }

    /// Something became of an order: each counts once. What is to be applied.
    pub(in crate::live) fn told(
        &mut self,
        number: Option<u64>,
        execution: Execution,
    ) -> Option<Execution> {
        if let Some(number) = number
            && !self.applied.insert(number)
        {
            self.counts.told_again += 1;
            return None;
        }
        match self.open.get(&execution.order) {
            Some(sent) if sent.trader == execution.trader => {
                self.open.remove(&execution.order);
                return Some(execution);
            }
            Some(sent) => {
                // What it says is not believed, so the order goes on working. Told once more and right, it counts as told
                // already: the pair is halted until a person has compared both sides.
                self.misnamed.push((execution.order, sent.market));
                return None;
            }
            None => {}
        }
        let fills = match execution.outcome {
            Outcome::Filled { .. } => true,
            Outcome::Settled { lots, .. } => lots > 0,
            _ => false,
        };
        if fills {
            self.late.push(execution);
        }
        None
    }

    /// The question that is due now, if one is.
    pub(in crate::live) fn question(&mut self) -> Option<Question> {
        let now = self.now;
        let waits = self
            .asked
            .is_some_and(|(_, at)| now < at.saturating_add(ANSWER_PATIENCE));
        let due = self.asked.is_some() || self.regular <= now || self.is_urgent();
        if !self.connected || waits || !due {
            return None;
        }
        self.questions += 1;
        self.counts.asked += 1;
        self.asked = Some((self.questions, now));
        self.regular = now.saturating_add(self.spec.interval);
        self.urgent = None;
        self.left_before = self.left.load(Ordering::Acquire);
        Some(Question {
            number: self.questions,
            since: self.applied.upto(),
            asked: now,
        })
    }

    /// Whether a question has to be asked now.
    pub(in crate::live) fn is_urgent(&self) -> bool {
        self.connected && self.asked.is_none() && self.urgent.is_some_and(|at| at <= self.now)
    }

    /// When a step has to be made though no event makes one.
    pub(in crate::live) fn due(&self) -> Option<Nanos> {
        if !self.connected {
            return None;
        }
        match self.asked {
            Some((_, at)) => Some(at.saturating_add(ANSWER_PATIENCE)),
            None => self.urgent,
        }
    }

    /// Compares no answer to a question of before, and asks again at once.
    pub(in crate::live) fn ask_anew(&mut self) {
        self.asked = None;
        self.answer = None;
        let now = self.now;
        self.attend(now);
    }

    pub(super) fn attend(&mut self, at: Nanos) {
        self.urgent = Some(self.urgent.map_or(at, |urgent| urgent.min(at)));
    }

    /// The venue has answered: what it says became of orders, and was missed here, is to be applied.
    pub(in crate::live) fn answered(&mut self, standing: Standing, out: &mut Vec<Execution>) {
        for &(number, execution) in &standing.executions {
            let before = self.counts.told_again;
            if let Some(execution) = self.told(Some(number), execution) {
                self.counts.missed += 1;
                out.push(execution);
            }
            // That the venue tells everything again is how it answers.
            self.counts.told_again = before;
        }
        if self
            .asked
            .is_none_or(|(number, _)| number != standing.question)
        {
            // An answer that came late: what it tells is true, how it stood is not news any more.
            return;
        }
        self.asked = None;
        if self.is_old(&standing) {
            return;
        }
        self.look_for_missing(&standing, out);
        self.answer = Some(standing);
    }

    /// Whether more has happened than an answer knows of; then it is asked for again.
    pub(super) fn is_old(&mut self, standing: &Standing) -> bool {
        let old = self.applied.last() > standing.upto;
        if old {
            let now = self.now;
            self.attend(now.saturating_add(1));
        }
        old
    }

    /// Orders that work here and that the venue does not have.
    fn look_for_missing(&mut self, standing: &Standing, out: &mut Vec<Execution>) {
        let there: BTreeSet<OrderId> = standing.open.iter().filter_map(|o| o.order).collect();
        let mut gone = Vec::new();
        let mut next: Option<Nanos> = None;
        for (&id, sent) in &mut self.open {
            if there.contains(&id) {
                sent.doubted = false;
                continue;
            }
            if sent.waits && id > self.left_before {
                // It had not left when the question did, however long ago it was decided.
                let later = self.now.saturating_add(REQUEST_LIFETIME);
                next = Some(next.map_or(later, |next| next.min(later)));
                continue;
            }
            // Until then it may still arrive there.
            let settled = sent.at.saturating_add(REQUEST_LIFETIME).saturating_add(1);
            if standing.as_of < settled {
                next = Some(next.map_or(settled, |next| next.min(settled)));
            } else {
                gone.push(id);
            }
        }
        if let Some(at) = next {
            self.attend(at);
        }
        for id in gone {
            let Some(sent) = self.open.remove(&id) else {
                continue;
            };
            self.counts.lost += 1;
            if !sent.doubted {
                self.vanished.push((id, sent));
            }
            out.push(Execution {
                order: id,
                trader: sent.trader,
                ts: standing.as_of,
                outcome: Outcome::Lost,
            });
        }
    }

    /// Orders whose cancellation was asked for so long ago that it has to be asked for again.
    pub(super) fn cancels_due(&mut self) -> Vec<(u32, OrderId)> {
        let (now, lifetime) = (self.now, REQUEST_LIFETIME);
        let mut due = Vec::new();
        let mut next: Option<Nanos> = None;
        for (&id, sent) in &self.open {
            let Some(at) = sent.cancelled else { continue };
            let again = at.saturating_add(lifetime);
            if again <= now {
                due.push((sent.market, id));
            } else {
                next = Some(next.map_or(again, |next| next.min(again)));
            }
        }
        if let Some(at) = next {
            self.attend(at);
        }
        due
    }

    /// The run ends: an answer is wanted that is newer than its last row. One to a question of before may not know of it.
    pub(super) fn end_at(&mut self, last: Nanos) {
        self.now = self.now.max(last);
        self.ending = Some(self.counts.compared);
        self.agreed = false;
        self.ask_anew();
    }

    /// Whether, at the end, everything is known: it was compared since, and no order is in doubt or on its way back.
    pub(super) fn is_settled(&self) -> bool {
        let compared = self
            .ending
            .is_some_and(|before| self.counts.compared > before);
        let known = |sent: &Sent| !sent.doubted && sent.cancelled.is_none();
        self.connected && self.agreed && compared && self.open.values().all(known)
    }

    /// Orders of which nobody knows at the end; where there are none, nobody could be asked about the account.
    pub(super) fn unsettled(&self) -> Vec<Said> {
        let known = |sent: &Sent| !sent.doubted && sent.cancelled.is_none();
        let open = self.open.iter().filter(|(_, sent)| !known(sent));
        let mut said: Vec<Said> = open
            .map(|(&order, sent)| Said::Unsettled {
                market: Some(sent.market),
                order: Some(order),
            })
            .collect();
        if !self.connected || !self.agreed {
            said.push(Said::Unsettled {
                market: None,
                order: None,
            });
        }
        said
    }
}
