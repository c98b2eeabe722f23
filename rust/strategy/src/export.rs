//! From a Rust type to the functions that the engine calls.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::hooks::Hook;
use crate::rows::Place;
use crate::{Ctx, Fault, Parameters, Setup, Signal, Strategy, abi};

/// The functions of a strategy, as the engine takes them.
#[must_use]
pub const fn vtable<S: Strategy>() -> abi::Vtable {
    abi::Vtable {
        version: abi::VERSION,
        size: size_of::<abi::Vtable>() as u32,
        name: abi::Text::new(S::NAME),
        reads: S::READS.0,
        hooks: S::HOOKS.0,
        events: S::EVENTS.0,
        reserved: 0,
        create: create::<S>,
        window: Some(window::<S>),
        setup: Some(setup::<S>),
        generate_signal: generate_signal::<S>,
        generate_signals: Some(generate_signals::<S>),
        on_hook: Some(on_hook::<S>),
        clone: Some(clone::<S>),
        drop: Some(drop_state::<S>),
    }
}

/// Runs a call of the author's; what it says when it fails goes into `message`. Nothing unwinds over the border.
fn guarded<T>(
    message: &mut abi::Message,
    call: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, i32> {
    let (status, text) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(fault)) => {
            // Printing an error runs the author's code too.
            let text = catch_unwind(AssertUnwindSafe(|| fault.to_string()));
            (
                abi::ERROR,
                text.unwrap_or_else(|payload| said(payload.as_ref())),
            )
        }
        Err(payload) => (abi::PANIC, said(payload.as_ref())),
    };
    // SAFETY: the engine lends the message with its room for the length of the call.
    unsafe { message.write(&text) };
    Err(status)
}

fn said(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

unsafe extern "C" fn create<S: Strategy>(
    given: *const abi::Parameter,
    count: usize,
    state: *mut *mut c_void,
    message: *mut abi::Message,
) -> i32 {
    // SAFETY: the engine lends `count` parameters, a place for the state and a message for the length of the call.
    let (given, state, message) = unsafe {
        let given = if count == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(given, count)
        };
        (given, &mut *state, &mut *message)
    };
    let made = guarded(message, || {
        let mut parameters = Parameters::new(given);
        let strategy = S::new(&mut parameters)?;
        parameters.finish()?;
        Ok(strategy)
    });
    match made {
        Ok(strategy) => {
            *state = Box::into_raw(Box::new(strategy)).cast();
            abi::OK
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn window<S: Strategy>(state: *const c_void) -> usize {
    // SAFETY: the state is one that `create` or `clone` made of this type.
    let strategy = unsafe { &*state.cast::<S>() };
    catch_unwind(AssertUnwindSafe(|| strategy.window())).unwrap_or(0)
}

unsafe extern "C" fn setup<S: Strategy>(
    state: *mut c_void,
    raw: *mut abi::Setup,
    message: *mut abi::Message,
) -> i32 {
    // SAFETY: the state is of this type and nobody else's during the call; the rest is lent for its length.
    let (strategy, raw, message) = unsafe { (&mut *state.cast::<S>(), &*raw, &mut *message) };
    match guarded(message, || strategy.setup(&mut Setup { raw })) {
        Ok(()) => abi::OK,
        Err(status) => status,
    }
}

unsafe extern "C" fn generate_signal<S: Strategy>(
    state: *mut c_void,
    raw: *const abi::Ctx,
    answer: *mut abi::Answer,
) -> i32 {
    // SAFETY: as in `setup`.
    let (strategy, raw, answer) = unsafe { (&mut *state.cast::<S>(), &*raw, &mut *answer) };
    call::<S>(raw, answer, |ctx| strategy.generate_signal(ctx))
}

unsafe extern "C" fn generate_signals<S: Strategy>(
    state: *mut c_void,
    raw: *mut abi::Ctx,
    rows: *const abi::Rows,
    answer: *mut abi::Answer,
    taken: *mut usize,
) -> i32 {
    // SAFETY: as in `setup`.
    let (strategy, raw, rows, answer, taken) = unsafe {
        (
            &mut *state.cast::<S>(),
            &*raw,
            &*rows,
            &mut *answer,
            &mut *taken,
        )
    };
    let mut message = room(answer);
    let mut row = 0;
    let decided = guarded(&mut message, || {
        while row < rows.count {
            // SAFETY: the engine lends so many rows for the length of the call.
            let place = unsafe { Place::new(rows, row) };
            row += 1;
            let signal = strategy.generate_signal(&mut Ctx {
                raw,
                answer,
                reads: S::READS.0,
                place: Some(place),
            })?;
            if answer.request_count != 0 || !signal.is_none_or(|signal| signal.is_held(rows.held)) {
                return Ok(signal);
            }
        }
        Ok(None)
    });
    *taken = row;
    write(decided, &message, answer)
}

unsafe extern "C" fn on_hook<S: Strategy>(
    state: *mut c_void,
    raw: *const abi::Ctx,
    hook: *const abi::Hook,
    answer: *mut abi::Answer,
) -> i32 {
    // SAFETY: as in `setup`.
    let (strategy, raw, hook, answer) =
        unsafe { (&mut *state.cast::<S>(), &*raw, &*hook, &mut *answer) };
    match Hook::read(hook) {
        Some(hook) => call::<S>(raw, answer, |ctx| strategy.on_hook(ctx, &hook)),
        None => abi::OK,
    }
}

#[inline]
fn call<S: Strategy>(
    raw: &abi::Ctx,
    answer: &mut abi::Answer,
    decide: impl FnOnce(&mut Ctx<'_>) -> Result<Option<Signal>, Fault>,
) -> i32 {
    let mut message = room(answer);
    let decided = guarded(&mut message, || {
        decide(&mut Ctx {
            raw,
            answer,
            reads: S::READS.0,
            place: None,
        })
    });
    write(decided, &message, answer)
}

/// The room for a message that an answer has.
#[inline]
const fn room(answer: &abi::Answer) -> abi::Message {
    abi::Message {
        data: answer.message.data,
        capacity: answer.message.capacity,
        len: 0,
    }
}

/// Writes what was decided, or why it was not; the status of the call.
#[inline]
fn write(
    decided: Result<Option<Signal>, i32>,
    message: &abi::Message,
    answer: &mut abi::Answer,
) -> i32 {
    match decided {
        Ok(None) => abi::OK,
        Ok(Some(signal)) => {
            signal.write(answer);
            abi::OK
        }
        Err(status) => {
            answer.message.len = message.len;
            status
        }
    }
}

unsafe extern "C" fn clone<S: Strategy>(state: *const c_void) -> *mut c_void {
    // SAFETY: the state is of this type, and nobody changes it during the call.
    let strategy = unsafe { &*state.cast::<S>() };
    match catch_unwind(AssertUnwindSafe(|| strategy.clone())) {
        Ok(copy) => Box::into_raw(Box::new(copy)).cast(),
        // A copy that panics is no copy: the trader is not run ahead.
        Err(_) => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn drop_state<S: Strategy>(state: *mut c_void) {
    // SAFETY: the engine gives back what `create` or `clone` made, once.
    let state = unsafe { Box::from_raw(state.cast::<S>()) };
    // What a strategy's own drop panics with has no one to go to.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(state)));
}
