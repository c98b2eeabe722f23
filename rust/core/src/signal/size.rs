//! How much: from the sizes people write to whole lots.

use rust_decimal::Decimal;

use crate::domain::{Amount, HalfUnits, Instrument, Lots, MONEY_DIGITS, Money, pow10};

/// A size as a user writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizeSpec {
    /// A quantity of the base currency.
    Base(Amount),
    /// An amount of the quote currency, at the last price.
    Quote(Amount),
    /// A part of the account's equity, fee included, at the last price.
    Equity(Amount),
}

impl SizeSpec {
    /// Whether the number is below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        let (Self::Base(amount) | Self::Quote(amount) | Self::Equity(amount)) = self;
        match amount {
            Amount::Exact(value) => value.is_sign_negative(),
            Amount::TooLarge { negative } => *negative,
            Amount::NotFinite => false,
        }
    }
}

/// Why a size gives no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// NaN or infinite.
    NotFinite,
    /// Zero or less where more is needed.
    NotPositive,
    /// Less than one lot.
    BelowLot,
    /// No last price to divide by.
    NoPrice,
    /// Too large to be represented.
    Overflow,
}

/// What sizes are measured against, the same for a whole step.
#[derive(Clone, Copy, Debug)]
pub struct Sizing<'a> {
    /// The instrument traded.
    pub instrument: &'a Instrument,
    /// The market's last price, if there is one.
    pub last: Option<HalfUnits>,
    /// The account's equity at this step's snapshot.
    pub equity: Money,
}

impl Sizing<'_> {
    /// The lots of a size that must be positive.
    ///
    /// # Errors
    /// When the size is no positive whole number of lots after rounding down.
    pub fn lots(&self, size: &SizeSpec) -> Result<Lots, SizeError> {
        if size.is_negative() {
            return Err(SizeError::NotPositive);
        }
        match self.signed(size)? {
            0 => Err(SizeError::NotPositive),
            lots => Ok(lots),
        }
    }

    /// The lots of a signed size; zero only where the size itself is zero.
    ///
    /// # Errors
    /// When the size is not a number of lots that can be represented.
    pub fn signed(&self, size: &SizeSpec) -> Result<Lots, SizeError> {
        let (SizeSpec::Base(amount) | SizeSpec::Quote(amount) | SizeSpec::Equity(amount)) = size;
        let value = match amount {
            Amount::NotFinite => return Err(SizeError::NotFinite),
            Amount::TooLarge { .. } => return Err(SizeError::Overflow),
            Amount::Exact(value) => *value,
        };
        if value == Decimal::ZERO {
            return Ok(0);
        }
        let magnitude = value.abs();
        let lots = match size {
            SizeSpec::Base(_) => self.instrument.lots_of(magnitude),
            SizeSpec::Quote(_) => {
                let scale = pow10(magnitude.scale()).ok_or(SizeError::Overflow)?;
                let last = self.last.ok_or(SizeError::NoPrice)?;
                self.instrument
                    .lots_for((&[magnitude.mantissa()], scale), last, None)
            }
            SizeSpec::Equity(_) => {
                let last = self.last.ok_or(SizeError::NoPrice)?;
                if self.equity <= 0 {
                    return Err(SizeError::BelowLot);
                }
                let scale = pow10(magnitude.scale() + MONEY_DIGITS).ok_or(SizeError::Overflow)?;
                self.instrument.lots_for(
                    (&[magnitude.mantissa(), self.equity], scale),
                    last,
                    Some(self.instrument.fees.taker),
                )
            }
        };
        match lots {
            None => Err(SizeError::Overflow),
            Some(0) => Err(SizeError::BelowLot),
            Some(lots) if value.is_sign_negative() => Ok(-lots),
            Some(lots) => Ok(lots),
        }
    }
}
