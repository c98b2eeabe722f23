//! Before the order engine: no order passes without the word of the risk process. Cancellations pass always.
//!
//! Where the process is gone, or slower than it may be, orders are refused at once, and one connection after the other is
//! tried beside. Where it is back, the commit thread is asked how all stands; what comes after that is asked about again.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use flume::{Receiver, Sender};

use crate::guard::{Link, Lost, MOST_LOTS, Question, RiskLink};
use crate::limits::{RISK_BATCH, RISK_HELD, RISK_RETRY};
use crate::order::{Order, OrderId};
use crate::risk::{Approved, Note, check};
use crate::venue::{Execution, Outcome};

use super::kill_switch::KillSwitch;
use super::order_engine::{OrderMessage, Told, vetoed};
use super::risk_port::RiskNews;

type Connecting = Pin<Box<dyn Future<Output = Result<Link, Lost>> + Send>>;

/// A connection that may or may not be there.
enum Reach {
    /// There is one.
    Up(Link),
    /// One is tried.
    Trying(Connecting),
}

/// Stands between the commit thread and the order engine.
pub(super) struct Gatekeeper {
    spec: RiskLink,
    reach: Reach,
    /// Whether the process believes what the engine believes.
    reconciled: bool,
    messages: Receiver<OrderMessage>,
    out: Sender<OrderMessage>,
    told: Sender<Told>,
    /// Read while orders were being judged, and not looked at yet.
    held: VecDeque<OrderMessage>,
    /// Orders that are being judged, or wait in `held`: how each ends when it is taken back meanwhile.
    waiting: Vec<Execution>,
    /// Those of them that were taken back meanwhile: they have ended, and leave whatever the word is no more.
    withdrawn: HashSet<OrderId>,
    /// Orders of before that the broker knows.
    left: HashSet<OrderId>,
    switch: Arc<KillSwitch>,
    killed: bool,
    over: bool,
}

/// Its ends of the channels.
pub(super) struct Ends {
    pub messages: Receiver<OrderMessage>,
    pub out: Sender<OrderMessage>,
    pub told: Sender<Told>,
    /// Orders of before that the broker knows.
    pub left: HashSet<OrderId>,
    /// What is between here and the broker does not leave once the process has thrown it.
    pub switch: Arc<KillSwitch>,
}

impl Gatekeeper {
    /// With a connection over which the account has been told.
    pub(super) fn new(spec: RiskLink, link: Link, ends: Ends) -> Self {
        Self {
            spec,
            reach: Reach::Up(link),
            reconciled: true,
            messages: ends.messages,
            out: ends.out,
            told: ends.told,
            held: VecDeque::new(),
            waiting: Vec::new(),
            withdrawn: HashSet::new(),
            left: ends.left,
            switch: ends.switch,
            killed: false,
            over: false,
        }
    }

    /// Runs until nobody sends messages any more.
    pub(super) async fn run(mut self) {
        loop {
            self.tell_kill().await;
            if let Some(message) = self.held.pop_front() {
                self.pass(message).await;
                continue;
            }
            if self.over {
                return;
            }
            match &mut self.reach {
                Reach::Up(link) => tokio::select! {
                    biased;
                    heard = link.hear() => if let Err(lost) = heard {
                        self.lose(&lost, None).await;
                    },
                    message = self.messages.recv_async() => self.take(message).await,
                },
                Reach::Trying(connecting) => tokio::select! {
                    biased;
                    came = connecting => self.tried(came).await,
                    message = self.messages.recv_async() => self.take(message).await,
                },
            }
        }
    }

    async fn take(&mut self, message: Result<OrderMessage, flume::RecvError>) {
        match message {
            Ok(message) => self.pass(message).await,
            Err(_) => self.over = true,
        }
    }

    /// What came of a try to connect.
    async fn tried(&mut self, came: Result<Link, Lost>) {
        match came {
            Ok(link) => {
                tracing::warn!("the risk process is back; it is told how all stands");
                self.reach = Reach::Up(link);
                let _ = self.told.send_async(Told::RiskWantsState).await;
            }
            Err(lost) => self.try_again(&lost),
        }
    }

