//! The commit thread's way to the order engine, and what comes back.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use flume::{Receiver, SendTimeoutError, Sender};

use crate::commit::Command;
use crate::domain::Nanos;
use crate::error::Error;
use crate::journal::Then;
use crate::limits::{POLL_INTERVAL, SETTLE_LIMIT};
use crate::order::{Order, OrderId};
use crate::venue::Execution;

use super::broker::{Farewell, MarketPhase, Report};
use super::order_engine::{OrderMessage, Told};
use super::reconcile::Book;
use super::risk_port::RiskPort;

/// How the risk process stands while it waits to be told how all stands.
const THERE_AGAIN: &str = "it is there, and is told how all stands with the next order";

/// Both channels, and what is known of orders that have no terminal state yet.
pub(super) struct OrderPort {
    messages: Sender<OrderMessage>,
    pub told: Receiver<Told>,
    /// Whether the driver waits for the venue's answers, as in a recorded run.
    waits: bool,
    /// Whether the broker has to be told of the market.
    simulates: bool,
    /// Orders sent that have not been told to have ended, where the venue answers no questions.
    sent: usize,
    /// What is known of orders and account where it does.
    pub book: Option<Box<Book>>,
    /// When the venue does something next though no event does.
    pub next_wake: Option<Nanos>,
    answered: bool,
    /// Told, and not yet applied.
    pub waiting: Vec<Execution>,
    /// Orders that the broker told of under a trader that they are not of.
    pub misnamed: Vec<OrderId>,
    /// Why the broker's own books failed.
    pub failure: Option<Error>,
    farewell: Option<Box<Farewell>>,
    /// What the broker says it holds, once it was asked.
    memory: Option<Option<Vec<u8>>>,
    /// Orders of before for which the risk process did not give its word, and why.
    pub vetoes: HashMap<OrderId, &'static str>,
    /// What is kept for the risk process, where there is one.
    pub risk: Option<RiskPort>,
    /// Why the risk process cannot be asked; nothing where it can.
    pub risk_lost: Option<String>,
    /// Whether the kill switch of the risk process is set.
    pub risk_killed: bool,
}

impl OrderPort {
    pub(super) fn new(
        messages: Sender<OrderMessage>,
        told: Receiver<Told>,
        waits: bool,
        simulates: bool,
        book: Option<Box<Book>>,
    ) -> Self {
        Self {
            messages,
            told,
            waits,
            simulates,
            sent: 0,
            book,
            next_wake: None,
            answered: false,
            waiting: Vec::new(),
            misnamed: Vec::new(),
            failure: None,
            farewell: None,
            memory: None,
            vetoes: HashMap::new(),
            risk: None,
            risk_lost: None,
            risk_killed: false,
        }
    }

    /// Tells the risk process what it has to know before it is asked about these.
    pub(super) fn announce(&mut self, commands: &[Command]) {
        if let Some(news) = self.risk.as_mut().and_then(|risk| risk.news(commands)) {
            self.send(OrderMessage::Risk(news));
        }
    }

    /// How many orders have not been told to have ended.
    pub(super) fn resting(&self) -> usize {
        self.book.as_deref().map_or(self.sent, Book::resting)
    }

    fn note_sent(&mut self, order: &Order) {
        match &mut self.book {
            Some(book) => book.sent(order.id, (order.trader, order.market), order.decided),
            None => self.sent += 1,
        }
    }

    /// Sends what the writer wants.
    pub(super) fn command(&mut self, command: Command) {
        let message = self.message(command);
        self.send(message);
    }

    /// What sends that later, from another thread.
    pub(super) fn later(&mut self, commands: &mut Vec<Command>) -> Then {
        let news = self.risk.as_mut().and_then(|risk| risk.news(commands));
        let mut waiting: Vec<OrderMessage> = news.map(OrderMessage::Risk).into_iter().collect();
        let mut newest = None;
        for command in commands.drain(..) {
            let order = match &command {
                Command::Submit(approved) => Some(approved.get().id),
                Command::Cancel { .. } => None,
            };
            waiting.push(self.message(command));
            if let (Some(order), Some(book)) = (order, &mut self.book) {
                book.waits(order);
            }
            newest = newest.max(order);
        }
        let messages = self.messages.clone();
        let departures = self.book.as_ref().map(|book| book.departures());
        Box::new(move |written| {
            if let Err(error) = written {
                // Nothing else may come that tells the run so: whoever sent these may be waiting for them.
                let _ = messages.send(OrderMessage::Unwritten(error.clone()));
                return;
            }
            for message in waiting {
                // When the order engine is gone the run is over.
                if messages.send(message).is_err() {
                    return;
                }
            }
            if let (Some(newest), Some(departures)) = (newest, departures) {
                departures.fetch_max(newest, Ordering::Release);
            }
        })
    }

    fn message(&mut self, command: Command) -> OrderMessage {
        match command {
            Command::Submit(approved) => {
                self.note_sent(approved.get());
                OrderMessage::Submit(approved)
            }
            Command::Cancel { market, order } => {
                if let Some(book) = &mut self.book {
                    book.cancel_sent(order);
                }
                OrderMessage::Cancel { market, order }
            }
        }
    }

    /// Sends again what left before this process began.
    pub(super) fn restore(&mut self, command: Command, newest: bool) {
        match command {
            Command::Submit(order) => {
                self.note_sent(order.get());
                let vetoed = self.vetoes.remove(&order.get().id);
                self.send(match vetoed {
                    Some(check) => OrderMessage::Veto { order, check },
                    None => OrderMessage::Restore { order, newest },
                });
            }
            Command::Cancel { .. } => self.command(command),
        }
    }

