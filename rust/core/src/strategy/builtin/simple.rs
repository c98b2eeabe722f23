//! `simple`: long after a rise of the price, flat after a fall.

use crate::domain::{pack, unpack};
use crate::market::Field;
use crate::signal::TradeSignal;

use super::super::{Outcome, SetupCtx, Strategy, SystemCtx, Unkept};

#[derive(Clone, Debug)]
pub(super) struct Simple {
    field: Field,
    last: Option<f64>,
}

impl Simple {
    pub(super) const fn new() -> Self {
        Self {
            field: Field::Close,
            last: None,
        }
    }
}

impl Strategy for Simple {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        self.field = ctx.kind.default_field();
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let Some(event) = ctx.event() else {
            return Ok(None);
        };
        let price = event.field(self.field);
        let before = self.last.replace(price);
        Ok(match before {
            Some(before) if price > before => Some(TradeSignal::LONG),
            Some(before) if price < before => Some(TradeSignal::Close),
            _ => None,
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
        Ok(pack(&self.last)?)
    }

    fn recall(&mut self, memory: &[u8]) -> Result<(), String> {
        self.last = unpack(memory)?;
        Ok(())
    }
}
