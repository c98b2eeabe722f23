//! Strategies that were built apart from the engine, called through the interface of `pairloom-strategy`.
//!
//! This is one of the two borders where `unsafe` stands. What the engine lends a plug-in is valid for the length of a
//! call; what a plug-in gives back is checked before it is used, but a plug-in is native code of this process: one that
//! breaks the interface can do what it likes.

mod answer;
mod compiled;
mod context;
mod hook;
mod rows;
mod setup;

use std::ffi::c_void;
use std::fmt;
use std::mem::offset_of;

use pairloom_strategy::abi;

use crate::market::EventKind;
use crate::signal::TradeSignal;

use super::builtin::ParameterValue;
use super::{
    Coming, FaultKind, Hook, Hooks, Outcome, SetupCtx, Stop, Strategy, StrategyFault, SystemCtx,
    Taken,
};
pub use compiled::{CompiledRule, Failure, Snapshot};

use answer::Room;
use context::Lent;
use rows::{Ended, Reader};
use setup::Slot;

/// Why a plug-in cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginError {
    /// It was built for another version of the interface.
    Version(String),
    /// It refuses its parameters.
    Parameter(String),
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Version(message) | Self::Parameter(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for PluginError {}

/// The functions of a strategy that was built apart, checked to be of this version.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    functions: abi::Vtable,
    name: &'static str,
}

impl Plugin {
    /// Takes the functions over, when they are of this engine's version.
    ///
    /// # Errors
    /// When version or size differ; both are named.
    ///
    /// # Safety
    /// `functions` points to what begins like [`abi::Vtable`], and is one where version and size say so; its functions
    /// and its name stay valid for ever.
    pub unsafe fn load(functions: *const abi::Vtable) -> Result<Self, PluginError> {
        // SAFETY: version and size stand first in every version; nothing else is read before they are known.
        let (version, size) = unsafe {
            let head = functions.cast::<u32>();
            (head.read(), head.add(1).read())
        };
        let ours = size_of::<abi::Vtable>();
        if version != abi::VERSION || size as usize != ours {
            return Err(PluginError::Version(format!(
                "the plug-in was built for version {version} of the strategy interface ({size} bytes), this engine has \
                 version {} ({ours} bytes); build it again with the pairloom-strategy of this engine",
                abi::VERSION
            )));
        }
        let needed = [
            ("create", offset_of!(abi::Vtable, create)),
            ("generate_signal", offset_of!(abi::Vtable, generate_signal)),
        ];
        for (function, offset) in needed {
            // SAFETY: version and size say that it is there; what is null is no function, so it is looked at as a number.
            let address = unsafe { functions.byte_add(offset).cast::<usize>().read() };
            if address == 0 {
                return Err(PluginError::Version(format!(
                    "the plug-in has no function {function}, which every strategy needs"
                )));
            }
        }
        // SAFETY: version and size say that it is what the type says, and the caller promises the name.
        let (functions, name) = unsafe {
            let functions = functions.read();
            (functions, functions.name.read())
        };
        Ok(Self { functions, name })
    }

    /// What people call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where its code is, for who wants to know in which library.
    #[must_use]
    pub fn code(&self) -> usize {
        self.functions.create as usize
    }

    /// The kinds of event that wake it; `None` for the first that its market has.
    #[must_use]
    pub fn events(&self) -> Option<Vec<EventKind>> {
        let named = |kind: &EventKind| self.functions.events & (1 << *kind as u32) != 0;
        let kinds: Vec<EventKind> = EventKind::ALL.into_iter().filter(named).collect();
        (!kinds.is_empty()).then_some(kinds)
    }

    /// A strategy with these parameters.
    ///
    /// # Errors
    /// When the plug-in refuses them.
    pub fn create(
        &self,
        parameters: &[(String, ParameterValue)],
    ) -> Result<PluginStrategy, PluginError> {
        let given: Vec<abi::Parameter> = parameters.iter().map(parameter).collect();
        let mut state = std::ptr::null_mut();
        let mut room = Room::new();
        let mut message = room.message();
        // SAFETY: the parameters, the place for the state and the message outlive the call.
        let status = unsafe {
            (self.functions.create)(
                given.as_ptr(),
                given.len(),
                &raw mut state,
                &raw mut message,
            )
        };
        if status != abi::OK {
            let said = room.said(&message);
            return Err(PluginError::Parameter(format!("{}: {said}", self.name)));
        }
        Ok(PluginStrategy {
            plugin: *self,
            state,
            kind: EventKind::Candle,
            slots: Vec::new(),
            values: Vec::new(),
        })
    }
}

fn parameter((name, value): &(String, ParameterValue)) -> abi::Parameter {
    let (number, text) = match value {
        ParameterValue::Number(number) => (*number, ""),
        ParameterValue::Text(text) => (f64::NAN, text.as_str()),
    };
    abi::Parameter {
        name: abi::Text::new(name),
        text: abi::Text::new(text),
        number,
        is_text: u32::from(matches!(value, ParameterValue::Text(_))),
    }
}

/// A strategy that was built apart, serving one trader.
pub struct PluginStrategy {
    plugin: Plugin,
    state: *mut c_void,
    /// The kind of event that fills its window.
    kind: EventKind,
    /// What `setup` asked for, in the order in which the plug-in reads it.
    slots: Vec<Slot>,
    /// The values of these at the current event.
    values: Vec<f64>,
}

// SAFETY: the interface asks that a state may go from thread to thread; calls with it come one at a time.
unsafe impl Send for PluginStrategy {}

impl PluginStrategy {
    /// How many events its window holds.
    #[must_use]
    pub fn window(&self) -> usize {
        match self.plugin.functions.window {
            // SAFETY: the state is the plug-in's own.
            Some(window) => unsafe { window(self.state) },
            None => 0,
        }
    }

