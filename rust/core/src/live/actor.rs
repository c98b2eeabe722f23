//! Traders as actors: each with its inbox, none with a thread.
//!
//! A delivery for an idle trader makes it ready. Ready traders stand in one queue, in the order in which they became
//! so; as many tasks as the pool has threads take the oldest one, handle a bounded batch of it, and take the next. Since a
//! trader that has more to do goes to the end of that queue, all of them share the threads fairly, whatever order a pool
//! prefers for its tasks.

use std::sync::Arc;

use flume::{Receiver, Sender, TrySendError};
use parking_lot::Mutex;
use rayon::ThreadPool;

use crate::clock::Stopwatch;
use crate::domain::Instrument;
use crate::limits::DELIVERIES_PER_TASK;
use crate::market::EventKind;
use crate::portfolio::Board;
use crate::signal::Intent;
use crate::strategy::{Held, Interpreter, Lane, Outcome, Stop, Strategy, Unkept, View};
use crate::trader::{Input, Trader, TraderMemory, TraderState};

use super::answers::Answers;
use super::event::{Delivery, FeedEvent, Markets, Notice};
use super::hands::Hands;
use super::wakeup::Wakeup;

/// Makes a fresh strategy for a trader that is restarted.
pub type Factory = Box<dyn Fn() -> Outcome<Box<dyn Strategy>> + Send>;

/// What an actor has to tell the commit thread.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whether the commit thread knows already that there is something.
    announced: bool,
    /// Deliveries handled since it looked.
    pub handled: u32,
    /// What the strategy wants.
    pub intents: Vec<Intent>,
    /// Why it failed.
    pub failure: Option<Stop>,
    /// How often the strategy was called, in all.
    pub evaluations: u64,
    /// Running since the newest event handled arrived.
    pub arrived: Option<Stopwatch>,
}

/// The trader itself, which one thread at a time may use.
struct Seat {
    trader: Trader,
    /// The step of its last delivery.
    step: u64,
    factory: Option<Factory>,
}

/// One trader with its inbox.
pub(super) struct Actor {
    index: u32,
    market: u32,
    main: EventKind,
    lane: Lane,
    inbox: Receiver<Delivery>,
    /// Whether a task is on its way to this trader, or with it.
    scheduled: Wakeup,
    notices: Mutex<Vec<Notice>>,
    /// Empty once the run is over.
    seat: Mutex<Option<Seat>>,
    outbox: Mutex<Outbox>,
}

impl Actor {
    pub(super) fn new(
        trader: Trader,
        main: EventKind,
        factory: Option<Factory>,
        inbox: Receiver<Delivery>,
    ) -> Self {
        Self {
            index: trader.index,
            market: trader.spec.market,
            main,
            lane: trader.lane(),
            inbox,
            scheduled: Wakeup::new(),
            notices: Mutex::new(Vec::new()),
            seat: Mutex::new(Some(Seat {
                trader,
                step: 0,
                factory,
            })),
            outbox: Mutex::new(Outbox::default()),
        }
    }

    /// Leaves a notice. The trader reads it before the next delivery it handles.
    pub(super) fn notify(&self, notice: Notice) {
        self.notices.lock().push(notice);
    }

    /// Why the trader's `setup` failed; then its strategy is not called.
    pub(super) fn failed_setup(&self) -> Option<Stop> {
        let mut seat = self.seat.lock();
        let trader = &mut seat.as_mut()?.trader;
        let failure = trader.failure.take()?;
        trader.state = TraderState::Quarantined;
        trader.due.clear();
        trader.orders.intents.clear();
        Some(failure)
    }

    /// What the trader remembers, and what waits for it; nothing while it is at work or has something to tell.
    ///
    /// # Errors
    /// Why its strategy cannot be kept.
    pub(super) fn memory(&self) -> Result<Option<(TraderMemory, Vec<Notice>)>, Unkept> {
        let memory = match &mut *self.seat.lock() {
            Some(seat) => seat.trader.memory()?,
            None => None,
        };
        let notices = self.notices.lock().clone();
        Ok(memory
            .filter(|_| self.inbox.is_empty())
            .map(|memory| (memory, notices)))
    }

