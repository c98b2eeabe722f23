//! What a worker is given when it starts: its traders, and the columns of their markets. It is read once, in pieces, so
//! that no more than one market is in memory twice.

use std::collections::HashMap;
use std::io::{Read as _, Seek, Write};
use std::sync::Arc;
use std::{fs::File, io};

use pairloom_core::domain::{FeeRates, Instrument, InstrumentSpec, Rate};
use pairloom_core::market::{
    CandleSeries, CloseTimes, EventKind, ExtraColumn, Market, PriceScale, QuoteSeries, Series,
    Times, TradeSeries,
};
use rust_decimal::Decimal;

use super::wire::{Garbled, Read, Wire, get_bytes, put_bytes, take};

/// One trader, as a worker needs to know it.
#[derive(Clone, Debug)]
pub(super) struct TraderPart {
    pub index: u32,
    pub name: String,
    pub label: String,
    /// The position of its market among the worker's.
    pub market: u32,
    pub events: Vec<EventKind>,
    pub window: usize,
    pub has_volume: bool,
    pub hooks: u8,
    /// The position of its template among the pickled ones.
    pub template: u32,
    /// Whether it was quarantined in an earlier life of its worker: then it is not made again.
    pub gone: bool,
}

/// A market as a worker gets it.
pub(super) struct MarketPart<'a> {
    pub market: &'a Market,
    pub scale: PriceScale,
    pub spec: InstrumentSpec,
    /// The kinds of event that its traders hear.
    pub kinds: Vec<EventKind>,
}

/// All that a worker is given.
pub(super) struct Start<'a> {
    /// What Python has to say, pickled.
    pub payload: &'a [u8],
    pub memory_limit: Option<u64>,
    pub seed: u64,
    /// Whether a life before this one has set the strategies up.
    pub again: bool,
    pub markets: Vec<MarketPart<'a>>,
    pub traders: &'a [TraderPart],
}

/// The same as a worker has it.
pub(super) struct Started {
    pub payload: Vec<u8>,
    pub memory_limit: Option<u64>,
    pub seed: u64,
    pub again: bool,
    pub markets: Vec<(Market, Instrument)>,
    pub traders: Vec<TraderPart>,
}

impl Wire for EventKind {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let kind = u8::get(from)?;
        Self::ALL.get(usize::from(kind)).copied().ok_or(Garbled)
    }
}

impl Wire for TraderPart {
    fn put(&self, out: &mut Vec<u8>) {
        self.index.put(out);
        self.name.put(out);
        self.label.put(out);
        self.market.put(out);
        self.events.put(out);
        self.window.put(out);
        self.has_volume.put(out);
        self.hooks.put(out);
        self.template.put(out);
        self.gone.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            index: u32::get(from)?,
            name: String::get(from)?,
            label: String::get(from)?,
            market: u32::get(from)?,
            events: Vec::get(from)?,
            window: usize::get(from)?,
            has_volume: bool::get(from)?,
            hooks: u8::get(from)?,
            template: u32::get(from)?,
            gone: bool::get(from)?,
        })
    }
}

impl Start<'_> {
    /// Writes everything, piece by piece.
    pub(super) fn write(&self, file: &mut File) -> io::Result<()> {
        let mut piece = Vec::new();
        put_bytes(self.payload, &mut piece);
        self.memory_limit.put(&mut piece);
        self.seed.put(&mut piece);
        self.again.put(&mut piece);
        self.traders.len().put(&mut piece);
        self.traders
            .iter()
            .for_each(|trader| trader.put(&mut piece));
        self.markets.len().put(&mut piece);
        write_piece(file, &mut piece)?;
        // Markets that were recorded together have the same times: these travel once.
        let mut known: HashMap<*const i64, u64> = HashMap::new();
        for part in &self.markets {
            part.market.name.put(&mut piece);
            part.scale.digits.put(&mut piece);
            part.scale.exact.put(&mut piece);
            part.spec.tick.put(&mut piece);
            part.spec.lot.put(&mut piece);
            part.spec.min_notional.put(&mut piece);
            part.kinds.put(&mut piece);
            for &kind in &part.kinds {
                if let Some(series) = part.market.series(kind) {
                    put_series(series, &mut known, &mut piece);
                }
            }
            write_piece(file, &mut piece)?;
        }
        file.rewind()
    }
}

