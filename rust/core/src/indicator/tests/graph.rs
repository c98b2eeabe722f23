//! The graph: readiness, sharing, indicators of indicators, cells, copies and messages.

use crate::market::field::Field;

use super::super::{
    Graph, IndicatorError, Kind, SharedValues, Spec, compute, compute_columns, infer_scale,
};
use super::{Candle, every_kind, row};

fn sma(period: usize) -> Spec {
    Spec::new(Kind::Sma { period })
}

fn wave(rows: usize) -> Vec<Candle> {
    let price = |i: usize| 10_000 + ((i * 7919) % 611) as i64;
    let candle = |i| Candle {
        scale: 4,
        open: price(i),
        high: price(i).max(price(i + 1)) + 5,
        low: price(i).min(price(i + 1)) - 5,
        close: price(i + 1),
        volume: 1.0 + (i % 5) as f64,
        extra: if i % 3 == 0 { f64::NAN } else { i as f64 },
    };
    (0..rows).map(candle).collect()
}

fn message(result: Result<impl Sized, IndicatorError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn it_is_ready_when_all_that_is_required_is() {
    let mut graph = Graph::new(4, Field::Close);
    assert!(graph.ready() && graph.is_empty());
    graph.add(sma(3)).unwrap();
    graph.add(sma(9).optional()).unwrap();
    let id = graph.add(Spec::new(Kind::Rsi { period: 4 })).unwrap();
    let ready: Vec<bool> = wave(12)
        .iter()
        .map(|c| {
            graph.update(c);
            graph.ready()
        })
        .collect();
    assert_eq!(
        ready.iter().position(|&r| r),
        Some(4),
        "the RSI needs five prices"
    );
    assert!(ready[4..].iter().all(|&r| r));
    assert!(graph.is_ready(id));
}

#[test]
fn equal_requests_share_a_node_until_it_has_values() {
    let mut graph = Graph::new(4, Field::Close);
    let first = graph.add(sma(1).optional()).unwrap();
    assert!(graph.ready());
    assert_eq!(graph.add(sma(1)).unwrap(), first);
    assert!(!graph.ready(), "required by the second request");
    assert_eq!(
        graph.add(sma(1).on(Field::Close)).unwrap(),
        first,
        "the default, spelled out"
    );
    assert_ne!(graph.add(sma(1).keep(5)).unwrap(), first);
    assert_ne!(graph.add(sma(1).on(Field::Open)).unwrap(), first);
    graph.update(&wave(1)[0]);
    assert!(graph.ready());
    assert_ne!(
        graph.add(sma(1)).unwrap(),
        first,
        "a late request starts at its own beginning"
    );
    assert!(!graph.ready());
}

#[test]
fn an_indicator_of_another_waits_for_it() {
    let mut graph = Graph::new(4, Field::Close);
    let macd = graph
        .add(Spec::new(Kind::Macd {
            fast: 2,
            slow: 4,
            signal: 3,
        }))
        .unwrap();
    let mean = graph.add(sma(3).of(macd, 1)).unwrap();
    let mut signals = Vec::new();
    for candle in wave(30) {
        graph.update(&candle);
        if graph.is_ready(macd) {
            signals.push(graph.value(macd, 1));
        }
        assert_eq!(graph.is_ready(mean), signals.len() >= 3);
        if let [.., a, b, c] = signals[..] {
            assert!((graph.value(mean, 0) - (a + b + c) / 3.0).abs() < 1e-15);
        }
    }
    assert!(signals.len() > 20);
}

#[test]
fn what_is_not_finite_is_skipped_by_all_that_is_made_of_it() {
    let mut graph = Graph::new(4, Field::Close);
    let extra = graph.add(sma(2).on(Field::Extra(0))).unwrap();
    let of = graph
        .add(Spec::new(Kind::Max { period: 2 }).of(extra, 0))
        .unwrap();
    let volumes = graph
        .add(Spec::new(Kind::Vwap { period: Some(2) }))
        .unwrap();
    let seen: Vec<(f64, f64)> = wave(8)
        .iter()
        .map(|c| {
            graph.update(&Candle { volume: 0.0, ..*c });
            (graph.value(extra, 0), graph.value(of, 0))
        })
        .collect();
    // The column is NaN, 1, 2, NaN, 4, 5, NaN, 7.
    assert!(seen[1].0.is_nan());
    let means: Vec<f64> = seen[2..].iter().map(|s| s.0).collect();
    assert_eq!(means, [1.5, 1.5, 3.0, 4.5, 4.5, 6.0]);
    assert!(seen[3].1.is_nan(), "one mean is no window of two");
    assert_eq!(seen[4].1, 3.0);
    assert!(
        graph.is_ready(volumes) && graph.value(volumes, 0).is_nan(),
        "nothing was traded"
    );
}

#[test]
fn cells_show_what_the_graph_does() {
    let mut graph = Graph::new(4, Field::Close);
    let long = graph.add(sma(2).keep(5)).unwrap();
    let short = graph.add(sma(2)).unwrap();
    let (early, never) = (graph.cell(long), graph.cell(short));
    let mut values = Vec::new();
    for candle in wave(20) {
        graph.update(&candle);
        if graph.is_ready(long) {
            values.push(graph.value(long, 0));
        }
        for back in 0..6 {
            let expected = (back < 5)
                .then(|| values.iter().rev().nth(back).copied())
                .flatten();
            assert_eq!(early.history(0, back), expected);
        }
        assert_eq!(never.history(0, 1), values.iter().rev().nth(1).copied());
    }
    assert!(
        std::sync::Arc::ptr_eq(&early, &graph.cell(long)),
        "one cell, whoever asks"
    );
    let mut late = Graph::new(4, Field::Close);
    let id = late.add(sma(2)).unwrap();
    wave(20).iter().for_each(|c| late.update(c));
    let cell = late.cell(id);
    assert_eq!(
        cell.history(0, 0),
        Some(late.value(id, 0)),
        "a cell made late knows both values"
    );
    assert_eq!(cell.history(0, 1), Some(late.previous(id, 0)));
    assert_eq!(cell.output_index("value"), Some(0));
}

#[test]
fn a_copy_goes_its_own_way_and_a_restored_graph_repeats_itself() {
    let mut graph = Graph::new(4, Field::Close);
    let ids: Vec<_> = every_kind()
        .into_iter()
        .map(|k| graph.add(Spec::new(k).keep(3)).unwrap())
        .collect();
    let cells: Vec<_> = ids.iter().map(|&id| graph.cell(id)).collect();
    let rows = |graph: &Graph| ids.iter().map(|&id| row(graph, id)).collect::<Vec<_>>();
    let candles = wave(60);
    candles[..17].iter().for_each(|c| graph.update(c));
    let mut saved = graph.clone();
    let before = format!("{:?}", rows(&graph));
    let run = |graph: &mut Graph| {
        candles[17..].iter().for_each(|c| graph.update(c));
        format!("{:?}", rows(graph))
    };
    let after = run(&mut graph);
    assert_ne!(after, before);
    assert_eq!(
        format!("{:?}", rows(&saved)),
        before,
        "the copy has not moved"
    );
    graph.restore(&saved).unwrap();
    assert_eq!(graph.ready(), saved.ready());
    for (cell, &id) in cells.iter().zip(&ids) {
        let was = saved.cell(id);
        for back in 0..3 {
            let same = |a: Option<f64>, b: Option<f64>| a.map(f64::to_bits) == b.map(f64::to_bits);
            assert!(same(cell.history(0, back), was.history(0, back)));
        }
    }
    assert_eq!(run(&mut graph), after, "and again the same");
    assert!(graph.restore(&Graph::new(4, Field::Close)).is_err());
}

#[test]
fn wrong_requests_say_what_is_wrong() {
    let kind = Kind::from_parameters;
    assert!(message(kind("smaa", &[])).contains("did you mean \"sma\"?"));
    assert!(message(kind("zzzzzz", &[])).contains("there are sma, ema"));
    assert!(message(kind("sma", &[])).contains("sma needs a period"));
    assert!(message(kind("sma", &[("periode", 3.0)])).contains("did you mean \"period\"?"));
    assert!(message(kind("obv", &[("period", 3.0)])).contains("its parameters: none"));
    assert!(message(kind("sma", &[("period", 3.0), ("period", 4.0)])).contains("twice"));
    for period in [0.0, 2.5, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        for name in ["sma", "vwap"] {
            let text = message(kind(name, &[("period", period)]));
            assert!(text.contains("whole number from 1 to 1000000"), "{text}");
        }
    }
    assert!(message(kind("macd", &[("fast", 26.0)])).contains("fast must be less than slow"));
    assert!(message(kind("bollinger", &[("deviations", 0.0)])).contains("above 0"));
    assert_eq!(
        kind("macd", &[]),
        Ok(Kind::Macd {
            fast: 12,
            slow: 26,
            signal: 9
        })
    );
    assert_eq!(kind("vwap", &[]), Ok(Kind::Vwap { period: None }));
    assert_eq!(
        kind("vwap", &[("period", 4.0)]),
        Ok(Kind::Vwap { period: Some(4) })
    );
    for kind in every_kind() {
        assert!(super::super::NAMES.contains(&kind.name()));
    }
}

#[test]
fn wrong_inputs_say_what_there_is() {
    let mut quotes = Graph::new(4, Field::Mid);
    assert!(message(quotes.add(sma(2).on(Field::High))).contains("quotes have bid, ask"));
    assert!(message(quotes.add(Spec::new(Kind::Obv))).contains("needs volumes"));
    let mut trades = Graph::new(4, Field::Price);
    assert!(message(trades.add(sma(2).on(Field::Mid))).contains("trades have price"));
    let mut candles = Graph::new(4, Field::Close);
    let id = candles.add(sma(2)).unwrap();
    assert!(message(candles.add(sma(2).on(Field::Bid))).contains("candles have open"));
    assert!(message(candles.add(Spec::new(Kind::Obv).of(id, 0))).contains("whole candles"));
    assert!(message(candles.add(sma(2).on(Field::Open).of(id, 0))).contains("not both"));
    assert!(message(candles.add(sma(2).of(id, 1))).contains("no output 1"));
    assert!(message(candles.add(sma(2).keep(1))).contains("keep must be"));
    assert!(message(candles.add(sma(0))).contains("period must be"));
    let other = quotes.add(sma(2)).and_then(|_| quotes.add(sma(3))).unwrap();
    assert!(message(candles.add(sma(2).of(other, 0))).contains("another trader"));
    assert_eq!(candles.len(), 1, "nothing half-done");
}

#[test]
fn columns_give_what_events_do() {
    let candles = wave(50);
    let column =
        |of: fn(&Candle) -> i64| candles.iter().map(|c| c.price(of(c))).collect::<Vec<_>>();
    let volume: Vec<f64> = candles.iter().map(|c| c.volume).collect();
    let columns = [
        column(|c| c.open),
        column(|c| c.high),
        column(|c| c.low),
        column(|c| c.close),
    ];
    let fields = [Field::Open, Field::High, Field::Low, Field::Close];
    let mut table: Vec<(Field, &[f64])> = fields
        .into_iter()
        .zip(columns.iter().map(Vec::as_slice))
        .collect();
    table.push((Field::Volume, &volume));
    for kind in every_kind() {
        let got = compute(kind, &table, 4);
        for (i, expected) in super::run(kind, &candles).iter().enumerate() {
            let row: Vec<f64> = got.iter().map(|column| column[i]).collect();
            assert_eq!(
                format!("{row:?}"),
                format!("{expected:?}"),
                "{kind:?} row {i}"
            );
        }
    }
    assert_eq!(infer_scale(&[&columns[3]]), 4);
    let wrong = compute_columns("obv", &[], &[("close", &columns[3])]);
    assert!(message(wrong).contains("\"volume\" is missing"));
    let wrong = compute_columns(
        "obv",
        &[],
        &[("close", &columns[3]), ("volume", &volume[1..])],
    );
    assert!(message(wrong).contains("close has 50, volume has 49"));
    assert!(
        message(compute_columns(
            "sma",
            &[("period", 2.0)],
            &[("x", &volume)]
        ))
        .contains("\"x\"")
    );
    assert!(message(compute_columns("sma", &[("period", 2.0)], &[])).contains("needs a column"));
}

#[test]
fn a_scale_is_found_for_any_column() {
    assert_eq!(infer_scale(&[]), 0);
    assert_eq!(infer_scale(&[&[0.0, f64::NAN]]), 0);
    assert_eq!(infer_scale(&[&[3.784e-5, 3.7840000000000004e-5]]), 8);
    assert_eq!(infer_scale(&[&[100.0, 0.25]]), 2);
    // Thirds have no digits to stop at; what a float holds is kept.
    assert_eq!(infer_scale(&[&[1.0 / 3.0, 200.0 / 3.0]]), 14);
    assert_eq!(infer_scale(&[&[1e300]]), -128);
    let thirds: Vec<f64> = (1..50).map(|i| f64::from(i) / 3.0).collect();
    let means = &compute(
        Kind::Sma { period: 3 },
        &[(Field::Close, &thirds)],
        infer_scale(&[&thirds]),
    )[0];
    assert!((means[40] - 40.0 / 3.0).abs() < 1e-13, "{}", means[40]);
}

#[test]
fn columns_that_no_scale_holds_are_computed_in_floats_or_refused() {
    let mean = |period: f64, values: &[f64]| {
        compute_columns("sma", &[("period", period)], &[("close", values)])
            .unwrap()
            .remove(0)
    };
    assert_eq!(mean(3.0, &[1e17, 1.0, 1.0, 1.0, 1.0, 1.0])[3..], [1.0; 3]);
    assert_eq!(mean(2.0, &[1e300, 2e300])[1], 1.5e300);
    assert_eq!(mean(2.0, &[1e-25, 3e-25])[1], (1e-25 + 3e-25) / 2.0);
    assert_eq!(mean(2.0, &[-1e17, 1.0, 3.0])[2], 2.0);
    // Those that one holds are what they were: exact.
    assert_eq!(mean(3.0, &[0.1, 0.2, 0.3])[2], 0.2);
    let (high, low) = ([1e17, 2.0], [1e17, 1.0]);
    let wrong = compute_columns(
        "atr",
        &[("period", 2.0)],
        &[("high", &high), ("low", &low), ("close", &low)],
    );
    assert!(message(wrong).contains("no decimals of one length hold them"));
}

#[test]
fn values_computed_ahead_are_what_single_updates_give() {
    for keep in [2, 3, 10] {
        let spec = |period| Spec::new(Kind::Sma { period }).keep(keep);
        let mut one = Graph::new(2, Field::Close);
        let ids = [spec(3), spec(7)].map(|spec| one.add(spec).unwrap());
        let ema = one
            .add(Spec::new(Kind::Ema { period: 4 }).keep(keep))
            .unwrap();
        let mut many = one.clone();
        let halves: Vec<i64> = (0..200)
            .map(|row| 20_000 + (row * row * 37 % 911) * 2)
            .collect();
        for (row, &half) in halves.iter().enumerate() {
            let close = half / 2;
            let sample = Candle {
                scale: 2,
                open: close,
                high: close,
                low: close,
                close,
                volume: 1.0,
                extra: 0.0,
            };
            one.update(&sample);
            if !many.show(row) {
                if many.can_look_ahead() {
                    many.look_ahead(row, &halves[row..halves.len().min(row + 16)]);
                    assert!(many.show(row));
                    assert_eq!(many.add(spec(5)).unwrap_err().code(), "indicator.late");
                } else {
                    many.update(&sample);
                }
            }
            for &id in ids.iter().chain([&ema]) {
                for back in 0..keep {
                    let (a, b) = (one.history(id, 0, back), many.history(id, 0, back));
                    assert_eq!(a.to_bits(), b.to_bits(), "row {row}, {back} back");
                }
            }
        }
    }
}

#[test]
fn values_that_runs_share_are_what_each_would_compute() {
    let halves: Vec<i64> = (0..300)
        .map(|row| 20_000 + (row * row * 37 % 911) * 2)
        .collect();
    let marks = |first: usize, out: &mut [i64]| {
        out.copy_from_slice(&halves[first..first + out.len()]);
    };
    let shared = SharedValues::default();
    // The second one takes from the first what both have, and a kind that cannot be shared leaves the others as they are.
    for (periods, alone) in [([3, 7], false), ([7, 90], false), ([3, 7], true)] {
        let mut one = Graph::new(2, Field::Close);
        let mut ids = periods
            .map(|period| one.add(Spec::new(Kind::Sma { period })).unwrap())
            .to_vec();
        ids.push(one.add(Spec::new(Kind::Ema { period: 5 })).unwrap());
        if alone {
            ids.push(one.add(Spec::new(Kind::Wma { period: 4 })).unwrap());
        }
        let mut other = one.clone();
        other.share(&shared, (0, halves.len()), marks);
        assert_eq!(other.is_shared(), !alone);
        for (row, &half) in halves.iter().enumerate() {
            let sample = Candle::flat(2, half / 2);
            one.update(&sample);
            if !other.show(row) {
                if other.can_look_ahead() {
                    // As long as a block is, and now and then one row.
                    other.look_along(row, (1 + row % 70).min(halves.len() - row));
                    assert!(other.show(row));
                } else {
                    other.update(&sample);
                }
            }
            for &id in &ids {
                for back in 0..2 {
                    let (a, b) = (one.history(id, 0, back), other.history(id, 0, back));
                    assert_eq!(a.to_bits(), b.to_bits(), "row {row}, {back} back");
                }
            }
            if row % 50 == 49 {
                // A trader that goes back has a copy of before.
                let copy = other.clone();
                other = copy;
            }
        }
    }
}

#[test]
fn rows_are_passed_over_together_only_where_nobody_reads_each_of_them() {
    for (keep, together) in [(2, 16), (3, 0)] {
        let mut graph = Graph::new(2, Field::Close);
        let id = graph
            .add(Spec::new(Kind::Sma { period: 2 }).keep(keep))
            .unwrap();
        let _read = graph.cell(id);
        let halves: Vec<i64> = (0..24).map(|row| 20_000 + row * 2).collect();
        let sample = |row: usize| Candle {
            scale: 2,
            open: halves[row] / 2,
            high: halves[row] / 2,
            low: halves[row] / 2,
            close: halves[row] / 2,
            volume: 1.0,
            extra: 0.0,
        };
        (0..3).for_each(|row| graph.update(&sample(row)));
        graph.look_ahead(3, &halves[3..19]);
        assert_eq!(graph.coming(3), 0, "somebody reads the cell at each row");
        graph.tell_nobody();
        // Values older than the one before live in the cell alone.
        assert_eq!(graph.coming(3), together);
    }
}