    /// Tells a simulated venue of one phase and takes in what the venue says: its answer to this where the driver
    /// waits for it, else what has been told by now.
    pub(super) fn market(&mut self, now: Nanos, phase: MarketPhase, out: &mut Vec<Execution>) {
        let events = match &phase {
            MarketPhase::Events { events, .. } => !events.is_empty(),
            MarketPhase::Immediate | MarketPhase::Opens => false,
        };
        // Where nothing rests nothing can be filled, so there is no answer to wait for: but where messages may be late, there
        // may be any.
        let late = self.book.is_some();
        if let Some(book) = &mut self.book {
            book.now = book.now.max(now);
        }
        let rests = late || self.resting() > 0;
        let answer = self.waits && rests;
        if self.simulates && (events || rests) {
            self.answered = false;
            let answer = answer || late;
            self.send(OrderMessage::Market { now, phase, answer });
        }
        if answer {
            while !self.answered {
                match self.told.recv() {
                    Ok(told) => self.note(told),
                    Err(_) => {
                        self.fail();
                        break;
                    }
                }
            }
        } else if self.waits || late {
            // In real time the answer says it anew.
            self.next_wake = None;
        }
        self.take(out);
    }

    /// What has been told by now.
    pub(super) fn take(&mut self, out: &mut Vec<Execution>) {
        self.drain();
        out.append(&mut self.waiting);
    }

    /// Reads what has been told by now.
    pub(super) fn drain(&mut self) {
        while let Ok(told) = self.told.try_recv() {
            self.note(told);
        }
    }

    pub(super) fn note(&mut self, told: Told) {
        match told {
            Told::Report(report) => self.hear(report),
            Told::Doubt(order) => {
                if let Some(book) = &mut self.book {
                    book.doubt(order);
                }
            }
            Told::Misnamed(order) => self.misnamed.push(order),
            Told::Farewell(farewell) => self.farewell = Some(farewell),
            Told::Memory(memory) => self.memory = Some(memory),
            Told::Answered { next_wake } => {
                self.next_wake = next_wake;
                self.answered = true;
            }
            Told::Failed(error) => {
                self.failure.get_or_insert(error);
            }
            Told::RiskWantsState => {
                if let Some(risk) = &mut self.risk {
                    risk.wanted = true;
                    self.risk_lost = Some(THERE_AGAIN.to_owned());
                }
            }
            Told::RiskLost(why) => self.risk_lost = Some(why),
            Told::RiskReconciled => self.risk_lost = None,
            Told::RiskKilled => self.risk_killed = true,
        }
    }

    fn hear(&mut self, report: Report) {
        let Some(book) = &mut self.book else {
            if let Report::Execution { execution, .. } = report {
                self.sent = self.sent.saturating_sub(1);
                self.waiting.push(execution);
            }
            return;
        };
        match report {
            Report::Execution { number, execution } => {
                self.waiting.extend(book.told(number, execution));
            }
            Report::Connected(up) => book.connection(up),
            Report::Standing(standing) => book.answered(*standing, &mut self.waiting),
        }
    }

    /// Asks the venue how things stand, if it is time to.
    pub(super) fn ask(&mut self, now: Nanos) {
        let Some(book) = &mut self.book else { return };
        book.now = book.now.max(now);
        if let Some(question) = book.question() {
            self.send(OrderMessage::Ask(question));
        }
    }

    /// Tells the venue of what a liquidation did.
    pub(super) fn liquidated(&mut self, orders: Vec<(Order, Execution)>) {
        if let Some(book) = &mut self.book {
            // An answer from before is no news any more.
            book.ask_anew();
            self.send(OrderMessage::Liquidated(orders));
        }
    }

    /// What the broker holds; nothing where it does not say. Its books are written by then.
    pub(super) fn memory(&mut self) -> Option<Vec<u8>> {
        self.send(OrderMessage::Memory);
        while self.memory.is_none() {
            match self.told.recv() {
                Ok(told) => self.note(told),
                Err(_) => {
                    self.fail();
                    break;
                }
            }
        }
        self.memory.take().flatten()
    }

    /// Nobody tells anything any more, though the run is not over.
    fn fail(&mut self) {
        self.failure.get_or_insert_with(|| {
            Error::config(
                "run.defect",
                "a defect in the engine ended the order engine; nothing leaves any more; please report it",
            )
        });
    }

    /// So many orders are at the broker already, which does something next at this time.
    pub(super) const fn recall(&mut self, working: usize, next_wake: Option<Nanos>) {
        self.sent = working;
        self.next_wake = next_wake;
    }

    /// Takes leave of the broker: what it leaves behind, if it says so in time.
    pub(super) fn close(&mut self) -> Option<Farewell> {
        self.send(OrderMessage::Close);
        while self.farewell.is_none() {
            match self.told.recv_timeout(SETTLE_LIMIT) {
                Ok(told) => self.note(told),
                Err(_) => break,
            }
        }
        self.farewell.take().map(|farewell| *farewell)
    }

    /// Sends a message. While there is no room, what the order engine tells is read: it may be waiting for that.
    fn send(&mut self, message: OrderMessage) {
        let mut message = message;
        loop {
            match self.messages.send_timeout(message, POLL_INTERVAL) {
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => return,
                Err(SendTimeoutError::Timeout(back)) => {
                    message = back;
                    self.drain();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_engine_that_is_gone_is_no_broker_that_holds_nothing() {
        let ((messages, _inbox), (told, hears)) = (flume::bounded(1), flume::bounded(1));
        drop(told);
        let mut port = OrderPort::new(messages, hears, true, true, None);
        assert_eq!(port.memory(), None);
        assert_eq!(port.failure.unwrap().code, "run.defect");
    }
}