    /// What its strategy may share with another one's.
    ///
    /// # Errors
    /// As [`Actor::memory`].
    pub(super) fn held(&self) -> Result<Vec<Held>, Unkept> {
        match &mut *self.seat.lock() {
            Some(seat) => seat.trader.held(),
            None => Ok(Vec::new()),
        }
    }

    /// Waits for what waited before; the trader itself remembers already.
    pub(super) fn take_up(&self, notices: Vec<Notice>) {
        *self.notices.lock() = notices;
        let evaluations = self.seat.lock().as_ref().map(|s| s.trader.evaluations);
        self.outbox.lock().evaluations = evaluations.unwrap_or(0);
    }

    /// What the trader has told so far.
    pub(super) fn take(&self) -> Outbox {
        let mut outbox = self.outbox.lock();
        let evaluations = outbox.evaluations;
        let fresh = Outbox {
            evaluations,
            ..Outbox::default()
        };
        std::mem::replace(&mut *outbox, fresh)
    }
}

/// All actors, and what their evaluations need.
pub(super) struct Stage {
    pub actors: Vec<Actor>,
    pub board: Board,
    pub markets: Markets,
    pub instruments: Vec<Instrument>,
    pub pool: ThreadPool,
    /// Ready traders of the lanes on the pool: room for each of them once.
    pub ready: (Sender<u32>, Receiver<u32>),
    /// The tasks that handle them.
    pub hands: Hands,
    /// Ready traders of the python lane.
    pub python: Sender<u32>,
    pub interpreter: Arc<dyn Interpreter>,
    /// Traders whose outbox holds something.
    pub answers: Answers,
}

impl Stage {
    /// Makes sure that a trader with something in its inbox is or will be handled, once its like are [attended]. Whether it
    /// is one more of those that tasks of the pool handle.
    ///
    /// [attended]: Stage::attend
    pub(super) fn wake(&self, trader: u32) -> bool {
        let actor = &self.actors[trader as usize];
        actor.scheduled.wake() && self.enqueue(actor)
    }

    /// The run is over: strategies end here and now, on the thread that ran it, and not when the last task of the pool does.
    /// One that is at work still never returns.
    pub(super) fn clear(&self) {
        for actor in &self.actors {
            let gone = actor.seat.try_lock().and_then(|mut seat| seat.take());
            // Without the lock: its end may wait for the interpreter, which a thread has that waits for this lock.
            drop(gone);
        }
    }

    /// Sets tasks to work after so many traders were woken.
    pub(super) fn attend(self: &Arc<Self>, woken: usize) {
        self.hands.call(woken, |hand| {
            let stage = Arc::clone(self);
            self.pool.spawn(move || stage.serve_all(hand));
        });
    }

    /// Whether the pool is to handle it.
    fn enqueue(&self, actor: &Actor) -> bool {
        match actor.lane {
            Lane::Native | Lane::Compiled | Lane::FreeThreaded => {
                // There is room: a trader is in the queue only while its flag is set.
                let queued = self.ready.0.try_send(actor.index);
                debug_assert!(has_room(&queued), "the queue holds every trader once");
                true
            }
            Lane::Python | Lane::Process => {
                let queued = self.python.try_send(actor.index);
                debug_assert!(has_room(&queued), "the queue holds every trader once");
                false
            }
        }
    }

    /// One task's work: ready traders, until none has come for a while.
    fn serve_all(self: &Arc<Self>, hand: usize) {
        loop {
            while let Ok(trader) = self.ready.1.try_recv() {
                if self.actors[trader as usize].lane.is_attached() {
                    self.interpreter
                        .batch(&mut || self.serve(trader, DELIVERIES_PER_TASK));
                } else {
                    self.serve(trader, DELIVERIES_PER_TASK);
                }
            }
            if !self.hands.rest(hand, || !self.ready.1.is_empty()) {
                return;
            }
        }
    }

