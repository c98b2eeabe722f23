//! A method that is called once for each event: looked up once, and called without building anything.

use std::ptr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

/// A bound method taken apart into the function and its `self`, or any other callable.
///
/// What it is was decided when it was looked up: a method assigned to the instance or the class later is not seen.
pub(crate) struct Method {
    function: Py<PyAny>,
    instance: Option<Py<PyAny>>,
    /// How a plain Python function wants to be called; `None` for any other callable.
    direct: Option<ffi::vectorcallfunc>,
}

impl Method {
    /// Looks the method up.
    pub(crate) fn of(
        owner: &Bound<'_, PyAny>,
        name: &Bound<'_, pyo3::types::PyString>,
    ) -> PyResult<Self> {
        let py = owner.py();
        let found = owner.getattr(name)?;
        let methods = py.import("types")?.getattr("MethodType")?;
        let (function, instance) = if found.get_type().is(&methods) {
            // Calling a bound method is calling its function with its instance before the other arguments.
            let instance = found.getattr(intern!(py, "__self__"))?;
            (
                found.getattr(intern!(py, "__func__"))?,
                Some(instance.unbind()),
            )
        } else {
            (found, None)
        };
        // SAFETY: attached, and the object is alive.
        let direct = unsafe {
            if ffi::PyFunction_Check(function.as_ptr()) == 1 {
                ffi::PyVectorcall_Function(function.as_ptr())
            } else {
                None
            }
        };
        Ok(Self {
            function: function.unbind(),
            instance,
            direct,
        })
    }

    /// Calls it with one argument.
    #[inline]
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        argument: &Py<impl Sized>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let instance = self.instance.as_ref();
        // The first place is free for the callee's use, as vectorcall's flag promises.
        let mut arguments = [
            ptr::null_mut(),
            instance.map_or(argument.as_ptr(), Py::as_ptr),
            argument.as_ptr(),
        ];
        let count = 1 + usize::from(instance.is_some());
        let flagged = count | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        let function = self.function.as_ptr();
        // SAFETY: attached; function and arguments are alive, since this object and the caller hold them, during the whole
        // call. `count` arguments stand behind the free place. A plain function's own entry needs no more than the
        // general one does, and gives back null exactly when it has raised.
        unsafe {
            let first = arguments.as_mut_ptr().add(1);
            let returned = match self.direct {
                Some(direct) => direct(function, first, flagged, ptr::null_mut()),
                None => ffi::PyObject_Vectorcall(function, first, flagged, ptr::null_mut()),
            };
            Bound::from_owned_ptr_or_err(py, returned)
        }
    }
}
