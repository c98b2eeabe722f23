//! An instrument: a pair with its price scale, tick, lot and fees, and the exact arithmetic of price times quantity.

use rust_decimal::Decimal;

use super::number::{
    MONEY_DIGITS, Money, Rate, checked_mul, decimal_to_f64, gcd, pow10, pow10_f64, ratio_ceil,
    ratio_floor,
};
use super::{HalfUnits, Liquidity, Lots, Units};

/// What a user may say of an instrument. What is left out has no such rule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InstrumentSpec {
    /// Smallest step of an order's price.
    pub tick: Option<Decimal>,
    /// Smallest step of a quantity; 10^-8 when not given.
    pub lot: Option<Decimal>,
    /// Smallest price times quantity of an order that adds exposure.
    pub min_notional: Option<Decimal>,
}

/// The fee rates of an account, as parts of the traded value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeeRates {
    /// Rate when the order was resting.
    pub maker: Rate,
    /// Rate when the order met a resting one.
    pub taker: Rate,
}

impl FeeRates {
    /// The rate for one kind of fill.
    #[must_use]
    pub const fn of(&self, liquidity: Liquidity) -> Rate {
        match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        }
    }
}

/// The direction in which what is finer than the last digit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards minus infinity: what the account receives.
    Down,
    /// Towards plus infinity: what the account pays.
    Up,
}

/// A pair on a venue, with all that turns whole numbers into money.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Decimal digits of a price unit; may be negative for very large prices.
    pub scale: i8,
    /// Smallest step of an order price in price units.
    pub tick: Units,
    /// Smallest value of an order that adds exposure.
    pub min_notional: Option<Money>,
    /// Fee rates.
    pub fees: FeeRates,
    lot_mantissa: i128,
    lot_digits: u32,
    /// Value of one half unit of price times one lot, in 10^-18, as a reduced fraction.
    numerator: i128,
    denominator: i128,
    /// The fee on one half unit of price times one lot, in 10^-18, as a reduced fraction: taker, maker. Absent where that
    /// does not fit.
    fee_parts: [Option<(i64, i64)>; 2],
}

/// The whole numbers of an instrument, for what has to travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstrumentParts {
    /// Decimal digits of a price unit.
    pub scale: i8,
    /// Smallest step of an order price in price units.
    pub tick: Units,
    /// Smallest value of an order that adds exposure.
    pub min_notional: Option<Money>,
    /// Fee rates.
    pub fees: FeeRates,
    /// The lot: digits without the point, and how many of them stand behind it.
    pub lot: (i128, u32),
}

/// Digits of the lot where no instrument is given.
pub const DEFAULT_LOT_DIGITS: u32 = 8;

impl Instrument {
    /// Builds an instrument over a market whose prices have `scale` digits. `None` when tick or lot are not
    /// positive or too fine to be represented.
    #[must_use]
    pub fn new(scale: i8, spec: &InstrumentSpec, fees: FeeRates) -> Option<Self> {
        let lot = spec
            .lot
            .unwrap_or_else(|| Decimal::new(1, DEFAULT_LOT_DIGITS))
            .normalize();
        if lot <= Decimal::ZERO || lot.scale() > MONEY_DIGITS {
            return None;
        }
        let tick = match spec.tick {
            Some(tick) if tick > Decimal::ZERO => units_of(tick, scale)?,
            Some(_) => return None,
            None => 1,
        };
        let min_notional = match spec.min_notional {
            Some(value) => Some(money_of(value)?),
            None => None,
        };
        Self::of(InstrumentParts {
            scale,
            tick,
            min_notional,
            fees,
            lot: (lot.mantissa(), lot.scale()),
        })
    }

    /// Builds an instrument from its whole numbers. `None` when they cannot be those of any.
    #[must_use]
    pub fn of(parts: InstrumentParts) -> Option<Self> {
        let InstrumentParts {
            scale,
            tick,
            min_notional,
            fees,
            lot: (lot_mantissa, lot_digits),
        } = parts;
        let fair = |rate: Rate| rate.mantissa >= 0 && rate.denominator > 0;
        if tick < 1 || lot_mantissa < 1 || lot_digits > MONEY_DIGITS {
            return None;
        }
        if !fair(fees.maker) || !fair(fees.taker) {
            return None;
        }
        let exponent = i32::try_from(MONEY_DIGITS).ok()?
            - i32::from(scale)
            - i32::try_from(lot_digits).ok()?;
        let (mut numerator, mut denominator) = (lot_mantissa, 2_i128);
        if exponent >= 0 {
            numerator = numerator.checked_mul(pow10(exponent.unsigned_abs())?)?;
        } else {
            denominator = denominator.checked_mul(pow10(exponent.unsigned_abs())?)?;
        }
        let common = gcd(numerator, denominator);
        let (numerator, denominator) = (numerator / common, denominator / common);
        let part = |rate: Rate| {
            let top = numerator.checked_mul(rate.mantissa)?;
            let bottom = denominator.checked_mul(rate.denominator)?;
            let common = gcd(top, bottom).max(1);
            let part = (top / common, bottom / common);
            Some((i64::try_from(part.0).ok()?, i64::try_from(part.1).ok()?))
        };
        Some(Self {
            fee_parts: [part(fees.taker), part(fees.maker)],
            scale,
            tick,
            min_notional,
            fees,
            lot_mantissa,
            lot_digits,
            numerator,
            denominator,
        })
    }

