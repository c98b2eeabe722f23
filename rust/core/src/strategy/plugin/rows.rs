//! Many rows for one call of a strategy of the interface: its columns are lent as they lie in memory, and it decides at
//! one row after the other until it asks for something.

use std::mem::MaybeUninit;
use std::ptr::null;

use pairloom_strategy::abi;

use crate::domain::Side;
use crate::limits::LOOKED_AHEAD;
use crate::market::{CloseTimes, Column, EventKind, Series};
use crate::signal::TradeSignal;

use super::super::Coming;
use super::answer::Room;
use super::context::empty;
use super::setup::Slot;

/// Slots that are read along their columns at most; with more, rows are taken in one by one.
const SLOTS: usize = 8;

/// What a strategy of the interface reads at each row.
pub(super) struct Reader<'s> {
    pub reads: u32,
    pub kind: EventKind,
    pub slots: &'s [Slot],
    pub values: &'s mut [f64],
}

/// How the last call of many ended.
pub(super) enum Ended {
    /// With this signal, or with none.
    Signal(Option<TradeSignal>),
    /// With a status that says that it failed; `raw` is what it was shown.
    Failed {
        status: i32,
        said: String,
        raw: Box<abi::Ctx>,
        next_id: u64,
    },
    /// With an answer that is none.
    Wrong(String),
}

/// The slots over some rows, and the room for a column that exists nowhere as it is. Left as it is until it is written, since
/// that would cost as much as a dozen rows.
struct Columns {
    slots: [MaybeUninit<abi::Slot>; SLOTS],
    made: [MaybeUninit<f64>; LOOKED_AHEAD],
}

/// Calls for the coming rows until one of them asks for something new; how many were taken in, and how the last ended.
/// None where what the strategy reads is not laid out in columns.
pub(super) fn take_in(
    reader: Reader<'_>,
    coming: &mut Coming<'_>,
    call: impl FnOnce(*mut abi::Ctx, *const abi::Rows, *mut abi::Answer, *mut usize) -> i32,
) -> (usize, Ended) {
    let Reader {
        reads,
        kind,
        slots,
        values,
    } = reader;
    let nothing = (0, Ended::Signal(None));
    let mut columns = Columns {
        slots: [const { MaybeUninit::uninit() }; SLOTS],
        made: [const { MaybeUninit::uninit() }; LOOKED_AHEAD],
    };
    if coming.event(0).kind() != kind || !columns.show_slots(slots, coming) {
        return nothing;
    }
    let Some(rows) = columns.rows(reads, coming) else {
        return nothing;
    };
    let mut room = Room::new();
    let next_id = coming.orders.next();
    let mut answer = room.answer(next_id);
    let mut raw = begin(coming, reads, values);
    let mut taken = 0;
    let status = call(
        &raw mut raw,
        &raw const rows,
        &raw mut answer,
        &raw mut taken,
    );
    if status == abi::OK && taken > rows.count {
        let count = rows.count;
        let said = format!("it took in {taken} rows where there are {count}");
        return (count, Ended::Wrong(said));
    }
    let taken = taken.min(rows.count);
    if status != abi::OK {
        let last = taken.max(1) - 1;
        raw = begin(coming, reads, values);
        // SAFETY: `rows` lends columns of `count` rows, of which this is one, and `raw` points to the values.
        unsafe { rows.show(last, reads, &mut raw) };
        let failed = Ended::Failed {
            status,
            said: room.said(&answer.message),
            raw: Box::new(raw),
            next_id,
        };
        return (last + 1, failed);
    }
    if answer.asks_nothing(rows.held) {
        return (taken, Ended::Signal(None));
    }
    let ended = match room.take_into(&answer, coming.orders) {
        Ok(signal) => Ended::Signal(signal),
        Err(problem) => Ended::Wrong(problem),
    };
    (taken.max(1), ended)
}

/// Calls for one row after the other, as a strategy does that knows many rows itself.
///
/// # Safety
/// As for [`abi::Rows::show`]; `answer` and `taken` may be written.
pub(super) unsafe fn one_by_one(
    reads: u32,
    raw: *mut abi::Ctx,
    rows: *const abi::Rows,
    answer: *mut abi::Answer,
    taken: *mut usize,
    mut call: impl FnMut(*const abi::Ctx, *mut abi::Answer) -> i32,
) -> i32 {
    // SAFETY: the caller lends all of them, and nobody else has them.
    let (rows, taken) = unsafe { (&*rows, &mut *taken) };
    for row in 0..rows.count {
        *taken = row + 1;
        // SAFETY: the caller promises the columns; the call before has ended, and has kept nothing.
        unsafe { rows.show(row, reads, &mut *raw) };
        let status = call(raw, answer);
        // SAFETY: as above.
        let answer = unsafe { &mut *answer };
        if status != abi::OK || !answer.asks_nothing(rows.held) {
            return status;
        }
        answer.signal = abi::SIGNAL_NONE;
    }
    abi::OK
}

