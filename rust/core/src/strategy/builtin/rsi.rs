//! `rsi(period=14, low=30, high=70)`: long below `low`, flat above `high`.

use crate::domain::unpack;
use crate::indicator::{IndicatorId, Kind, Spec};
use crate::signal::TradeSignal;

use super::super::{Outcome, SetupCtx, Strategy, StrategyFault, SystemCtx, Unkept};
use super::{BuiltinError, Reader};

#[derive(Clone, Debug)]
pub(super) struct Rsi {
    period: usize,
    low: f64,
    high: f64,
    rsi: Option<IndicatorId>,
}

impl Rsi {
    pub(super) fn new(reader: &mut Reader<'_>) -> Result<Self, BuiltinError> {
        let strategy = Self {
            period: reader.period("period", 14)?,
            low: reader.number("low", 30.0)?,
            high: reader.number("high", 70.0)?,
            rsi: None,
        };
        if strategy.low > strategy.high {
            return Err(BuiltinError(format!(
                "rsi: low is {}, high is {}; low must not be above high",
                strategy.low, strategy.high
            )));
        }
        Ok(strategy)
    }
}

impl Strategy for Rsi {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        let spec = Spec::new(Kind::Rsi {
            period: self.period,
        });
        let id = ctx
            .indicator(spec)
            .map_err(|error| StrategyFault::raised(error.to_string()))?;
        self.rsi = Some(id);
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some(rsi) = self.rsi else {
            return Ok(None);
        };
        let value = ctx.value(rsi, 0);
        Ok(if value < self.low {
            Some(TradeSignal::LONG)
        } else if value > self.high {
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
