use super::*;

const MINUTE: Nanos = 60_000_000_000;

/// A change that makes a good specification a bad one.
type Spoil<T> = fn(&mut T);

fn spec(kind: EventKind) -> SyntheticFeedSpec {
    SyntheticFeedSpec {
        seed: 42,
        kind,
        start: 0,
        interval: MINUTE,
        correlation: 0.3,
        missing: 0.0,
    }
}

fn markets(count: usize) -> Vec<SyntheticMarketSpec> {
    vec![
        SyntheticMarketSpec {
            price: 100.0,
            digits: 2,
            volatility: 0.01
        };
        count
    ]
}

fn columns(
    spec: SyntheticFeedSpec,
    markets: &[SyntheticMarketSpec],
    rows: usize,
) -> Vec<SyntheticColumns> {
    SyntheticFeed::new(spec, markets)
        .unwrap()
        .columns(rows)
        .unwrap()
}

fn candles(spec: SyntheticFeedSpec, count: usize, rows: usize) -> Vec<CandleColumns> {
    let all = columns(spec, &markets(count), rows);
    all.into_iter()
        .map(|market| match market {
            SyntheticColumns::Candles(candles) => candles,
            other => panic!("asked for candles, got {other:?}"),
        })
        .collect()
}

fn returns(closes: &[f64]) -> Vec<f64> {
    closes
        .windows(2)
        .map(|pair| (pair[1] / pair[0]).ln())
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(p, q)| (p - mx) * (q - my)).sum()
    };
    product(a, mean_a, b, mean_b)
        / (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt()
}

/// The numbers were computed by the independent reference in `tests/unit/synthetic_reference.py`.
#[test]
fn the_first_rows_of_a_seed_are_these() {
    let market = &candles(spec(EventKind::Candle), 2, 3)[1];
    assert_eq!(market.ts, [0, MINUTE, 2 * MINUTE]);
    assert_eq!(market.open, [100.0, 98.67, 99.19]);
    assert_eq!(market.high, [100.69, 99.88, 99.21]);
    assert_eq!(market.low, [98.37, 98.03, 97.5]);
    assert_eq!(market.close, [98.67, 99.19, 97.67]);
    assert_eq!(market.volume, [16.37, 322.38, 148.73]);

    let SyntheticColumns::Quotes(quotes) = &columns(spec(EventKind::Quote), &markets(2), 2)[1]
    else {
        panic!("asked for quotes");
    };
    assert_eq!(quotes.ts, [87_857_571_618, 128_674_368_144]);
    assert_eq!(
        (&quotes.bid[..], &quotes.ask[..]),
        (&[98.65, 99.17][..], &[98.68, 99.22][..])
    );
    assert_eq!(
        (&quotes.bid_size[..], &quotes.ask_size[..]),
        (&[64.89, 14.88][..], &[63.91, 7.67][..])
    );

    let SyntheticColumns::Trades(trades) = &columns(spec(EventKind::Trade), &markets(2), 2)[1]
    else {
        panic!("asked for trades");
    };
    assert_eq!(trades.ts, [87_857_571_618, 163_932_918_734]);
    assert_eq!(
        (&trades.price[..], &trades.quantity[..]),
        (&[98.67, 99.19][..], &[1.64, 32.24][..])
    );
    assert_eq!(trades.side, [-1, -1]);
}

#[test]
fn each_candle_opens_where_the_last_closed_and_holds_its_body() {
    let market = &candles(spec(EventKind::Candle), 1, 5_000)[0];
    for row in 0..5_000 {
        let (open, close) = (market.open[row], market.close[row]);
        assert!(
            market.low[row] <= open.min(close) && open.max(close) <= market.high[row],
            "row {row}"
        );
        assert!(
            market.low[row] > 0.0 && market.volume[row] > 0.0,
            "row {row}"
        );
        if row > 0 {
            assert_eq!(open.to_bits(), market.close[row - 1].to_bits(), "row {row}");
        }
    }
}

