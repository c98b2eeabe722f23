//! The strategy boundary: the trait a strategy implements, and all that it may see.

mod builtin;
mod coming;
mod ctx;
mod elsewhere;
mod hooks;
mod interpreter;
mod plugin;
mod views;

pub use builtin::{
    BUILTIN_NAMES, BuiltinError, ParameterValue, builtin, builtin_version, is_version_of_before,
};
pub use coming::{Coming, Taken};
pub use ctx::{Mark, Orders, SetupCtx, SystemCtx, View, money_f64};
pub use elsewhere::Elsewhere;
pub use hooks::{Hook, Hooks, TimeEvent};
pub use interpreter::{Interpreter, NoInterpreter, pool_of};
pub use plugin::{CompiledRule, Failure, Plugin, PluginError, PluginStrategy, Snapshot};
pub use views::{ExitView, FillView, OrderView, PositionView, RefusalView};

use std::any::Any;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::signal::TradeSignal;

/// Where a strategy is evaluated. Its kind decides; a strategy declares nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Rust, on the engine's pool.
    Native,
    /// Python functions that were compiled, on the engine's pool.
    Compiled,
    /// Python classes, on one attached thread.
    Python,
    /// Python classes of an interpreter without a global lock, on the engine's pool.
    FreeThreaded,
    /// Python classes in worker processes.
    Process,
}

impl Lane {
    /// `native`, `compiled`, `python`, `free-threaded` or `process`, as in `result.lanes`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Compiled => "compiled",
            Self::Python => "python",
            Self::FreeThreaded => "free-threaded",
            Self::Process => "process",
        }
    }

    /// Whether it runs on the engine's pool.
    #[must_use]
    pub const fn is_pooled(self) -> bool {
        matches!(self, Self::Native | Self::Compiled | Self::FreeThreaded)
    }

    /// Whether its calls need a thread that is attached to the interpreter.
    #[must_use]
    pub const fn is_attached(self) -> bool {
        matches!(self, Self::Python | Self::FreeThreaded)
    }
}

/// In what way a strategy erred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// It raised an exception or returned an error.
    Raised,
    /// It returned something that is no signal.
    NotASignal,
    /// Rust code panicked.
    Panic,
    /// A call lasted too long, and its worker was ended.
    TimeLimit,
    /// Its worker died in the same call again.
    Died,
    /// Built anew after a worker's death, or from a journal, it did not do again what it had done.
    NotReproducible,
}

impl FaultKind {
    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Raised,
            Self::NotASignal,
            Self::Panic,
            Self::TimeLimit,
            Self::Died,
            Self::NotReproducible,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// The kind's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::NotASignal => "not_a_signal",
            Self::Panic => "panic",
            Self::TimeLimit => "time_limit",
            Self::Died => "died",
            Self::NotReproducible => "not_reproducible",
        }
    }
}

/// An error of a strategy, with the original kept for who called the engine.
pub struct StrategyFault {
    /// In what way it erred.
    pub kind: FaultKind,
    /// What the original says.
    pub message: String,
    /// The original: a Python exception in the python lane.
    pub origin: Option<Box<dyn Any + Send + Sync>>,
}

impl StrategyFault {
    /// A fault that has no original but its message.
    #[must_use]
    pub fn raised(message: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Raised,
            message: message.into(),
            origin: None,
        }
    }
}

impl fmt::Debug for StrategyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

/// Why a call into a strategy gave no answer.
#[derive(Debug)]
pub enum Stop {
    /// The strategy erred: its trader is quarantined.
    Fault(StrategyFault),
    /// The user asked to end the whole run.
    Interrupted,
}

impl From<StrategyFault> for Stop {
    fn from(fault: StrategyFault) -> Self {
        Self::Fault(fault)
    }
}

/// What a call into a strategy gives.
pub type Outcome<T> = Result<T, Stop>;

/// Why there is no word of what a strategy remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// It cannot be kept, in words.
    Never(String),
    /// The user asked to end the whole run.
    Interrupted,
}

impl From<String> for Unkept {
    fn from(why: String) -> Self {
        Self::Never(why)
    }
}

/// Something that a strategy remembers and may share with another one, which a snapshot would split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Tells the thing from every other one, as long as the strategy holds it.
    pub id: u64,
    /// What it is, in words.
    pub what: String,
}

/// A trading rule. One object serves one trader, and is called by one thread at a time.
///
/// A strategy must be a function of what `ctx` gives it and of its own state: that is what makes a run reproducible.
pub trait Strategy: Send {
    /// Called once per trader before the first event: ask for indicators here.
    ///
    /// # Errors
    /// An error counts at the first step and quarantines the trader.
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()>;

    /// Called once per event, as soon as the required indicators and the window are full.
    ///
    /// # Errors
    /// An error quarantines the trader.
    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>>;

    /// Called instead of [`Strategy::generate_signal`] after an event that only fed the indicators: before the run's
    /// start, while they are not full, while the trader is paused.
    fn fed(&mut self) {}

    /// Called for each hook that is due and that [`Strategy::hooks`] names.
    ///
    /// # Errors
    /// An error quarantines the trader.
    fn on_hook(&mut self, _ctx: &mut SystemCtx<'_>, _hook: &Hook) -> Outcome<Option<TradeSignal>> {
        Ok(None)
    }

    /// The hooks this strategy wants to be called for.
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    /// Where it runs.
    fn lane(&self) -> Lane {
        Lane::Native
    }

    /// Whether it looks at nothing but its own market, position and orders: neither at `equity` nor at `cash`. Such a
    /// strategy, when it can also be copied, may be evaluated ahead of the run; no result depends on that.
    fn is_market_local(&self) -> bool {
        false
    }

    /// Whether, besides being market-local, it reads neither its working orders nor how its last position ended. Such
    /// a strategy may be evaluated past an order of its own whose fill is foreseen; no result depends on that.
    fn may_pass_orders(&self) -> bool {
        false
    }

    /// Takes in coming rows, in one call, until one of them asks for something new; none where it takes them in one by
    /// one. What each row gives must be what [`Strategy::generate_signal`] would give there.
    fn take_rows(&mut self, _coming: &mut Coming<'_>) -> Taken {
        Taken::idle(0)
    }

    /// What it remembers besides its indicators and parameters, as bytes from which [`Strategy::recall`] makes the same
    /// strategy again.
    ///
    /// # Errors
    /// Why there are none; then a run that is killed has to be made again from its beginning.
    fn memory(&mut self) -> Result<Vec<u8>, Unkept> {
        Err(Unkept::Never("it cannot say what it remembers".to_owned()))
    }

    /// What of that can change and may be another strategy's, too. What each strategy recalls is its own, so where two share
    /// such a thing they are not the same afterwards.
    ///
    /// # Errors
    /// As [`Strategy::memory`].
    fn held(&mut self) -> Result<Vec<Held>, Unkept> {
        Ok(Vec::new())
    }

    /// Remembers what another strategy of the same kind and parameters did, for which `setup` was called, too.
    ///
    /// # Errors
    /// In words, why it cannot.
    fn recall(&mut self, _memory: &[u8]) -> Result<(), String> {
        Err("it cannot be told what it remembered".to_owned())
    }

    /// A copy with the same state, from which the same events give the same signals; `None` where it has none.
    fn fork(&self) -> Option<Box<dyn Strategy>> {
        None
    }
}
