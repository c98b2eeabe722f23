//! `sma_cross(fast=10, slow=30, side="both")`: long while the fast average is above the slow one, else short, or flat
//! with `side="long"`.

use crate::domain::Side;
use crate::domain::unpack;
use crate::indicator::{IndicatorId, Kind, Spec};
use crate::signal::TradeSignal;

use super::super::{Coming, Outcome, SetupCtx, Strategy, StrategyFault, SystemCtx, Taken, Unkept};
use super::{BuiltinError, ParameterValue, Reader};

#[derive(Clone, Debug)]
pub(super) struct SmaCross {
    fast: usize,
    slow: usize,
    below: TradeSignal,
    averages: Option<(IndicatorId, IndicatorId)>,
}

impl SmaCross {
    pub(super) fn new(reader: &mut Reader<'_>) -> Result<Self, BuiltinError> {
        let below = match reader.take("side") {
            None => TradeSignal::SHORT,
            Some(ParameterValue::Text(side)) if side == "both" => TradeSignal::SHORT,
            Some(ParameterValue::Text(side)) if side == "long" => TradeSignal::Close,
            Some(other) => return Err(reader.wrong("side", &other, "\"both\" or \"long\"")),
        };
        Ok(Self {
            fast: reader.period("fast", 10)?,
            slow: reader.period("slow", 30)?,
            below,
            averages: None,
        })
    }

    #[inline]
    fn wanted(&self, fast: f64, slow: f64) -> TradeSignal {
        // Which of the two it is changes from trader to trader: so one is chosen before it is copied, without a branch.
        let above = &TradeSignal::LONG;
        *(if fast > slow { above } else { &self.below })
    }
}

impl Strategy for SmaCross {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        let mut add = |period| {
            ctx.indicator(Spec::new(Kind::Sma { period }))
                .map_err(|error| StrategyFault::raised(error.to_string()))
        };
        self.averages = Some((add(self.fast)?, add(self.slow)?));
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some((fast, slow)) = self.averages else {
            return Ok(None);
        };
        Ok(Some(self.wanted(ctx.value(fast, 0), ctx.value(slow, 0))))
    }

    fn is_market_local(&self) -> bool {
        true
    }

    fn may_pass_orders(&self) -> bool {
        true
    }

    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "the rule says `above`, and all else is below"
    )]
    fn take_rows(&mut self, coming: &mut Coming<'_>) -> Taken {
        let Some((fast, slow)) = self.averages else {
            return Taken::idle(0);
        };
        let (fast, slow) = (coming.values(fast), coming.values(slow));
        let below = match self.below {
            TradeSignal::Close => None,
            _ => Some(Side::Sell),
        };
        let held = coming.held();
        let same = if held == Some(Side::Buy) {
            leading(fast, slow, |fast, slow| fast > slow)
        } else if held == below {
            leading(fast, slow, |fast, slow| !(fast > slow))
        } else {
            0
        };
        // The row behind those that want what is held wants something else.
        match (fast.get(same), slow.get(same)) {
            (Some(fast), Some(slow)) => Taken {
                rows: same + 1,
                last: Ok(Some(self.wanted(*fast, *slow))),
            },
            _ => Taken::idle(same),
        }
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

/// How many pairs hold from the first on. They are looked at eight at a time, which the processor does at once.
fn leading(fast: &[f64], slow: &[f64], holds: impl Fn(f64, f64) -> bool) -> usize {
    let (fast_eights, _) = fast.as_chunks::<8>();
    let (slow_eights, _) = slow.as_chunks::<8>();
    let all = |(fast, slow): &(&[f64; 8], &[f64; 8])| {
        let pairs = fast.iter().zip(slow.iter());
        pairs.fold(true, |all, (&fast, &slow)| all & holds(fast, slow))
    };
    let whole = fast_eights.iter().zip(slow_eights).take_while(all).count() * 8;
    let rest = fast[whole..].iter().zip(&slow[whole..]);
    whole + rest.take_while(|&(&fast, &slow)| holds(fast, slow)).count()
}
