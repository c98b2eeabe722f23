//! The words every other folder speaks: pairs, sides, money, instruments, fees.
//!
//! Nothing here knows of any sibling folder, and no float enters the arithmetic of money.

mod instrument;
mod number;
mod packed;
mod pair;
mod side;
mod single;
pub mod word;

pub use instrument::{
    FeeRates, Instrument, InstrumentParts, InstrumentSpec, Rounding, money_of, units_of,
};
pub use number::{
    Amount, MONEY_DIGITS, Money, NumberError, Rate, checked_mul, decimal_string, decimal_to_f64,
    gcd, parse_decimal, pow10, pow10_f64, product_is_less, ratio_ceil, ratio_floor, write_decimal,
    write_whole,
};
pub use packed::{pack, unpack};
pub use pair::{MarketPair, PairTable};
pub use side::{Liquidity, Side};
pub use single::widened;

/// Nanoseconds since 1970-01-01T00:00:00Z.
pub type Nanos = i64;

/// A price in whole units of its market's price scale.
pub type Units = i64;

/// A price in **half** units of its market's price scale, so that the mid of a bid and an ask is exact.
pub type HalfUnits = i64;

/// A quantity in whole lots of its instrument.
pub type Lots = i64;
