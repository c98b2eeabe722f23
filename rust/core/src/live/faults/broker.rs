//! The broker with its faults: it stands between the order engine and the paper broker.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::domain::Nanos;
use crate::error::Error;
use crate::limits::{HELD_BACK, REQUEST_LIFETIME};
use crate::live::broker::{Broker, BrokerError, Farewell, Heard, MarketPhase, Question, Report};
use crate::live::paper::PaperBroker;
use crate::order::{Order, OrderId};
use crate::portfolio::Portfolio;
use crate::venue::{Execution, Outcome};

use super::account::VenueAccount;
use super::schedule::{Fault, FaultSpec, Schedule};

/// The paper broker behind a connection that is as bad as its schedule says.
pub(in crate::live) struct FaultyBroker {
    venue: PaperBroker,
    line: Mutex<Line>,
}

/// A request of the engine.
#[derive(Clone)]
enum Request {
    Submit {
        order: Order,
        /// Where it left before this process began: whether the venue may lack it.
        again: Option<bool>,
    },
    Cancel {
        market: u32,
        order: OrderId,
        sent: Nanos,
    },
    Ask(Question),
}

/// What is on its way, by the time at which it arrives and in the order in which it left.
type OnTheWay<T> = BTreeMap<(Nanos, u64), T>;

/// The connection, and what the venue knows.
struct Line {
    schedule: Schedule,
    account: VenueAccount,
    /// Whether the venue takes orders back when the connection drops.
    cancels: bool,
    /// The run's time.
    now: Nanos,
    down_until: Option<Nanos>,
    coming: OnTheWay<(u64, Request)>,
    going: OnTheWay<Report>,
    left: u64,
    /// Whether the venue can be reached, for the engine to hear.
    changes: Vec<bool>,
    failure: Option<Error>,
}

impl FaultyBroker {
    /// `account` is the account as the run begins.
    pub(in crate::live) fn new(
        venue: PaperBroker,
        spec: FaultSpec,
        account: Portfolio,
        cancels: bool,
    ) -> Self {
        Self {
            venue,
            line: Mutex::new(Line {
                schedule: Schedule::new(spec),
                account: VenueAccount::new(account),
                cancels,
                now: Nanos::MIN,
                down_until: None,
                coming: OnTheWay::new(),
                going: OnTheWay::new(),
                left: 0,
                changes: Vec::new(),
                failure: None,
            }),
        }
    }

    /// A request leaves the engine.
    fn request(&self, request: Request) -> Result<(), BrokerError> {
        let line = &mut *self.line.lock();
        match &request {
            Request::Submit { order, .. } => line.now = line.now.max(order.decided),
            Request::Ask(question) => line.now = line.now.max(question.asked),
            Request::Cancel { .. } => {}
        }
        let message = line.schedule.next_message();
        if line.schedule.fires(message, Fault::Disconnect) {
            line.drop_connection(&self.venue);
        }
        if line.down_until.is_some() {
            let reason = "the connection to the venue is down";
            return Err(BrokerError::NotSent(reason.to_owned()));
        }
        let unknown = || Err(BrokerError::Unknown("no answer came".to_owned()));
        if line.schedule.fires(message, Fault::LoseRequest) {
            return unknown();
        }
        let due = line.due(message);
        let twice = line.schedule.fires(message, Fault::Duplicate);
        if due > line.now {
            for _ in 0..=usize::from(twice) {
                line.left += 1;
                let place = (due, line.left);
                line.coming.insert(place, (message, request.clone()));
            }
            return unknown();
        }
        let said = line.arrive(&self.venue, message, request.clone());
        if twice {
            // What is said of the second is no word about the first.
            let _ = line.arrive(&self.venue, message, request);
        }
        if matches!(said, Err(BrokerError::Failed(_))) {
            return said;
        }
        if line.schedule.fires(message, Fault::LoseReply) {
            return unknown();
        }
        said
    }
}

impl Line {
    /// When a message arrives that leaves now.
    fn due(&mut self, message: u64) -> Nanos {
        let delayed = self.schedule.fires(message, Fault::Delay);
        let behind = self.schedule.fires(message, Fault::Reorder);
        let late = if delayed { self.schedule.spec.delay } else { 0 };
        let late = if behind { late + HELD_BACK } else { late };
        self.now.saturating_add(late)
    }