    async fn lose(&mut self, lost: &Lost, order: Option<OrderId>) {
        tracing::error!(
            order,
            "the risk process is lost: {lost}; nothing but cancellations leaves"
        );
        self.reconciled = false;
        self.try_again(lost);
        let _ = self.told.send_async(Told::RiskLost(lost.to_string())).await;
    }

    fn try_again(&mut self, lost: &Lost) {
        tracing::debug!("the risk process: {lost}");
        let spec = self.spec.clone();
        self.reach = Reach::Trying(Box::pin(async move {
            tokio::time::sleep(RISK_RETRY).await;
            Link::connect(spec).await
        }));
    }

    /// Tells the commit thread once that the kill switch of the process is set.
    async fn tell_kill(&mut self) {
        let set = matches!(&self.reach, Reach::Up(link) if link.killed);
        if set && !self.killed {
            self.killed = true;
            self.switch.throw();
            let _ = self.told.send_async(Told::RiskKilled).await;
        }
    }

    /// Passes a message on, or asks about the orders that follow it.
    async fn pass(&mut self, message: OrderMessage) {
        match message {
            OrderMessage::Risk(news) => self.ask_about(news).await,
            // Every order that may leave was announced, and taken in there.
            OrderMessage::Submit(approved) => {
                tracing::error!(order = approved.get().id, "an order was not announced");
                refuse(&self.told, approved.get(), check::RISK_UNREACHABLE).await;
            }
            other => {
                if self.out.send_async(other).await.is_err() {
                    self.over = true;
                }
            }
        }
    }

    /// Takes in the orders that were announced, asks about them, and lets go what may.
    async fn ask_about(&mut self, news: RiskNews) {
        let RiskNews {
            state,
            notes,
            orders,
        } = news;
        let batch = self.gather(orders).await;
        if let Some(state) = state {
            self.reconcile(&state).await;
        }
        let mut notes = notes;
        let mut batch = batch.into_iter().peekable();
        while batch.peek().is_some() {
            let some: Vec<OrderMessage> = batch.by_ref().take(RISK_BATCH).collect();
            self.judge(std::mem::take(&mut notes), some).await;
        }
        let waiting = self.held.iter().filter_map(order_of);
        self.waiting = waiting.map(taken_back).collect();
    }

    /// So many orders, with what else comes meanwhile kept for later, but cancellations.
    async fn gather(&mut self, orders: usize) -> Vec<OrderMessage> {
        let mut batch = Vec::with_capacity(orders);
        let mut later = VecDeque::new();
        while batch.len() < orders {
            let next = match self.held.pop_front() {
                Some(message) => message,
                None => match self.messages.recv_async().await {
                    Ok(message) => message,
                    Err(_) => {
                        self.over = true;
                        break;
                    }
                },
            };
            match next {
                OrderMessage::Submit(_) | OrderMessage::Restore { newest: true, .. } => {
                    self.waiting.extend(order_of(&next).map(taken_back));
                    batch.push(next);
                }
                other => later.extend(self.let_cancels_by(other).await),
            }
        }
        later.append(&mut self.held);
        self.held = later;
        batch
    }

    /// Passes on a cancellation, or takes an order back that waits here and never left; gives everything else back.
    async fn let_cancels_by(&mut self, message: OrderMessage) -> Option<OrderMessage> {
        match message {
            OrderMessage::Cancel { order, .. } => {
                let waits = self.waiting.iter().find(|end| end.order == order);
                match waits.copied() {
                    // The broker knows it: the cancellation comes behind it.
                    Some(_) if self.left.contains(&order) => return Some(message),
                    Some(end) => {
                        if self.withdrawn.insert(order) {
                            let _ = self.told.send_async(Told::Report(end.into())).await;
                        }
                    }
                    None => {
                        let _ = self.out.send_async(message).await;
                    }
                }
                None
            }
            other => Some(other),
        }
    }

