//! Exceptions that were raised in a worker.

use std::any::Any;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// An exception as it travelled; it is unpacked when somebody asks for it.
pub(crate) struct Travelled {
    packed: Vec<u8>,
    error: PyOnceLock<Py<PyBaseException>>,
}

impl Travelled {
    pub(super) fn boxed(packed: Vec<u8>) -> Box<dyn Any + Send + Sync> {
        Box::new(Self {
            packed,
            error: PyOnceLock::new(),
        })
    }

    /// The exception itself; one that cannot be made here is described by another.
    pub(crate) fn exception<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBaseException>> {
        let error = self.error.get_or_try_init(py, || {
            let unpack = py.import("pairloom._travel")?.getattr("unpack_error")?;
            let error = unpack.call1((self.packed.as_slice(),))?;
            Ok::<_, PyErr>(error.cast_into::<PyBaseException>()?.unbind())
        })?;
        Ok(error.bind(py).clone())
    }
}
