//! The class of the class `Signal`: it knows the constants of `Signal` without looking them up.
//!
//! Nearly every strategy returns `Signal.LONG` or another constant at each event. Before 3.12 the interpreter has no fast way
//! to read an attribute of a class: it looks in the class's class and then in the class, which takes a fifth of the time
//! that all else of a small strategy's call takes. Later interpreters remember where they found it.

#[cfg(not(Py_3_12))]
mod known {
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

    use pyo3::ffi;
    use pyo3::prelude::*;
    use pyo3::types::{PyString, PyType};

    use crate::signal::Signal;

    /// A constant by its name; both are kept for ever.
    struct Constant {
        name: AtomicPtr<ffi::PyObject>,
        value: AtomicPtr<ffi::PyObject>,
    }

    const NAMES: [&str; 4] = ["LONG", "SHORT", "CLOSE", "REVERSE"];

    static CONSTANTS: [Constant; NAMES.len()] = [const {
        Constant {
            name: AtomicPtr::new(ptr::null_mut()),
            value: AtomicPtr::new(ptr::null_mut()),
        }
    }; NAMES.len()];

    /// How attributes of any class are read.
    fn of_any_class() -> Option<ffi::getattrofunc> {
        // SAFETY: the type `type` lives as long as the interpreter, which changes nothing in it.
        unsafe { ffi::PyType_Type.tp_getattro }
    }

    /// Reads an attribute of `Signal`.
    unsafe extern "C" fn read(
        class: *mut ffi::PyObject,
        name: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // Names in code are interned, so that the same name is the same object.
        for constant in &CONSTANTS {
            if constant.name.load(Relaxed) == name {
                let value = constant.value.load(Relaxed);
                // SAFETY: attached, as whoever reads an attribute is, and `register` keeps the value for ever.
                unsafe { ffi::Py_INCREF(value) };
                return value;
            }
        }
        match of_any_class() {
            // SAFETY: attached, with the objects that the interpreter gave.
            Some(otherwise) => unsafe { otherwise(class, name) },
            None => ptr::null_mut(),
        }
    }

    /// Refuses to make another class of this kind; one derived from `Signal` would be one.
    unsafe extern "C" fn refuse(
        _: *mut ffi::PyTypeObject,
        _: *mut ffi::PyObject,
        _: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        let why =
            c"Signal is final: no class can be derived from it, and there is no other of its kind";
        // SAFETY: attached, as whoever makes a class is; the text lives for ever.
        unsafe { ffi::PyErr_SetString(ffi::PyExc_TypeError, why.as_ptr()) };
        ptr::null_mut()
    }

    /// Makes the class of `Signal`, and `Signal` its only instance.
    pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
        let class = py.get_type::<Signal>();
        for (constant, name) in CONSTANTS.iter().zip(NAMES) {
            let name = PyString::intern(py, name);
            let value = class.getattr(&name)?;
            constant.value.store(value.into_ptr(), Relaxed);
            constant.name.store(name.into_ptr(), Relaxed);
        }
        let made = class_of_signal(py)?;
        // SAFETY: attached. The made class has the layout and all else of `type`, whose instance `Signal` was, and is kept for
        // ever; nobody else has seen `Signal` yet.
        unsafe { (*class.as_ptr()).ob_type = made.into_ptr().cast() };
        Ok(())
    }

    fn class_of_signal(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
        let mut slots = [
            ffi::PyType_Slot {
                slot: ffi::Py_tp_getattro,
                pfunc: read as *mut _,
            },
            ffi::PyType_Slot {
                slot: ffi::Py_tp_new,
                pfunc: refuse as *mut _,
            },
            ffi::PyType_Slot {
                slot: 0,
                pfunc: ptr::null_mut(),
            },
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"pairloom.SignalType".as_ptr(),
            basicsize: 0,
            itemsize: 0,
            flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT)?,
            slots: slots.as_mut_ptr(),
        };
        let of_classes = py.get_type::<PyType>();
        // SAFETY: attached; `spec`, its slots and the base are alive during the call, and the name for ever.
        unsafe {
            let made = ffi::PyType_FromSpecWithBases(&raw mut spec, of_classes.as_ptr());
            Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into::<PyType>()?)
        }
    }
}

#[cfg(Py_3_12)]
mod known {
    use pyo3::prelude::*;

    /// Here the interpreter remembers where it found a constant.
    pub(crate) fn register(_: Python<'_>) -> PyResult<()> {
        Ok(())
    }
}

pub(crate) use known::register;