    /// Does something with the connection; meanwhile cancellations pass.
    async fn with_link<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Link) -> Result<T, Lost>,
    ) -> Option<T> {
        let reach = std::mem::replace(&mut self.reach, Reach::Trying(Box::pin(never())));
        let mut link = match reach {
            Reach::Up(link) => link,
            trying @ Reach::Trying(_) => {
                self.reach = trying;
                return None;
            }
        };
        let came = {
            let working = work(&mut link);
            tokio::pin!(working);
            loop {
                let room = self.held.len() < RISK_HELD && !self.over;
                tokio::select! {
                    biased;
                    came = &mut working => break came,
                    message = self.messages.recv_async(), if room => match message {
                        Ok(message) => {
                            if let OrderMessage::Submit(approved) = &message {
                                self.waiting.push(taken_back(approved.get()));
                            }
                            let held = self.let_cancels_by(message).await;
                            self.held.extend(held);
                        }
                        // What was taken in is still answered; then the run is over.
                        Err(_) => self.over = true,
                    },
                }
            }
        };
        match came {
            Ok(came) => {
                self.reach = Reach::Up(link);
                Some(came)
            }
            Err(lost) => {
                self.lose(&lost, self.waiting.first().map(|end| end.order))
                    .await;
                None
            }
        }
    }

    async fn reconcile(&mut self, state: &[u8]) {
        let most = self.spec.timeout;
        let told = self.with_link(async |link: &mut Link| link.reconcile(state, most).await);
        if told.await.is_some() {
            self.reconciled = true;
            let _ = self.told.send_async(Told::RiskReconciled).await;
            tracing::warn!("the risk process believes what the engine believes; orders may leave");
        }
    }

    /// Asks about some orders, and lets go what may.
    async fn judge(&mut self, notes: Vec<Note>, batch: Vec<OrderMessage>) {
        let fits = |approved: &Approved<Order>| approved.asked() <= MOST_LOTS;
        let (batch, huge): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|message| approved_of(message).is_some_and(fits));
        for order in huge.iter().filter_map(order_of) {
            self.waiting.retain(|end| end.order != order.id);
            if !self.withdrawn.remove(&order.id) {
                refuse(&self.told, order, check::OVERFLOW).await;
            }
        }
        let questions: Vec<Question> = batch
            .iter()
            .filter_map(approved_of)
            .map(|approved| Question {
                order: approved.get().clone(),
                asked: approved.asked(),
            })
            .collect();
        let said = if self.reconciled {
            let most = self.spec.timeout;
            let asked = async |link: &mut Link| link.ask(&notes, questions, most).await;
            self.with_link(asked).await
        } else {
            None
        };
        let said = said.unwrap_or_else(|| vec![Some(check::RISK_UNREACHABLE); batch.len()]);
        // These wait no longer, though others of their step may: who takes one back now takes it back from the broker.
        let judged: HashSet<OrderId> = { batch.iter().filter_map(order_of) }
            .map(|order| order.id)
            .collect();
        self.waiting.retain(|end| !judged.contains(&end.order));
        for (message, refused) in batch.into_iter().zip(said) {
            if order_of(&message).is_some_and(|order| self.withdrawn.remove(&order.id)) {
                continue;
            }
            let message = match (refused, message) {
                (Some(check), OrderMessage::Submit(approved)) => {
                    refuse(&self.told, approved.get(), check).await;
                    continue;
                }
                (Some(check), OrderMessage::Restore { order, newest }) => {
                    if !self.left.contains(&order.get().id) {
                        refuse(&self.told, order.get(), check).await;
                        continue;
                    }
                    // It left before, with the word that was given then; now the process has to be told of it.
                    self.reconciled = false;
                    let _ = self.told.send_async(Told::RiskWantsState).await;
                    OrderMessage::Restore { order, newest }
                }
                (_, message) => message,
            };
            let _ = self.out.send_async(message).await;
        }
    }
}

/// Tells that an order ended before it left.
async fn refuse(told: &Sender<Told>, order: &Order, check: &'static str) {
    let vetoed = vetoed(order, check);
    let _ = told.send_async(Told::Report(vetoed.into())).await;
}

/// The end of an order that is taken back before it left.
const fn taken_back(order: &Order) -> Execution {
    Execution {
        order: order.id,
        trader: order.trader,
        ts: order.decided,
        outcome: Outcome::Cancelled,
    }
}

async fn never() -> Result<Link, Lost> {
    std::future::pending().await
}

const fn approved_of(message: &OrderMessage) -> Option<&Approved<Order>> {
    match message {
        OrderMessage::Submit(order) | OrderMessage::Restore { order, .. } => Some(order),
        _ => None,
    }
}

fn order_of(message: &OrderMessage) -> Option<&Order> {
    approved_of(message).map(Approved::get)
}
