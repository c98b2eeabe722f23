//! The order engine: hands approved orders to a broker and follows each to its terminal state, which it tells once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};

use crate::clock::{self, Stopwatch};
use crate::domain::Nanos;
use crate::error::Error;
use crate::limits::{MESSAGES_PER_REST, WRITE_PAUSE};
use crate::order::{Order, OrderId};
use crate::risk::{Altered, Approved, check};
use crate::venue::{Execution, Outcome};

use super::broker::{Broker, BrokerError, Farewell, MarketPhase, Question, Report};
use super::kill_switch::KillSwitch;
use super::risk_port::RiskNews;

/// What the commit thread wants of the order engine. An order can come in one way only: approved.
#[derive(Debug)]
pub(crate) enum OrderMessage {
    /// Send an order.
    Submit(Approved<Order>),
    /// Tell the broker again of an order that left before this process began.
    Restore {
        order: Approved<Order>,
        newest: bool,
    },
    /// End an order that the gate approved and that may not leave: once the kill switch was thrown, or again, where it was so
    /// before this process began.
    Veto {
        order: Approved<Order>,
        check: &'static str,
    },
    /// What the risk process is told before it is asked about orders; it goes no further than to that.
    Risk(RiskNews),
    /// Take an order back.
    Cancel { market: u32, order: OrderId },
    /// Ask the venue how things stand.
    Ask(Question),
    /// Tell it of orders that a liquidation made and filled.
    Liquidated(Vec<(Order, Execution)>),
    /// Orders never left, because the journal could not be written.
    Unwritten(Error),
    /// Say what the broker holds.
    Memory,
    /// The run is over.
    Close,
    /// For a simulated venue: the market.
    Market {
        now: Nanos,
        phase: MarketPhase,
        /// Whether the commit thread waits for the answer, as in a recorded run.
        answer: bool,
    },
}

/// What the order engine tells the commit thread.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// What the broker tells: of an order without a terminal state, or where it answers questions of any.
    Report(Report),
    /// Nobody knows whether an order arrived.
    Doubt(OrderId),
    /// The broker told of an order under a trader that it is not of.
    Misnamed(OrderId),
    /// What the broker holds; nothing where it does not say.
    Memory(Option<Vec<u8>>),
    /// What the broker leaves behind.
    Farewell(Box<Farewell>),
    /// All that a phase of a recorded run brought has been told.
    Answered { next_wake: Option<Nanos> },
    /// The broker's own books failed.
    Failed(Error),
    /// The risk process is lost, and why.
    RiskLost(String),
    /// The risk process is back, and wants to know how all stands.
    RiskWantsState,
    /// The risk process believes what the engine believes.
    RiskReconciled,
    /// The kill switch of the risk process is set.
    RiskKilled,
}

/// Where orders leave.
pub(super) struct Door {
    pub broker: Arc<dyn Broker>,
    pub switch: Arc<KillSwitch>,
    /// Orders of before this process that the broker knows.
    pub left: HashSet<OrderId>,
}

pub(super) struct OrderEngine {
    broker: Arc<dyn Broker>,
    switch: Arc<KillSwitch>,
    left: HashSet<OrderId>,
    told: Sender<Told>,
    /// Orders without a terminal state, and whose they are.
    open: HashMap<OrderId, u32>,
    /// Whether the broker answers questions.
    answers: bool,
    /// Whether the broker does something now and then that no request asks for: in real time.
    rests: bool,
    /// When something happens at it next though nobody asks.
    next_wake: Option<Nanos>,
}

impl OrderEngine {
    /// An engine before a broker at which orders work already, with whose they are.
    pub(super) fn new(
        door: Door,
        told: Sender<Told>,
        open: HashMap<OrderId, u32>,
        rests: bool,
    ) -> Self {
        let answers = door.broker.answers();
        Self {
            broker: door.broker,
            switch: door.switch,
            left: door.left,
            told,
            open,
            answers,
            rests,
            next_wake: None,
        }
    }

