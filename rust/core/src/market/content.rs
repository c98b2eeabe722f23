//! What is in a market's columns, as one fingerprint: the same rows have the same, from whatever file they were read.

use blake3::Hasher;

use crate::limits::DIGESTED_TOGETHER;

use super::series::{CloseTimes, Column, ExtraColumn, Market, Times};

/// BLAKE3 over all columns of a market, as hexadecimal text.
#[must_use]
pub fn content_of(market: &Market) -> String {
    let mut content = Content::default();
    if let Some(candles) = &market.candles {
        content.begin("candle", &candles.open_ts);
        for column in [&candles.open, &candles.high, &candles.low, &candles.close] {
            content.numbers(column);
        }
        content.optional(candles.volume.as_ref());
        match &candles.closes {
            CloseTimes::Interval(interval) => content.words([interval.to_le_bytes()]),
            CloseTimes::Column(times) => content.times(times),
        }
        content.extra(&candles.extra);
    }
    if let Some(quotes) = &market.quotes {
        content.begin("quote", &quotes.ts);
        content.numbers(&quotes.bid);
        content.numbers(&quotes.ask);
        content.optional(quotes.bid_size.as_ref());
        content.optional(quotes.ask_size.as_ref());
        content.extra(&quotes.extra);
    }
    if let Some(trades) = &market.trades {
        content.begin("trade", &trades.ts);
        content.numbers(&trades.price);
        content.numbers(&trades.quantity);
        if let Some(side) = &trades.side {
            content.text("side");
            content.words(side.iter().map(|side| i64::from(*side).to_le_bytes()));
        }
        content.extra(&trades.extra);
    }
    content.finish()
}

#[derive(Default)]
struct Content {
    hasher: Hasher,
    bytes: Vec<u8>,
}

impl Content {
    fn begin(&mut self, kind: &str, times: &Times) {
        self.text(kind);
        self.words([(times.len() as u64).to_le_bytes()]);
        self.times(times);
    }

    fn text(&mut self, text: &str) {
        self.words([(text.len() as u64).to_le_bytes()]);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn times(&mut self, times: &Times) {
        self.words(times.iter().map(|ts| ts.to_le_bytes()));
    }

    fn numbers(&mut self, column: &Column) {
        self.words(column.iter().map(|value| value.to_bits().to_le_bytes()));
    }

    fn optional(&mut self, column: Option<&Column>) {
        self.text(if column.is_some() { "column" } else { "none" });
        if let Some(column) = column {
            self.numbers(column);
        }
    }

    fn extra(&mut self, columns: &[ExtraColumn]) {
        for column in columns {
            self.text(&column.name);
            self.numbers(&column.values);
        }
    }

    fn words(&mut self, words: impl IntoIterator<Item = [u8; 8]>) {
        for word in words {
            self.bytes.extend_from_slice(&word);
            if self.bytes.len() >= DIGESTED_TOGETHER {
                self.hasher.update(&self.bytes);
                self.bytes.clear();
            }
        }
    }

    fn finish(mut self) -> String {
        self.hasher.update(&self.bytes);
        self.hasher.finalize().to_hex().to_string()
    }
}
