//! What each kind remembers, and how it takes one event in.

use serde::{Deserialize, Serialize};

use crate::market::field::Field;

use super::Sample;
use super::average::{Ema, Macd, SmaFloats, SmaUnits, WmaFloats, WmaUnits, triangle};
use super::bar::{BarSource, float};
use super::exact::{Factor, UnitScale};
use super::kind::{Kind, OUTPUTS, Outputs};
use super::momentum::{Cci, Rsi, Stochastic};
use super::spread::{Bollinger, SpreadFloats, SpreadUnits, Std};
use super::trend::{Adx, Atr, HeikinAshi};
use super::volume::{Obv, Vwap};
use super::window::{Extremes, Side, order_key};

/// Where the numbers of a node come from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A price, exact.
    Units(Field),
    /// Any other number of the event.
    Value(Field),
    /// An output of an earlier node.
    Node { index: u32, output: u8 },
    /// A whole candle.
    Bar(BarSource),
}

/// The state of one indicator. The large and rare ones are boxed, so that the common ones lie close together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    SmaUnits(SmaUnits),
    SmaFloats(SmaFloats),
    Ema(Ema),
    WmaUnits(WmaUnits),
    WmaFloats(WmaFloats),
    Rsi(Rsi),
    Macd(Box<Macd>),
    BollingerUnits(Box<Bollinger<SpreadUnits>>),
    BollingerFloats(Box<Bollinger<SpreadFloats>>),
    StdUnits(Box<Std<SpreadUnits>>),
    StdFloats(Box<Std<SpreadFloats>>),
    Atr(Atr),
    Adx(Box<Adx>),
    Stochastic(Box<Stochastic>),
    Cci(Box<Cci>),
    Obv(Obv),
    Vwap(Box<Vwap>),
    Extreme(Extremes),
    HeikinAshi(HeikinAshi),
}

impl State {
    /// Reads what lies apart from the state itself, for the kinds that many traders have.
    #[inline]
    pub(crate) fn touch(&self) -> i64 {
        match self {
            Self::SmaUnits(sma) => sma.touch(),
            _ => 0,
        }
    }

    pub(crate) fn new(kind: Kind, input: Input, scale: UnitScale) -> Self {
        match input {
            Input::Bar(source) => Self::of_bars(kind, source, scale),
            Input::Units(field) => Self::of_units(kind, field, scale),
            Input::Value(_) | Input::Node { .. } => Self::of_floats(kind),
        }
    }

    fn of_units(kind: Kind, field: Field, scale: UnitScale) -> Self {
        let quotient = |weight: usize| scale.quotient(field, weight as u128);
        let spread = |period| SpreadUnits::new(period, quotient(period));
        match kind {
            Kind::Sma { period } => Self::SmaUnits(SmaUnits::new(period, quotient(period))),
            Kind::Wma { period } => {
                Self::WmaUnits(WmaUnits::new(period, quotient(triangle(period))))
            }
            Kind::Bollinger { period, deviations } => Self::BollingerUnits(Box::new(Bollinger {
                window: spread(period),
                deviations,
            })),
            Kind::Std { period } => Self::StdUnits(Box::new(Std(spread(period)))),
            _ => Self::of_series(kind, scale.factor(field)),
        }
    }

    fn of_floats(kind: Kind) -> Self {
        match kind {
            Kind::Sma { period } => Self::SmaFloats(SmaFloats::new(period)),
            Kind::Wma { period } => Self::WmaFloats(WmaFloats::new(period)),
            Kind::Bollinger { period, deviations } => {
                let window = SpreadFloats::new(period);
                Self::BollingerFloats(Box::new(Bollinger { window, deviations }))
            }
            Kind::Std { period } => Self::StdFloats(Box::new(Std(SpreadFloats::new(period)))),
            _ => Self::of_series(kind, Factor::ONE),
        }
    }

    /// The kinds that do the same for prices and other numbers.
    fn of_series(kind: Kind, factor: Factor) -> Self {
        match kind {
            Kind::Rsi { period } => Self::Rsi(Rsi::new(period)),
            Kind::Macd { fast, slow, signal } => {
                Self::Macd(Box::new(Macd::new(fast, slow, signal, factor)))
            }
            Kind::Min { period } => Self::Extreme(Extremes::new(Side::Least, period)),
            Kind::Max { period } => Self::Extreme(Extremes::new(Side::Greatest, period)),
            Kind::Ema { period } => Self::Ema(Ema::new(period, factor)),
            // `Input` gives every other kind candles or its own state; one value back is the identity.
            _ => Self::Ema(Ema::new(1, factor)),
        }
    }

    fn of_bars(kind: Kind, source: BarSource, scale: UnitScale) -> Self {
        let field = source.unit_field();
        let factor = scale.factor(field);
        match kind {
            Kind::Atr { period } => Self::Atr(Atr::new(period, factor)),
            Kind::Adx { period } => Self::Adx(Box::new(Adx::new(period))),
            Kind::Stochastic { k, smooth_k, d } => {
                Self::Stochastic(Box::new(Stochastic::new(k, smooth_k, d)))
            }
            Kind::Cci { period } => Self::Cci(Box::new(Cci::new(period))),
            Kind::Obv => Self::Obv(Obv::new()),
            Kind::Vwap { period } => {
                Self::Vwap(Box::new(Vwap::new(period, scale.times(field, 3.0))))
            }
            _ => Self::HeikinAshi(HeikinAshi::new(factor)),
        }
    }

