//! The place of a strategy that lives in another process.

use crate::signal::TradeSignal;

use super::{Hooks, Lane, Outcome, SetupCtx, Strategy, SystemCtx};

/// Stands where a strategy of the process lane would: it says what the strategy wants to hear, and is never called.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere {
    hooks: Hooks,
}

impl Elsewhere {
    /// In the place of a strategy that wants these hooks.
    #[must_use]
    pub const fn new(hooks: Hooks) -> Self {
        Self { hooks }
    }
}

impl Strategy for Elsewhere {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        Ok(())
    }

    fn generate_signal(&mut self, _ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        Ok(None)
    }

    fn hooks(&self) -> Hooks {
        self.hooks
    }

    fn lane(&self) -> Lane {
        Lane::Process
    }
}
