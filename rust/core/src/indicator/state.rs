//! What each kind remembers, and how it takes one event in.

use crate::market::field::Field;

use super::Sample;
use super::average::{Ema, Macd, SmaFloats, SmaUnits, WmaFloats, WmaUnits, triangle};
use super::bar::{BarSource, float};
use super::exact::{Factor, UnitScale};
use super::kind::{Kind, Outputs};
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
    Node { index: usize, output: usize },
    /// A whole candle.
    Bar(BarSource),
}

/// The state of one indicator. The large and rare ones are boxed, so that the common ones lie close together.
#[derive(Clone, Debug)]
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

    /// Takes one event in. `source` is the value of the node it is made of, if it is.
    ///
    /// `None` while there is no value yet, and where the input is not finite: then nothing has changed.
    #[inline]
    pub(crate) fn push<S: Sample>(
        &mut self,
        sample: &S,
        input: Input,
        source: f64,
    ) -> Option<Outputs> {
        match input {
            Input::Units(field) => self.push_units(sample.units(field), || sample.value(field)),
            Input::Value(field) => self.push_float(sample.value(field)),
            Input::Node { .. } => self.push_float(source),
            Input::Bar(bars) => self.push_bar(sample, bars),
        }
    }

    #[inline]
    fn push_units(&mut self, units: i64, value: impl FnOnce() -> f64) -> Option<Outputs> {
        match self {
            Self::SmaUnits(state) => state.push(units).map(one),
            Self::WmaUnits(state) => state.push(units).map(one),
            Self::StdUnits(state) => state.push(units).map(one),
            Self::BollingerUnits(state) => state.push(units).map(three),
            Self::Extreme(state) => state.push(units, value()).map(one),
            _ => self.push_series(float(units)),
        }
    }

    #[inline]
    fn push_float(&mut self, x: f64) -> Option<Outputs> {
        if !x.is_finite() {
            return None;
        }
        match self {
            Self::SmaFloats(state) => state.push(x).map(one),
            Self::WmaFloats(state) => state.push(x).map(one),
            Self::StdFloats(state) => state.push(x).map(one),
            Self::BollingerFloats(state) => state.push(x).map(three),
            Self::Extreme(state) => state.push(order_key(x), x).map(one),
            _ => self.push_series(x),
        }
    }

    #[inline]
    fn push_series(&mut self, x: f64) -> Option<Outputs> {
        match self {
            Self::Ema(state) => state.push(x).map(one),
            Self::Rsi(state) => state.push(x).map(one),
            Self::Macd(state) => state.push(x).map(three),
            _ => None,
        }
    }

    #[inline]
    fn push_bar<S: Sample>(&mut self, sample: &S, source: BarSource) -> Option<Outputs> {
        match self {
            Self::Atr(state) => state.push(source.read(sample)).map(one),
            Self::Adx(state) => state.push(source.read(sample)).map(three),
            Self::Stochastic(state) => state
                .push(source.read(sample))
                .map(|[k, d]| [k, d, f64::NAN, f64::NAN]),
            Self::Cci(state) => state.push(source.read(sample)).map(one),
            Self::HeikinAshi(state) => Some(state.push(source.read(sample))),
            Self::Obv(state) => {
                let volume = source.volume(sample);
                volume
                    .is_finite()
                    .then(|| one(state.push(source.read(sample), volume)))
            }
            Self::Vwap(state) => {
                let volume = source.volume(sample);
                if !volume.is_finite() {
                    return None;
                }
                state.push(source.read(sample), volume).map(one)
            }
            _ => None,
        }
    }
}

#[inline]
fn one(value: f64) -> Outputs {
    [value, f64::NAN, f64::NAN, f64::NAN]
}

#[inline]
fn three([a, b, c]: [f64; 3]) -> Outputs {
    [a, b, c, f64::NAN]
}
