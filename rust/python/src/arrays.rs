//! Arrays of market data: read-only NumPy views of the engine's own columns, copied for nobody.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use numpy::npyffi::{NPY_ARRAY_CARRAY_RO, npy_intp};
use numpy::{Element, PY_ARRAY_API, PyArray1, PyArrayDescrMethods};
use pairloom_core::market::{Column, WindowColumn};
use parking_lot::Mutex;
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

/// Keeps a column alive for the arrays that look into it.
#[pyclass(frozen, module = "pairloom._native", name = "ColumnOwner")]
pub(crate) struct ColumnOwner {
    values: Column,
}

/// The owners of the columns one trader has looked at, so that a view costs no second object.
#[derive(Default)]
pub(crate) struct Owners {
    known: Mutex<Vec<Py<ColumnOwner>>>,
}

impl Owners {
    /// A window's column as an array.
    pub(crate) fn array<'py>(
        &self,
        py: Python<'py>,
        column: WindowColumn,
    ) -> PyResult<Bound<'py, PyAny>> {
        match column {
            WindowColumn::Shared { column, start, len } => {
                view(&self.owner(py, &column)?, start, len)
            }
            WindowColumn::Copied(values) => copied(py, values),
        }
    }

    fn owner<'py>(&self, py: Python<'py>, column: &Column) -> PyResult<Bound<'py, ColumnOwner>> {
        let found = self
            .known
            .lock()
            .iter()
            .find(|owner| Arc::ptr_eq(&owner.get().values, column))
            .map(|owner| owner.clone_ref(py));
        if let Some(owner) = found {
            return Ok(owner.into_bound(py));
        }
        let owner = owned(py, Arc::clone(column))?;
        self.known.lock().push(owner.clone().unbind());
        Ok(owner)
    }
}

/// Numbers of nobody else as a read-only array.
pub(crate) fn copied(py: Python<'_>, values: Vec<f64>) -> PyResult<Bound<'_, PyAny>> {
    let len = values.len();
    view(&owned(py, values.into())?, 0, len)
}

fn owned(py: Python<'_>, values: Column) -> PyResult<Bound<'_, ColumnOwner>> {
    // Said here as an ordinary error: the C interface of NumPy can only panic where NumPy is missing.
    py.import("numpy")?;
    Bound::new(py, ColumnOwner { values })
}

/// A part of a column as a read-only array whose base is the column's owner.
fn view<'py>(
    owner: &Bound<'py, ColumnOwner>,
    start: usize,
    len: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = owner.py();
    let part = start
        .checked_add(len)
        .and_then(|end| owner.get().values.get(start..end))
        .ok_or_else(|| PyIndexError::new_err("a window beyond its column"))?;
    let mut shape = [npy_intp::try_from(part.len())?];
    // SAFETY: the thread is attached. The memory is that of `part`: aligned, contiguous, `shape` doubles long. It lives
    // as long as `owner`, whose column is never replaced and never written; the array holds a reference to it as its
    // base, set just below. The array is not writeable, and NumPy refuses to make it so, because its base neither is an
    // array nor offers a buffer. Both calls return null or -1 with an exception set when they fail; NumPy takes over the
    // reference to the descriptor in either case, and that to the base even when it fails to set it.
    unsafe {
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            PyArray1::<f64>::type_object_raw(py),
            f64::get_dtype(py).into_dtype_ptr(),
            1,
            shape.as_mut_ptr(),
            ptr::null_mut(),
            part.as_ptr().cast_mut().cast::<c_void>(),
            NPY_ARRAY_CARRAY_RO,
            ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        let base = owner.clone().into_any().into_ptr();
        if PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), base) != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(array)
    }
}