#[test]
fn every_price_is_the_double_nearest_to_its_decimal() {
    for digits in [0, 2, 5, 8] {
        let market = SyntheticMarketSpec {
            price: 1234.0,
            digits,
            volatility: 0.02,
        };
        for kind in EventKind::ALL {
            let mut feed = SyntheticFeed::new(spec(kind), std::slice::from_ref(&market)).unwrap();
            for _ in 0..2_000 {
                let prices = match feed.next(0).unwrap() {
                    MarketEvent::Candle(c) => vec![c.open, c.high, c.low, c.close],
                    MarketEvent::Quote(q) => vec![q.bid, q.ask],
                    MarketEvent::Trade(t) => vec![t.price],
                };
                for price in prices {
                    let decimal = format!("{price:.*}", digits as usize);
                    assert_eq!(
                        decimal.parse::<f64>().unwrap().to_bits(),
                        price.to_bits(),
                        "{price} {digits}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_correlation_asked_for_is_the_one_measured() {
    for asked in [0.0, 0.3, 0.9, 1.0] {
        let mut spec = spec(EventKind::Candle);
        spec.correlation = asked;
        let fine = vec![
            SyntheticMarketSpec {
                price: 100.0,
                digits: 9,
                volatility: 0.001
            };
            3
        ];
        let closes: Vec<Vec<f64>> = columns(spec, &fine, 20_000)
            .into_iter()
            .map(|market| match market {
                SyntheticColumns::Candles(candles) => returns(&candles.close),
                other => panic!("asked for candles, got {other:?}"),
            })
            .collect();
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let measured = correlation(&closes[a], &closes[b]);
            // Four standard errors at 20,000 rows.
            assert!(
                (measured - asked).abs() < 0.03,
                "asked {asked}, measured {measured}"
            );
        }
    }
}

#[test]
fn a_market_does_not_depend_on_how_many_others_there_are() {
    let few = candles(spec(EventKind::Candle), 2, 100);
    let many = candles(spec(EventKind::Candle), 50, 100);
    assert_eq!(few[1], many[1]);
    assert_ne!(many[0].close, many[1].close);
}

#[test]
fn leaving_rows_out_changes_none_of_those_that_stay() {
    for kind in EventKind::ALL {
        let mut sparse = spec(kind);
        sparse.missing = 0.25;
        let whole: Vec<MarketEvent> = first_events(spec(kind), 4_000);
        let kept: Vec<MarketEvent> = first_events(sparse, 2_900);
        assert_eq!(kept[0], whole[0], "the first row is always there");
        let mut all = whole.iter();
        assert!(
            kept.iter().all(|row| all.any(|other| other == row)),
            "{kind:?}"
        );
        let last = whole.iter().position(|row| row == &kept[2_899]).unwrap() + 1;
        // A quarter is missing: 2,900 of about 3,867, within four standard errors.
        assert!((3_700..4_000).contains(&last), "{last}");
    }
}

fn first_events(spec: SyntheticFeedSpec, rows: usize) -> Vec<MarketEvent> {
    let mut feed = SyntheticFeed::new(spec, &markets(1)).unwrap();
    (0..rows).map(|_| feed.next(0).unwrap()).collect()
}

#[test]
fn the_feed_and_the_columns_are_the_same_rows() {
    let mut sparse = spec(EventKind::Trade);
    sparse.missing = 0.5;
    let SyntheticColumns::Trades(trades) = &columns(sparse.clone(), &markets(1), 1_000)[0] else {
        panic!("asked for trades");
    };
    assert!((400..600).contains(&trades.ts.len()), "{}", trades.ts.len());
    for (row, event) in first_events(sparse, trades.ts.len())
        .into_iter()
        .enumerate()
    {
        let MarketEvent::Trade(trade) = event else {
            panic!("asked for trades")
        };
        assert_eq!(
            (trade.ts, trade.price.to_bits()),
            (trades.ts[row], trades.price[row].to_bits())
        );
    }
}

#[test]
fn quotes_and_trades_come_irregularly_but_at_the_mean_rate() {
    let SyntheticColumns::Quotes(quotes) = &columns(spec(EventKind::Quote), &markets(1), 10_000)[0]
    else {
        panic!("asked for quotes");
    };
    let gaps: Vec<Nanos> = quotes.ts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps.iter()
            .all(|&gap| (MINUTE / 10..MINUTE / 10 * 19).contains(&gap))
    );
    let mean = (quotes.ts[9_999] - quotes.ts[0]) / 9_999;
    assert!((mean - MINUTE).abs() < MINUTE / 40, "{mean}");
    assert!(
        quotes
            .bid
            .iter()
            .zip(&quotes.ask)
            .all(|(bid, ask)| 0.0 < *bid && bid < ask)
    );
}

#[test]
fn a_walk_at_its_ends_still_gives_prices() {
    for price in [0.04, HIGHEST_TICKS / 100.0] {
        let wild = SyntheticMarketSpec {
            price,
            digits: 2,
            volatility: 1.0,
        };
        for kind in EventKind::ALL {
            let mut feed = SyntheticFeed::new(spec(kind), std::slice::from_ref(&wild)).unwrap();
            for _ in 0..2_000 {
                let lowest = match feed.next(0).unwrap() {
                    MarketEvent::Candle(c) => c.low,
                    MarketEvent::Quote(q) => q.bid,
                    MarketEvent::Trade(t) => t.price,
                };
                assert!(lowest >= 0.01 && lowest.is_finite(), "{kind:?} {lowest}");
            }
        }
    }
}

#[test]
fn a_feed_out_of_range_is_refused_by_name() {
    let cases: [(&str, Spoil<SyntheticFeedSpec>); 5] = [
        ("interval", |feed| feed.interval = 0),
        ("correlation", |feed| feed.correlation = 1.1),
        ("correlation", |feed| feed.correlation = f64::NAN),
        ("missing", |feed| feed.missing = 1.0),
        ("missing", |feed| feed.missing = -0.1),
    ];
    for (argument, spoil) in cases {
        let mut feed = spec(EventKind::Candle);
        spoil(&mut feed);
        assert_names(
            &SyntheticFeed::new(feed, &markets(1)).unwrap_err(),
            argument,
        );
    }
}

#[test]
fn a_market_out_of_range_is_refused_by_name() {
    let cases: [(&str, Spoil<SyntheticMarketSpec>); 7] = [
        ("digits", |market| market.digits = 13),
        ("volatility", |market| market.volatility = -0.1),
        ("volatility", |market| market.volatility = f64::INFINITY),
        ("price", |market| market.price = 0.0),
        ("price", |market| market.price = f64::NAN),
        ("price", |market| market.price = 0.01),
        ("price", |market| market.price = 1e13),
    ];
    for (argument, spoil) in cases {
        let mut spoilt = markets(1);
        spoil(&mut spoilt[0]);
        let refused = SyntheticFeed::new(spec(EventKind::Candle), &spoilt).unwrap_err();
        assert_names(&refused, argument);
    }
}

#[test]
fn rows_past_the_end_of_time_are_refused() {
    let mut late = spec(EventKind::Candle);
    late.start = Nanos::MAX - 10 * MINUTE;
    let feed = SyntheticFeed::new(late, &markets(1)).unwrap();
    assert_names(&feed.columns(100).unwrap_err(), "rows");
}

fn assert_names(error: &Error, argument: &str) {
    assert!(
        error.message.starts_with(&format!("{argument}=")),
        "{argument}: {error}"
    );
}
