//! What `ctx` says when something cannot be read: each error names the strategy and the way out.

use pairloom_core::market::EventKind;
use pyo3::prelude::*;

use crate::call::NotLent;
use crate::ctx::SystemCtx;
use crate::errors::STRATEGY;

impl SystemCtx {
    #[cold]
    pub(crate) fn not_lent(&self, py: Python<'_>, what: &str, why: NotLent) -> PyErr {
        let name = &self.facts().strategy;
        match why {
            NotLent::Outside => STRATEGY.error(
                py,
                "strategy.ctx_outside",
                &format!(
                    "ctx.{what}: ctx is valid only inside the strategy's methods; keep the values you need"
                ),
            ),
            NotLent::InSetup => STRATEGY.error(
                py,
                "strategy.setup",
                &format!(
                    "{name}.setup uses ctx.{what}, but no event has come yet: setup may use ctx.indicator, ctx.pair, \
                     ctx.random and ctx.log; do the rest in on_start(self, ctx) or generate_signal(self, ctx)"
                ),
            ),
            NotLent::AfterSetup => STRATEGY.error(
                py,
                "strategy.setup",
                &format!("ctx.{what} may only be called in {name}.setup(self, ctx)"),
            ),
        }
    }

    #[cold]
    pub(crate) fn no_event(&self, py: Python<'_>, wanted: EventKind) -> PyErr {
        let came = self
            .loan()
            .run(py, |ctx| ctx.event().map(|event| event.kind()));
        let (name, wanted) = (&self.facts().strategy, wanted.name());
        let message = match came {
            Ok(Some(kind)) => {
                let kind = kind.name();
                format!(
                    "{name} reads ctx.{wanted}, but this event of {} is a {kind}: use ctx.{kind}, or give data \
                     with {wanted} rows and set events = (\"{wanted}\",)",
                    self.facts().pair
                )
            }
            _ => format!(
                "{name} reads ctx.{wanted} before the first event of {}; read it in generate_signal(self, ctx)",
                self.facts().pair
            ),
        };
        STRATEGY.error(py, "strategy.event", &message)
    }

    #[cold]
    pub(crate) fn no_column(&self, py: Python<'_>, name: &str, known: &[String]) -> PyErr {
        let has = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let message = format!(
            "{} reads ctx.column({name:?}), which the data of {} lack; their further columns: {has}",
            self.facts().strategy,
            self.facts().pair
        );
        STRATEGY.error(py, "strategy.column", &message)
    }
}