    /// Lends the context, calls, and takes over what was asked for.
    #[inline]
    fn call(
        &mut self,
        ctx: &mut SystemCtx<'_>,
        call: impl FnOnce(*mut c_void, *const abi::Ctx, *mut abi::Answer) -> i32,
    ) -> Outcome<Option<TradeSignal>> {
        for (value, slot) in self.values.iter_mut().zip(&self.slots) {
            *value = slot.read(ctx);
        }
        let mut room = Room::new();
        let mut answer = room.answer(ctx.orders.next());
        let status = {
            let lent = Lent::new(ctx, self.kind, self.plugin.functions.reads);
            let raw = lent.raw(ctx, &self.values);
            call(self.state, &raw const raw, &raw mut answer)
        };
        if status != abi::OK {
            return Err(self.fault(status, &room.said(&answer.message)));
        }
        room.take(&answer, ctx)
            .map_err(|problem| self.wrong(&problem))
    }

    fn wrong(&self, problem: &str) -> Stop {
        Stop::Fault(StrategyFault {
            kind: FaultKind::NotASignal,
            message: format!("{}: {problem}", self.plugin.name),
            origin: None,
        })
    }

    fn fault(&self, status: i32, said: &str) -> Stop {
        let name = self.plugin.name;
        let (kind, message) = match status {
            abi::ERROR => (FaultKind::Raised, format!("{name}: {said}")),
            abi::PANIC => (FaultKind::Panic, format!("{name}: {said}")),
            other => (
                FaultKind::Raised,
                format!("{name} returned status {other}, which is none of the interface's"),
            ),
        };
        Stop::Fault(StrategyFault {
            kind,
            message,
            origin: None,
        })
    }
}

impl Strategy for PluginStrategy {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        self.kind = ctx.kind;
        let Some(call) = self.plugin.functions.setup else {
            return Ok(());
        };
        let mut room = Room::new();
        let mut message = room.message();
        let (status, slots) = setup::run(ctx, |raw| {
            // SAFETY: the state is the plug-in's own; the rest outlives the call.
            unsafe { call(self.state, raw, &raw mut message) }
        });
        if status != abi::OK {
            return Err(self.fault(status, &room.said(&message)));
        }
        self.values = vec![f64::NAN; slots.len()];
        self.slots = slots;
        Ok(())
    }

    #[inline]
    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let function = self.plugin.functions.generate_signal;
        // SAFETY: the state is the plug-in's own and nobody else's during the call; context and answer outlive it.
        self.call(ctx, |state, raw, answer| unsafe {
            function(state, raw, answer)
        })
    }

    fn take_rows(&mut self, coming: &mut Coming<'_>) -> Taken {
        let (functions, state) = (self.plugin.functions, self.state);
        let reader = Reader {
            reads: functions.reads,
            kind: self.kind,
            slots: &self.slots,
            values: &mut self.values,
        };
        let (rows, ended) = rows::take_in(reader, coming, |raw, rows, answer, taken| {
            // SAFETY: as in `generate_signal`; rows and context lend columns and room that outlive the call.
            unsafe {
                match functions.generate_signals {
                    Some(function) => function(state, raw, rows, answer, taken),
                    None => {
                        let one = |raw, answer| (functions.generate_signal)(state, raw, answer);
                        rows::one_by_one(functions.reads, raw, rows, answer, taken, one)
                    }
                }
            }
        });
        let last = match ended {
            Ended::Signal(signal) => Ok(signal),
            Ended::Failed { status, said, .. } => Err(self.fault(status, &said)),
            Ended::Wrong(problem) => Err(self.wrong(&problem)),
        };
        Taken { rows, last }
    }

    fn on_hook(&mut self, ctx: &mut SystemCtx<'_>, hook: &Hook) -> Outcome<Option<TradeSignal>> {
        let (Some(function), Some(told)) = (self.plugin.functions.on_hook, hook::raw(hook)) else {
            return Ok(None);
        };
        // SAFETY: as in `generate_signal`; `told` borrows from `hook`, which outlives the call.
        let signal = self.call(ctx, |state, raw, answer| unsafe {
            function(state, raw, &raw const told, answer)
        })?;
        match hook {
            Hook::Fill(_) => Ok(signal),
            _ if signal.is_none() => Ok(None),
            _ => Err(Stop::Fault(StrategyFault {
                kind: FaultKind::NotASignal,
                message: format!(
                    "{}: a signal from a hook counts at a fill alone; order with buy and sell",
                    self.plugin.name
                ),
                origin: None,
            })),
        }
    }

    fn hooks(&self) -> Hooks {
        hook::wanted(self.plugin.functions.hooks)
    }

    fn is_market_local(&self) -> bool {
        self.plugin.functions.reads & abi::READS_ACCOUNT == 0
    }

    fn may_pass_orders(&self) -> bool {
        // How the last position ended is not in the interface at all.
        self.plugin.functions.reads & abi::READS_ORDERS == 0
    }

    fn fork(&self) -> Option<Box<dyn Strategy>> {
        let (clone, _) = (self.plugin.functions.clone?, self.plugin.functions.drop?);
        // SAFETY: the state is the plug-in's own, and nobody changes it during the call.
        let state = unsafe { clone(self.state) };
        if state.is_null() {
            return None;
        }
        Some(Box::new(Self {
            plugin: self.plugin,
            state,
            kind: self.kind,
            slots: self.slots.clone(),
            values: self.values.clone(),
        }))
    }
}

impl Drop for PluginStrategy {
    fn drop(&mut self) {
        if let Some(drop) = self.plugin.functions.drop {
            // SAFETY: `create` or `clone` gave this state, and this is the last call with it.
            unsafe { drop(self.state) };
        }
    }
}
