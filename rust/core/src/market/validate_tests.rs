#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const TS: [i64; 4] = [10, 20, 30, 40];

/// Four good candles that a test spoils in one place.
struct Table {
    ts: Vec<i64>,
    close_ts: Option<Vec<i64>>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

impl Table {
    fn good() -> Self {
        Table {
            ts: TS.to_vec(),
            close_ts: None,
            open: vec![2.0; 4],
            high: vec![3.0; 4],
            low: vec![1.0; 4],
            close: vec![2.5; 4],
            volume: vec![0.0; 4],
        }
    }

    fn rows(&self) -> CandleRows<'_> {
        CandleRows {
            ts: &self.ts,
            close_ts: self.close_ts.as_deref(),
            open: &self.open,
            high: &self.high,
            low: &self.low,
            close: &self.close,
            volume: Some(&self.volume),
        }
    }
}

type Spoil = fn(&mut Table);

#[test]
fn every_rule_names_its_row_and_column() {
    let cases: [(Spoil, usize, &str, Rule); 16] = [
        (|t| t.ts[2] = 19, 2, "ts", Rule::TimeBackwards),
        (|t| t.ts[3] = 30, 3, "ts", Rule::DuplicateTime),
        (|t| t.open[1] = f64::NAN, 1, "open", Rule::NotFinite),
        (|t| t.high[0] = f64::INFINITY, 0, "high", Rule::NotFinite),
        (|t| t.low[2] = 0.0, 2, "low", Rule::NotPositive),
        (|t| t.close[2] = -1.0, 2, "close", Rule::NotPositive),
        (|t| t.low[2] = 0.9e-18, 2, "low", Rule::NotHeld),
        (|t| t.high[2] = 1e20, 2, "high", Rule::NotHeld),
        (|t| t.low[1] = 3.5, 1, "low", Rule::HighLow),
        (|t| t.open[1] = 0.5, 1, "open", Rule::HighLow),
        (|t| t.close[3] = 3.25, 3, "close", Rule::HighLow),
        (|t| t.volume[3] = -0.5, 3, "volume", Rule::Volume),
        (|t| t.volume[3] = f64::NAN, 3, "volume", Rule::Volume),
        (
            |t| t.close_ts = Some(vec![15, 20, 35, 45]),
            1,
            "close_time",
            Rule::CloseTime,
        ),
        (
            |t| t.close_ts = Some(vec![15, 99, 35, 45]),
            2,
            "close_time",
            Rule::CloseTime,
        ),
        (|t| t.low.truncate(3), 3, "low", Rule::Length),
    ];
    for (spoil, row, column, rule) in cases {
        let mut table = Table::good();
        assert_eq!(first_offence(&table.rows()), None);
        spoil(&mut table);
        let offence = first_offence(&table.rows()).expect("the spoilt row is found");
        assert_eq!(
            (offence.row, offence.column, offence.rule),
            (row, column, rule)
        );
        assert!(rule.code().starts_with("data."));
        // A close far too late condemns all that closes before it, so there the rest goes too.
        if rule != Rule::Length && (column, row) != ("close_time", 2) {
            assert_eq!(offending(&table.rows()), [row], "{offence}");
        }
    }
}

#[test]
fn prices_at_the_ends_of_what_money_holds_are_fine() {
    for price in [1e-18, 0.999e20] {
        let mut table = Table::good();
        for column in [
            &mut table.open,
            &mut table.high,
            &mut table.low,
            &mut table.close,
        ] {
            column.fill(price);
        }
        assert_eq!(first_offence(&table.rows()), None);
    }
}

#[test]
fn the_first_row_wins() {
    let mut table = Table::good();
    table.volume[1] = -1.0;
    table.ts[3] = 5;
    assert_eq!(first_offence(&table.rows()).map(|o| o.row), Some(1));
    assert_eq!(offending(&table.rows()), [1, 3]);
}