impl Started {
    /// Reads what [`Start::write`] wrote.
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let mut piece = Vec::new();
        file.rewind()?;
        read_piece(file, &mut piece)?;
        let (mut started, markets) = Self::head(&mut &piece[..]).map_err(garbled)?;
        let mut times = Vec::new();
        for _ in 0..markets {
            read_piece(file, &mut piece)?;
            let market = get_market(&mut &piece[..], &mut times).map_err(garbled)?;
            started.markets.push(market);
        }
        Ok(started)
    }

    fn head(from: &mut &[u8]) -> Read<(Self, usize)> {
        let started = Self {
            payload: get_bytes(from)?.to_vec(),
            memory_limit: Option::get(from)?,
            seed: u64::get(from)?,
            again: bool::get(from)?,
            traders: Vec::get(from)?,
            markets: Vec::new(),
        };
        Ok((started, usize::get(from)?))
    }
}

fn garbled(_: Garbled) -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn write_piece(file: &mut File, piece: &mut Vec<u8>) -> io::Result<()> {
    file.write_all(&(piece.len() as u64).to_ne_bytes())?;
    file.write_all(piece)?;
    piece.clear();
    Ok(())
}

fn read_piece(file: &mut File, piece: &mut Vec<u8>) -> io::Result<()> {
    let mut len = [0; 8];
    file.read_exact(&mut len)?;
    piece.clear();
    file.take(u64::from_ne_bytes(len)).read_to_end(piece)?;
    Ok(())
}

fn put_series(series: Series<'_>, known: &mut HashMap<*const i64, u64>, out: &mut Vec<u8>) {
    match series {
        Series::Candle(candles) => {
            put_times(&candles.open_ts, known, out);
            match &candles.closes {
                CloseTimes::Interval(interval) => {
                    true.put(out);
                    interval.put(out);
                }
                CloseTimes::Column(times) => {
                    false.put(out);
                    put_times(times, known, out);
                }
            }
            for column in [&candles.open, &candles.high, &candles.low, &candles.close] {
                put_column(column, out);
            }
            put_optional(candles.volume.as_deref(), out);
            put_extra(&candles.extra, out);
        }
        Series::Quote(quotes) => {
            put_times(&quotes.ts, known, out);
            put_column(&quotes.bid, out);
            put_column(&quotes.ask, out);
            put_optional(quotes.bid_size.as_deref(), out);
            put_optional(quotes.ask_size.as_deref(), out);
            put_extra(&quotes.extra, out);
        }
        Series::Trade(trades) => {
            put_times(&trades.ts, known, out);
            put_column(&trades.price, out);
            put_column(&trades.quantity, out);
            trades.side.is_some().put(out);
            for side in trades.side.iter().flat_map(|sides| sides.iter()) {
                side.put(out);
            }
            put_extra(&trades.extra, out);
        }
    }
}

fn get_market(from: &mut &[u8], times: &mut Vec<Times>) -> Read<(Market, Instrument)> {
    let name = String::get(from)?;
    let scale = PriceScale {
        digits: i8::get(from)?,
        exact: bool::get(from)?,
    };
    let spec = InstrumentSpec {
        tick: Option::get(from)?,
        lot: Option::get(from)?,
        min_notional: Option::get(from)?,
    };
    let kinds: Vec<EventKind> = Vec::get(from)?;
    let mut market = Market::without_rows(&name, scale);
    for kind in kinds {
        match kind {
            EventKind::Candle => market.candles = Some(get_candles(from, times)?),
            EventKind::Quote => market.quotes = Some(get_quotes(from, times)?),
            EventKind::Trade => market.trades = Some(get_trades(from, times)?),
        }
    }
    // A strategy sees prices and quantities of an instrument, but not the fees.
    let nothing = Rate::from_decimal(Decimal::ZERO);
    let fees = FeeRates {
        maker: nothing,
        taker: nothing,
    };
    let instrument = Instrument::new(scale.digits, &spec, fees).ok_or(Garbled)?;
    Ok((market, instrument))
}

