//! `ctx` with what a strategy reads at every event laid out for it before the call.
//!
//! An attribute that is computed costs a call from the interpreter into the engine and back. So a strategy is watched for
//! some calls, and what it asks for in most of them stands ready from then on in a slot of its `ctx`, which the interpreter
//! reads inline. Only while such a call runs has the object the class with these slots: before and after it, and in
//! hooks, every attribute is computed and says what is wrong where there is nothing to read.

#[cfg(not(Py_GIL_DISABLED))]
mod laid {
    use std::cell::Cell;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

    use pairloom_core::market::{EventKind, EventRef};
    use pairloom_core::strategy::SystemCtx as CoreCtx;
    use pyo3::ffi;
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    use crate::ctx::SystemCtx;
    use crate::slot::{Member, add_member};
    use crate::views::Views;

    /// Calls that are watched at the beginning and again from time to time.
    const WATCHED: u32 = 64;
    /// How many calls there are from one watch to the next.
    const ROUND: u32 = 1 << 16;
    /// In how many of the watched calls something has to be asked for: to lay it out costs about half as much as to be asked.
    const OFTEN: u8 = 32;

    /// What is laid out: the kind of event from 1, and `POSITION`. It is also the place of the class that has these slots.
    type Laid = usize;
    const POSITION: Laid = 4;
    /// Behind the three kinds of event.
    const USES_POSITION: u8 = 8;

    const fn bit(kind: EventKind) -> Laid {
        1 + kind as usize
    }

    /// The class of `ctx` for each thing that may be laid out; the first is the plain one.
    static CLASSES: [AtomicPtr<ffi::PyTypeObject>; 8] =
        [const { AtomicPtr::new(ptr::null_mut()) }; 8];

    /// What is laid out for one strategy.
    pub(crate) struct Quick {
        /// How many calls there are until something else is decided.
        left: Cell<u32>,
        /// What the strategy is used to read; nothing while it is watched.
        used: Cell<u8>,
        watching: Cell<bool>,
    }

    impl Default for Quick {
        fn default() -> Self {
            Self {
                left: Cell::new(WATCHED),
                used: Cell::new(0),
                watching: Cell::new(true),
            }
        }
    }

    // SAFETY: used by the lender alone, which is attached, and with the GIL one thread at a time is.
    unsafe impl Sync for Quick {}

    /// Gives the object its own class back when the call is over, by return or by unwinding.
    struct Back(*mut ffi::PyObject);

    impl Drop for Back {
        #[inline]
        fn drop(&mut self) {
            become_class(self.0, 0);
        }
    }

    #[inline]
    fn become_class(object: *mut ffi::PyObject, laid: Laid) {
        let class = CLASSES[laid].load(Relaxed);
        // SAFETY: the object is alive and of the plain class or of one made from it, all of the same layout and kept for
        // ever by `register`. No count of references is touched: the object goes on counting for its own class, which it has
        // again before anybody can drop it, since the lender holds it.
        unsafe { (*object).ob_type = class };
    }

    impl Quick {
        /// Runs a call with the context lent and all laid out that the strategy is used to read.
        #[inline]
        pub(crate) fn lend<R>(
            &self,
            py: Python<'_>,
            shown: &Py<SystemCtx>,
            ctx: &mut CoreCtx<'_>,
            call: impl FnOnce() -> R,
        ) -> R {
            let this = shown.get();
            let views = this.views();
            views.stale(py);
            match self.left.get() {
                0 => self.decide(py, views),
                left => self.left.set(left - 1),
            }
            if self.used.get() == 0 {
                return this.loan().lend(py, ctx, call);
            }
            let laid = self.lay_out(py, views, ctx);
            become_class(shown.as_ptr(), laid);
            let back = Back(shown.as_ptr());
            let result = this.loan().lend(py, ctx, call);
            drop(back);
            result
        }

        /// Ends a watch or begins the next.
        #[cold]
        fn decide(&self, py: Python<'_>, views: &Views) {
            let asked = [
                views.candle.take_asked(py),
                views.quote.take_asked(py),
                views.trade.take_asked(py),
                views.position.take_asked(py),
            ];
            let mut used = 0;
            if self.watching.get() {
                for (place, asked) in asked.into_iter().enumerate() {
                    used |= u8::from(asked >= OFTEN) << place;
                }
            }
            self.used.set(used);
            self.left
                .set(if self.watching.get() { ROUND } else { WATCHED });
            self.watching.set(!self.watching.get());
        }