    /// A request arrives at the venue. Who sent one that comes too late has given it up, so it counts no more.
    fn arrive(
        &mut self,
        venue: &PaperBroker,
        message: u64,
        request: Request,
    ) -> Result<(), BrokerError> {
        match request {
            Request::Submit { order, again } => self.submit(venue, message, order, again),
            Request::Cancel {
                market,
                order,
                sent,
            } if self.in_time(sent) => self.cancel(venue, message, (market, order)),
            Request::Ask(question) if self.in_time(question.asked) => {
                let standing = self.account.standing(question, self.now);
                self.report(venue, Report::Standing(Box::new(standing)));
                Ok(())
            }
            Request::Cancel { .. } | Request::Ask(_) => Ok(()),
        }
    }

    const fn in_time(&self, sent: Nanos) -> bool {
        self.now <= sent.saturating_add(REQUEST_LIFETIME)
    }

    fn submit(
        &mut self,
        venue: &PaperBroker,
        message: u64,
        mut order: Order,
        again: Option<bool>,
    ) -> Result<(), BrokerError> {
        let rejected = |reason: &str| Err(BrokerError::Rejected(reason.to_owned()));
        if self.account.knows(order.id) {
            return rejected("an order of this number was here before");
        }
        let sent = order.decided;
        if !self.in_time(sent) {
            self.account.refuse(&order, self.now);
            return rejected("it came too late");
        }
        if self.schedule.fires(message, Fault::Reject) {
            self.account.refuse(&order, self.now);
            return rejected("the venue takes no orders now");
        }
        // For the venue it was decided when it arrived: nothing before can fill it.
        order.decided = self.now;
        match again {
            None => venue.accept(&order)?,
            Some(newest) => venue.accept_again(&order, newest || sent < self.now)?,
        }
        self.account.accept(&order);
        Ok(())
    }