#[test]
fn a_bad_row_does_not_condemn_the_rows_after_it() {
    let mut table = Table::good();
    table.ts[1] = 1_000;
    table.open[1] = -1.0;
    assert_eq!(offending(&table.rows()), [1]);
}

#[test]
fn of_two_candles_at_one_time_the_first_is_kept() {
    let mut table = Table::good();
    table.ts = vec![10, 10, 10, 20];
    assert_eq!(offending(&table.rows()), [1, 2]);
}

#[test]
fn quotes_and_trades_may_repeat_a_time_but_not_go_back() {
    let (one, sizes) = ([1.0; 3], [0.0, f64::NAN, 1.0]);
    let quotes = |ts, sizes| QuoteRows {
        ts,
        bid: &one,
        ask: &one,
        bid_size: None,
        ask_size: sizes,
    };
    assert_eq!(first_offence(&quotes(&[5, 5, 5], None)), None);
    let offence = first_offence(&quotes(&[5, 5, 4], None)).map(|o| (o.row, o.rule));
    assert_eq!(offence, Some((2, Rule::TimeBackwards)));
    let offence = first_offence(&quotes(&[5, 5, 5], Some(&sizes)));
    assert_eq!(
        offence.map(|o| (o.row, o.column, o.rule)),
        Some((1, "ask_size", Rule::Volume))
    );
    let trades = TradeRows {
        ts: &[5, 5, 6],
        price: &[1.0, 0.0, 1.0],
        quantity: &one,
    };
    let offence = first_offence(&trades).expect("a price of zero");
    assert_eq!(
        offence.to_string(),
        "row 1, column 'price': 0.0 is not above zero"
    );
}

/// Values that break a rule here and there, and some that are at the edge of one.
const ODD: [f64; 8] = [
    f64::NAN,
    f64::INFINITY,
    -1.0,
    0.0,
    PRICE_FLOOR,
    PRICE_CEILING,
    99.0,
    101.0,
];

/// An offence as text: what is not a number is not equal to itself.
fn said(offence: Option<Offence>) -> String {
    format!("{offence:?}")
}

proptest::proptest! {
    /// Many rows at once say what one after the other do, wherever the odd value stands.
    #[test]
    fn rows_looked_at_together_name_the_same_offence(
        count in 0..1_600_usize,
        spots in proptest::collection::vec((0..1_600_usize, 0..8_usize, 0..8_usize), 0..4),
    ) {
        let mut prices = [100.0, 101.5, 98.5, 100.5].map(|price| vec![price; count]);
        let mut volume = vec![5.0; count];
        let mut ts: Vec<i64> = (0..1_600).take(count).map(|row| row * 10).collect();
        let mut closes: Vec<i64> = ts.iter().map(|ts| ts + 10).collect();
        for (row, column, odd) in spots {
            if row >= count {
                continue;
            }
            match column {
                0..4 => prices[column][row] = ODD[odd],
                4 => volume[row] = ODD[odd],
                // A time again, or far ahead of its close.
                5 => ts[row] = ts[row.saturating_sub(1)],
                6 => ts[row] += 1_000,
                _ => closes[row] += 1_000,
            }
        }
        let [open, high, low, close] = &prices;
        let candles = CandleRows {
            ts: &ts,
            close_ts: Some(&closes),
            open,
            high,
            low,
            close,
            volume: Some(&volume),
        };
        proptest::prop_assert_eq!(said(first_offence(&candles)), said(first_of(&candles, 0..count)));
        let quotes = QuoteRows {
            ts: &ts,
            bid: open,
            ask: close,
            bid_size: Some(&volume),
            ask_size: None,
        };
        proptest::prop_assert_eq!(said(first_offence(&quotes)), said(first_of(&quotes, 0..count)));
        let trades = TradeRows { ts: &ts, price: high, quantity: &volume };
        proptest::prop_assert_eq!(said(first_offence(&trades)), said(first_of(&trades, 0..count)));
    }
}