    /// Handles a bounded batch of one trader's deliveries, and makes it ready again when there are more.
    pub(super) fn serve(self: &Arc<Self>, trader: u32, most: usize) {
        let Some(actor) = self.actors.get(trader as usize) else {
            return;
        };
        {
            let mut seat = actor.seat.lock();
            for _ in 0..most {
                let (Some(seat), Ok(delivery)) = (&mut *seat, actor.inbox.try_recv()) else {
                    break;
                };
                self.handle(actor, seat, &delivery);
                self.report(actor, &mut seat.trader, &delivery);
            }
        }
        if actor.scheduled.leave(|| !actor.inbox.is_empty()) && self.enqueue(actor) {
            // The trader that this task takes next may keep it long.
            self.attend(1);
        }
    }

    fn handle(&self, actor: &Actor, seat: &mut Seat, delivery: &Delivery) {
        let notices = std::mem::take(&mut *actor.notices.lock());
        let market = self.markets.market(actor.market);
        // The row is copied out here; the lock is gone before the strategy runs.
        let row = self.board.row(actor.index);
        let view = View {
            now: delivery.now,
            row: &row,
            account: delivery.account,
            mark: delivery.mark.into(),
            instrument: &self.instruments[actor.market as usize],
            pair: &market.name,
            series: self.markets.window_series(actor.market, actor.main),
        };
        if seat.step != delivery.step {
            seat.step = delivery.step;
            seat.trader.asked = false;
        }
        let told = !notices.is_empty();
        for notice in notices {
            heed(seat, notice, &view);
        }
        let trader = &mut seat.trader;
        // Hooks that were not told just now wait for an event that does more than warm up.
        if told || delivery.event.is_none() {
            trader.run_hooks(&view);
        }
        let Some(event) = &delivery.event else { return };
        let Some((_, seen)) = self.markets.view(event) else {
            return;
        };
        if !trader.listens(seen.kind()) {
            return;
        }
        let (row, warm_up) = match event {
            FeedEvent::Row(row) => (row.row as usize, row.warm_up),
            FeedEvent::Value { .. } => (0, false),
        };
        let input = Input {
            event: seen,
            row,
            warm_up,
        };
        trader.on_event(&input, &view);
    }

    /// Puts into the outbox what came of a delivery, and announces it.
    fn report(&self, actor: &Actor, trader: &mut Trader, delivery: &Delivery) {
        let announced = Self::leave(actor, trader, delivery);
        if !announced {
            self.answers.add(actor.index);
        }
    }

    /// Whether the commit thread knew already that there is something.
    fn leave(actor: &Actor, trader: &mut Trader, delivery: &Delivery) -> bool {
        let mut outbox = actor.outbox.lock();
        outbox.handled += 1;
        outbox.evaluations = trader.evaluations;
        outbox.arrived = Some(delivery.arrived);
        if delivery.collect {
            trader.asked |= !trader.orders.intents.is_empty();
            outbox.intents.append(&mut trader.orders.intents);
            if let Some(stop) = trader.failure.take() {
                if matches!(stop, Stop::Fault(_)) {
                    trader.state = TraderState::Quarantined;
                    trader.due.clear();
                }
                outbox.failure = Some(stop);
            }
        }
        std::mem::replace(&mut outbox.announced, true)
    }
}

/// Whether a message found room, or nobody reads any more since the run is over.
const fn has_room(sent: &Result<(), TrySendError<u32>>) -> bool {
    !matches!(sent, Err(TrySendError::Full(_)))
}

/// Does what a notice says.
fn heed(seat: &mut Seat, notice: Notice, view: &View<'_>) {
    let trader = &mut seat.trader;
    match notice {
        Notice::Hook(hook) => trader.tell(hook),
        Notice::Pause if trader.state == TraderState::Active => trader.state = TraderState::Paused,
        Notice::Resume if trader.state == TraderState::Paused => trader.state = TraderState::Active,
        Notice::Pause | Notice::Resume => {}
        Notice::Restart => {
            if let Some(factory) = &seat.factory {
                trader.restart(factory, view.pair);
            }
        }
        Notice::Stop => trader.run_last_hooks(view),
    }
}