    /// The whole numbers from which it can be built again.
    #[must_use]
    pub const fn parts(&self) -> InstrumentParts {
        InstrumentParts {
            scale: self.scale,
            tick: self.tick,
            min_notional: self.min_notional,
            fees: self.fees,
            lot: (self.lot_mantissa, self.lot_digits),
        }
    }

    /// The scale a market needs so that both its data and its instrument's tick are whole numbers.
    #[must_use]
    pub fn scale_with_tick(scale: i8, spec: &InstrumentSpec) -> i8 {
        spec.tick.map_or(scale, |tick| {
            scale.max(i8::try_from(tick.normalize().scale()).unwrap_or(i8::MAX))
        })
    }

    /// Whether every price times quantity is a whole number of 10^-18, so that no rounding exists.
    #[must_use]
    #[inline]
    pub const fn is_exact(&self) -> bool {
        self.denominator == 1
    }

    /// Price times quantity at 10^-18, rounded as asked; `None` on overflow.
    #[must_use]
    #[inline]
    pub fn value(&self, price: HalfUnits, lots: Lots, rounding: Rounding) -> Option<Money> {
        // Two numbers of 63 bits have a product of 126, so this one cannot overflow.
        let product = i128::from(price).wrapping_mul(i128::from(lots));
        let exact = checked_mul(product, self.numerator)?;
        if self.denominator == 1 {
            return Some(exact);
        }
        let down = exact.div_euclid(self.denominator);
        Some(match rounding {
            Rounding::Up if exact.rem_euclid(self.denominator) != 0 => down + 1,
            _ => down,
        })
    }

