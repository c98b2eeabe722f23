//! Strategies for Pairloom that are built apart from it: write one against [`Strategy`], export it with
//! [`python_module!`](crate::python_module), install the wheel beside Pairloom, and name it in `Engine.trade`.
//!
//! This crate depends on nothing, so that what it fixes is a binary interface and not a compiler's or a library's
//! version: [`abi`] says it in C's terms, and `include/pairloom_strategy.h` says the same for authors in C.

pub mod abi;
mod ctx;
mod export;
mod hooks;
mod parameters;
mod rows;
mod setup;
mod signal;

pub use ctx::{Ctx, Event, OrderTerms, Position, Side, TimeInForce, WorkingOrder};
pub use export::vtable;
pub use hooks::{Hook, Hooks};
pub use parameters::Parameters;
pub use setup::{Column, Events, Indicator, IndicatorSpec, Setup};
pub use signal::{Signal, Size};

use std::error::Error;

/// Why a strategy stops: its trader is quarantined, with this as the reason.
pub type Fault = Box<dyn Error>;

/// What parts of the context a strategy reads. The engine fills in these alone, and a strategy that does not read the
/// account may be evaluated ahead of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads(pub(crate) u32);

impl Reads {
    /// Indicators alone, which need no mention.
    pub const NOTHING: Self = Self(0);
    /// `ctx.event()`.
    pub const EVENT: Self = Self(abi::READS_EVENT);
    /// `ctx.position()`.
    pub const POSITION: Self = Self(abi::READS_POSITION);
    /// `ctx.equity()` and `ctx.cash()`.
    pub const ACCOUNT: Self = Self(abi::READS_ACCOUNT);
    /// `ctx.orders()`.
    pub const ORDERS: Self = Self(abi::READS_ORDERS);
    /// All of it.
    pub const ALL: Self =
        Self(abi::READS_EVENT | abi::READS_POSITION | abi::READS_ACCOUNT | abi::READS_ORDERS);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A trading rule. One object serves one trader, and is called by one thread at a time.
///
/// It must be a function of what `ctx` gives it and of its own state: that is what makes a run reproducible. A panic
/// or an error ends the one trader it serves and nothing else.
pub trait Strategy: Clone + Send + 'static {
    /// What `Engine.trade` calls it.
    const NAME: &'static str;

    /// What it reads of the context. Reading what is not named here panics.
    const READS: Reads = Reads::ALL;

    /// The hooks it wants to be called for.
    const HOOKS: Hooks = Hooks::NONE;

    /// The kinds of event that wake it.
    const EVENTS: Events = Events::FIRST;

    /// Makes one from the parameters given to `Engine.trade`; each must be taken.
    ///
    /// # Errors
    /// When a parameter makes no sense: the engine refuses to trade it.
    fn new(parameters: &mut Parameters<'_>) -> Result<Self, Fault>;

    /// How many events the window holds; zero for none.
    fn window(&self) -> usize {
        0
    }

    /// Called once before the first event: ask for indicators here.
    ///
    /// # Errors
    /// An error quarantines the trader at the first step.
    fn setup(&mut self, setup: &mut Setup<'_>) -> Result<(), Fault>;

    /// Called once per event, as soon as the required indicators and the window are full.
    ///
    /// # Errors
    /// An error quarantines the trader.
    fn generate_signal(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<Signal>, Fault>;

    /// Called for each hook that is due and that [`Strategy::HOOKS`] names. Only a fill and a time may give a signal.
    ///
    /// # Errors
    /// An error quarantines the trader.
    fn on_hook(&mut self, ctx: &mut Ctx<'_>, hook: &Hook<'_>) -> Result<Option<Signal>, Fault> {
        let _ = (ctx, hook);
        Ok(None)
    }
}

/// Makes the Python module of a crate that depends on `pyo3`: `python_module!(my_module: SmaCross, Breakout);` gives a
/// module whose attributes `SmaCross` and `Breakout` are capsules that `Engine.trade` takes.
#[macro_export]
macro_rules! python_module {
    ($module:ident: $($strategy:ident),+ $(,)?) => {
        #[::pyo3::pymodule(gil_used = false)]
        fn $module(
            module: &::pyo3::Bound<'_, ::pyo3::types::PyModule>,
        ) -> ::pyo3::PyResult<()> {
            use ::pyo3::types::PyModuleMethods as _;
            $(
                #[allow(deprecated, reason = "the name that every version of pyo3 has")]
                let capsule = ::pyo3::types::PyCapsule::new(
                    module.py(),
                    $crate::vtable::<$strategy>(),
                    Some($crate::abi::CAPSULE.to_owned()),
                )?;
                module.add(stringify!($strategy), capsule)?;
            )+
            Ok(())
        }
    };
}
