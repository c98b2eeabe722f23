//! `heikin_ashi`: long on a rising Heikin-Ashi candle without a lower shadow, flat on a falling one without an upper.

use crate::domain::unpack;
use crate::indicator::{IndicatorId, Kind, Spec};
use crate::signal::TradeSignal;

use super::super::{Outcome, SetupCtx, Strategy, StrategyFault, SystemCtx, Unkept};

#[derive(Clone, Debug)]
pub(super) struct HeikinAshi {
    candle: Option<IndicatorId>,
}

impl HeikinAshi {
    pub(super) const fn new() -> Self {
        Self { candle: None }
    }
}

impl Strategy for HeikinAshi {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        let id = ctx
            .indicator(Spec::new(Kind::HeikinAshi))
            .map_err(|error| StrategyFault::raised(error.to_string()))?;
        self.candle = Some(id);
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some(id) = self.candle else {
            return Ok(None);
        };
        let [open, high, low, close] = [0, 1, 2, 3].map(|output| ctx.value(id, output));
        // Without a shadow means that the extreme is the open itself, so the comparison is exact on purpose.
        Ok(if close > open && low >= open {
            Some(TradeSignal::LONG)
        } else if close < open && high <= open {
            Some(TradeSignal::Close)
        } else {
            None
        })
    }

    fn is_market_local(&self) -> bool {
        true
    }

    fn may_pass_orders(&self) -> bool {
        true
    }

    fn fork(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }

    fn memory(&mut self) -> Result<Vec<u8>, Unkept> {
        // All it has are its parameters; what is needed of the past, its indicators hold.
        Ok(Vec::new())
    }

    fn recall(&mut self, memory: &[u8]) -> Result<(), String> {
        unpack(memory)
    }
}
