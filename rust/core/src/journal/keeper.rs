//! The thread that writes: what waits is committed together, and whoever asked hears when it is on disk.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use flume::{Receiver, RecvTimeoutError, SendTimeoutError, Sender};
use parking_lot::Mutex;

use crate::clock::Stopwatch;
use crate::error::Error;
use crate::limits::{self, POLL_INTERVAL};

use super::fault::journal_error;
use super::record::Record;
use super::snapshot::Snapshot;
use super::store::{RunEvent, Store};

/// What is to be done when rows are on disk, or could not be written, on the journal's thread: it lets orders leave, or says
/// that none will.
pub type Then = Box<dyn FnOnce(&Result<(), Error>) + Send>;

/// Rows on their way to the file.
#[derive(Default)]
pub(super) struct Batch {
    pub rows: Vec<Record>,
    pub event: Option<RunEvent>,
    pub snapshot: Option<Snapshot>,
    pub then: Option<Then>,
    /// Where to say that they are on disk, or why not.
    pub answer: Option<Sender<Result<(), Error>>>,
}

/// The way to the thread. Batches are committed in the order in which they come; after a failure none is any more, so
/// that the file never has a gap.
pub(super) struct Keeper {
    batches: Option<Sender<Batch>>,
    failure: Arc<Mutex<Option<Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(store: Store) -> Result<Self, Error> {
        let failure = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&failure);
        // Full: the run waits, so that nothing is dropped.
        let (batches, arrivals) = flume::bounded(limits::JOURNAL_BATCHES);
        let thread = std::thread::Builder::new()
            .name("pairloom-journal".to_owned())
            .spawn(move || keep(store, &arrivals, &theirs))
            .map_err(|error| {
                journal_error(
                    "journal.thread",
                    format!("no thread for the journal: {error}"),
                )
            })?;
        Ok(Self {
            batches: Some(batches),
            failure,
            thread: Some(thread),
        })
    }

    /// Whether all that was handed over so far could be written, as far as it was tried.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.failure.lock().clone().map_or(Ok(()), Err)
    }

    /// Hands rows over, and does not wait until they are on disk. While there is no room, `idle` is called.
    pub(super) fn send(&self, batch: Batch, idle: &mut dyn FnMut()) -> Result<(), Error> {
        self.check()?;
        let Some(batches) = &self.batches else {
            return Err(gone());
        };
        let mut batch = batch;
        loop {
            match batches.send_timeout(batch, POLL_INTERVAL) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Timeout(back)) => {
                    batch = back;
                    idle();
                }
                Err(SendTimeoutError::Disconnected(_)) => return Err(gone()),
            }
        }
    }

    /// Hands rows over and waits until they are on disk; meanwhile `idle` is called now and then.
    pub(super) fn commit(&self, mut batch: Batch, idle: &mut dyn FnMut()) -> Result<(), Error> {
        let (answer, heard) = flume::bounded(limits::SAID_ONCE);
        batch.answer = Some(answer);
        self.send(batch, idle)?;
        loop {
            match heard.recv_timeout(POLL_INTERVAL) {
                Ok(said) => return said,
                Err(RecvTimeoutError::Timeout) => idle(),
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> Error {
    journal_error(
        "journal.defect",
        "the journal's thread has ended before the run; please report it",
    )
}

/// Takes what waits, to be committed together. So soon after the last commit more is waited for, unless somebody waits for
/// an answer: a disk that has to write for every step of a fast feed has no time for anything else.
fn gather(
    first: Batch,
    arrivals: &Receiver<Batch>,
    (since, pause): (Stopwatch, Duration),
    together: &mut Vec<Batch>,
) {
    let mut rows = first.rows.len();
    let mut waited_for = first.answer.is_some();
    together.push(first);
    while rows < limits::JOURNAL_ROWS {
        let left = pause.checked_sub(since.elapsed());
        let more = match left {
            Some(left) if !waited_for => arrivals.recv_timeout(left).ok(),
            _ => arrivals.try_recv().ok(),
        };
        let Some(more) = more else { break };
        rows += more.rows.len();
        waited_for |= more.answer.is_some();
        together.push(more);
    }
}

fn keep(mut store: Store, arrivals: &Receiver<Batch>, failure: &Mutex<Option<Error>>) {
    let mut together: Vec<Batch> = Vec::new();
    let mut since = Stopwatch::start();
    while let Ok(first) = arrivals.recv() {
        let pause = (since, limits::WRITE_PAUSE);
        gather(first, arrivals, pause, &mut together);
        let failed = failure.lock().clone();
        let result = match failed {
            Some(error) => Err(error),
            None => store.add(
                together.iter().flat_map(|batch| &batch.rows),
                together.iter().filter_map(|batch| batch.event.as_ref()),
                together.iter().filter_map(|batch| batch.snapshot.as_ref()),
            ),
        };
        since = Stopwatch::start();
        if let Err(error) = &result {
            failure.lock().get_or_insert_with(|| error.clone());
        }
        for batch in together.drain(..) {
            if let Some(then) = batch.then {
                then(&result);
            }
            if let Some(answer) = batch.answer {
                // Whoever asked may have gone.
                let _ = answer.try_send(result.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(answer: Option<Sender<Result<(), Error>>>) -> Batch {
        Batch {
            answer,
            ..Batch::default()
        }
    }

    /// Batches that were sent before somebody gathers them, or while.
    type Way = (Sender<Batch>, Receiver<Batch>);

    fn way() -> Way {
        flume::bounded(limits::JOURNAL_BATCHES)
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn soon_after_a_commit_more_is_waited_for_until_somebody_wants_an_answer() {
        let (batches, arrivals) = way();
        let (answer, _heard) = flume::bounded(limits::SAID_ONCE);
        let mut together = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                batches.send(rows(None)).unwrap();
                batches.send(rows(Some(answer))).unwrap();
            });
            let pause = (Stopwatch::start(), LONG);
            gather(rows(None), &arrivals, pause, &mut together);
        });
        assert_eq!(together.len(), 3);
        assert!(together[2].answer.is_some());
    }

    #[test]
    fn nobody_is_waited_for_when_the_pause_is_over_or_an_answer_is_wanted() {
        let (batches, arrivals) = way();
        let (answer, _heard) = flume::bounded(limits::SAID_ONCE);
        batches.send(rows(None)).unwrap();
        let mut together = Vec::new();
        let long = (Stopwatch::start(), LONG);
        gather(rows(Some(answer)), &arrivals, long, &mut together);
        assert_eq!(together.len(), 2, "what is there goes along");
        together.clear();
        let over = (Stopwatch::start(), Duration::ZERO);
        gather(rows(None), &arrivals, over, &mut together);
        assert_eq!(together.len(), 1);
    }

    #[test]
    fn a_run_that_is_over_is_not_waited_for() {
        let (batches, arrivals) = way();
        drop(batches);
        let mut together = Vec::new();
        let long = (Stopwatch::start(), LONG);
        gather(rows(None), &arrivals, long, &mut together);
        assert_eq!(together.len(), 1);
    }
}