        #[inline]
        fn lay_out(&self, py: Python<'_>, views: &Views, ctx: &CoreCtx<'_>) -> Laid {
            let mut laid = 0;
            if let Some(event) = ctx.event()
                && self.used.get() >> event.kind() as u8 & 1 == 1
                && lay_out_event(py, views, &event)
            {
                laid = bit(event.kind());
            }
            if self.used.get() & USES_POSITION != 0
                && views.position.show(py, &ctx.position()).is_ok()
            {
                laid |= POSITION;
            }
            laid
        }
    }

    /// Whether it could: without memory the attribute is computed, and raises.
    #[inline]
    fn lay_out_event(py: Python<'_>, views: &Views, event: &EventRef<'_>) -> bool {
        let shown = match event.kind() {
            EventKind::Candle => event.candle().as_ref().map(|of| views.candle.show(py, of)),
            EventKind::Quote => event.quote().as_ref().map(|of| views.quote.show(py, of)),
            EventKind::Trade => event.trade().as_ref().map(|of| views.trade.show(py, of)),
        };
        matches!(shown, Some(Ok(())))
    }

    /// Makes the classes: each like the plain one, with some of its attributes as slots.
    pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let plain = py.get_type::<SystemCtx>();
        let any = Bound::new(py, SystemCtx::blank(py))?;
        CLASSES[0].store(plain.clone().into_ptr().cast(), Relaxed);
        for (laid, place) in CLASSES.iter().enumerate().skip(1) {
            let class = like(&plain)?;
            for kind in EventKind::ALL {
                if laid & 3 == bit(kind) {
                    add_member(&class, &any, &event_member(kind))?;
                }
            }
            if laid & POSITION != 0 {
                let member = Member::new(c"position", c"", |ctx: &SystemCtx| {
                    ctx.views().position.place()
                });
                add_member(&class, &any, &member)?;
            }
            place.store(class.into_ptr().cast(), Relaxed);
        }
        Ok(())
    }

    fn event_member(kind: EventKind) -> Member<SystemCtx> {
        match kind {
            EventKind::Candle => Member::new(c"candle", c"", |ctx| ctx.views().candle.place()),
            EventKind::Quote => Member::new(c"quote", c"", |ctx| ctx.views().quote.place()),
            EventKind::Trade => Member::new(c"trade", c"", |ctx| ctx.views().trade.place()),
        }
    }

    /// A class made from another, with the same name and layout, that nobody else can derive from or make instances of.
    fn like<'py>(plain: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyType>> {
        let py = plain.py();
        let mut slots = [ffi::PyType_Slot {
            slot: 0,
            pfunc: ptr::null_mut(),
        }];
        let mut spec = ffi::PyType_Spec {
            name: c"pairloom.SystemCtx".as_ptr(),
            basicsize: 0,
            itemsize: 0,
            flags: 0,
            slots: slots.as_mut_ptr(),
        };
        spec.flags =
            u32::try_from(ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION)?;
        let base = plain.as_type_ptr();
        // SAFETY: attached; `spec`, its slots and the base are alive during the call, and the name for ever. The plain class
        // is final; it may be derived from for the length of this call, in which no Python code runs that could.
        unsafe {
            (*base).tp_flags |= ffi::Py_TPFLAGS_BASETYPE;
            let made = ffi::PyType_FromSpecWithBases(&raw mut spec, plain.as_ptr());
            (*base).tp_flags &= !ffi::Py_TPFLAGS_BASETYPE;
            Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into::<PyType>()?)
        }
    }
}

#[cfg(Py_GIL_DISABLED)]
mod laid {
    use pairloom_core::strategy::SystemCtx as CoreCtx;
    use pyo3::prelude::*;

    use crate::ctx::SystemCtx;

    /// Without the GIL every attribute is computed.
    #[derive(Default)]
    pub(crate) struct Quick;

    impl Quick {
        pub(crate) fn lend<R>(
            &self,
            py: Python<'_>,
            shown: &Py<SystemCtx>,
            ctx: &mut CoreCtx<'_>,
            call: impl FnOnce() -> R,
        ) -> R {
            shown.get().lend(py, ctx, call)
        }
    }

    pub(crate) fn register(_: &Bound<'_, PyModule>) -> PyResult<()> {
        Ok(())
    }
}

pub(crate) use laid::{Quick, register};
