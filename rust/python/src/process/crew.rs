//! The workers of a run, as its driver speaks to them.

use std::sync::Arc;
use std::time::Duration;

use pairloom_core::clock::Stopwatch;
use pairloom_core::domain::Nanos;
use pairloom_core::engine::{Config, Core};
use pairloom_core::error::Error;
use pairloom_core::limits::WORKER_LEAVE;
use pairloom_core::market::MarketData;
use pairloom_core::portfolio::AccountView;
use pairloom_core::strategy::Hook;
use pairloom_core::trader::{Answer, Glance, Remote, SentRow, Waited};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::plan::{Plan, Workers};
use super::worker::{Brought, Worker};

/// The workers of a run.
struct Crew {
    plan: Plan,
    workers: Vec<Worker>,
    /// For each trader its worker and its slot there.
    places: Vec<(usize, u32)>,
    brought: Brought,
    started: bool,
}

/// Starts the workers of a run.
pub(crate) fn crew(
    workers: Workers,
    config: &Config,
    core: &Core,
    data: &Arc<MarketData>,
) -> Result<Box<dyn Remote>, Error> {
    let (plan, slots) = Plan::new(workers, config, core, data);
    let mut places = vec![(0, 0); core.traders.len()];
    for (number, traders) in slots.iter().enumerate() {
        for (slot, &trader) in (0..).zip(traders) {
            places[trader as usize] = (number, slot);
        }
    }
    let mut workers: Vec<Worker> = slots
        .into_iter()
        .enumerate()
        .map(|(number, traders)| Worker::new(number, traders))
        .collect();
    for worker in &mut workers {
        worker.start(&plan).map_err(|error| {
            let shown = plan.command.join(" ");
            Error::config(
                "config.workers",
                format!("workers: no process can be started with {shown:?}: {error}"),
            )
        })?;
    }
    Ok(Box::new(Crew {
        plan,
        workers,
        places,
        brought: Brought::default(),
        started: false,
    }))
}

impl Crew {
    /// Lets every worker go on as far as it can; the first that there is something to wait for.
    fn go_on(&mut self) -> Option<usize> {
        let mut waiting = None;
        for (number, worker) in self.workers.iter_mut().enumerate() {
            if worker.go_on(&self.plan, &mut self.brought) && waiting.is_none() {
                waiting = Some(number);
            }
        }
        waiting
    }
}

impl Remote for Crew {
    fn begin(&mut self, now: Nanos, account: AccountView) {
        for worker in &mut self.workers {
            worker.batch.begin(now, account);
        }
    }

    fn hooks(&mut self, trader: u32, hooks: &[Hook], glance: Glance<'_>) {
        let (worker, slot) = self.places[trader as usize];
        let worker = &mut self.workers[worker];
        if !worker.is_lost() {
            worker.batch.hooks(slot, hooks, glance);
        }
    }

    #[inline]
    fn row(&mut self, trader: u32, row: SentRow, glance: Glance<'_>) {
        let (worker, slot) = self.places[trader as usize];
        let worker = &mut self.workers[worker];
        if !worker.is_lost() {
            worker.batch.row(slot, row, glance);
        }
    }

    fn send(&mut self) {
        for worker in &mut self.workers {
            worker.batch.end();
        }
        self.go_on();
    }

    fn wait(&mut self, most: Duration) -> Waited {
        let watch = Stopwatch::start();
        loop {
            let Some(first) = self.go_on() else {
                self.started |= self.brought.refused.is_none();
                return Waited::Done;
            };
            let Some(left) = most.checked_sub(watch.elapsed()) else {
                return Waited::NotYet;
            };
            if !self.workers[first].wait(left) {
                for worker in &mut self.workers {
                    worker.check(&self.plan, &mut self.brought);
                }
            }
        }
    }

    fn answers(&mut self, into: &mut Vec<Answer>) -> Result<(), Error> {
        if !self.started
            && let Some(refused) = self.brought.refused.take()
        {
            return Err(Error::config("config.workers", refused));
        }
        into.append(&mut self.brought.answers);
        if !self.brought.logs.is_empty() {
            log(&std::mem::take(&mut self.brought.logs));
        }
        Ok(())
    }

    fn evaluations(&self) -> u64 {
        self.brought.evaluations
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("workers", self.workers.len() as u64),
            ("worker_restarts", self.brought.restarts),
        ]
    }
}

impl Drop for Crew {
    /// Workers that wait for something to do end in order, all at the same time: what strategies have opened is closed, and
    /// what they print is printed. Who takes too long is ended like one that is at something.
    fn drop(&mut self) {
        let mut leaving: Vec<&mut Worker> = self
            .workers
            .iter_mut()
            .filter_map(|worker| worker.leave().then_some(worker))
            .collect();
        let watch = Stopwatch::start();
        while !leaving.is_empty() && watch.elapsed() < WORKER_LEAVE && !is_interrupted() {
            leaving.retain_mut(|worker| !worker.has_left());
            Python::attach(|py| py.detach(|| std::thread::sleep(Duration::from_millis(1))));
        }
    }
}

/// Whether somebody pressed Ctrl-C; it is noted again, for who asks next.
fn is_interrupted() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => {
            // SAFETY: the interpreter is attached.
            unsafe { pyo3::ffi::PyErr_SetInterrupt() };
            true
        }
        Err(error) => {
            error.write_unraisable(py, None);
            false
        }
    })
}

/// Hands what strategies logged to this process's loggers.
fn log(records: &[Vec<u8>]) {
    Python::attach(|py| {
        let records: Vec<_> = records
            .iter()
            .map(|record| PyBytes::new(py, record))
            .collect();
        let handled = py
            .import("pairloom._travel")
            .and_then(|travel| travel.call_method1("handle_records", (records,)));
        match handled {
            Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                // SAFETY: the interpreter is attached. The signal is noted again, for who asks next.
                unsafe { pyo3::ffi::PyErr_SetInterrupt() };
            }
            Err(error) => error.write_unraisable(py, None),
            Ok(_) => {}
        }
    });
}
