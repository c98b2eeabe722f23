//! The python lane: one thread, attached to the interpreter once, serves the queue of ready traders.
//!
//! While a call lasts longer than [`PYTHON_CALL`], a spare thread takes the queue over, so that a strategy that sleeps
//! delays nobody; the thread that comes back from the long call becomes a spare. Who leads is decided by one exchange
//! of the call's number: the leader makes it even when the call ends, a spare when it takes over; the first one wins.

use std::sync::Arc;

use flume::Receiver;
use parking_lot::{Condvar, Mutex};

use crate::limits::{PYTHON_CALL, PYTHON_THREADS};
use crate::strategy::Interpreter;

use super::actor::Stage;
use super::lead::Lead;

/// Put into the queue to end the lane.
pub(super) const CLOSE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Spares {
    threads: u32,
    /// Whether the leader waits for work: then there is nothing to watch.
    idle: bool,
    closing: bool,
}

pub(super) struct PythonLane {
    ready: Receiver<u32>,
    stage: Arc<Stage>,
    interpreter: Arc<dyn Interpreter>,
    lead: Lead,
    spares: Mutex<Spares>,
    changed: Condvar,
}

impl PythonLane {
    /// Starts the lane: a leader and a spare.
    pub(super) fn start(
        ready: Receiver<u32>,
        stage: Arc<Stage>,
        interpreter: Arc<dyn Interpreter>,
    ) {
        let lane = Arc::new(Self {
            ready,
            stage,
            interpreter,
            lead: Lead::new(),
            spares: Mutex::new(Spares::default()),
            changed: Condvar::new(),
        });
        lane.spawn(true);
        lane.spawn(false);
    }

    fn spawn(self: &Arc<Self>, leads: bool) {
        let number = {
            let mut spares = self.spares.lock();
            if spares.threads == PYTHON_THREADS {
                return;
            }
            spares.threads += 1;
            spares.threads
        };
        let lane = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name(format!("pairloom-python-{number}"))
            .spawn(move || {
                let interpreter = Arc::clone(&lane.interpreter);
                interpreter.attached(&mut || lane.serve(leads));
            });
        if spawned.is_err() {
            self.spares.lock().threads -= 1;
        }
    }

    /// What each thread does, attached.
    fn serve(self: &Arc<Self>, leads: bool) {
        let mut leads = leads;
        loop {
            if !leads {
                self.interpreter
                    .detached(&mut || leads = self.wait_to_lead());
                if !leads {
                    return;
                }
            }
            let trader = self.ready.try_recv().unwrap_or_else(|_| {
                let mut next = CLOSE;
                self.interpreter
                    .detached(&mut || next = self.wait_for_work());
                next
            });
            if trader == CLOSE {
                self.interpreter.detached(&mut || self.close());
                return;
            }
            let call = self.lead.begin();
            self.stage.serve(trader, 1);
            leads = self.lead.end(call);
        }
    }

    /// The leader's wait, detached.
    fn wait_for_work(&self) -> u32 {
        self.spares.lock().idle = true;
        let next = self.ready.recv().unwrap_or(CLOSE);
        self.spares.lock().idle = false;
        // From now on a spare has something to watch.
        self.changed.notify_one();
        next
    }

    /// A spare's wait, detached: until the leader's call has lasted too long, or the lane closes.
    fn wait_to_lead(self: &Arc<Self>) -> bool {
        let mut spares = self.spares.lock();
        loop {
            if spares.closing {
                return false;
            }
            if spares.idle {
                self.changed.wait(&mut spares);
                continue;
            }
            let call = self.lead.call();
            let over = self.changed.wait_for(&mut spares, PYTHON_CALL).timed_out();
            if over && call.is_some_and(|call| self.lead.end(call)) {
                break;
            }
        }
        drop(spares);
        // Whoever leads has a spare behind it, as long as there may be more threads.
        self.spawn(false);
        true
    }

    fn close(&self) {
        self.spares.lock().closing = true;
        self.changed.notify_all();
    }
}
