//! Numbers that Python reads straight out of an object: a slot that always holds a float object.
//!
//! The interpreter reads such a slot inline, without a call. A float that nobody but its slot holds is overwritten; one
//! that a strategy has taken is left alone and another put in its place, so that what was taken never changes.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::types::{PyFloat, PyType};
use pyo3::{PyClass, ffi};

#[cfg(Py_GIL_DISABLED)]
mod held {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Without the GIL somebody may read at any time: the bare number, and every reader makes a float of its own.
    pub(crate) struct FloatSlot(AtomicU64);

    impl FloatSlot {
        pub(crate) fn new(_: super::Python<'_>, value: f64) -> Self {
            Self(AtomicU64::new(value.to_bits()))
        }

        #[inline]
        pub(crate) fn set(&self, _: super::Python<'_>, value: f64) {
            self.0.store(value.to_bits(), Relaxed);
        }

        pub(crate) fn get(&self, _: super::Python<'_>) -> f64 {
            f64::from_bits(self.0.load(Relaxed))
        }

        pub(crate) const fn place(&self) -> *const () {
            (&raw const self.0).cast()
        }
    }
}

#[cfg(not(Py_GIL_DISABLED))]
mod held {
    use std::cell::UnsafeCell;

    use pyo3::types::PyFloatMethods;

    use super::{Py, PyFloat, Python, ffi};

    /// A float object that the engine exchanges. Whoever touches it is attached, which proves that nobody else does.
    #[repr(transparent)]
    pub(crate) struct FloatSlot(UnsafeCell<Py<PyFloat>>);

    // SAFETY: every method takes the proof of being attached, and with the GIL one thread at a time is. None of them runs
    // Python code while it uses the cell, so none is there twice.
    unsafe impl Sync for FloatSlot {}

    impl FloatSlot {
        pub(crate) fn new(py: Python<'_>, value: f64) -> Self {
            Self(UnsafeCell::new(PyFloat::new(py, value).unbind()))
        }

        #[inline]
        pub(crate) fn set(&self, py: Python<'_>, value: f64) {
            // SAFETY: attached, so nobody else is here (see `Sync`), and the slot always holds a float of its own making.
            // With a single reference, the slot's, no reader has ever kept that float; then it may get another value.
            let alone = unsafe {
                let object = (*self.0.get()).as_ptr();
                let alone = ffi::Py_REFCNT(object) == 1;
                if alone {
                    (*object.cast::<ffi::PyFloatObject>()).ob_fval = value;
                }
                alone
            };
            if !alone {
                self.exchange(py, value);
            }
        }

        fn exchange(&self, py: Python<'_>, value: f64) {
            let fresh = PyFloat::new(py, value).unbind();
            // SAFETY: attached, as in `set`. The old float is let go after the cell was left.
            let old = unsafe { std::mem::replace(&mut *self.0.get(), fresh) };
            drop(old);
        }

        #[inline]
        pub(crate) fn get(&self, py: Python<'_>) -> f64 {
            // SAFETY: attached, as in `set`.
            let object = unsafe { &*self.0.get() };
            object.bind_borrowed(py).value()
        }

        /// Where the object pointer stands that Python reads.
        pub(crate) const fn place(&self) -> *const () {
            self.0.get().cast_const().cast()
        }
    }
}

pub(crate) use held::FloatSlot;

/// One slot of a class as Python knows it.
#[cfg_attr(
    Py_GIL_DISABLED,
    expect(dead_code, reason = "there the slots are read by getters")
)]
pub(crate) struct Member<T> {
    name: &'static CStr,
    doc: &'static CStr,
    place: fn(&T) -> *const (),
}

impl<T> Member<T> {
    /// `place` is where an instance holds a pointer to a live object, whenever Python may read it.
    pub(crate) const fn new(
        name: &'static CStr,
        doc: &'static CStr,
        place: fn(&T) -> *const (),
    ) -> Self {
        Self { name, doc, place }
    }
}

/// Gives a class read-only attributes that are its slots. `any` is an instance, to measure where the slots are.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) fn add_members<T>(any: &Bound<'_, T>, members: &[Member<T>]) -> PyResult<()>
where
    T: PyClass<Frozen = True> + Sync,
{
    let class = any.py().get_type::<T>();
    members
        .iter()
        .try_for_each(|member| add_member(&class, any, member))
}

/// The same for one slot, and for a class that has the layout of `any`'s.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) fn add_member<T>(
    class: &Bound<'_, PyType>,
    any: &Bound<'_, T>,
    member: &Member<T>,
) -> PyResult<()>
where
    T: PyClass<Frozen = True> + Sync,
{
    let offset = (member.place)(any.get()).addr() - any.as_ptr().addr();
    // Python keeps the definition's address for as long as it keeps the class, which is for ever.
    let definition = Box::leak(Box::new(ffi::PyMemberDef {
        name: member.name.as_ptr(),
        type_code: ffi::Py_T_OBJECT_EX,
        offset: offset.try_into()?,
        flags: ffi::Py_READONLY,
        doc: member.doc.as_ptr(),
    }));
    // SAFETY: attached; the class is a live type object and the definition lives for ever. At the offset of every instance
    // stands an object pointer, as `Member::new` asks for.
    let descriptor = unsafe {
        let made = ffi::PyDescr_NewMember(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(any.py(), made)?
    };
    class.setattr(&*member.name.to_string_lossy(), descriptor)
}

/// Without the GIL the slots are read by getters, which each class has itself.
#[cfg(Py_GIL_DISABLED)]
pub(crate) fn add_members<T>(_: &Bound<'_, T>, _: &[Member<T>]) -> PyResult<()>
where
    T: PyClass,
{
    Ok(())
}
