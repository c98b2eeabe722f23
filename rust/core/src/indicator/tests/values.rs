//! The numbers: against naive recomputation, at exact ties and at the limits of prices.

use std::cmp::Ordering;

use proptest::prelude::*;

use crate::market::field::Field;

use super::super::{Graph, Kind, Sample, Spec};
use super::{Candle, every_kind, naive, run};

/// Candles whose closes wander, with as many digits as real ones.
fn candles(rows: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Candle>> {
    let step = (-900_i64..900, 1_i64..700, 1_i64..700, 0.001_f64..1e6);
    (0_i8..9, prop::collection::vec(step, rows)).prop_map(|(scale, steps)| {
        let mut close = 1_000_000_i64;
        let candle = |(step, above, below, volume): (i64, i64, i64, f64)| {
            let open = close;
            close = (close + step).max(1000);
            let (high, low) = (open.max(close) + above, open.min(close) - below);
            Candle {
                scale,
                open,
                high,
                low,
                close,
                volume,
                extra: volume - 1e5,
            }
        };
        steps.into_iter().map(candle).collect()
    })
}

fn close_enough(got: f64, expected: f64, unit: f64) -> bool {
    got.is_nan() && expected.is_nan() || (got - expected).abs() <= 1e-9 * expected.abs().max(unit)
}

proptest! {
    #[test]
    fn every_kind_equals_its_naive_recomputation(candles in candles(1..60)) {
        for kind in every_kind() {
            // What has no unit is recomputed in whole numbers, where equal movements are equal, but ADX,
            // which compares floats; what has one is compared on the scale of its prices, since a
            // difference of floats keeps their rounding.
            let percent = matches!(kind, Kind::Adx { .. });
            let unitless = matches!(
                kind,
                Kind::Rsi { .. } | Kind::Cci { .. } | Kind::Stochastic { .. }
            );
            let whole: Vec<Candle> = candles.iter().map(|c| Candle { scale: 0, ..*c }).collect();
            let expected = naive::rows(kind, if unitless { &whole } else { &candles });
            let unit = match kind {
                Kind::Obv => candles.iter().map(|c| c.volume).sum(),
                _ if unitless || percent => 1.0,
                _ => candles[0].price(1_000_000) * 1e-2,
            };
            for (i, (got, expected)) in run(kind, &candles).iter().zip(&expected).enumerate() {
                prop_assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(expected) {
                    prop_assert!(
                        close_enough(*got, *expected, unit), "{:?} row {}: {} is not {}", kind, i, got, expected
                    );
                }
            }
        }
    }

    #[test]
    fn floats_give_what_prices_give(candles in candles(20..60)) {
        // The extra column holds the same numbers as the close, but is read as floats.
        let same = candles.iter().map(|c| Candle { extra: c.price(c.close), ..*c });
        let mut graph = Graph::new(candles[0].scale, Field::Close);
        let mut pairs = Vec::new();
        for kind in every_kind().into_iter().filter(|kind| !kind.reads_candles()) {
            let exact = graph.add(Spec::new(kind)).unwrap();
            pairs.push((kind, exact, graph.add(Spec::new(kind).on(Field::Extra(0))).unwrap()));
        }
        let unit = candles[0].price(1_000_000) * 1e-3;
        for candle in same {
            graph.update(&candle);
            for (kind, exact, float) in &pairs {
                for output in 0..kind.outputs().len() as u8 {
                    let (a, b) = (graph.value(*exact, output), graph.value(*float, output));
                    prop_assert!(close_enough(a, b, unit), "{:?}: {} is not {}", kind, a, b);
                }
            }
        }
    }

    #[test]
    fn a_tie_of_averages_is_a_tie(
        closes in prop::collection::vec(1_i64..4, 40..120), base in prop_oneof![
            Just(0_i64), 1_i64..1_000_000_000, Just(i64::MAX - 4), Just(i64::MIN),
        ],
        scale in -9_i8..=15, short in 1_usize..8, long in 8_usize..20,
    ) {
        let closes: Vec<i64> = closes.iter().map(|c| base + c).collect();
        let mut graph = Graph::new(scale, Field::Close);
        let fast = graph.add(Spec::new(Kind::Sma { period: short })).unwrap();
        let slow = graph.add(Spec::new(Kind::Sma { period: long })).unwrap();
        let weighted = graph.add(Spec::new(Kind::Wma { period: short })).unwrap();
        for (i, &close) in closes.iter().enumerate() {
            graph.update(&Candle::flat(scale, close));
            if i + 1 < long {
                continue;
            }
            let window = |n: usize| closes[i + 1 - n..=i].iter().map(|&c| i128::from(c));
            let (short_sum, long_sum): (i128, i128) = (window(short).sum(), window(long).sum());
            let weighted_sum: i128 = window(short).zip(1..).map(|(c, weight)| c * weight).sum();
            let triangle = (short * (short + 1) / 2) as i128;
            let exact = (short_sum * long as i128).cmp(&(long_sum * short as i128));
            check_order(exact, graph.value(fast, 0), graph.value(slow, 0))?;
            let exact = (weighted_sum * long as i128).cmp(&(long_sum * triangle));
            check_order(exact, graph.value(weighted, 0), graph.value(slow, 0))?;
        }
    }

    #[test]
    fn averages_are_the_nearest_floats(
        closes in prop::collection::vec(1_i64..100_000_000, 1..30), scale in 0_i8..=8,
    ) {
        let n = closes.len();
        let flat: Vec<Candle> = closes.iter().map(|&c| Candle::flat(scale, c)).collect();
        let sum = closes.iter().sum::<i64>() as f64;
        let power = 10_f64.powi(scale.into());
        prop_assert_eq!(run(Kind::Sma { period: n }, &flat)[n - 1][0], sum / (n as f64 * power));
        let bands = &run(Kind::Bollinger { period: n, deviations: 1.0 }, &flat)[n - 1];
        prop_assert_eq!(bands[0], sum / (n as f64 * power));
        // The variance in integers, n²·σ² = n·Σx² − (Σx)², has an exact reference.
        let wide: i128 = closes.iter().map(|&c| i128::from(c) * i128::from(c)).sum::<i128>() * n as i128
            - closes.iter().map(|&c| i128::from(c)).sum::<i128>().pow(2);
        let expected = (wide as f64).sqrt() / (n as f64 * power);
        let std = run(Kind::Std { period: n }, &flat)[n - 1][0];
        prop_assert!((std - expected).abs() <= 1e-15 * expected, "{} is not {}", std, expected);
    }

    #[test]
    fn no_price_makes_anything_panic(
        prices in prop::collection::vec(prop_oneof![
            Just(i64::MIN), Just(i64::MAX), Just(0_i64), any::<i64>(), 1_i64..1000,
        ], 30..80),
        volumes in prop::collection::vec(prop_oneof![
            Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(0.0), 0.0_f64..1e9,
        ], 80),
        scale in any::<i8>(),
    ) {
        for default_input in [Field::Close, Field::Mid, Field::Price] {
            let mut graph = Graph::new(scale, default_input);
            for kind in every_kind() {
                let quotes = default_input == Field::Mid;
                if quotes && kind.reads_volume() {
                    prop_assert!(graph.add(Spec::new(kind)).is_err());
                    continue;
                }
                let id = graph.add(Spec::new(kind)).unwrap();
                graph.add(Spec::new(Kind::Std { period: 3 }).of(id, 0)).unwrap();
            }
            for (window, &volume) in prices.windows(4).zip(&volumes) {
                let (open, high, low, close) = (window[0], window[1], window[2], window[3]);
                graph.update(&Candle { scale, open, high, low, close, volume, extra: volume });
            }
        }
    }
}

fn check_order(exact: Ordering, a: f64, b: f64) -> Result<(), TestCaseError> {
    match exact {
        Ordering::Equal => prop_assert_eq!(a.to_bits(), b.to_bits()),
        Ordering::Less => prop_assert!(a <= b, "{} is not below {}", a, b),
        Ordering::Greater => prop_assert!(a >= b, "{} is not above {}", a, b),
    }
    Ok(())
}

#[test]
fn a_market_that_stands_still_gives_its_price() {
    let flat = vec![
        Candle {
            volume: 0.1,
            ..Candle::flat(8, 37_840_001)
        };
        40
    ];
    for kind in [
        Kind::Sma { period: 7 },
        Kind::Ema { period: 7 },
        Kind::Wma { period: 7 },
        Kind::Vwap { period: Some(7) },
        Kind::Vwap { period: None },
        Kind::Bollinger {
            period: 7,
            deviations: 3.0,
        },
        Kind::Min { period: 7 },
        Kind::HeikinAshi,
    ] {
        for value in &run(kind, &flat)[39] {
            assert_eq!(*value, 0.37840001, "{kind:?}");
        }
    }
    assert_eq!(run(Kind::Std { period: 7 }, &flat)[39], [0.0]);
    assert_eq!(run(Kind::Atr { period: 7 }, &flat)[39], [0.0]);
    assert_eq!(run(Kind::Cci { period: 7 }, &flat)[39], [0.0]);
    assert_eq!(run(Kind::Rsi { period: 7 }, &flat)[39], [0.0]);
}

#[test]
fn huge_prices_leave_no_trace_in_the_deviation() {
    let mut closes = vec![i64::MAX, i64::MIN, i64::MAX / 2, 3];
    closes.extend([10, 20, 30, 20, 10]);
    let flat: Vec<Candle> = closes.iter().map(|&c| Candle::flat(0, c)).collect();
    let rows = run(Kind::Std { period: 3 }, &flat);
    // Far from the sum's limits only floats are left, but they still see the distances.
    let (a, b, c) = (i64::MAX as f64, i64::MIN as f64, i64::MAX as f64 / 2.0);
    let mean = (a + b + c) / 3.0;
    let expected = (((a - mean).powi(2) + (b - mean).powi(2) + (c - mean).powi(2)) / 3.0).sqrt();
    assert!((rows[2][0] / expected - 1.0).abs() < 1e-14);
    assert_eq!(rows[6][0], (200.0_f64 / 3.0).sqrt());
    assert_eq!(rows[8][0], (200.0_f64 / 3.0).sqrt());
}

#[test]
fn the_extreme_is_a_price_as_the_data_spell_it() {
    struct Spelled(f64);
    impl Sample for Spelled {
        fn value(&self, _: Field) -> f64 {
            self.0
        }
        fn units(&self, _: Field) -> i64 {
            (self.0 * 1e8).round() as i64
        }
    }
    let mut graph = Graph::new(8, Field::Close);
    let greatest = graph.add(Spec::new(Kind::Max { period: 3 })).unwrap();
    let average = graph.add(Spec::new(Kind::Sma { period: 2 })).unwrap();
    for close in [3.784e-5, 3.7840000000000004e-5, 3.784e-5] {
        graph.update(&Spelled(close));
    }
    assert_eq!(graph.value(greatest, 0), 3.784e-5);
    assert_eq!(graph.value(average, 0), 3.784e-5);
}