    /// The value of a sum of prices times lots in units of 10^-18, as the float nearest to it or, where it needs more digits than
    /// those, one close by: for ratios.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn value_of_sum(&self, sum: i128) -> f64 {
        match checked_mul(sum, self.numerator) {
            Some(exact) if self.denominator == 1 => exact as f64,
            _ => sum as f64 * (self.numerator as f64 / self.denominator as f64),
        }
    }

    /// What one more half unit of the price adds to the value of a quantity, where that is one whole number of 64 bits
    /// for every price; then its product with a price is the value and cannot overflow.
    #[must_use]
    pub fn value_per_price(&self, lots: Lots) -> Option<i64> {
        let whole = self.denominator == 1;
        let value = checked_mul(i128::from(lots), self.numerator).filter(|_| whole)?;
        i64::try_from(value).ok()
    }

    /// The fee on price times quantity (not yet rounded), rounded up.
    #[must_use]
    pub fn fee(&self, price: HalfUnits, lots: Lots, liquidity: Liquidity) -> Option<Money> {
        let part = match liquidity {
            Liquidity::Taker => self.fee_parts[0],
            Liquidity::Maker => self.fee_parts[1],
        };
        // Two numbers of 63 bits have a product of 126, so this one cannot overflow.
        let product = i128::from(price).wrapping_mul(i128::from(lots));
        if let (Some((top, bottom)), Ok(product)) = (part, i64::try_from(product)) {
            let exact = i128::from(product).wrapping_mul(i128::from(top));
            if bottom == 1 {
                return Some(exact);
            }
            return ratio_ceil(&[exact], &[i128::from(bottom)]);
        }
        self.wide_fee(price, lots, liquidity)
    }

    #[cold]
    fn wide_fee(&self, price: HalfUnits, lots: Lots, liquidity: Liquidity) -> Option<Money> {
        let rate = self.fees.of(liquidity);
        ratio_ceil(
            &[
                i128::from(price),
                i128::from(lots),
                self.numerator,
                rate.mantissa,
            ],
            &[self.denominator, rate.denominator],
        )
    }

    /// A quantity in the base currency, rounded down to whole lots.
    #[must_use]
    pub fn lots_of(&self, quantity: Decimal) -> Option<Lots> {
        let lots = ratio_floor(
            &[quantity.mantissa(), pow10(self.lot_digits)?],
            &[pow10(quantity.scale())?, self.lot_mantissa],
        )?;
        i64::try_from(lots).ok()
    }

    /// How many lots an amount of money buys at a price when each unit costs `1 + fee` times its price,
    /// rounded down. `amount` is the exact fraction `numerator / denominator` of one currency unit.
    #[must_use]
    pub fn lots_for(
        &self,
        amount: (&[i128], i128),
        price: HalfUnits,
        fee: Option<Rate>,
    ) -> Option<Lots> {
        let rate = fee.unwrap_or(Rate::ZERO);
        let money = pow10(MONEY_DIGITS)?;
        let mut top = amount.0.to_vec();
        top.extend([money, self.denominator, rate.denominator]);
        let gross = rate.denominator.checked_add(rate.mantissa)?;
        let bottom = [amount.1, i128::from(price), self.numerator, gross];
        i64::try_from(ratio_floor(&top, &bottom)?).ok()
    }

    /// The largest quantity whose cost and taker or maker fee, each rounded up, fit into `available`.
    #[must_use]
    pub fn affordable(
        &self,
        available: Money,
        price: HalfUnits,
        liquidity: Liquidity,
    ) -> Option<Lots> {
        if available <= 0 {
            return Some(0);
        }
        let money = pow10(MONEY_DIGITS)?;
        let rate = self.fees.of(liquidity);
        let mut lots = self.lots_for((&[available], money), price, Some(rate))?;
        // The quotient ignores that cost and fee are rounded up on their own, which can cost a lot or two.
        while lots > 0 && self.cost(price, lots, liquidity)? > available {
            lots -= 1;
        }
        Some(lots)
    }

    /// What a purchase takes from the account: value and fee, both rounded up.
    #[must_use]
    pub fn cost(&self, price: HalfUnits, lots: Lots, liquidity: Liquidity) -> Option<Money> {
        self.value(price, lots, Rounding::Up)?
            .checked_add(self.fee(price, lots, liquidity)?)
    }

    /// A quantity at 10^-18 of the base currency.
    #[must_use]
    pub fn quantity(&self, lots: Lots) -> Option<i128> {
        self.quantity_of_sum(i128::from(lots))
    }

    /// The same for the lots of several orders, whose sum needs not fit into those of one.
    #[must_use]
    pub fn quantity_of_sum(&self, lots: i128) -> Option<i128> {
        lots.checked_mul(self.lot_mantissa)?
            .checked_mul(pow10(MONEY_DIGITS - self.lot_digits)?)
    }

    /// A price at 10^-18; the last digit of a very fine price is rounded half up.
    #[must_use]
    pub fn price(&self, price: HalfUnits) -> Option<i128> {
        let exponent = i32::try_from(MONEY_DIGITS).ok()? - i32::from(self.scale);
        if exponent >= 1 {
            // A half of this power of ten is a whole number, so nothing is to be rounded.
            let half = pow10(exponent.unsigned_abs())? / 2;
            return i128::from(price).checked_mul(half);
        }
        self.price_sum(i128::from(price), 1)
    }

    /// The average price of `sum` (half units times lots) over `lots`, at 10^-18, rounded half up.
    #[must_use]
    pub fn price_sum(&self, sum: i128, lots: i128) -> Option<i128> {
        let exponent = i32::try_from(MONEY_DIGITS).ok()? - i32::from(self.scale);
        let (up, down) = if exponent >= 0 {
            (pow10(exponent.unsigned_abs())?, 1)
        } else {
            (1, pow10(exponent.unsigned_abs())?)
        };
        let doubled = ratio_floor(&[sum, up], &[lots, down])?;
        Some(doubled.checked_add(1)?.div_euclid(2))
    }

    /// How many half units of the price scale one is, as a fraction.
    #[must_use]
    pub fn half_units_per_price(&self) -> Option<(i128, i128)> {
        let power = pow10(u32::from(self.scale.unsigned_abs()))?;
        if self.scale >= 0 {
            Some((power.checked_mul(2)?, 1))
        } else {
            Some((2, power))
        }
    }

    /// A quantity as the nearest float, for strategies.
    #[must_use]
    #[inline]
    pub fn quantity_f64(&self, lots: Lots) -> f64 {
        let exact = i128::from(lots) * self.lot_mantissa;
        decimal_to_f64(exact, self.lot_digits.cast_signed())
    }

    /// The float nearest to the average price of `sum` (half units times lots) over `lots`, for strategies.
    #[must_use]
    pub fn average_f64(&self, sum: i128, lots: i128) -> Option<f64> {
        let exact = self.price_sum(sum, lots)?;
        Some(decimal_to_f64(exact, MONEY_DIGITS.cast_signed()))
    }

    /// A price as a float, for strategies.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "strategies think in floats")]
    pub fn price_f64(&self, price: HalfUnits) -> f64 {
        let half = if price % 2 == 0 {
            (price / 2) as f64
        } else {
            price as f64 / 2.0
        };
        let power = pow10_f64(u32::from(self.scale.unsigned_abs()));
        if self.scale >= 0 {
            half / power
        } else {
            half * power
        }
    }
}

/// A decimal as whole units of a scale, when it is a whole number of them.
#[must_use]
pub fn units_of(value: Decimal, scale: i8) -> Option<Units> {
    let value = value.normalize();
    let exponent = i32::from(scale) - value.scale().cast_signed();
    let factor = pow10(exponent.unsigned_abs())?;
    let units = if exponent >= 0 {
        value.mantissa().checked_mul(factor)?
    } else if value.mantissa() % factor == 0 {
        value.mantissa() / factor
    } else {
        return None;
    };
    i64::try_from(units).ok()
}

/// A decimal at 10^-18; what is finer is cut off.
#[must_use]
pub fn money_of(value: Decimal) -> Option<Money> {
    ratio_floor(
        &[value.mantissa(), pow10(MONEY_DIGITS)?],
        &[pow10(value.scale())?],
    )
}
