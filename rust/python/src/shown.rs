//! Objects that `ctx` shows again and again: used anew when nobody else holds them, as `zip` does with its tuples.
//!
//! An object that a strategy has kept is never touched again; the next one takes its place.

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

/// An object that can be made to show something else.
pub(crate) trait Show:
    PyClass<Frozen = True> + Into<PyClassInitializer<Self>> + Sync
{
    /// What it shows. It is handed on by reference: it was just put together, field by field, and to copy it at once makes the
    /// processor wait.
    type Of;

    /// An object that shows this.
    fn new(py: Python<'_>, of: &Self::Of) -> Self;

    /// Shows this from now on; only ever called on an object that nobody holds.
    fn show(&self, py: Python<'_>, of: &Self::Of);
}

#[cfg(not(Py_GIL_DISABLED))]
mod kept {
    use std::cell::{Cell, UnsafeCell};

    use pyo3::ffi;

    use super::{Py, PyResult, Python, Show};

    /// The object shown last, and whether it shows what is lent now.
    pub(crate) struct Shown<T: Show> {
        object: UnsafeCell<Option<Py<T>>>,
        fresh: Cell<bool>,
        /// How often it was asked for in calls that are counted.
        asked: Cell<u8>,
    }

    // SAFETY: every method but `stale` takes the proof of being attached, and with the GIL one thread at a time is; `stale`
    // is called by the lender, which is attached, too. None of them runs Python code while it uses the cells.
    unsafe impl<T: Show> Sync for Shown<T> {}

    impl<T: Show> Default for Shown<T> {
        fn default() -> Self {
            Self {
                object: UnsafeCell::new(None),
                fresh: Cell::new(false),
                asked: Cell::new(0),
            }
        }
    }

    impl<T: Show> Shown<T> {
        /// What was shown belongs to an earlier call.
        #[inline]
        pub(crate) fn stale(&self, _: Python<'_>) {
            self.fresh.set(false);
        }

        /// How often it was asked for since this was called last.
        pub(crate) fn take_asked(&self, _: Python<'_>) -> u8 {
            self.asked.replace(0)
        }

        /// Where the pointer to the object stands; null before the first.
        pub(crate) const fn place(&self) -> *const () {
            self.object.get().cast_const().cast()
        }

        /// The object, for Python code that asked for it.
        #[inline]
        pub(crate) fn give(&self, py: Python<'_>, of: &T::Of) -> PyResult<Py<T>> {
            self.show(py, of)?;
            self.asked.set(self.asked.get().saturating_add(1));
            // SAFETY: attached (see `Sync`), and the reference ends here.
            let object = unsafe { &*self.object.get() };
            match object {
                Some(object) => Ok(object.clone_ref(py)),
                None => Py::new(py, T::new(py, of)),
            }
        }

        /// The object that was already made in this call.
        #[inline]
        pub(crate) fn again(&self, py: Python<'_>) -> Option<Py<T>> {
            if !self.fresh.get() {
                return None;
            }
            // SAFETY: attached (see `Sync`), and the reference ends here.
            let object = unsafe { &*self.object.get() };
            object.as_ref().map(|object| object.clone_ref(py))
        }

        /// Puts this into the object.
        #[inline]
        pub(crate) fn show(&self, py: Python<'_>, of: &T::Of) -> PyResult<()> {
            // SAFETY: attached (see `Sync`), and the reference ends with the look at it.
            let object = unsafe { &*self.object.get() };
            if let Some(object) = object {
                // SAFETY: the pointer is that of a live object.
                if unsafe { ffi::Py_REFCNT(object.as_ptr()) } == 1 {
                    object.get().show(py, of);
                    self.fresh.set(true);
                    return Ok(());
                }
            }
            self.exchange(py, Py::new(py, T::new(py, of))?);
            Ok(())
        }

        fn exchange(&self, _: Python<'_>, made: Py<T>) {
            // SAFETY: attached, as above; the old object, which somebody else holds, is let go after the cell was left.
            let old = unsafe { (*self.object.get()).replace(made) };
            drop(old);
            self.fresh.set(true);
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod kept {
    use std::marker::PhantomData;

    use super::{Py, PyResult, Python, Show};

    /// Without the GIL nobody can tell that an object is not being taken just now: each is made for its reader.
    pub(crate) struct Shown<T: Show>(PhantomData<fn() -> T>);

    impl<T: Show> Default for Shown<T> {
        fn default() -> Self {
            Self(PhantomData)
        }
    }

    impl<T: Show> Shown<T> {
        pub(crate) fn stale(&self, _: Python<'_>) {}

        pub(crate) fn again(&self, _: Python<'_>) -> Option<Py<T>> {
            None
        }

        pub(crate) fn give(&self, py: Python<'_>, of: &T::Of) -> PyResult<Py<T>> {
            Py::new(py, T::new(py, of))
        }
    }
}

pub(crate) use kept::Shown;