    /// Takes one event in; whether there is a new value in `row`. `source` is the value of the node it is
    /// made of, if it is.
    ///
    /// An input that is not finite changes nothing. The commonest two are taken in here and all others
    /// out of line: inlined, their sum would leave the caller's loop no registers.
    #[inline]
    pub(crate) fn push<S: Sample>(
        &mut self,
        sample: &S,
        input: Input,
        source: f64,
        row: &mut Row,
    ) -> bool {
        match (input, &mut *self) {
            (Input::Units(field), Self::SmaUnits(state)) => {
                row.one(state.push(sample.units(field)))
            }
            (Input::Units(field), Self::Ema(state)) => {
                row.one(state.push(float(sample.units(field))))
            }
            _ => self.push_other(sample, input, source, row),
        }
    }

    /// Whether it can take in many prices at once.
    pub(crate) const fn takes_many(&self) -> bool {
        matches!(self, Self::SmaUnits(_) | Self::Ema(_))
    }

    /// By how many bits a price in half units is shifted to the right to be one of this field: a mid is counted in half
    /// units, every other price in whole ones.
    #[inline]
    pub(crate) fn shift(field: Field) -> u32 {
        u32::from(field != Field::Mid)
    }

    /// Takes in the next prices, given in half units, and adds their values to `out`.
    #[inline]
    pub(crate) fn push_many(&mut self, field: Field, halves: &[i64], out: &mut Vec<f64>) {
        let shift = Self::shift(field);
        match self {
            Self::SmaUnits(state) => state.push_many(halves, shift, out),
            Self::Ema(state) => {
                let values = halves.iter().map(|half| state.push(float(half >> shift)));
                out.extend(values.map(|value| value.unwrap_or(f64::NAN)));
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn push_other<S: Sample>(
        &mut self,
        sample: &S,
        input: Input,
        source: f64,
        row: &mut Row,
    ) -> bool {
        match input {
            Input::Units(field) => {
                self.push_units(sample.units(field), || sample.value(field), row)
            }
            Input::Value(field) => self.push_float(sample.value(field), row),
            Input::Node { .. } => self.push_float(source, row),
            Input::Bar(bars) => self.push_bar(sample, bars, row),
        }
    }

    #[inline]
    fn push_units(&mut self, units: i64, value: impl FnOnce() -> f64, row: &mut Row) -> bool {
        match self {
            Self::SmaUnits(state) => row.one(state.push(units)),
            Self::WmaUnits(state) => row.one(state.push(units)),
            Self::StdUnits(state) => row.one(state.push(units)),
            Self::BollingerUnits(state) => row.all(state.push(units)),
            Self::Extreme(state) => row.one(state.push(units, value())),
            _ => self.push_series(float(units), row),
        }
    }

    #[inline]
    fn push_float(&mut self, x: f64, row: &mut Row) -> bool {
        if !x.is_finite() {
            return false;
        }
        match self {
            Self::SmaFloats(state) => row.one(state.push(x)),
            Self::WmaFloats(state) => row.one(state.push(x)),
            Self::StdFloats(state) => row.one(state.push(x)),
            Self::BollingerFloats(state) => row.all(state.push(x)),
            Self::Extreme(state) => row.one(state.push(order_key(x), x)),
            _ => self.push_series(x, row),
        }
    }

    #[inline]
    fn push_series(&mut self, x: f64, row: &mut Row) -> bool {
        match self {
            Self::Ema(state) => row.one(state.push(x)),
            Self::Rsi(state) => row.one(state.push(x)),
            Self::Macd(state) => row.all(state.push(x)),
            _ => false,
        }
    }

    #[inline]
    fn push_bar<S: Sample>(&mut self, sample: &S, source: BarSource, row: &mut Row) -> bool {
        match self {
            Self::Atr(state) => row.one(state.push(source.read(sample))),
            Self::Adx(state) => {
                let bar = source.read_floats(sample);
                bar.iter().all(|price| price.is_finite()) && row.all(state.push(bar))
            }
            Self::Stochastic(state) => row.all(state.push(source.read(sample))),
            Self::Cci(state) => row.one(state.push(source.read(sample))),
            Self::HeikinAshi(state) => row.all(Some(state.push(source.read(sample)))),
            Self::Obv(state) => {
                let volume = source.volume(sample);
                volume.is_finite() && row.one(Some(state.push(source.read(sample), volume)))
            }
            Self::Vwap(state) => {
                let volume = source.volume(sample);
                volume.is_finite() && row.one(state.push(source.read(sample), volume))
            }
            _ => false,
        }
    }
}

/// The outputs of a node, now and before; those that a kind lacks stay NaN.
#[derive(Copy, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) now: Outputs,
    pub(crate) before: Outputs,
}

impl Row {
    pub(crate) const fn new() -> Self {
        Self {
            now: [f64::NAN; OUTPUTS],
            before: [f64::NAN; OUTPUTS],
        }
    }

    #[inline]
    fn one(&mut self, value: Option<f64>) -> bool {
        self.all(value.map(|value| [value]))
    }

    /// Takes the new outputs in, if there are any; only as many as the kind has are touched.
    #[inline]
    fn all<const N: usize>(&mut self, values: Option<[f64; N]>) -> bool {
        let Some(values) = values else {
            return false;
        };
        for (output, value) in values.into_iter().enumerate() {
            self.before[output] = self.now[output];
            self.now[output] = value;
        }
        true
    }
}
