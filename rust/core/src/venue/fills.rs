//! What market orders fill at.

use crate::domain::{HalfUnits, Side, ratio_ceil, ratio_floor};
use crate::market::PriceScale;

use super::{FillModel, SimVenue, VenueConfig};

/// What market orders on one market fill at. It knows no orders, so that anybody may ask.
#[derive(Clone, Copy, Debug)]
pub struct MarketFills {
    config: VenueConfig,
    scale: PriceScale,
    /// The price scale of the data in units: the grid on which slipped prices lie.
    grid: i64,
}

impl MarketFills {
    /// Whether market orders on candles wait for opens.
    #[must_use]
    #[inline]
    pub fn at_opens(&self) -> bool {
        self.config.fill == FillModel::NextOpen
    }

    /// The price at which a market order fills where the market's is this.
    #[must_use]
    #[inline]
    pub fn at(&self, side: Side, price: f64) -> HalfUnits {
        self.config
            .slipped(self.scale.units(price), side, self.grid)
    }
}

impl SimVenue {
    /// What market orders on a market fill at.
    #[must_use]
    #[inline]
    pub fn fills_of(&self, market: u32) -> MarketFills {
        let book = &self.books[market as usize];
        MarketFills {
            config: self.config,
            scale: book.scale,
            grid: book.grid,
        }
    }

    /// The price at which a market order fills where the market's is this.
    #[must_use]
    #[inline]
    pub fn market_fill(&self, market: u32, side: Side, price: f64) -> HalfUnits {
        self.fills_of(market).at(side, price)
    }
}

impl VenueConfig {
    /// A market order's price in half units: the market's, made worse by the slippage and rounded to the data's price
    /// scale against the trader.
    #[inline]
    pub(super) fn slipped(&self, price: i64, side: Side, grid: i64) -> HalfUnits {
        if self.slippage.mantissa == 0 {
            return price.saturating_mul(2);
        }
        self.made_worse(price, side, grid)
    }

    fn made_worse(&self, price: i64, side: Side, grid: i64) -> HalfUnits {
        let slip = self.slippage;
        let (one, step) = (slip.denominator, i128::from(grid));
        let steps = match side {
            Side::Buy => ratio_ceil(&[i128::from(price), one + slip.mantissa], &[one, step]),
            Side::Sell => ratio_floor(&[i128::from(price), one - slip.mantissa], &[one, step]),
        };
        let units = steps
            .and_then(|steps| steps.checked_mul(step))
            .and_then(|units| i64::try_from(units).ok());
        units.unwrap_or(i64::MAX / 4).max(0).saturating_mul(2)
    }
}
