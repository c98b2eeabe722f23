//! Starting a live run, and its end.

use std::sync::Arc;

use flume::{RecvTimeoutError, Sender};

use crate::engine::{Config, Done, Host, Outcome, Unattended, join_live};
use crate::error::Error;
use crate::journal::Recorder;
use crate::limits;
use crate::step::{Resumed, Stepper};

use super::actor::Stage;
use super::command::{Ended, Request, RunHandle};
use super::coordinator::Coordinator;
use super::options::{Cast, Feed, LiveOptions};
use super::python_lane::CLOSE;

/// A run whose stages are joined.
pub(crate) struct Joined<'h> {
    pub(super) stepper: Stepper<Coordinator<'h>>,
    pub(super) stage: Arc<Stage>,
    pub(super) runtime: tokio::runtime::Runtime,
}

impl Joined<'_> {
    /// Gives the run its journal, and the snapshot in it that it goes on from.
    ///
    /// # Errors
    /// When the journal cannot be read, or the snapshot is of no use.
    pub(crate) fn keep(
        &mut self,
        journal: Recorder,
        resumed: Option<Resumed>,
    ) -> Result<(), Error> {
        self.stepper.keep(journal, resumed)
    }

    /// Whether steps that the journal has are still to be made again.
    pub(crate) fn is_rebuilding(&self) -> bool {
        let journal = self.stepper.journal.as_ref();
        journal.is_some_and(Recorder::is_rebuilding)
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Done {
        let host = self.stepper.ports.host;
        self.stepper.run(host);
        let Stepper {
            mut ports,
            writer,
            mut report,
            journal,
            ..
        } = self.stepper;
        if let Some(failure) = &report.failure {
            ports.deny_people(failure);
        }
        ports.answer_people();
        report.unheard_kill = ports.unheard_kill();
        let status = Arc::new(ports.status(&writer));
        report.counters = status.counts.by_name();
        let steps = report.steps;
        report.assumptions.extend(ports.left_open(steps));
        report.counters.extend(std::mem::take(&mut ports.left));
        let evaluations = report.counters.entry("evaluations".to_owned());
        *evaluations.or_default() += ports.away.evaluations();
        ports.away.count(&mut report.counters);
        let threads = self.stage.pool.current_num_threads() as u64;
        report.counters.insert("threads".to_owned(), threads);
        *ports.ended.status.lock() = Some(status);
        // Nobody waits for a strategy that never returns, nor for a broker that never answers.
        let _ = self.stage.python.try_send(CLOSE);
        self.runtime.shutdown_background();
        drop(ports);
        self.stage.hands.dismiss();
        self.stage.clear();
        Done {
            writer,
            report,
            journal,
        }
    }
}

/// Runs a portfolio on the paper broker, on this thread, until the feed ends.
///
/// # Errors
/// When settings make no sense together or with the data.
pub fn paper(
    config: &Config,
    cast: Cast,
    feed: Feed,
    options: LiveOptions,
    host: &dyn Host,
) -> Result<Outcome, Error> {
    // Held to the end: without anybody who could command it a run stops.
    let (_commander, commands) = flume::bounded::<Request>(limits::COMMANDS);
    let ended = Arc::new(Ended::default());
    join_live(config, cast, feed, options, host, (commands, ended))
}

/// Starts a portfolio in the background. Where it has a journal with rows, it has made them again when this returns.
///
/// # Errors
/// When settings make no sense together or with the data, no thread can be made, or the run does not repeat its journal.
pub fn start(
    config: Config,
    cast: Cast,
    feed: Feed,
    options: LiveOptions,
) -> Result<RunHandle, Error> {
    start_while(config, cast, feed, options, &|| true)
}

/// The same for a caller who may have enough of waiting: `goes_on` is asked now and then until the run has begun, and the
/// run is told to end once it says no.
///
/// # Errors
/// As [`start`].
pub fn start_while(
    config: Config,
    cast: Cast,
    feed: Feed,
    options: LiveOptions,
    goes_on: &dyn Fn() -> bool,
) -> Result<RunHandle, Error> {
    let (commander, commands) = flume::bounded::<Request>(limits::COMMANDS);
    let (alive, over) = flume::bounded::<()>(limits::SAID_ONCE);
    // What is wrong with the settings, or with the journal, is told to the caller, not found in the outcome.
    let (ready, is_ready) = flume::bounded::<Result<(), Error>>(limits::SAID_ONCE);
    let ended = Arc::new(Ended::default());
    let theirs = Arc::clone(&ended);
    let thread = std::thread::Builder::new()
        .name("pairloom-commit".to_owned())
        .spawn(move || {
            let host = Announcing {
                ready: parking_lot::Mutex::new(Some(ready)),
            };
            let links = (commands, Arc::clone(&theirs));
            let outcome = join_live(&config, cast, feed, options, &host, links);
            let ready = host.ready.lock().take();
            match (ready, outcome) {
                (Some(ready), Err(error)) => {
                    let _ = ready.send(Err(error));
                }
                (ready, outcome) => {
                    *theirs.outcome.lock() = Some(outcome);
                    // It ended before it came to anything new: a finished run was made again, say.
                    let _ = ready.map(|ready| ready.send(Ok(())));
                }
            }
            drop(alive);
        })
        .map_err(|error| Error::config("run.thread", format!("no thread for the run: {error}")))?;
    let handle = RunHandle::new(commander, ended, over, thread);
    let mut waits = true;
    loop {
        match is_ready.recv_timeout(limits::POLL_INTERVAL) {
            Ok(Ok(())) => return Ok(handle),
            Ok(Err(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout) if waits => {
                waits = goes_on();
                if !waits {
                    handle.ask_to_stop();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::config(
                    "run.defect",
                    "a defect in the engine ended the run before it began; please report it",
                ));
            }
        }
    }
}

/// Tells the caller that the run has begun, and never interferes.
struct Announcing {
    ready: parking_lot::Mutex<Option<Sender<Result<(), Error>>>>,
}

impl Host for Announcing {
    fn poll(&self, share_done: f64) -> bool {
        Unattended.poll(share_done)
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        Unattended.detached(work);
    }

    fn caught_up(&self) {
        if let Some(ready) = self.ready.lock().take() {
            let _ = ready.send(Ok(()));
        }
    }
}
