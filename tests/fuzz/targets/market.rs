//! Rows of prices: those that the checks of the input let pass are traded, event by event and ahead, with one digest.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pairloom_core::commit::OnError;
use pairloom_core::domain::{Amount, FeeRates, Rate};
use pairloom_core::engine::{Account, Config, RunOptions, TraderConfig, Unattended, backtest};
use pairloom_core::market::validate::{CandleRows, first_offence};
use pairloom_core::market::{CandleSeries, CloseTimes, Market, MarketData, PriceScale};
use pairloom_core::signal::SizeSpec;
use pairloom_core::strategy::{ParameterValue, builtin};
use pairloom_core::venue::{FillModel, VenueConfig};

const ROW: usize = 12;
const MINUTE: i64 = 60_000_000_000;
const MOST_ROWS: usize = 400;

/// The columns of a market that some bytes stand for: the first decide on the kind of prices, then twelve are a row.
struct Columns {
    ts: Vec<i64>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

fn columns(kind: u8, bytes: &[u8]) -> Columns {
    let (mut ts, mut price) = (0_i64, 1_000_i64);
    let mut columns = Columns {
        ts: Vec::new(),
        open: Vec::new(),
        high: Vec::new(),
        low: Vec::new(),
        close: Vec::new(),
    };
    let as_price = |units: i64| match kind % 5 {
        0 => units as f64 / 100.0,
        1 => units as f64,
        2 => units as f64 * 1e-9,
        3 => units as f64 * 1e12,
        // Prices that no decimal of a few digits says.
        _ => units as f64 / 3.0,
    };
    for row in bytes.chunks_exact(ROW).take(MOST_ROWS) {
        let number = |at: usize| i64::from(i16::from_le_bytes([row[at], row[at + 1]]));
        let open = price + number(0) % 50;
        price += number(2) % 50;
        let (high, low) = (
            open.max(price) + number(4) % 9,
            open.min(price) - number(6) % 9,
        );
        columns.ts.push(ts);
        ts += MINUTE * (1 + (number(8) % 7).max(-1));
        let rare = row[10] == 0xff;
        columns.open.push(as_price(open));
        columns.high.push(if rare {
            f64::from_bits(u64::from(row[11]) << 56)
        } else {
            as_price(high)
        });
        columns.low.push(as_price(low));
        columns.close.push(as_price(price));
    }
    columns
}

fn market(columns: &Columns) -> Market {
    let mut market = Market::without_rows(
        "A/USD",
        PriceScale {
            digits: 0,
            exact: true,
        },
    );
    market.candles = Some(CandleSeries {
        open_ts: columns.ts.clone().into(),
        open: columns.open.clone().into(),
        high: columns.high.clone().into(),
        low: columns.low.clone().into(),
        close: columns.close.clone().into(),
        volume: None,
        closes: CloseTimes::Interval(MINUTE),
        extra: Vec::new(),
    });
    market.scale = market.detect_scale();
    market
}

fn config(cash: i128, margin: bool, block: Option<u32>) -> Config {
    let rate = |text: &str| Rate::from_decimal(text.parse().unwrap());
    Config {
        currency: "USD".to_owned(),
        cash: vec![("USD".to_owned(), cash)],
        account: if margin {
            Account::Margin
        } else {
            Account::Spot
        },
        leverage: rate(if margin { "3" } else { "1" }),
        fees: FeeRates {
            maker: rate("0.0005"),
            taker: rate("0.001"),
        },
        venue: VenueConfig {
            fill: FillModel::NextOpen,
            slippage: rate("0"),
            latency: 0,
        },
        instruments: Vec::new(),
        threads: Some(1),
        block,
        on_error: OnError::Keep,
        risk: None,
    }
}

fn traders(margin: bool, size: u8) -> Vec<TraderConfig> {
    let number = |name: &str, value: f64| (name.to_owned(), ParameterValue::Number(value));
    let side = ParameterValue::Text(if margin { "both" } else { "long" }.to_owned());
    let cross = [
        number("fast", 2.0),
        number("slow", 5.0),
        ("side".to_owned(), side),
    ];
    let strategies = [
        ("sma_cross", &cross[..]),
        ("simple", &[][..]),
        ("rsi", &[][..]),
        ("heikin_ashi", &[][..]),
    ];
    let trader = |(name, parameters): (&str, &[(String, ParameterValue)])| TraderConfig {
        name: name.to_owned(),
        label: name.to_owned(),
        version: "1".to_owned(),
        pair: "A/USD".to_owned(),
        size: Some(SizeSpec::Base(Amount::Exact(u64::from(size).max(1).into()))),
        events: None,
        window: 0,
        schedule: Vec::new(),
        strategy: builtin(name, parameters).unwrap(),
    };
    strategies.map(trader).into()
}

fuzz_target!(|bytes: &[u8]| {
    let [kind, size, cash, rows @ ..] = bytes else {
        return;
    };
    let columns = columns(*kind, rows);
    let checked = CandleRows {
        ts: &columns.ts,
        close_ts: None,
        open: &columns.open,
        high: &columns.high,
        low: &columns.low,
        close: &columns.close,
        volume: None,
    };
    if columns.ts.is_empty() || first_offence(&checked).is_some() {
        return;
    }
    let data = Arc::new(MarketData {
        markets: vec![market(&columns)],
    });
    let margin = kind & 0x80 != 0;
    let cash = (i128::from(*cash) + 1) * 10_i128.pow(22);
    let run = |block| {
        let config = config(cash, margin, block);
        let traders = traders(margin, *size);
        let outcome = backtest(&config, traders, &data, &RunOptions::default(), &Unattended);
        outcome.map(|outcome| {
            assert_eq!(outcome.reserved, 0);
            (outcome.digest, outcome.equity, outcome.records.curve.equity)
        })
    };
    let by_event = run(Some(0));
    for block in [None, Some(3)] {
        assert_eq!(run(block).ok(), by_event.as_ref().ok().cloned());
    }
});