    /// Runs until nobody sends messages any more.
    pub(super) async fn run(mut self, messages: Receiver<OrderMessage>, reports: Receiver<Report>) {
        let (mut rested, mut done) = (Stopwatch::start(), 0);
        loop {
            let mut pause = self.until_rest(rested, done);
            if pause.is_some_and(|pause| pause.is_zero()) {
                self.rest().await;
                (rested, done) = (Stopwatch::start(), 0);
                pause = self.until_rest(rested, done);
            }
            tokio::select! {
                biased;
                Ok(report) = reports.recv_async() => self.tell(report).await,
                message = messages.recv_async() => match message {
                    Ok(message) => {
                        if matches!(message, OrderMessage::Close) {
                            self.rest().await;
                        }
                        self.do_and_listen(message, &reports).await;
                        done += usize::from(self.rests);
                    }
                    Err(_) => break,
                },
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
        self.rest().await;
    }

    /// Does what a message says, and meanwhile passes on what the broker tells: it may be waiting for room.
    async fn do_and_listen(&mut self, message: OrderMessage, reports: &Receiver<Report>) {
        let broker = Arc::clone(&self.broker);
        if let OrderMessage::Submit(approved)
        | OrderMessage::Restore {
            order: approved, ..
        }
        | OrderMessage::Veto {
            order: approved, ..
        } = &message
        {
            self.open.insert(approved.get().id, approved.get().trader);
        }
        let message = self.hold_back(message);
        let doing = carry_out(broker, message);
        tokio::pin!(doing);
        let came = loop {
            tokio::select! {
                biased;
                came = &mut doing => break came,
                Ok(report) = reports.recv_async() => self.tell(report).await,
            }
        };
        self.pass_on(came.failure, came.reports).await;
        if let Some(told) = came.told {
            let _ = self.told.send_async(told).await;
        }
        if let Some(next_wake) = came.answer {
            let _ = self.told.send_async(Told::Answered { next_wake }).await;
        }
    }

    /// An order that was approved before somebody threw the kill switch does not leave behind it, also where it is sent again
    /// since nobody knows whether it left. What makes a person's position smaller does: it is how one gets out.
    fn hold_back(&self, message: OrderMessage) -> OrderMessage {
        let held = |order: &Approved<Order>| !order.is_way_out() && self.switch.is_thrown();
        let check = check::KILLED;
        match message {
            OrderMessage::Submit(order) if held(&order) => OrderMessage::Veto { order, check },
            OrderMessage::Restore {
                order,
                newest: true,
            } if !self.left.contains(&order.get().id) && held(&order) => {
                OrderMessage::Veto { order, check }
            }
            other => other,
        }
    }

    /// How long it is until the broker is to rest: after so many messages since it last did, or where something happens at it
    /// though nobody asks. Never on recorded data.
    fn until_rest(&self, rested: Stopwatch, done: usize) -> Option<Duration> {
        let written = (done > 0).then(|| match done {
            MESSAGES_PER_REST.. => Duration::ZERO,
            _ => WRITE_PAUSE.saturating_sub(rested.elapsed()),
        });
        let wake = self.next_wake.filter(|_| self.rests).map(|at| {
            let nanos = at.saturating_sub(clock::now());
            Duration::from_nanos(nanos.try_into().unwrap_or(0))
        });
        [written, wake].into_iter().flatten().min()
    }

    async fn rest(&mut self) {
        if self.rests {
            let heard = self.broker.rest();
            // What was to happen by now has happened, or cannot.
            self.next_wake = heard.next_wake.filter(|&at| at > clock::now());
            self.pass_on(heard.failure, heard.reports).await;
        }
    }

    async fn pass_on(&mut self, failure: Option<Error>, reports: Vec<Report>) {
        if let Some(failure) = failure {
            let _ = self.told.send_async(Told::Failed(failure)).await;
        }
        for report in reports {
            self.tell(report).await;
        }
    }

    /// Tells the end of an order, once: what comes after it, or for an order never sent, is not passed on. Where the broker
    /// answers questions everything is: then numbers say what was told before, and what has no explanation is reported.
    async fn tell(&mut self, report: Report) {
        let told = match &report {
            Report::Execution { execution, .. } => match self.open.get(&execution.order) {
                Some(&trader) if trader == execution.trader => {
                    self.open.remove(&execution.order);
                    Told::Report(report)
                }
                _ if self.answers => Told::Report(report),
                // It is not the order that is meant, whose end is still to come.
                Some(_) => Told::Misnamed(execution.order),
                None => return,
            },
            Report::Connected(_) | Report::Standing(_) => Told::Report(report),
        };
        let _ = self.told.send_async(told).await;
    }
}

/// What came of a message.
#[derive(Default)]
struct Came {
    reports: Vec<Report>,
    told: Option<Told>,
    answer: Option<Option<Nanos>>,
    failure: Option<Error>,
}

impl Came {
    /// What the broker said of an order.
    fn note(&mut self, order: &Order, said: Result<(), BrokerError>) {
        match said {
            Ok(()) => {}
            Err(BrokerError::Rejected(reason)) => {
                tracing::warn!(order = order.id, reason, "the broker rejected an order");
                self.reports.push(ended(order, Outcome::Rejected).into());
            }
            Err(BrokerError::NotSent(reason)) => {
                tracing::warn!(order = order.id, reason, "an order never left");
                self.reports.push(ended(order, Outcome::NotSent).into());
            }
            Err(BrokerError::Unknown(reason)) => {
                tracing::warn!(
                    order = order.id,
                    reason,
                    "nobody knows what became of an order"
                );
                self.told = Some(Told::Doubt(order.id));
            }
            Err(BrokerError::Failed(error)) => self.failure = Some(error),
        }
    }
}

async fn carry_out(broker: Arc<dyn Broker>, message: OrderMessage) -> Came {
    let mut came = Came::default();
    match message {
        OrderMessage::Submit(approved) => {
            let order = match approved.release() {
                Ok(order) => order,
                Err(Altered(order)) => {
                    tracing::error!(
                        order = order.id,
                        "an order is not what was approved; it was held back"
                    );
                    came.reports.push(ended(&order, Outcome::Altered).into());
                    return came;
                }
            };
            let said = broker.submit(&order).await;
            came.note(&order, said);
        }
        OrderMessage::Restore { order, newest } => {
            let order = order.into_inner();
            let said = broker.restore(&order, newest).await;
            came.note(&order, said);
        }
        OrderMessage::Risk(_) => {}
        OrderMessage::Unwritten(error) => came.failure = Some(error),
        OrderMessage::Veto { order, check } => {
            came.reports.push(vetoed(order.get(), check).into());
        }
        OrderMessage::Cancel { market, order } => match broker.cancel(market, order).await {
            Ok(()) => {}
            Err(BrokerError::Failed(error)) => came.failure = Some(error),
            Err(error) => tracing::warn!(order, ?error, "an order was not taken back"),
        },
        OrderMessage::Ask(question) => match broker.ask(question).await {
            Ok(()) => {}
            Err(BrokerError::Failed(error)) => came.failure = Some(error),
            // It is asked again when no answer has come.
            Err(error) => tracing::debug!(?error, "a question was not answered"),
        },
        OrderMessage::Liquidated(orders) => broker.liquidated(&orders).await,
        OrderMessage::Memory => {
            let memory = broker.memory().unwrap_or_else(|error| {
                came.failure = Some(error);
                None
            });
            came.told = Some(Told::Memory(memory));
        }
        OrderMessage::Close => {
            let farewell = broker.close().await;
            came.told = Some(Told::Farewell(Box::new(farewell)));
        }
        OrderMessage::Market { now, phase, answer } => {
            let heard = broker.on_market(now, &phase).await;
            came.reports = heard.reports;
            came.failure = heard.failure;
            came.answer = answer.then_some(heard.next_wake);
        }
    }
    came
}

/// The end of an order that the gate approved and that did not leave. Its time is that of the step that decided it, so
/// that a run that is made again has the same.
pub(super) const fn vetoed(order: &Order, check: &'static str) -> Execution {
    Execution {
        order: order.id,
        trader: order.trader,
        ts: order.decided,
        outcome: Outcome::Vetoed(check),
    }
}

fn ended(order: &Order, outcome: Outcome) -> Execution {
    Execution {
        order: order.id,
        trader: order.trader,
        ts: clock::now(),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use parking_lot::Mutex;

    use super::*;

    /// A venue that takes everything.
    #[derive(Default)]
    struct Takes(Mutex<Vec<OrderId>>);

    #[async_trait]
    impl Broker for Takes {
        async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
            self.0.lock().push(order.id);
            Ok(())
        }

        async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_not_what_was_approved_never_leaves() {
        let broker = Arc::new(Takes::default());
        let good = Approved::for_test(Order::for_test(1));
        let mut bad = Approved::for_test(Order::for_test(2));
        bad.tamper().lots = 50;
        let mut came = Vec::new();
        for approved in [good, bad] {
            let broker: Arc<dyn Broker> = broker.clone();
            let heard = carry_out(broker, OrderMessage::Submit(approved)).await;
            came.extend(heard.reports.into_iter().filter_map(|report| match report {
                Report::Execution { execution, .. } => Some((execution.order, execution.outcome)),
                _ => None,
            }));
        }
        assert_eq!(*broker.0.lock(), [1]);
        assert_eq!(came, [(2, Outcome::Altered)]);
    }

    /// A venue that tells what became of its orders only when it rests.
    #[derive(Default)]
    struct TellsLater(Mutex<Vec<Report>>);

    #[async_trait]
    impl Broker for TellsLater {
        async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
            self.0.lock().push(ended(order, Outcome::Missed).into());
            Ok(())
        }

        async fn cancel(&self, _market: u32, _order: OrderId) -> Result<(), BrokerError> {
            Ok(())
        }

        fn rest(&self) -> crate::live::broker::Heard {
            crate::live::broker::Heard {
                reports: std::mem::take(&mut self.0.lock()),
                ..Default::default()
            }
        }
    }

    fn door(broker: &Arc<TellsLater>) -> Door {
        Door {
            broker: broker.clone(),
            switch: Arc::default(),
            left: HashSet::new(),
        }
    }

    #[tokio::test]
    async fn a_broker_rests_soon_after_requests_and_at_the_end() {
        let broker = Arc::new(TellsLater::default());
        let ((told, hears), (messages, arrives)) = (flume::bounded(4), flume::bounded(4));
        let (_reports, reported) = flume::bounded(1);
        let engine = OrderEngine::new(door(&broker), told, HashMap::new(), true);
        let running = tokio::spawn(engine.run(arrives, reported));
        let submit = |id| OrderMessage::Submit(Approved::for_test(Order::for_test(id)));
        let ended = |told: Told| match told {
            Told::Report(Report::Execution { execution, .. }) => execution.order,
            other => panic!("{other:?}"),
        };
        // Nothing else comes, and still it is told.
        messages.send(submit(1)).unwrap();
        assert_eq!(ended(hears.recv_async().await.unwrap()), 1);
        // Nobody waits for a pause at the end.
        messages.send(submit(2)).unwrap();
        drop(messages);
        running.await.unwrap();
        assert_eq!(ended(hears.try_recv().unwrap()), 2);
    }
}
