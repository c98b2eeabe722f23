//! What is in a market's columns, as one fingerprint: the same rows have the same, from whatever file they were read.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use blake3::Hasher;

use crate::limits::DIGESTED_TOGETHER;

use super::series::{CloseTimes, Column, ExtraColumn, Market, Times};

/// So many words are a piece that is hashed at once.
const WORDS_TOGETHER: usize = DIGESTED_TOGETHER / 8;

/// BLAKE3 over all columns of a market, as hexadecimal text.
fn content_of(market: &Market) -> String {
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

/// Of each of these markets its name, its number of rows, and BLAKE3 over all columns as hexadecimal text, made on all
/// cores.
#[must_use]
pub fn contents_of(markets: &[Market]) -> Vec<(String, usize, String)> {
    let one = |market: &Market| {
        let rows = market.kinds().filter_map(|kind| market.series(kind));
        let rows = rows.map(|series| series.len()).sum();
        (market.name.clone(), rows, content_of(market))
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let each = markets.len().div_ceil(cores).max(1);
    let of_some = |markets: &[Market]| markets.iter().map(one).collect::<Vec<_>>();
    thread::scope(|scope| {
        let parts = markets.chunks(each);
        let of_some = &of_some;
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || of_some(part)))
            .collect();
        let joined = parts.into_iter().map(|part| part.join());
        joined
            .flat_map(|part| part.unwrap_or_else(|payload| resume_unwind(payload)))
            .collect()
    })
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

    fn words(&mut self, words: impl IntoIterator<Item = [u8; 8], IntoIter: ExactSizeIterator>) {
        let mut words = words.into_iter();
        while words.len() > 0 {
            // Room first, then words into it: so the processor moves several at once.
            let filled = self.bytes.len();
            let more = words.len().min(WORDS_TOGETHER);
            self.bytes.resize(filled + more * 8, 0);
            let slots = self.bytes[filled..].chunks_exact_mut(8);
            for (slot, word) in slots.zip(words.by_ref()) {
                slot.copy_from_slice(&word);
            }
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
