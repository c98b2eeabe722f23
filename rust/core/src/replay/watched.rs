//! The pool of a recorded run, and the caller's wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use flume::RecvTimeoutError;
use rayon::ThreadPool;

use crate::engine::Host;
use crate::error::Error;
use crate::limits::{POLL_INTERVAL, SAID_ONCE};
use crate::strategy::{Interpreter, pool_of};

/// The threads of a pool. They end with it where an interpreter knows them, so that the caller's process may end, too.
pub(super) struct Workers {
    pool: Option<ThreadPool>,
    handles: Vec<JoinHandle<()>>,
    /// The interpreter of the strategies that the pool calls, if any belongs to one.
    pub interpreter: Option<Arc<dyn Interpreter>>,
}

impl Workers {
    pub(super) fn new(
        threads: usize,
        interpreter: Option<Arc<dyn Interpreter>>,
    ) -> Result<Self, Error> {
        let (pool, handles) = pool_of(threads, interpreter.as_ref()).map_err(|error| {
            Error::config(
                "engine.num_threads",
                format!("num_threads={threads}: {error}"),
            )
        })?;
        Ok(Self {
            pool: Some(pool),
            handles,
            interpreter,
        })
    }

    /// Runs `work` on the pool while the caller waits. `false` when the user ended the run meanwhile; `over` is set as
    /// soon as that is known.
    ///
    /// Native strategies return soon. Those of an interpreter may take as long as they like, and an interrupt reaches
    /// the calling thread alone: so it asks now and then, and after each step, and hands the interrupt on to the calls that are on their way.
    pub(super) fn run(
        &self,
        host: &dyn Host,
        over: &AtomicBool,
        work: impl FnOnce() + Send,
    ) -> bool {
        let Some(pool) = &self.pool else { return true };
        let Some(interpreter) = &self.interpreter else {
            let mut work = Some(work);
            host.detached(&mut || {
                if let Some(work) = work.take() {
                    pool.install(work);
                }
            });
            return true;
        };
        let (done, is_done) = flume::bounded::<()>(SAID_ONCE);
        pool.in_place_scope(|scope| {
            scope.spawn(move |_| {
                work();
                drop(done);
            });
            loop {
                let mut waits = false;
                host.detached(&mut || {
                    let heard = is_done.recv_timeout(POLL_INTERVAL);
                    waits = heard == Err(RecvTimeoutError::Timeout);
                });
                if !over.load(Ordering::Relaxed) && !host.goes_on() {
                    over.store(true, Ordering::Relaxed);
                    interpreter.interrupt();
                }
                if !waits {
                    break;
                }
            }
        });
        !over.load(Ordering::Relaxed)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Without its pool every thread ends.
        self.pool = None;
        if let Some(interpreter) = &self.interpreter {
            let mut handles = std::mem::take(&mut self.handles);
            interpreter.detached(&mut || {
                for handle in handles.drain(..) {
                    // A thread that panicked has ended, too.
                    let _ = handle.join();
                }
            });
        }
    }
}
