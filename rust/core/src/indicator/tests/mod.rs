//! Indicators against naive recomputation, at ties, at the limits of prices, and as a graph.

mod graph;
mod naive;
mod values;

use crate::market::field::Field;

use super::{Graph, IndicatorId, Kind, Sample, Spec};

/// A candle as tests write it: prices in units.
#[derive(Copy, Clone, Debug)]
pub(super) struct Candle {
    pub(super) scale: i8,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) volume: f64,
    pub(super) extra: f64,
}

impl Candle {
    /// A candle that consists of one price.
    pub(super) fn flat(scale: i8, close: i64) -> Self {
        Self {
            scale,
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            extra: 0.0,
        }
    }

    pub(super) fn price(self, units: i64) -> f64 {
        let power = 10_f64.powi(i32::from(self.scale.unsigned_abs()));
        if self.scale < 0 {
            units as f64 * power
        } else {
            units as f64 / power
        }
    }
}

impl Sample for Candle {
    fn value(&self, field: Field) -> f64 {
        match field {
            Field::Volume | Field::Quantity => self.volume,
            Field::Extra(_) => self.extra,
            Field::Mid => self.price(self.close),
            _ => self.price(self.units(field)),
        }
    }

    fn units(&self, field: Field) -> i64 {
        match field {
            Field::Open => self.open,
            Field::High => self.high,
            Field::Low => self.low,
            // A quote whose bid and ask are half the close each would have the same units.
            _ => self.close,
        }
    }
}

/// One of each kind, with periods short enough for short inputs.
pub(super) fn every_kind() -> Vec<Kind> {
    let period = 5;
    vec![
        Kind::Sma { period },
        Kind::Ema { period },
        Kind::Wma { period },
        Kind::Rsi { period },
        Kind::Macd {
            fast: 3,
            slow: 6,
            signal: 4,
        },
        Kind::Bollinger {
            period,
            deviations: 2.0,
        },
        Kind::Atr { period },
        Kind::Adx { period },
        Kind::Stochastic {
            k: 5,
            smooth_k: 3,
            d: 2,
        },
        Kind::Cci { period },
        Kind::Obv,
        Kind::Vwap {
            period: Some(period),
        },
        Kind::Vwap { period: None },
        Kind::Min { period },
        Kind::Max { period },
        Kind::Std { period },
        Kind::HeikinAshi,
    ]
}

/// The rows of outputs of one indicator over candles.
pub(super) fn run(kind: Kind, candles: &[Candle]) -> Vec<Vec<f64>> {
    let mut graph = Graph::new(candles.first().map_or(0, |c| c.scale), Field::Close);
    let id = graph.add(Spec::new(kind)).unwrap();
    candles
        .iter()
        .map(|candle| {
            graph.update(candle);
            row(&graph, id)
        })
        .collect()
}

/// All outputs of an indicator.
pub(super) fn row(graph: &Graph, id: IndicatorId) -> Vec<f64> {
    let outputs = graph.spec(id).unwrap().kind.outputs().len();
    (0..outputs)
        .map(|output| graph.value(id, output as u8))
        .collect()
}