    fn cancel(
        &mut self,
        venue: &PaperBroker,
        message: u64,
        (market, order): (u32, OrderId),
    ) -> Result<(), BrokerError> {
        if self.schedule.fires(message, Fault::FillDuringCancel) {
            match venue.fill_at_limit((market, order), self.now) {
                Ok(Some(execution)) => {
                    self.ended(venue, execution);
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => return Err(BrokerError::Failed(error)),
            }
        }
        match self.take_back(venue, market, order) {
            Some(execution) => {
                self.ended(venue, execution);
                Ok(())
            }
            None => Err(BrokerError::Rejected("no such order works".to_owned())),
        }
    }

    fn take_back(&self, venue: &PaperBroker, market: u32, order: OrderId) -> Option<Execution> {
        venue.take_back(market, order).map(|trader| Execution {
            order,
            trader,
            ts: self.now,
            outcome: Outcome::Cancelled,
        })
    }

    /// An order has ended at the venue, which says so.
    fn ended(&mut self, venue: &PaperBroker, execution: Execution) {
        if let Some((number, execution)) = self.account.end(execution) {
            let number = Some(number);
            self.report(venue, Report::Execution { number, execution });
        }
    }

    /// Something is said to the engine.
    fn report(&mut self, venue: &PaperBroker, report: Report) {
        let message = self.schedule.next_message();
        if self.down_until.is_none() && self.schedule.fires(message, Fault::Disconnect) {
            self.drop_connection(venue);
        }
        if self.down_until.is_some() || self.schedule.fires(message, Fault::LoseReply) {
            return;
        }
        let due = self.due(message);
        let twice = self.schedule.fires(message, Fault::Duplicate);
        for _ in 0..=usize::from(twice) {
            self.left += 1;
            self.going.insert((due, self.left), report.clone());
        }
    }

    /// The connection drops: what is on its way to the engine is lost, what is on its way to the venue may arrive.
    fn drop_connection(&mut self, venue: &PaperBroker) {
        let until = self.now.saturating_add(self.schedule.spec.outage.max(1));
        self.down_until = Some(until);
        self.going.clear();
        self.changes.push(false);
        if !self.cancels {
            return;
        }
        for (market, order) in self.account.working() {
            if let Some(execution) = self.take_back(venue, market, order) {
                self.account.end(execution);
            }
        }
    }

    /// The venue can be reached again when its time has come, and requests that were on their way arrive.
    fn catch_up(&mut self, venue: &PaperBroker, now: Nanos) {
        self.now = self.now.max(now);
        if self.down_until.is_some_and(|until| until <= self.now) {
            self.down_until = None;
            self.changes.push(true);
        }
        while let Some(entry) = self.coming.first_entry()
            && entry.key().0 <= self.now
        {
            let (message, request) = entry.remove();
            let of = match &request {
                Request::Submit { order, .. } => Some((order.id, order.trader)),
                _ => None,
            };
            let before = of.is_some_and(|(id, _)| self.account.knows(id));
            match (self.arrive(venue, message, request), of) {
                (Err(BrokerError::Failed(error)), _) => self.failure = Some(error),
                // Nobody waits for this answer any more, so it is said.
                (Err(BrokerError::Rejected(_)), Some((id, _))) if !before => {
                    if let Some(refused) = self.account.last_of(id) {
                        let (number, execution) = refused;
                        let number = Some(number);
                        self.report(venue, Report::Execution { number, execution });
                    }
                }
                _ => {}
            }
        }
    }

    /// What arrives at the engine now.
    fn arrivals(&mut self) -> Vec<Report> {
        let changes = self.changes.drain(..);
        let mut reports: Vec<Report> = changes.map(Report::Connected).collect();
        while let Some(entry) = self.going.first_entry()
            && entry.key().0 <= self.now
        {
            reports.push(entry.remove());
        }
        reports
    }

    fn next_wake(&self, of_the_venue: Option<Nanos>) -> Option<Nanos> {
        let coming = self.coming.keys().next().map(|&(due, _)| due);
        let going = self.going.keys().next().map(|&(due, _)| due);
        let all = [of_the_venue, coming, going, self.down_until];
        all.into_iter().flatten().min()
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        let order = order.clone();
        self.request(Request::Submit { order, again: None })
    }

    async fn restore(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        let (order, again) = (order.clone(), Some(newest));
        self.request(Request::Submit { order, again })
    }

    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError> {
        let sent = self.line.lock().now;
        self.request(Request::Cancel {
            market,
            order,
            sent,
        })
    }

    fn answers(&self) -> bool {
        true
    }

    async fn ask(&self, question: Question) -> Result<(), BrokerError> {
        self.request(Request::Ask(question))
    }

    async fn liquidated(&self, orders: &[(Order, Execution)]) {
        let account = &mut self.line.lock().account;
        for (order, execution) in orders {
            account.settle(order, execution);
        }
    }

    async fn close(&self) -> Farewell {
        let line = &mut *self.line.lock();
        let all = Question {
            number: 0,
            since: 0,
            asked: line.now,
        };
        let standing = line.account.standing(all, line.now);
        Farewell {
            standing: Some(Box::new(standing)),
            liquidated: line.account.liquidated().to_vec(),
            counts: line.schedule.counts(),
        }
    }

    fn simulates(&self) -> bool {
        true
    }

    fn rest(&self) -> Heard {
        // What happens is told by its phases, each of which writes; the rest is what requests left to be written.
        self.venue
            .write()
            .err()
            .map_or_else(Heard::default, Heard::failed)
    }

    async fn on_market(&self, now: Nanos, phase: &MarketPhase) -> Heard {
        let line = &mut *self.line.lock();
        line.catch_up(&self.venue, now);
        let happened = match line.failure.take() {
            Some(error) => Err(error),
            None => self.venue.phase(now, phase),
        };
        let (executions, next_wake) = match happened {
            Ok(happened) => happened,
            Err(error) => return Heard::failed(error),
        };
        for execution in executions {
            line.ended(&self.venue, execution);
        }
        Heard {
            reports: line.arrivals(),
            next_wake: line.next_wake(next_wake),
            failure: None,
        }
    }
}
