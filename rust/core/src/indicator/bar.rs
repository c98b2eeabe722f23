//! What a kind that reads whole candles is given: four prices as integers and the volume.

use crate::market::field::Field;

use super::Sample;

/// Where the prices and the volume of a "candle" come from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum BarSource {
    /// A candle.
    Candle,
    /// One price stands for all four: a quote's mid, a trade's price.
    Single { price: Field, volume: Option<Field> },
}

impl BarSource {
    pub(crate) fn of(default_input: Field) -> Self {
        match default_input {
            Field::Open | Field::High | Field::Low | Field::Close | Field::Volume => Self::Candle,
            Field::Price | Field::Quantity => Self::Single {
                price: Field::Price,
                volume: Some(Field::Quantity),
            },
            price => Self::Single {
                price,
                volume: None,
            },
        }
    }

    /// The field whose denominator the bar's integers have.
    pub(crate) fn unit_field(self) -> Field {
        match self {
            Self::Candle => Field::Close,
            Self::Single { price, .. } => price,
        }
    }

    pub(crate) fn volume_field(self) -> Option<Field> {
        match self {
            Self::Candle => Some(Field::Volume),
            Self::Single { volume, .. } => volume,
        }
    }

    #[inline]
    pub(crate) fn read<S: Sample>(self, sample: &S) -> Bar {
        match self {
            Self::Candle => Bar {
                open: sample.units(Field::Open),
                high: sample.units(Field::High),
                low: sample.units(Field::Low),
                close: sample.units(Field::Close),
            },
            Self::Single { price, .. } => {
                let units = sample.units(price);
                Bar {
                    open: units,
                    high: units,
                    low: units,
                    close: units,
                }
            }
        }
    }

    /// High, low and close as the data gave them.
    #[inline]
    pub(crate) fn read_floats<S: Sample>(self, sample: &S) -> [f64; 3] {
        match self {
            Self::Candle => [Field::High, Field::Low, Field::Close].map(|f| sample.value(f)),
            Self::Single { price, .. } => [sample.value(price); 3],
        }
    }

    #[inline]
    pub(crate) fn volume<S: Sample>(self, sample: &S) -> f64 {
        self.volume_field()
            .map_or(f64::NAN, |field| sample.value(field))
    }
}

/// A candle's prices in units.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
}

impl Bar {
    /// High + low + close, three times the typical price.
    #[inline]
    pub(crate) fn three_typical(self) -> i128 {
        i128::from(self.high) + i128::from(self.low) + i128::from(self.close)
    }
}

/// The greatest distance that the price covered since the candle before.
#[inline]
pub(crate) fn true_range(high: f64, low: f64, close_before: f64) -> f64 {
    (high - low)
        .max((high - close_before).abs())
        .max((low - close_before).abs())
}

/// Units as a float: exact up to 2^53, which is 15 digits.
#[expect(clippy::cast_precision_loss, reason = "documented above")]
#[inline]
pub(crate) fn float(units: i64) -> f64 {
    units as f64
}

/// The same for a sum of units.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
#[inline]
pub(crate) fn wide_float(units: i128) -> f64 {
    match i64::try_from(units) {
        Ok(narrow) => narrow as f64,
        Err(_) => units as f64,
    }
}
