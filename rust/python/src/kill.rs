//! The kill switch as a signal: `kill -USR1 PID` stops every live run of the process from sending orders.

use std::ptr::null;

use pairloom_core::journal::note_listening;
use pairloom_core::live::kill_switch;
use parking_lot::Mutex;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

extern "C" fn handler(_signal: libc::c_int) {
    // One store to an atomic: what a handler may do wherever the thread was.
    kill_switch::set();
}

/// The handler is the process's, whatever the thread: it stays for as long as anybody wants it.
struct Listening {
    /// How many asked for it and have not let go.
    times: usize,
    /// Who had the signal before.
    before: Option<libc::sigaction>,
}

static LISTENING: Mutex<Listening> = Mutex::new(Listening {
    times: 0,
    before: None,
});

/// Lets SIGUSR1 set the kill switch of the process, whatever its threads are doing, until `kill_no_more` has been called as
/// often as this. Runs that begin meanwhile say in their journals' locks that they can be told so.
#[pyfunction]
pub(crate) fn kill_on_signal() -> PyResult<()> {
    let mut listening = LISTENING.lock();
    let now = action(None)?;
    if !is_ours(&now) {
        // SAFETY: an action of zeroes is a valid one without flags and with an empty mask.
        let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler = handler as extern "C" fn(libc::c_int);
        ours.sa_sigaction = handler as usize;
        ours.sa_flags = libc::SA_RESTART;
        action(Some(&ours))?;
        listening.before = Some(now);
    }
    listening.times += 1;
    note_listening(true);
    Ok(())
}

/// Takes that back. The last one gives the signal to who had it before, unless somebody else has taken it since.
#[pyfunction]
pub(crate) fn kill_no_more() -> PyResult<()> {
    let mut listening = LISTENING.lock();
    listening.times = listening.times.saturating_sub(1);
    if listening.times > 0 {
        return Ok(());
    }
    note_listening(false);
    if let Some(before) = listening.before.take()
        && is_ours(&action(None)?)
    {
        action(Some(&before))?;
    }
    Ok(())
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == handler as extern "C" fn(libc::c_int) as usize
}

/// What the signal does now; from now on what is given.
fn action(wanted: Option<&libc::sigaction>) -> PyResult<libc::sigaction> {
    // SAFETY: an action of zeroes is a valid one, which the call overwrites. The one that is given is either what this call gave
    // before, or has the handler of this library, which is never unloaded and is safe to be called at any time.
    let (done, found) = unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        let wanted = wanted.map_or(null(), std::ptr::from_ref);
        let place = &raw mut found;
        (libc::sigaction(libc::SIGUSR1, wanted, place), found)
    };
    if done == 0 {
        Ok(found)
    } else {
        Err(PyOSError::new_err(
            std::io::Error::last_os_error().to_string(),
        ))
    }
}