impl Columns {
    /// Lays the slots out over the coming rows, of which there is at least one; `false` where one of them has no column.
    fn show_slots(&mut self, slots: &[Slot], coming: &Coming<'_>) -> bool {
        let Some(columns) = self.slots.get_mut(..slots.len()) else {
            return false;
        };
        for (column, slot) in columns.iter_mut().zip(slots) {
            let Slot::Indicator {
                id,
                output: 0,
                back: back @ (0 | 1),
            } = *slot
            else {
                return false;
            };
            let values = coming.values(id);
            if values.len() < coming.rows {
                return false;
            }
            column.write(match back {
                0 => abi::Slot {
                    first: values[0],
                    later: values[1..].as_ptr(),
                },
                _ => abi::Slot {
                    first: coming.before(id),
                    later: values.as_ptr(),
                },
            });
        }
        true
    }

    /// The coming rows as the interface has them, or the first of them where a column is to be made. `None` where what is
    /// read has no column.
    fn rows(&mut self, reads: u32, coming: &Coming<'_>) -> Option<abi::Rows> {
        let (first, series) = (coming.first, coming.series);
        let held = match coming.held() {
            None => 0,
            Some(Side::Buy) => 1,
            Some(Side::Sell) => -1,
        };
        let (opening_ts, ts, interval) = match series {
            Series::Candle(candles) => match &candles.closes {
                CloseTimes::Interval(interval) => (&candles.open_ts, None, *interval),
                CloseTimes::Column(closes) => (&candles.open_ts, Some(closes), 0),
            },
            Series::Quote(quotes) => (&quotes.ts, None, 0),
            Series::Trade(trades) => (&trades.ts, None, 0),
        };
        // What saturates is for who calls row by row. The newest row tells it for all, and is in the cache.
        opening_ts.last()?.checked_add(interval)?;
        let mut rows = abi::Rows {
            size: size_of::<abi::Rows>() as u32,
            held,
            count: coming.rows,
            opening_ts: opening_ts[first..].as_ptr(),
            ts: ts.map_or(null(), |ts| ts[first..].as_ptr()),
            interval,
            event: [null(); 5],
            slots: self.slots.as_ptr().cast(),
            last: null(),
        };
        if reads & abi::READS_EVENT != 0 {
            rows.event = event_columns(series).map(|column| match column {
                Some(column) => column[first..].as_ptr(),
                None => null(),
            });
            if let Series::Trade(trades) = series {
                rows.count = rows.count.min(LOOKED_AHEAD);
                for (row, made) in self.made[..rows.count].iter_mut().enumerate() {
                    let side = trades.side.as_ref().map_or(0, |side| side[first + row]);
                    made.write(f64::from(side.signum()));
                }
                rows.event[2] = self.made.as_ptr().cast();
            }
        }
        if reads & abi::READS_POSITION != 0 && held != 0 {
            // Of several rows at one time the last one is the mark, which needs a look at each.
            let Series::Candle(_) = series else {
                return None;
            };
            rows.count = rows.count.min(LOOKED_AHEAD);
            for (row, last) in self.made[..rows.count].iter_mut().enumerate() {
                let mark = coming.event(row).mark(coming.scale);
                last.write(coming.view.instrument.price_f64(mark));
            }
            rows.last = self.made.as_ptr().cast();
        }
        Some(rows)
    }
}

/// The columns of an event in the order of the interface, those of numbers.
fn event_columns(series: Series<'_>) -> [Option<&Column>; 5] {
    match series {
        Series::Candle(candles) => [
            Some(&candles.open),
            Some(&candles.high),
            Some(&candles.low),
            Some(&candles.close),
            candles.volume.as_ref(),
        ],
        Series::Quote(quotes) => [
            Some(&quotes.bid),
            Some(&quotes.ask),
            quotes.bid_size.as_ref(),
            quotes.ask_size.as_ref(),
            None,
        ],
        Series::Trade(trades) => [
            Some(&trades.price),
            Some(&trades.quantity),
            None,
            None,
            None,
        ],
    }
}

/// The context before the first row.
fn begin(coming: &Coming<'_>, reads: u32, values: &mut [f64]) -> abi::Ctx {
    let mut raw = abi::Ctx {
        kind: coming.event(0).kind() as u32,
        ..empty(values)
    };
    // The strategy, too, writes them, row by row.
    raw.values = values.as_mut_ptr();
    if reads & abi::READS_POSITION != 0 {
        let row = coming.view.row;
        raw.position = coming.view.instrument.quantity_f64(row.position);
        raw.unrealized_pnl = 0.0;
        if row.position != 0 {
            raw.entry_price = row.entry_price;
        } else {
            raw.position = 0.0;
        }
    }
    raw
}