fn get_candles(from: &mut &[u8], times: &mut Vec<Times>) -> Read<CandleSeries> {
    let open_ts = get_times(from, times)?;
    let closes = if bool::get(from)? {
        CloseTimes::Interval(i64::get(from)?)
    } else {
        CloseTimes::Column(get_times(from, times)?)
    };
    Ok(CandleSeries {
        open_ts,
        closes,
        open: get_column(from)?,
        high: get_column(from)?,
        low: get_column(from)?,
        close: get_column(from)?,
        volume: get_optional(from)?,
        extra: get_extra(from)?,
    })
}

fn get_quotes(from: &mut &[u8], times: &mut Vec<Times>) -> Read<QuoteSeries> {
    Ok(QuoteSeries {
        ts: get_times(from, times)?,
        bid: get_column(from)?,
        ask: get_column(from)?,
        bid_size: get_optional(from)?,
        ask_size: get_optional(from)?,
        extra: get_extra(from)?,
    })
}

fn get_trades(from: &mut &[u8], times: &mut Vec<Times>) -> Read<TradeSeries> {
    let ts = get_times(from, times)?;
    let (price, quantity) = (get_column(from)?, get_column(from)?);
    let side = if bool::get(from)? {
        let sides = take(from, ts.len())?;
        Some(sides.iter().map(|side| side.cast_signed()).collect())
    } else {
        None
    };
    Ok(TradeSeries {
        ts,
        price,
        quantity,
        side,
        extra: get_extra(from)?,
    })
}

fn put_times(times: &Times, known: &mut HashMap<*const i64, u64>, out: &mut Vec<u8>) {
    let next = known.len() as u64;
    let number = *known.entry(times.as_ptr()).or_insert(next);
    number.put(out);
    if number == next {
        times.len().put(out);
        out.reserve(8 * times.len());
        times.iter().for_each(|ts| ts.put(out));
    }
}

fn get_times(from: &mut &[u8], known: &mut Vec<Times>) -> Read<Times> {
    let number = usize::get(from)?;
    if number == known.len() {
        known.push(get_numbers(from)?);
    }
    known.get(number).cloned().ok_or(Garbled)
}

fn put_column(column: &[f64], out: &mut Vec<u8>) {
    column.len().put(out);
    out.reserve(8 * column.len());
    column.iter().for_each(|value| value.put(out));
}

fn get_column(from: &mut &[u8]) -> Read<Arc<[f64]>> {
    get_numbers(from)
}

/// Numbers of eight bytes.
fn get_numbers<T: Wire>(from: &mut &[u8]) -> Read<Arc<[T]>> {
    let len = usize::get(from)?;
    let bytes = take(from, len.checked_mul(8).ok_or(Garbled)?)?;
    bytes
        .chunks_exact(8)
        .map(|mut chunk| T::get(&mut chunk))
        .collect()
}

fn put_optional(column: Option<&[f64]>, out: &mut Vec<u8>) {
    column.is_some().put(out);
    if let Some(column) = column {
        put_column(column, out);
    }
}

fn get_optional(from: &mut &[u8]) -> Read<Option<Arc<[f64]>>> {
    bool::get(from)?.then(|| get_column(from)).transpose()
}

fn put_extra(columns: &[ExtraColumn], out: &mut Vec<u8>) {
    columns.len().put(out);
    for column in columns {
        column.name.put(out);
        put_column(&column.values, out);
    }
}

fn get_extra(from: &mut &[u8]) -> Read<Vec<ExtraColumn>> {
    (0..usize::get(from)?)
        .map(|_| {
            Ok(ExtraColumn {
                name: String::get(from)?,
                values: get_column(from)?,
            })
        })
        .collect()
}
