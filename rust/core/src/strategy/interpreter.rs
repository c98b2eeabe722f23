//! What lanes that run an interpreter's objects need of it. The engine knows none; who calls it may have one.

use std::sync::Arc;
use std::thread::JoinHandle;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// An interpreter whose threads attach to it before they touch its objects.
pub trait Interpreter: Send + Sync {
    /// Runs `work` on this thread, attached for as long as it takes. Until it returns the thread is known to the
    /// interpreter.
    fn attached(&self, work: &mut (dyn FnMut() + Send));

    /// Runs `work`, which waits, detached.
    fn detached(&self, work: &mut (dyn FnMut() + Send));

    /// Runs a few calls in a row, attached once for all of them.
    fn batch(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    /// Tells people something that they should know of a run, while it goes on.
    fn note(&self, text: &str) {
        tracing::warn!("{text}");
    }

    /// Makes the calls that threads of its pools are in raise what the user's interrupt raises.
    fn interrupt(&self) {}
}

/// For engines without traders that need one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterpreter;

impl Interpreter for NoInterpreter {
    fn attached(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }
}

/// A pool of the engine's own, and what there is to wait for at its end where its threads are known to an interpreter.
///
/// Such a thread is introduced to the interpreter once, since that is dear, and detached while it has no call to make:
/// one that waited attached would hold up whoever needs all threads to pause, such as the collector of garbage.
///
/// # Errors
/// When a thread cannot be made.
pub fn pool_of(
    threads: usize,
    interpreter: Option<&Arc<dyn Interpreter>>,
) -> Result<(ThreadPool, Vec<JoinHandle<()>>), ThreadPoolBuildError> {
    let builder = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("pairloom-{index}"));
    let Some(interpreter) = interpreter else {
        return Ok((builder.build()?, Vec::new()));
    };
    let mut handles = Vec::new();
    let pool = builder
        .spawn_handler(|thread| {
            let interpreter = Arc::clone(interpreter);
            let name = thread.name().unwrap_or("pairloom").to_owned();
            let mut thread = Some(thread);
            let life = move || {
                interpreter.attached(&mut || {
                    interpreter.detached(&mut || {
                        if let Some(thread) = thread.take() {
                            thread.run();
                        }
                    });
                });
            };
            handles.push(std::thread::Builder::new().name(name).spawn(life)?);
            Ok(())
        })
        .build()?;
    Ok((pool, handles))
}
