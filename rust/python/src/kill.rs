//! The kill switch as a signal: `kill -USR1 PID` stops every live run of the process from sending orders.

use pairloom_core::live::kill_switch;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

extern "C" fn handler(_signal: libc::c_int) {
    // One store to an atomic: what a handler may do wherever the thread was.
    kill_switch::set();
}

/// Lets SIGUSR1 set the kill switch of the process, whatever its threads are doing.
#[pyfunction]
pub(crate) fn kill_on_signal() -> PyResult<()> {
    let handler = handler as extern "C" fn(libc::c_int);
    // SAFETY: an action of zeroes is a valid one without flags and with an empty mask; the handler is a function of this
    // library, which is never unloaded, and is safe to be called at any time.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut())
    };
    if done == 0 {
        Ok(())
    } else {
        Err(PyOSError::new_err(
            std::io::Error::last_os_error().to_string(),
        ))
    }
}
